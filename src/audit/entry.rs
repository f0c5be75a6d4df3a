//! Properties that all events of one name share.

/// Row of the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSpec {
    /// Name, `noun.verb`; never renamed, because people search for it.
    pub name: &'static str,
    /// Keys between `result=` and `at=`, in this order.
    pub fields: &'static [&'static str],
    /// Outcome of the action.
    pub outcome: EventOutcome,
    /// Syslog facility.
    pub facility: Facility,
    /// Severity.
    pub severity: Severity,
    /// Handling under load.
    pub class: Class,
    /// Meaning, in English, for `docs/AUDIT.md`.
    pub meaning_en: &'static str,
}

/// `result=` of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// The action was done.
    Ok,
    /// The action was tried and failed.
    Failed,
    /// The server refused the action.
    Refused,
}

impl EventOutcome {
    /// Returns the value in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Syslog facility (RFC 3164 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility {
    /// 10: sign-in and rights; often in a file with restricted access.
    AuthPriv,
    /// 3: all other events.
    Daemon,
}

impl Facility {
    /// Returns the spelling of `journalctl --facility`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthPriv => "authpriv",
            Self::Daemon => "daemon",
        }
    }
}

/// Severity of a line, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For debugging.
    Debug,
    /// Ordinary operation.
    Info,
    /// Ordinary, but noteworthy.
    Notice,
    /// An administrator should look at it.
    Warning,
    /// A component is broken or data is lost.
    Error,
}

impl Severity {
    /// Returns the spelling of `journalctl -p`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "err",
        }
    }
}

/// Share of an event's lines that is written, and their handling when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Waits for a free place for a bounded time; written whatever the threshold.
    Security,
    /// As `Security`, within a budget per minute, because clients without a session can cause it without
    /// limit. The rest is counted.
    Stranger,
    /// The first line of a minute is written, the rest is counted.
    Sampled,
    /// Dropped at once and counted: a flood of these must not slow down the chat.
    Counter,
}

impl Class {
    /// Returns the spelling of `docs/AUDIT.md`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Stranger => "stranger",
            Self::Sampled => "sampled",
            Self::Counter => "counter",
        }
    }
}

/// Least severity that is written. It applies to events of class [`Class::Counter`] only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threshold {
    /// All events.
    Debug,
    /// Events from `info` up.
    #[default]
    Info,
    /// Events from `warning` up.
    Warning,
}

impl Threshold {
    /// Returns true if an event of this row is written.
    pub(super) fn admits(self, entry: &EventSpec) -> bool {
        let least = match self {
            Self::Debug => Severity::Debug,
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
        };
        entry.class != Class::Counter || entry.severity >= least
    }
}

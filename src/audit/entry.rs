//! What is the same for every event of one name.

/// One row of the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `noun.verb`; never renamed, because people grep for it.
    pub name: &'static str,
    /// The keys between `result=` and `at=`, in this order.
    pub fields: &'static [&'static str],
    /// How it ended.
    pub outcome: Outcome,
    /// Which syslog facility it goes to.
    pub facility: Facility,
    /// How urgent it is.
    pub severity: Severity,
    /// Whether it may be lost.
    pub class: Class,
    /// What it means, in English, for `docs/AUDIT.md`.
    pub meaning_en: &'static str,
}

/// `result=` of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was tried and did not work.
    Failed,
    /// The server did not let it be tried.
    Refused,
}

impl Outcome {
    /// As it stands in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Where syslog sorts a line to (RFC 3164 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility {
    /// 10: sign-in and rights; often kept in a file that not everybody may read.
    AuthPriv,
    /// 3: all the rest.
    Daemon,
}

impl Facility {
    /// As `journalctl --facility` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthPriv => "authpriv",
            Self::Daemon => "daemon",
        }
    }
}

/// How urgent a line is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For whoever looks for a fault.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Ordinary, but worth seeing.
    Notice,
    /// Somebody should look at it.
    Warning,
    /// Something is broken or lost.
    Error,
}

impl Severity {
    /// As `journalctl -p` spells it.
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

/// Share of an event that is written, and its fate when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Waits for room for a bounded time; always written, whatever the threshold.
    Security,
    /// As `Security`, up to a budget a minute: a client without a session can cause it as often as it likes. The rest is counted.
    Stranger,
    /// The first of a minute is written, the rest is counted.
    Sampled,
    /// Dropped at once and counted: a flood of these must not slow the chat down.
    Counter,
}

impl Class {
    /// As `docs/AUDIT.md` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Stranger => "stranger",
            Self::Sampled => "sampled",
            Self::Counter => "counter",
        }
    }
}

/// The least severity that is written. It rules events of class [`Class::Counter`] only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threshold {
    /// Everything.
    Debug,
    /// Everything from `info` up.
    #[default]
    Info,
    /// Everything from `warning` up.
    Warning,
}

impl Threshold {
    /// Whether an event of this row is written.
    pub(super) fn admits(self, entry: &Entry) -> bool {
        let least = match self {
            Self::Debug => Severity::Debug,
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
        };
        entry.class != Class::Counter || entry.severity >= least
    }
}

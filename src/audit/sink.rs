//! Output of lines: the syslog socket while it answers, stderr otherwise.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use syslog::{Formatter3164, Logger, LoggerBackend};

use super::entry::{Facility, Severity};
use super::record::Record;

/// Destination of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTarget {
    /// Syslog socket, usually `/dev/log`; stderr while it does not answer.
    Socket(PathBuf),
    /// Standard error only.
    Stderr,
}

/// Time limit of sending one line, after which the socket counts as dead. The crate `syslog` would wait
/// forever.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// Tag of every line: `journalctl -t pichat`.
const PROCESS: &str = "pichat";

type Syslog = Logger<LoggerBackend, Formatter3164>;

/// Writes lines, and reconnects a lost socket (the crate `syslog` never does).
pub(super) struct Sink {
    target: AuditTarget,
    socket: Option<Syslog>,
    backoff: Backoff,
    fallback: Box<dyn Write + Send>,
}

impl Sink {
    /// Uses `fallback` for lines that the socket does not take.
    pub(super) fn new(target: AuditTarget, fallback: Box<dyn Write + Send>) -> Self {
        Self { target, socket: None, backoff: Backoff::default(), fallback }
    }

    /// Writes one line. Blocks at most for [`WRITE_PATIENCE`] once per back-off, and for the fallback.
    pub(super) fn write(&mut self, record: &Record, now: Duration) {
        if !self.write_to_socket(record, now) {
            // If stderr is gone too, the line is lost.
            let _ = writeln!(self.fallback, "{}", record.text);
        }
    }

    fn write_to_socket(&mut self, record: &Record, now: Duration) -> bool {
        let AuditTarget::Socket(path) = &self.target else {
            return false;
        };
        if let Some(socket) = &mut self.socket {
            match send(socket, record) {
                Ok(()) => return true,
                // The daemon stopped or was restarted; its socket may exist again, so retry at once.
                Err(SinkError::Gone) => self.socket = None,
                Err(SinkError::Stalled) => {
                    self.socket = None;
                    self.backoff.failed(now);
                }
            }
        }
        if !self.backoff.allows(now) {
            return false;
        }
        let sent = connect(path).and_then(|mut socket| send(&mut socket, record).map(|()| socket));
        match sent {
            Ok(socket) => {
                self.socket = Some(socket);
                self.backoff = Backoff::default();
                true
            }
            Err(_) => {
                self.backoff.failed(now);
                false
            }
        }
    }
}

/// Error of sending to the socket.
enum SinkError {
    /// No process listens.
    Gone,
    /// The listener does not read.
    Stalled,
}

fn connect(path: &Path) -> Result<Syslog, SinkError> {
    let formatter = Formatter3164 {
        facility: syslog::Facility::LOG_DAEMON,
        hostname: None,
        process: PROCESS.to_owned(),
        pid: std::process::id(),
    };
    let socket = syslog::unix_custom(formatter, path).map_err(|_| SinkError::Gone)?;
    let patient = match &socket.backend {
        LoggerBackend::Unix(datagrams) => datagrams.set_write_timeout(Some(WRITE_PATIENCE)),
        LoggerBackend::UnixStream(stream) => stream.get_ref().set_write_timeout(Some(WRITE_PATIENCE)),
        LoggerBackend::Udp(..) | LoggerBackend::Tcp(_) => Ok(()),
    };
    patient.map_err(|_| SinkError::Gone)?;
    Ok(socket)
}

fn send(socket: &mut Syslog, record: &Record) -> Result<(), SinkError> {
    socket.formatter.facility = match record.facility {
        Facility::AuthPriv => syslog::Facility::LOG_AUTHPRIV,
        Facility::Daemon => syslog::Facility::LOG_DAEMON,
    };
    let text = record.text.as_str();
    let sent = match record.severity {
        Severity::Debug => socket.debug(text),
        Severity::Info => socket.info(text),
        Severity::Notice => socket.notice(text),
        Severity::Warning => socket.warning(text),
        Severity::Error => socket.err(text),
    };
    sent.map_err(|error| match error {
        syslog::Error::Write(e) if is_timeout(&e) => SinkError::Stalled,
        _ => SinkError::Gone,
    })
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Reconnect delay: 1 s, doubled after each failure, up to 30 s.
#[derive(Debug, Default)]
struct Backoff {
    wait: Duration,
    until: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);

    fn allows(&self, now: Duration) -> bool {
        now >= self.until
    }

    fn failed(&mut self, now: Duration) {
        self.wait = (self.wait * 2).clamp(Self::FIRST, Self::LONGEST);
        self.until = now + self.wait;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_one_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        let mut now = Duration::ZERO;
        assert!(backoff.allows(now));
        let mut waits = Vec::new();
        for _ in 0..7 {
            backoff.failed(now);
            waits.push(backoff.wait.as_secs());
            assert!(!backoff.allows(now + backoff.wait - Duration::from_millis(1)));
            now += backoff.wait;
            assert!(backoff.allows(now));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }
}

//! Last errors of the journal.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Interval of reading the journal, which is on the card.
const ASK: Duration = Duration::from_secs(30);
/// Number of errors shown.
const SHOWN: &str = "3";
/// Maximum bytes of an answer that are read.
const MOST: u64 = 8 * 1024;

/// Errors that were read last.
#[derive(Default)]
pub(super) struct Journal {
    asked: Option<Instant>,
    errors: Vec<String>,
}

impl Journal {
    /// Returns the last errors of this boot, newest last. Kernel lines are left out: boards log harmless ones
    /// at every start.
    pub(super) fn errors(&mut self) -> Vec<String> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASK) {
            self.asked = Some(Instant::now());
            self.errors = read().unwrap_or_default();
        }
        self.errors.clone()
    }
}

/// Reads the journal; `None` if there is none or this user cannot read it.
fn read() -> Option<Vec<String>> {
    let mut child = Command::new("journalctl")
        .args(["--boot", "--quiet", "--no-pager", "--output=cat", "--priority=err", "--lines", SHOWN])
        .args(["-t", "pichat", "-t", "pichat-init", "-t", "systemd"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut text = String::new();
    let read = child.stdout.take()?.take(MOST).read_to_string(&mut text);
    let _ = child.wait();
    read.ok()?;
    Some(text.lines().map(str::to_owned).collect())
}

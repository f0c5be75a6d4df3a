//! The last errors, from the journal.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the journal is asked: it is read from the card.
const ASK: Duration = Duration::from_secs(30);
/// Errors shown.
const SHOWN: &str = "3";
/// Most bytes of an answer that are read.
const MOST: u64 = 8 * 1024;

/// The errors that were last read.
#[derive(Default)]
pub(super) struct Journal {
    asked: Option<Instant>,
    errors: Vec<String>,
}

impl Journal {
    /// The last errors of this boot, the newest last. Kernel lines are left out: boards log harmless ones at every start.
    pub(super) fn errors(&mut self) -> Vec<String> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= ASK) {
            self.asked = Some(Instant::now());
            self.errors = read().unwrap_or_default();
        }
        self.errors.clone()
    }
}

/// `None` where there is no journal or this user may not read it: then there is nothing to show.
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

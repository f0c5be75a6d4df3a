//! The inspection of an upload: what is in it, as far as it can be known without running or showing it.
//!
//! [`walk`] is pure but for the source it reads: it has no clock, starts nothing, writes nothing, and every byte that comes out of
//! a decoder is counted against [`Caps`]. What it answers is a state and the reasons for it.

mod claim;
mod kind;
mod leaf;
mod meter;
mod name;
mod picture;
mod reason;
mod spool;
mod tar;
mod walk;
mod zip;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};

use super::record::FileState;

pub use meter::{Caps, Halt};
pub use reason::{Code, Findings};
pub use spool::{Scratch, in_memory};

use meter::Meter;
use walk::Walker;

/// What an inspection came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found.
    pub findings: Findings,
    /// Why it ended before its time, where it did.
    pub halted: Option<Halt>,
    /// Bytes that came out of decoders.
    pub decoded: u64,
    /// Entries of archives that were looked at.
    pub entries: u32,
    /// Bytes of archives in archives that were kept at once, at most.
    pub spooled: u64,
}

impl Outcome {
    /// The state that the file is in now.
    pub fn state(&self) -> FileState {
        self.findings.state()
    }
}

/// Looks through a file that is called `name`. `check` is asked at least once for every 64 KiB and every entry; what it answers
/// ends the walk. `scratch` makes somewhere to keep an archive out of an archive that is larger than half a MiB; [`in_memory`] will do
/// for tests. Never panics, never takes more out of decoders than [`Caps::total`], never keeps more than [`Caps::spool`].
pub fn walk(
    mut source: impl Read + Seek,
    name: &str,
    caps: &Caps,
    check: &dyn Fn() -> Option<Halt>,
    scratch: &dyn Fn() -> io::Result<Box<dyn Scratch>>,
) -> Outcome {
    let meter = Meter::new(caps, check, scratch);
    let walker = Walker { meter: &meter, findings: RefCell::default() };
    let result = walker.file(&mut Upload(&mut source), name);
    let halted = result.err().map(|error| Halt::of(&error).unwrap_or(Halt::Unreadable));
    let mut findings = walker.findings.into_inner();
    if let Some(halt) = halted {
        let detail = match halt {
            Halt::Entries => caps.entries.to_string(),
            Halt::Total => caps.total.to_string(),
            _ => String::new(),
        };
        findings.add(halt.code(), &detail);
    }
    Outcome { findings, halted, decoded: meter.decoded(), entries: meter.entries(), spooled: meter.most_spooled() }
}

/// What can be said before a file is looked into: by its name as it was sent, and by the type that the sender's program declared.
pub(super) fn judge_sent(raw_name: &str, name: &str, declared: Option<&str>, head: &[u8]) -> Findings {
    let mut findings = Findings::default();
    name::judge_sent(raw_name, &mut findings);
    name::judge(name, "", &mut findings);
    if let Some(declared) = declared {
        claim::judge_declared(declared, kind::sniff(head), &mut findings);
    }
    findings
}

/// The upload itself. An error in reading it is the disk's, not the archive's: nothing may be concluded from it.
struct Upload<R>(R);

fn unreadable<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ => Halt::Unreadable.into(),
    })
}

impl<R: Read> Read for Upload<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        unreadable(self.0.read(buf))
    }
}

impl<R: Seek> Seek for Upload<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        unreadable(self.0.seek(to))
    }
}

//! Inspection of an upload: finds what is in it without running or rendering it.
//!
//! [`walk`] reads its source and nothing else: it has no clock, starts nothing and writes nothing. Every byte
//! out of a decoder counts against [`InspectionLimits`]. The result is a state and the reasons for it.

mod budget;
mod declared_type;
mod drain;
mod entry_path;
mod findings;
mod image_size;
mod name;
mod package;
mod scan;
mod scratch;
mod sniff;
mod spool;
mod tar;
mod walk;
mod zip;
mod zip_entries;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};

use super::record::FileState;

pub use budget::{InspectionLimits, StopReason};
pub use findings::{FindingCode, Findings};
pub use scratch::{Scratch, in_memory};

use budget::InspectionBudget;
use walk::Walker;

/// Result of an inspection.
#[derive(Clone, Debug)]
pub struct InspectionOutcome {
    /// Findings.
    pub findings: Findings,
    /// Reason for an early end, if any.
    pub halted: Option<StopReason>,
    /// Bytes produced by decoders.
    pub decoded: u64,
    /// Archive entries examined.
    pub entries: u32,
    /// Peak of bytes spooled for nested archives.
    pub spooled: u64,
}

impl InspectionOutcome {
    /// Returns the resulting state of the file.
    pub fn state(&self) -> FileState {
        self.findings.state()
    }
}

/// Inspects a file called `name`. `check` is called at least once for every 64 KiB and every entry; `Some`
/// ends the walk. `scratch` opens storage for a nested archive of more than half a MiB; [`in_memory`]
/// suffices for tests. Never panics, never decodes more than [`InspectionLimits::total`], never spools more
/// than [`InspectionLimits::spool`].
pub fn walk(
    mut source: impl Read + Seek,
    name: &str,
    caps: &InspectionLimits,
    check: &dyn Fn() -> Option<StopReason>,
    scratch: &dyn Fn() -> io::Result<Box<dyn Scratch>>,
) -> InspectionOutcome {
    let meter = InspectionBudget::new(caps, check, scratch);
    let walker = Walker { meter: &meter, findings: RefCell::default() };
    let result = walker.file(&mut Upload(&mut source), name);
    let halted = result.err().map(|error| StopReason::of(&error).unwrap_or(StopReason::Unreadable));
    let mut findings = walker.findings.into_inner();
    if let Some(halt) = halted {
        let detail = match halt {
            StopReason::Entries => caps.entries.to_string(),
            StopReason::Total => caps.total.to_string(),
            _ => String::new(),
        };
        findings.add(halt.code(), &detail);
    }
    InspectionOutcome {
        findings,
        halted,
        decoded: meter.decoded(),
        entries: meter.entries(),
        spooled: meter.most_spooled(),
    }
}

/// Returns the findings that need no inspection: from the name as sent and from the declared media type.
pub(super) fn judge_sent(raw_name: &str, name: &str, declared: Option<&str>, head: &[u8]) -> Findings {
    let mut findings = Findings::default();
    name::check_upload_name(raw_name, &mut findings);
    name::check_name(name, "", &mut findings);
    if let Some(declared) = declared {
        declared_type::check_declared(declared, sniff::sniff(head), &mut findings);
    }
    findings
}

/// Reader of the upload itself. Its read errors are the disk's and no finding about the file.
struct Upload<R>(R);

fn unreadable<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ => StopReason::Unreadable.into(),
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

//! Budget of an inspection: its limits and what it has used so far.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use super::findings::FindingCode;
use super::scratch::Scratch;

const MIB: u64 = 1024 * 1024;

/// Limits of one inspection, all nesting levels together. Sized for a Pi with 512 MB and one slow
/// core.
#[derive(Clone, Copy, Debug)]
pub struct InspectionLimits {
    /// Entries of all archives. 10,000 entries take 240 KiB of positions; an office archive has a few
    /// hundred.
    pub entries: u32,
    /// Nesting depth of archives: a document with an embedded table, in a `.tar.gz`, in a zip, is five
    /// levels.
    pub depth: u32,
    /// Output bytes for each input byte. DEFLATE reaches at most 1032; spreadsheets reach 30 to 50.
    pub ratio: u64,
    /// Output of one decoder before its ratio counts: small files of zeros are honest and cheap.
    pub ratio_from: u64,
    /// Output of all decoders, stored entries included: some 3 s of a Pi 3's core. A spreadsheet of 16 MiB
    /// seldom unpacks to 200 MiB.
    pub total: u64,
    /// Bytes of nested archives spooled at once, since their directory stands at the end: twice the default
    /// maximum file. Up to half a MiB of each may be in memory; more goes to a scratch file.
    pub spool: u64,
    /// Pixels of an image: at 4 bytes each they take 1 GiB to show. The largest phone cameras have 200
    /// million.
    pub pixels: u64,
}

impl InspectionLimits {
    /// Limits that the server uses.
    pub const DEFAULT: Self = Self {
        entries: 10_000,
        depth: 5,
        ratio: 100,
        ratio_from: 4 * MIB,
        total: 256 * MIB,
        spool: 32 * MIB,
        pixels: 256 * MIB,
    };
}

/// Reason for stopping the inspection or one entry early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The inspection was canceled.
    Cancelled,
    /// The time limit passed.
    Time,
    /// The upload itself cannot be read.
    Unreadable,
    /// Over [`InspectionLimits::entries`].
    Entries,
    /// Over [`InspectionLimits::total`].
    Total,
    /// Over [`InspectionLimits::ratio`]; holds the ratio.
    Ratio(u64),
    /// Over [`InspectionLimits::spool`].
    Spool,
}

impl StopReason {
    /// Returns true if it ends the whole inspection, false if only one entry.
    pub(super) const fn is_final(self) -> bool {
        !matches!(self, Self::Ratio(_) | Self::Spool)
    }

    /// Returns the finding that it leads to.
    pub(super) const fn code(self) -> FindingCode {
        match self {
            Self::Cancelled | Self::Unreadable => FindingCode::Failed,
            Self::Time => FindingCode::Time,
            Self::Entries => FindingCode::Entries,
            Self::Total => FindingCode::Total,
            Self::Ratio(_) => FindingCode::Ratio,
            Self::Spool => FindingCode::Nested,
        }
    }

    /// Extracts the reason from an error of these readers; `None` if the data itself is damaged.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().as_str())
    }
}

impl std::error::Error for StopReason {}

impl From<StopReason> for io::Error {
    fn from(halt: StopReason) -> Self {
        Self::other(halt)
    }
}

/// Resources used by one inspection.
pub(super) struct InspectionBudget<'a> {
    pub(super) caps: &'a InspectionLimits,
    /// Called before every step: reports timeout and cancellation.
    check: &'a dyn Fn() -> Option<StopReason>,
    /// Opens a scratch file.
    pub(super) scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
    decoded: Cell<u64>,
    entries: Cell<u32>,
    spooled: Cell<u64>,
    most_spooled: Cell<u64>,
}

impl<'a> InspectionBudget<'a> {
    pub(super) fn new(
        caps: &'a InspectionLimits,
        check: &'a dyn Fn() -> Option<StopReason>,
        scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
    ) -> Self {
        let zero = || Cell::new(0);
        Self {
            caps,
            check,
            scratch,
            decoded: zero(),
            entries: Cell::new(0),
            spooled: zero(),
            most_spooled: zero(),
        }
    }

    pub(super) fn decoded(&self) -> u64 {
        self.decoded.get()
    }

    pub(super) fn entries(&self) -> u32 {
        self.entries.get()
    }

    pub(super) fn most_spooled(&self) -> u64 {
        self.most_spooled.get()
    }

    /// Checks for timeout and cancellation; called before every slow step.
    pub(super) fn tick(&self) -> io::Result<()> {
        (self.check)().map_or(Ok(()), |halt| Err(halt.into()))
    }

    /// Counts one entry.
    pub(super) fn entry(&self) -> io::Result<()> {
        self.tick()?;
        if self.entries.get() >= self.caps.entries {
            return Err(StopReason::Entries.into());
        }
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    /// Returns the entries left.
    pub(super) fn entries_left(&self) -> u32 {
        self.caps.entries - self.entries.get()
    }

    /// Returns the bytes that decoders may still produce.
    fn left(&self) -> u64 {
        self.caps.total - self.decoded.get()
    }

    /// Reserves `bytes` of the spool.
    pub(super) fn hold(&self, bytes: u64) -> io::Result<()> {
        let held = self.spooled.get() + bytes;
        if held > self.caps.spool {
            return Err(StopReason::Spool.into());
        }
        self.spooled.set(held);
        self.most_spooled.set(self.most_spooled.get().max(held));
        Ok(())
    }

    /// Releases `bytes` of the spool.
    pub(super) fn release(&self, bytes: u64) {
        self.spooled.set(self.spooled.get().saturating_sub(bytes));
    }
}

/// Counts a decoder's output and computes its CRC-32; declared sizes are ignored.
pub(super) struct CrcReader<'a, R> {
    inner: R,
    meter: &'a InspectionBudget<'a>,
    /// Bytes that the decoder consumed; `None` for stored content.
    taken: Option<&'a Cell<u64>>,
    out: u64,
    crc: flate2::Crc,
}

impl<'a, R: Read> CrcReader<'a, R> {
    /// `taken` is `None` for stored content.
    pub(super) fn new(inner: R, meter: &'a InspectionBudget<'a>, taken: Option<&'a Cell<u64>>) -> Self {
        Self { inner, meter, taken, out: 0, crc: flate2::Crc::new() }
    }

    /// Returns the number of output bytes.
    pub(super) fn out(&self) -> u64 {
        self.out
    }

    /// Returns the CRC-32 of the output.
    pub(super) fn crc(&self) -> u32 {
        self.crc.sum()
    }
}

impl<R: Read> Read for CrcReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.meter.tick()?;
        if let Some(taken) = self.taken {
            let times = self.out / taken.get().max(1);
            if self.out >= self.meter.caps.ratio_from && times > self.meter.caps.ratio {
                return Err(StopReason::Ratio(times).into());
            }
        }
        let left = self.meter.left();
        if left == 0 {
            // An input that ends exactly at the limit is within it.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(StopReason::Total.into()),
            };
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.inner.read(&mut buf[..most])?;
        self.crc.update(&buf[..n]);
        self.out += n as u64;
        self.meter.decoded.set(self.meter.decoded.get() + n as u64);
        Ok(n)
    }
}

/// Counts the bytes that a decoder consumes.
pub(super) struct LimitedReader<'a, R> {
    inner: R,
    taken: &'a Cell<u64>,
}

impl<'a, R: BufRead> LimitedReader<'a, R> {
    pub(super) fn new(inner: R, taken: &'a Cell<u64>) -> Self {
        Self { inner, taken }
    }
}

impl<R: BufRead> Read for LimitedReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.taken.set(self.taken.get() + n as u64);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for LimitedReader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        self.taken.set(self.taken.get() + n as u64);
    }
}

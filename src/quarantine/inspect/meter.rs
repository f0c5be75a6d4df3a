//! What an inspection may cost, and what it has cost so far.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use super::reason::Code;
use super::spool::Scratch;

const MIB: u64 = 1024 * 1024;

/// The bounds of one inspection, all levels together. Sized for a Pi with 512 MB and one slow core.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Entries of all archives. 10,000 entries are 240 KiB of positions; an office's archive has some hundred.
    pub entries: u32,
    /// Archives opened within one another: a document with an embedded table, in a `.tar.gz`, in a zip, are five.
    pub depth: u32,
    /// Bytes that come out for one that goes in. DEFLATE's best is 1032; sheets of tables come to 30 or 50.
    pub ratio: u64,
    /// Bytes out of one decoder before its ratio is looked at: small files of zeros are honest, and cheap.
    pub ratio_from: u64,
    /// Bytes out of all decoders, stored entries too: some 3 s of a Pi 3's core. A sheet of 16 MiB seldom has 200.
    pub total: u64,
    /// Bytes of archives kept at once because their directory stands at their end: two of the default largest file. Of each
    /// half a MiB may be in memory; what is larger lies in a scratch file.
    pub spool: u64,
    /// Pixels of a picture: at 4 bytes each they take 1 GiB to show. The largest phone cameras have 200 million.
    pub pixels: u64,
}

impl Caps {
    /// The caps that the server inspects with.
    pub const SERVER: Self =
        Self { entries: 10_000, depth: 5, ratio: 100, ratio_from: 4 * MIB, total: 256 * MIB, spool: 32 * MIB, pixels: 256 * MIB };
}

/// Why an inspection stops early, as a whole or in one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Nobody wants the answer any more.
    Cancelled,
    /// It takes too long.
    Time,
    /// The file itself cannot be read.
    Unreadable,
    /// Past [`Caps::entries`].
    Entries,
    /// Past [`Caps::total`].
    Total,
    /// Past [`Caps::ratio`], by so many times.
    Ratio(u64),
    /// Past [`Caps::spool`].
    Spool,
}

impl Halt {
    /// Whether it ends the whole inspection; otherwise the next entry is looked at.
    pub(super) const fn is_final(self) -> bool {
        !matches!(self, Self::Ratio(_) | Self::Spool)
    }

    /// What it says of the file.
    pub(super) const fn code(self) -> Code {
        match self {
            Self::Cancelled | Self::Unreadable => Code::Failed,
            Self::Time => Code::Time,
            Self::Entries => Code::Entries,
            Self::Total => Code::Total,
            Self::Ratio(_) => Code::Ratio,
            Self::Spool => Code::Nested,
        }
    }

    /// The halt in an error that a reader here gave; none where the data itself is damaged.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().as_str())
    }
}

impl std::error::Error for Halt {}

impl From<Halt> for io::Error {
    fn from(halt: Halt) -> Self {
        Self::other(halt)
    }
}

/// What one inspection has cost.
pub(super) struct Meter<'a> {
    pub(super) caps: &'a Caps,
    /// Asked before every piece of work: time, and whether the answer is still wanted.
    check: &'a dyn Fn() -> Option<Halt>,
    /// Makes a scratch file.
    pub(super) scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
    decoded: Cell<u64>,
    entries: Cell<u32>,
    spooled: Cell<u64>,
    most_spooled: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(
        caps: &'a Caps,
        check: &'a dyn Fn() -> Option<Halt>,
        scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
    ) -> Self {
        let zero = || Cell::new(0);
        Self { caps, check, scratch, decoded: zero(), entries: Cell::new(0), spooled: zero(), most_spooled: zero() }
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

    /// To be called at every step that takes time.
    pub(super) fn tick(&self) -> io::Result<()> {
        (self.check)().map_or(Ok(()), |halt| Err(halt.into()))
    }

    /// Counts one more entry.
    pub(super) fn entry(&self) -> io::Result<()> {
        self.tick()?;
        if self.entries.get() >= self.caps.entries {
            return Err(Halt::Entries.into());
        }
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    /// Entries that may still come.
    pub(super) fn entries_left(&self) -> u32 {
        self.caps.entries - self.entries.get()
    }

    /// Bytes that may still come out of decoders.
    fn left(&self) -> u64 {
        self.caps.total - self.decoded.get()
    }

    /// Takes `bytes` of the room for archives in archives.
    pub(super) fn hold(&self, bytes: u64) -> io::Result<()> {
        let held = self.spooled.get() + bytes;
        if held > self.caps.spool {
            return Err(Halt::Spool.into());
        }
        self.spooled.set(held);
        self.most_spooled.set(self.most_spooled.get().max(held));
        Ok(())
    }

    /// Gives it back.
    pub(super) fn give_back(&self, bytes: u64) {
        self.spooled.set(self.spooled.get().saturating_sub(bytes));
    }
}

/// What comes out of a decoder, counted; the declared sizes have no say.
pub(super) struct Counted<'a, R> {
    inner: R,
    meter: &'a Meter<'a>,
    /// Bytes that the decoder has taken, where it makes more of them.
    taken: Option<&'a Cell<u64>>,
    out: u64,
    crc: flate2::Crc,
}

impl<'a, R: Read> Counted<'a, R> {
    /// `taken` is `None` for what is stored as it is.
    pub(super) fn new(inner: R, meter: &'a Meter<'a>, taken: Option<&'a Cell<u64>>) -> Self {
        Self { inner, meter, taken, out: 0, crc: flate2::Crc::new() }
    }

    /// Bytes that came out.
    pub(super) fn out(&self) -> u64 {
        self.out
    }

    /// CRC-32 of what came out.
    pub(super) fn crc(&self) -> u32 {
        self.crc.sum()
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.meter.tick()?;
        if let Some(taken) = self.taken {
            let times = self.out / taken.get().max(1);
            if self.out >= self.meter.caps.ratio_from && times > self.meter.caps.ratio {
                return Err(Halt::Ratio(times).into());
            }
        }
        let left = self.meter.left();
        if left == 0 {
            // At the end of everything nothing more comes, and that is no bomb.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(Halt::Total.into()),
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

/// Counts what a decoder takes of its input.
pub(super) struct Tally<'a, R> {
    inner: R,
    taken: &'a Cell<u64>,
}

impl<'a, R: BufRead> Tally<'a, R> {
    pub(super) fn new(inner: R, taken: &'a Cell<u64>) -> Self {
        Self { inner, taken }
    }
}

impl<R: BufRead> Read for Tally<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.taken.set(self.taken.get() + n as u64);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Tally<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        self.taken.set(self.taken.get() + n as u64);
    }
}

//! An archive out of an archive, held in memory so that its directory, which stands at its end, can be read.

use std::io::{self, Read, Seek, SeekFrom};

use super::meter::Meter;

/// Bytes of a piece. Pieces are never moved or grown, so the memory taken is the memory counted.
const PIECE: usize = 256 * 1024;

/// Bytes that can be read anywhere; counted by the meter until dropped.
pub(super) struct Spool<'a> {
    meter: &'a Meter<'a>,
    pieces: Vec<Box<[u8]>>,
    len: u64,
    at: u64,
}

impl<'a> Spool<'a> {
    /// Reads `input` to its end.
    pub(super) fn of(input: &mut dyn Read, meter: &'a Meter<'a>) -> io::Result<Self> {
        let mut spool = Self { meter, pieces: Vec::new(), len: 0, at: 0 };
        loop {
            let filled = usize::try_from(spool.len % PIECE as u64).unwrap_or(0);
            if spool.len == (spool.pieces.len() * PIECE) as u64 {
                meter.hold(PIECE as u64)?;
                spool.pieces.push(vec![0; PIECE].into_boxed_slice());
            }
            let Some(piece) = spool.pieces.last_mut() else { return Ok(spool) };
            match input.read(&mut piece[filled..]) {
                Ok(0) => return Ok(spool),
                Ok(n) => spool.len += n as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        self.meter.give_back((self.pieces.len() * PIECE) as u64);
    }
}

impl Read for Spool<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (Ok(at), Ok(left)) = (usize::try_from(self.at), usize::try_from(self.len.saturating_sub(self.at))) else {
            return Ok(0);
        };
        let Some(piece) = self.pieces.get(at / PIECE) else { return Ok(0) };
        let from = &piece[at % PIECE..];
        let n = buf.len().min(left).min(from.len());
        buf[..n].copy_from_slice(&from[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Spool<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::inspect::meter::{Caps, Halt};
    use std::io::Cursor;

    #[test]
    fn what_goes_in_comes_out_and_is_counted() {
        let caps = Caps::SERVER;
        let meter = Meter::new(&caps, &|| None);
        let data: Vec<u8> = (0..PIECE as u32 * 2 + 77).map(|i| (i >> 3) as u8).collect();
        let mut spool = Spool::of(&mut data.as_slice(), &meter).unwrap();
        let mut all = Vec::new();
        spool.read_to_end(&mut all).unwrap();
        assert!(all == data);
        assert_eq!(spool.seek(SeekFrom::End(-5)).unwrap(), data.len() as u64 - 5);
        all.clear();
        spool.read_to_end(&mut all).unwrap();
        assert_eq!(all, &data[data.len() - 5..]);
        spool.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(spool.read(&mut [0; 9]).unwrap(), 0);
        assert!(spool.seek(SeekFrom::Start(3)).is_ok() && spool.seek(SeekFrom::Current(-4)).is_err());
        assert_eq!(meter.most_spooled(), 3 * PIECE as u64);
        drop(spool);
        meter.hold(caps.spool).expect("all was given back");
        let full = Spool::of(&mut Cursor::new(b"x"), &meter).err().unwrap();
        assert_eq!(Halt::of(&full), Some(Halt::Spool));
    }
}

//! Seekable copy of a nested archive, because its directory stands at the end. Small ones stay in memory,
//! larger ones go to a scratch file.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use super::budget::{InspectionBudget, StopReason};
use super::scratch::Scratch;

/// Bytes of an archive kept in memory; most office documents are smaller. The deepest nesting takes 2.5 MiB.
const IN_MEMORY: usize = 512 * 1024;
/// Bytes copied in one step.
const PIECE: usize = 64 * 1024;

/// Seekable bytes, counted against the budget until dropped.
pub(super) struct Spool<'a> {
    meter: &'a InspectionBudget<'a>,
    kept: SpooledFile,
    held: u64,
}

enum SpooledFile {
    Memory(Cursor<Vec<u8>>),
    File(Box<dyn Scratch>),
}

impl<'a> Spool<'a> {
    /// Copies `input` to its end.
    pub(super) fn of(input: &mut dyn Read, meter: &'a InspectionBudget<'a>) -> io::Result<Self> {
        let mut spool = Self { meter, kept: SpooledFile::Memory(Cursor::default()), held: 0 };
        let mut piece = vec![0; PIECE];
        loop {
            match input.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => spool.keep(&piece[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        spool.rewind()?;
        Ok(spool)
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.meter.hold(bytes.len() as u64)?;
        self.held += bytes.len() as u64;
        // A full disk is no fault of the archive, but content that cannot be spooled cannot be inspected.
        let full = |_| io::Error::from(StopReason::Spool);
        if let SpooledFile::Memory(memory) = &mut self.kept {
            let memory = memory.get_mut();
            if memory.len() + bytes.len() <= IN_MEMORY {
                memory.extend_from_slice(bytes);
                return Ok(());
            }
            let mut file = (self.meter.scratch)().map_err(full)?;
            file.write_all(memory).map_err(full)?;
            self.kept = SpooledFile::File(file);
        }
        match &mut self.kept {
            SpooledFile::File(file) => file.write_all(bytes).map_err(full),
            SpooledFile::Memory(_) => Ok(()),
        }
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        self.meter.release(self.held);
    }
}

impl Read for Spool<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.kept {
            SpooledFile::Memory(memory) => memory.read(buf),
            SpooledFile::File(file) => file.read(buf).map_err(|_| StopReason::Unreadable.into()),
        }
    }
}

impl Seek for Spool<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.kept {
            SpooledFile::Memory(memory) => memory.seek(to),
            SpooledFile::File(file) => file.seek(to).map_err(|_| StopReason::Unreadable.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::inspect::budget::InspectionLimits;
    use crate::quarantine::inspect::scratch::in_memory;
    use std::cell::Cell;

    #[test]
    fn spool_reads_back_and_is_counted() {
        let files = Cell::new(0);
        let scratch = || {
            files.set(files.get() + 1);
            in_memory()
        };
        let caps = InspectionLimits::DEFAULT;
        let meter = InspectionBudget::new(&caps, &|| None, &scratch);
        for (len, file) in [(0, 0), (77, 0), (IN_MEMORY, 0), (IN_MEMORY + 1, 1), (3 * IN_MEMORY + 77, 2)] {
            let data: Vec<u8> = (0..len).map(|i| (i >> 3) as u8).collect();
            let mut spool = Spool::of(&mut data.as_slice(), &meter).unwrap();
            let mut all = Vec::new();
            spool.read_to_end(&mut all).unwrap();
            assert!(all == data);
            assert_eq!((spool.seek(SeekFrom::End(0)).unwrap(), files.get()), (len as u64, file));
            assert_eq!(meter.most_spooled(), len as u64);
        }
        let held = Spool::of(&mut [7; 99].as_slice(), &meter).unwrap();
        meter.hold(caps.spool - 99).expect("all but that was given back");
        let full = Spool::of(&mut [7; 1].as_slice(), &meter).err().unwrap();
        assert_eq!(StopReason::of(&full), Some(StopReason::Spool));
        drop(held);
    }

    #[test]
    fn full_disk_is_reported_as_spool_limit() {
        let caps = InspectionLimits::DEFAULT;
        let none = || Err(io::ErrorKind::StorageFull.into());
        let meter = InspectionBudget::new(&caps, &|| None, &none);
        let full = Spool::of(&mut vec![7; IN_MEMORY + 1].as_slice(), &meter).err().unwrap();
        assert_eq!(StopReason::of(&full), Some(StopReason::Spool));
    }
}

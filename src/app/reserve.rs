//! Reserved disk space for a start on a full disk. SQLite makes two small files when it opens the database.
//! Without a free block the server could not start, and no one could sign in to delete a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Reserved bytes. The index of the write-ahead log grows in steps of 32 KiB; the log holds the few rows of a
/// start and some sign-ins. The store keeps up to 1 MiB of each (`journal_size_limit`).
const BYTES: usize = 2 << 20;
/// Bytes of one write, so that no buffer of the whole size is needed.
const STEP: usize = 64 << 10;
/// Free bytes below which a start releases the reserve.
const NEED: u64 = BYTES as u64;
/// Free bytes above which the reserve is made (again), so that it never fills a disk.
const ROOM: u64 = 32 << 20;

/// File of the data folder whose only purpose is to be deleted.
pub(super) struct Reserve(PathBuf);

impl Reserve {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("reserve"))
    }

    /// Releases the reserve if a start may not find enough space. Blocks.
    pub(super) fn at_start(&self) -> io::Result<()> {
        if self.left()? < NEED { self.release() } else { Ok(()) }
    }

    /// Returns the bytes that this user can still write.
    fn left(&self) -> io::Result<u64> {
        let space = rustix::fs::statvfs(self.0.parent().unwrap_or(Path::new(".")))?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn release(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the reserve, if there is enough space and it does not exist. Blocks.
    pub(super) fn create(&self) -> io::Result<()> {
        if self.0.symlink_metadata().is_ok_and(|file| file.len() == BYTES as u64) || self.left()? < ROOM {
            return Ok(());
        }
        // A remainder of a power cut is shorter and is made again. Bytes are written, because a hole reserves
        // no block.
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.0)?;
        let zeros = vec![0; STEP];
        let written =
            (0..BYTES / STEP).try_for_each(|_| file.write_all(&zeros)).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = self.release();
        }
        written
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn reserve_takes_real_blocks_and_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(folder.path());
        reserve.at_start().unwrap();
        assert!(!reserve.0.exists(), "a start does not wait for it");
        reserve.create().unwrap();
        let file = fs::metadata(&reserve.0).unwrap();
        assert_eq!((file.len(), file.mode() & 0o777), (BYTES as u64, 0o600));
        assert!(file.blocks() * 512 >= BYTES as u64, "{} blocks", file.blocks());
        reserve.release().unwrap();
        assert!(!reserve.0.exists());
        reserve.release().unwrap();

        fs::write(&reserve.0, b"half").unwrap();
        reserve.create().unwrap();
        assert_eq!(fs::metadata(&reserve.0).unwrap().len(), BYTES as u64);
    }
}

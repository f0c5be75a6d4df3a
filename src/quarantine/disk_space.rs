//! Free disk space, and scratch files deleted on drop.

use std::fs::File;
use std::io;

use rustix::fs::{self, AtFlags, Mode, OFlags};

use super::disk::FileStorage;
use super::record::FileId;

/// Size of the file system that holds the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Bytes that this process can still write.
    pub free: u64,
    /// Bytes of the whole file system.
    pub total: u64,
}

impl FileStorage {
    /// Returns the free and total bytes of the file system.
    pub(super) fn free(&self) -> io::Result<Space> {
        let stat = fs::fstatvfs(self.folder())?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let total = stat.f_blocks.saturating_mul(stat.f_frsize);
        Ok(Space { free, total })
    }

    /// Fails if `wanted` bytes would leave less of the disk free than the settings demand.
    pub(super) fn ensure_free(&self, wanted: u64, keep_free_percent: u8) -> io::Result<()> {
        let space = self.free()?;
        if leaves_reserve(space, wanted, keep_free_percent) {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    /// Opens a nameless file, mode 0600. It has a temporary name for a moment, which the sweep at a start
    /// removes, since not every file system supports `O_TMPFILE`.
    pub(super) fn scratch(&self) -> io::Result<File> {
        let name = Self::temporary_name(FileId::random());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = fs::openat(self.folder(), &name, flags, Mode::RUSR | Mode::WUSR)?;
        fs::unlinkat(self.folder(), &name, AtFlags::empty())?;
        Ok(File::from(file))
    }
}

/// Returns true if `wanted` more bytes leave at least `keep_free_percent` of the disk free.
fn leaves_reserve(space: Space, wanted: u64, keep_free_percent: u8) -> bool {
    let keep = u128::from(space.total) * u128::from(keep_free_percent);
    space.free.checked_sub(wanted).is_some_and(|left| u128::from(left) * 100 >= keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Seek as _, Write as _};

    #[test]
    fn scratch_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FileStorage::open(folder.path()).unwrap();
        let mut file = disk.scratch().unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        file.write_all(b"hola").unwrap();
        file.rewind().unwrap();
        let mut back = String::new();
        file.read_to_string(&mut back).unwrap();
        assert_eq!(back, "hola");
    }

    #[test]
    fn disk_reserve_stays_free() {
        let allows = |free, total, wanted, percent| leaves_reserve(Space { free, total }, wanted, percent);
        assert!(allows(100, 1000, 50, 5));
        assert!(!allows(100, 1000, 51, 5));
        assert!(!allows(100, 1000, 101, 0));
        assert!(allows(100, 1000, 100, 0));
        assert!(allows(u64::MAX, u64::MAX, 0, 100));
        assert!(!allows(u64::MAX - 1, u64::MAX, 0, 200));
    }
}

//! The folder with the bytes. Every call blocks: it belongs on a blocking thread.
//!
//! A name in here is `tmp-` and the file's `FileId` while it arrives, then the `FileId` alone; never anything a client said. Beside
//! them lie the mark that ties the folder to its database, and `perdidos/` with bytes that have no record. All calls go through one descriptor of the folder, so that the folder cannot be exchanged under a running server.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::QuarantineError;
use super::folder::named;
use super::folder_fault::{Flaw, FolderFault};
use super::media::{HEAD_BYTES, media_type};
use super::names::FileName;
use super::record::FileId;
use super::write_back::WriteBack;
use crate::types::crypto::{Sha256, Sha256Hasher};

/// What stands before the id until the file is complete.
pub(super) const TEMPORARY: &str = "tmp-";

/// The folder, held open and locked against a second server. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<OwnedFd>);

impl Disk {
    /// Opens the folder, made with mode 0700 where it is missing, and locks it.
    ///
    /// # Errors
    /// [`Flaw::InUse`] when another process has the folder: its uploads would be remains to our sweep. All name the folder.
    pub(super) fn open(dir: &Path) -> Result<Self, QuarantineError> {
        let make = || {
            let missing = !dir.exists();
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            // An fsync of the folder says nothing of the folder's own name.
            if missing { File::open(dir.join(".."))?.sync_all() } else { Ok(()) }
        };
        make().map_err(|error| named(dir, &error))?;
        Self::open_existing(dir)?.ok_or_else(|| named(dir, &io::ErrorKind::NotFound.into()).into())
    }

    /// Opens the folder and locks it; `None` when it is missing.
    pub(super) fn open_existing(dir: &Path) -> Result<Option<Self>, QuarantineError> {
        let Some(disk) = Self::look_at(dir)? else { return Ok(None) };
        match fs::flock(&disk.0, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(FolderFault { folder: dir.to_owned(), flaw: Flaw::InUse }.into()),
            // Some network file systems have no locks; there it goes without.
            Ok(()) | Err(_) => Ok(Some(disk)),
        }
    }

    /// Opens the folder to read it, without a lock; `None` when it is missing.
    pub(super) fn look_at(dir: &Path) -> io::Result<Option<Self>> {
        match fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(Self(Arc::new(fd)))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(named(dir, &error.into())),
        }
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &OwnedFd {
        &self.0
    }

    /// What a file is called that is not complete.
    pub(super) fn temporary_name(id: FileId) -> String {
        format!("{TEMPORARY}{id}")
    }

    /// Starts a file under a temporary name, mode 0600.
    pub(super) fn create(&self) -> io::Result<Incoming> {
        let id = FileId::random();
        let name = Self::temporary_name(id);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = fs::openat(&self.0, &name, flags, Mode::RUSR | Mode::WUSR)?;
        let (dir, kept) = (Arc::clone(&self.0), false);
        Ok(Incoming {
            id,
            file: File::from(file),
            entry: Entry { dir, name, kept },
            hasher: Sha256Hasher::default(),
            head: Vec::new(),
            size: 0,
            write_back: WriteBack::default(),
            failed: false,
        })
    }

    /// Opens a file for reading. `NotFound` also for what is no regular file: we made no such thing.
    pub(super) fn open_file(&self, id: FileId) -> io::Result<File> {
        // NONBLOCK: opening a FIFO that somebody put there must not hang; for a file it says nothing.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(&self.0, id.to_string(), flags, Mode::empty()).map(File::from) {
            Ok(file) if file.metadata()?.is_file() => Ok(file),
            Ok(_) | Err(Errno::LOOP) => Err(io::ErrorKind::NotFound.into()),
            Err(e) => Err(e.into()),
        }
    }

    /// Opens a file that has `size` bytes. `NotFound` also for one that has more or fewer.
    pub(super) fn open_whole(&self, id: FileId, size: u64) -> io::Result<File> {
        let file = self.open_file(id)?;
        if file.metadata()?.len() == size { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Removes a file for good; `false` when there was none. Downloads under way go on to their end.
    pub(super) fn remove(&self, id: FileId) -> io::Result<bool> {
        match fs::unlinkat(&self.0, id.to_string(), AtFlags::empty()) {
            Ok(()) => Ok(fs::fsync(&self.0).map(|()| true)?),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// A file on its way in; removed when dropped before `finish`.
pub(super) struct Incoming {
    id: FileId,
    file: File,
    entry: Entry,
    hasher: Sha256Hasher,
    /// The first `HEAD_BYTES` of the file, for the media type.
    head: Vec<u8>,
    size: u64,
    write_back: WriteBack,
    /// A write failed: what lies on disk and what was hashed may differ.
    failed: bool,
}

impl Incoming {
    /// Appends. After an error only dropping is left to do; `StorageFull` and `QuotaExceeded` mean a full disk.
    pub(super) fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.failed = true;
        self.file.write_all(chunk)?;
        self.failed = false;
        self.hasher.update(chunk);
        let of_head = chunk.len().min(HEAD_BYTES - self.head.len());
        self.head.extend_from_slice(&chunk[..of_head]);
        self.size += chunk.len() as u64;
        self.write_back.begin(&self.file, self.size);
        Ok(())
    }
    /// Makes the file durable under its id: content, name, folder, in this order. When it returns, a power cut takes nothing.
    pub(super) fn finish(mut self, name: &FileName) -> io::Result<Landed> {
        if self.failed {
            return Err(io::Error::other("a write to this file failed before"));
        }
        self.file.sync_all()?;
        self.entry.rename(self.id.to_string())?;
        fs::fsync(&self.entry.dir)?;
        Ok(Landed {
            id: self.id,
            size: self.size,
            sha256: self.hasher.finish(),
            media_type: media_type(&self.head, name),
            head: self.head,
            entry: self.entry,
        })
    }
}

/// A file that lies on disk under its id and is not recorded yet; removed when dropped without `keep`.
#[must_use = "dropping it removes the file"]
pub(super) struct Landed {
    /// Its id.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// Of the content.
    pub sha256: Sha256,
    /// For display only.
    pub media_type: String,
    /// The first `HEAD_BYTES`.
    pub head: Vec<u8>,
    entry: Entry,
}

impl Landed {
    /// The file is recorded: it stays.
    pub(super) fn keep(mut self) {
        self.entry.kept = true;
    }
}

/// An entry of the folder that goes when dropped, unless it is kept.
struct Entry {
    dir: Arc<OwnedFd>,
    name: String,
    kept: bool,
}

impl Entry {
    /// Gives the entry another name, never one that is taken.
    fn rename(&mut self, to: String) -> io::Result<()> {
        rename_new(&self.dir, &self.name, &self.dir, &to)?;
        self.name = to;
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody is left to tell; what stays is removed by the next start's sweep.
            let _ = fs::unlinkat(&self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Renames a file, never over another one.
pub(super) fn rename_new(from_dir: &OwnedFd, from: &str, to_dir: &OwnedFd, to: &str) -> rustix::io::Result<()> {
    match fs::renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        // A file system without that flag, NFS for one.
        Err(Errno::INVAL | Errno::NOSYS) => link_and_unlink(from_dir, from, to_dir, to),
        other => other,
    }
}

/// The same in two steps. A power cut between them leaves both names, of which a start keeps what it cannot place.
fn link_and_unlink(from_dir: &OwnedFd, from: &str, to_dir: &OwnedFd, to: &str) -> rustix::io::Result<()> {
    fs::linkat(from_dir, from, to_dir, to, AtFlags::empty())?;
    fs::unlinkat(from_dir, from, AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind::{AlreadyExists, NotFound, StorageFull};
    use std::os::unix::fs::MetadataExt as _;

    fn folder() -> (tempfile::TempDir, Disk) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        (folder, disk)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = folder.path().read_dir().unwrap().map(Result::unwrap);
        let names = entries.map(|e| e.file_name().into_string().unwrap());
        sorted(names.collect())
    }

    fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
        all.sort();
        all
    }

    fn store(disk: &Disk, content: &[u8]) -> Landed {
        let mut incoming = disk.create().unwrap();
        for chunk in content.chunks(5000) {
            incoming.write(chunk).unwrap();
        }
        incoming.finish(&FileName::stored("a.txt".into())).unwrap()
    }

    fn kind<T, E: Into<io::Error>>(result: Result<T, E>) -> io::ErrorKind {
        result.err().unwrap().into().kind()
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let (folder, _) = folder();
        let disk = Disk::open(&folder.path().join("a/cuarentena")).unwrap();
        assert_eq!(mode(&folder.path().join("a/cuarentena")), 0o700);
        let space = disk.free().unwrap();
        assert!(space.free <= space.total && space.total > 0);
    }

    #[test]
    fn a_second_server_is_refused_until_the_first_has_gone() {
        let (folder, disk) = folder();
        let incoming = disk.create().unwrap();
        drop(disk);
        let refused = Disk::open(folder.path()).err().unwrap();
        assert!(matches!(refused, QuarantineError::Folder(fault) if matches!(fault.flaw, Flaw::InUse)));
        drop(incoming);
        assert!(Disk::open(folder.path()).is_ok());
    }

    #[test]
    fn a_kept_file_comes_back_as_it_went_in() {
        let (folder, disk) = folder();
        let content = format!("%PDF-1.7{}", "ñ".repeat(HEAD_BYTES));
        let landed = store(&disk, content.as_bytes());
        let id = landed.id;
        assert_eq!(landed.size, content.len() as u64);
        assert_eq!(landed.sha256, Sha256::of(content.as_bytes()));
        assert_eq!(landed.media_type, "application/pdf");
        landed.keep();
        assert_eq!(names(&folder), [id.to_string()]);
        assert_eq!(mode(&folder.path().join(id.to_string())), 0o600);
        let read = io::read_to_string(disk.open_file(id).unwrap()).unwrap();
        assert!(read == content);
        assert!(disk.remove(id).unwrap());
        assert!(!disk.remove(id).unwrap());
        assert_eq!(kind(disk.open_file(id)), NotFound);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let (folder, disk) = folder();
        let mut incoming = disk.create().unwrap();
        incoming.write(b"half").unwrap();
        assert!(names(&folder)[0].starts_with(TEMPORARY));
        drop(incoming);
        drop(store(&disk, b"not recorded"));
        assert!(names(&folder).is_empty());
        // A failed write is never finished.
        let mut incoming = disk.create().unwrap();
        incoming.file = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(kind(incoming.write(b"x")), StorageFull);
        assert!(incoming.finish(&FileName::stored("a".into())).is_err());
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn a_taken_name_is_never_overwritten() {
        let (folder, disk) = folder();
        std::fs::write(folder.path().join("taken"), "theirs").unwrap();
        let mut incoming = disk.create().unwrap();
        let from = incoming.entry.name.clone();
        assert_eq!(kind(incoming.entry.rename("taken".into())), AlreadyExists);
        let linked = |to| link_and_unlink(&disk.0, &from, &disk.0, to);
        assert_eq!(kind(linked("taken")), AlreadyExists);
        assert_eq!(folder.path().join("taken").metadata().unwrap().len(), 6);
        linked("free").unwrap();
        assert_eq!(names(&folder), ["free", "taken"]);
    }
}

//! Storage of file contents in one folder. Every call blocks and belongs on a blocking thread.
//!
//! File names are `tmp-` and the `FileId` during an upload, then the `FileId` alone; no part of a name comes
//! from a client. The folder also holds the mark that ties it to its database, and `perdidos/` with bytes
//! that have no record. All calls use one descriptor of the folder, so that the folder cannot be exchanged
//! under a running server.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::error::{QuarantineError, with_path};
use super::file_name::FileName;
use super::folder_fault::{Flaw, FolderFault};
use super::media_type::{HEAD_BYTES, media_type};
use super::record::FileId;
use super::write_back::WriteBack;
use crate::types::crypto::{Sha256, Sha256Hasher};

/// Name prefix of incomplete files.
pub(super) const TEMPORARY: &str = "tmp-";

/// The folder, open and locked against a second server. Clones share the descriptor and the lock.
#[derive(Clone, Debug)]
pub(super) struct FileStorage(Arc<OwnedFd>);

impl FileStorage {
    /// Opens and locks the folder; creates a missing one with mode 0700.
    ///
    /// # Errors
    /// [`Flaw::InUse`] when another process has the lock: this process would sweep away that process's
    /// uploads. All errors name the folder.
    pub(super) fn open(dir: &Path) -> Result<Self, QuarantineError> {
        let make = || {
            let missing = !dir.exists();
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            // An fsync of the folder does not persist the folder's own name.
            if missing { File::open(dir.join(".."))?.sync_all() } else { Ok(()) }
        };
        make().map_err(|error| with_path(dir, &error))?;
        Self::open_existing(dir)?.ok_or_else(|| with_path(dir, &io::ErrorKind::NotFound.into()).into())
    }

    /// Opens and locks the folder; `None` if it is missing.
    pub(super) fn open_existing(dir: &Path) -> Result<Option<Self>, QuarantineError> {
        let Some(disk) = Self::look_at(dir)? else { return Ok(None) };
        match fs::flock(&disk.0, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(FolderFault { folder: dir.to_owned(), flaw: Flaw::InUse }.into()),
            // Some network file systems have no locks; the folder is then used without one.
            Ok(()) | Err(_) => Ok(Some(disk)),
        }
    }

    /// Opens the folder for reading, without a lock; `None` if it is missing.
    pub(super) fn look_at(dir: &Path) -> io::Result<Option<Self>> {
        match fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(Self(Arc::new(fd)))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(with_path(dir, &error.into())),
        }
    }

    /// Descriptor of the folder.
    pub(super) fn folder(&self) -> &OwnedFd {
        &self.0
    }

    /// Returns the name of an incomplete file.
    pub(super) fn temporary_name(id: FileId) -> String {
        format!("{TEMPORARY}{id}")
    }

    /// Creates a file under a temporary name, mode 0600.
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

    /// Opens a file for reading. Anything but a regular file is `NotFound`, since PiChat creates only those.
    pub(super) fn open_file(&self, id: FileId) -> io::Result<File> {
        // NONBLOCK: a FIFO under this name must not block the open; it has no effect on regular files.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(&self.0, id.to_string(), flags, Mode::empty()).map(File::from) {
            Ok(file) if file.metadata()?.is_file() => Ok(file),
            Ok(_) | Err(Errno::LOOP) => Err(io::ErrorKind::NotFound.into()),
            Err(e) => Err(e.into()),
        }
    }

    /// Opens a file of exactly `size` bytes; any other size is `NotFound`.
    pub(super) fn open_whole(&self, id: FileId, size: u64) -> io::Result<File> {
        let file = self.open_file(id)?;
        if file.metadata()?.len() == size { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Removes a file permanently; `false` if there was none. Downloads in progress continue to their end.
    pub(super) fn remove(&self, id: FileId) -> io::Result<bool> {
        match fs::unlinkat(&self.0, id.to_string(), AtFlags::empty()) {
            Ok(()) => Ok(fs::fsync(&self.0).map(|()| true)?),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// File being uploaded; removed when dropped before `finish`.
pub(super) struct Incoming {
    id: FileId,
    file: File,
    entry: Entry,
    hasher: Sha256Hasher,
    /// First `HEAD_BYTES` of the file, for the media type.
    head: Vec<u8>,
    size: u64,
    write_back: WriteBack,
    /// A write failed, so the bytes on disk may differ from the hashed ones.
    failed: bool,
}

impl Incoming {
    /// Appends bytes. After an error the file can only be dropped. `StorageFull` and `QuotaExceeded` mean a
    /// full disk.
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
    /// Makes the file durable under its id: syncs the content, renames, syncs the folder. After that a power
    /// cut loses nothing.
    pub(super) fn finish(mut self, name: &FileName) -> io::Result<StoredFile> {
        if self.failed {
            return Err(io::Error::other("a write to this file failed before"));
        }
        self.file.sync_all()?;
        self.entry.rename(self.id.to_string())?;
        fs::fsync(&self.entry.dir)?;
        Ok(StoredFile {
            id: self.id,
            size: self.size,
            sha256: self.hasher.finish(),
            media_type: media_type(&self.head, name),
            head: self.head,
            entry: self.entry,
        })
    }
}

/// File on disk under its id without a record yet; removed when dropped without `persist`.
#[must_use = "dropping it removes the file"]
pub(super) struct StoredFile {
    /// Identity and name on disk.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: Sha256,
    /// For display only.
    pub media_type: String,
    /// First `HEAD_BYTES` of the content.
    pub head: Vec<u8>,
    entry: Entry,
}

impl StoredFile {
    /// Keeps the file, because it is recorded.
    pub(super) fn persist(mut self) {
        self.entry.kept = true;
    }
}

/// Directory entry that is unlinked on drop unless kept.
struct Entry {
    dir: Arc<OwnedFd>,
    name: String,
    kept: bool,
}

impl Entry {
    /// Renames the entry, never over an existing one.
    fn rename(&mut self, to: String) -> io::Result<()> {
        rename_new(&self.dir, &self.name, &self.dir, &to)?;
        self.name = to;
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.kept {
            // No caller is left to report to; the sweep at the next start removes what remains.
            let _ = fs::unlinkat(&self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Renames a file, never over another one.
pub(super) fn rename_new(
    from_dir: &OwnedFd,
    from: &str,
    to_dir: &OwnedFd,
    to: &str,
) -> rustix::io::Result<()> {
    match fs::renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        // The file system lacks that flag; NFS is one.
        Err(Errno::INVAL | Errno::NOSYS) => link_and_unlink(from_dir, from, to_dir, to),
        other => other,
    }
}

/// Renames in two steps. A power cut between them leaves both names, and the next start keeps the file under
/// its id.
fn link_and_unlink(from_dir: &OwnedFd, from: &str, to_dir: &OwnedFd, to: &str) -> rustix::io::Result<()> {
    fs::linkat(from_dir, from, to_dir, to, AtFlags::empty())?;
    fs::unlinkat(from_dir, from, AtFlags::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind::{AlreadyExists, NotFound, StorageFull};
    use std::os::unix::fs::MetadataExt as _;

    fn folder() -> (tempfile::TempDir, FileStorage) {
        let folder = tempfile::tempdir().unwrap();
        let disk = FileStorage::open(folder.path()).unwrap();
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

    fn store(disk: &FileStorage, content: &[u8]) -> StoredFile {
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
    fn missing_folder_is_created_private() {
        let (folder, _) = folder();
        let disk = FileStorage::open(&folder.path().join("a/cuarentena")).unwrap();
        assert_eq!(mode(&folder.path().join("a/cuarentena")), 0o700);
        let space = disk.free().unwrap();
        assert!(space.free <= space.total && space.total > 0);
    }

    #[test]
    fn second_server_is_refused_while_the_first_runs() {
        let (folder, disk) = folder();
        let incoming = disk.create().unwrap();
        drop(disk);
        let refused = FileStorage::open(folder.path()).err().unwrap();
        assert!(matches!(refused, QuarantineError::Folder(fault) if matches!(fault.flaw, Flaw::InUse)));
        drop(incoming);
        assert!(FileStorage::open(folder.path()).is_ok());
    }

    #[test]
    fn persisted_file_reads_back_unchanged() {
        let (folder, disk) = folder();
        let content = format!("%PDF-1.7{}", "ñ".repeat(HEAD_BYTES));
        let landed = store(&disk, content.as_bytes());
        let id = landed.id;
        assert_eq!(landed.size, content.len() as u64);
        assert_eq!(landed.sha256, Sha256::of(content.as_bytes()));
        assert_eq!(landed.media_type, "application/pdf");
        landed.persist();
        assert_eq!(names(&folder), [id.to_string()]);
        assert_eq!(mode(&folder.path().join(id.to_string())), 0o600);
        let read = io::read_to_string(disk.open_file(id).unwrap()).unwrap();
        assert!(read == content);
        assert!(disk.remove(id).unwrap());
        assert!(!disk.remove(id).unwrap());
        assert_eq!(kind(disk.open_file(id)), NotFound);
    }

    #[test]
    fn dropped_upload_leaves_nothing() {
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
    fn rename_never_overwrites() {
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

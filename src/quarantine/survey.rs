//! Lists the files folder at start-up and moves files within it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::disk::{FileStorage, TEMPORARY, rename_new};
use super::folder_fault::{Flaw, MARKER};
use super::record::FileId;
use crate::types::crypto::{hex, random, unhex};

/// Subfolder for bytes without a record. The program never removes anything in it.
pub(super) const ORPHANS: &str = "perdidos";
/// Name of the mark while it is written.
const UNFINISHED_MARKER: &str = ".pichat-store.new";

/// Identity that a database and its files folder share: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreId([u8; 16]);

impl StoreId {
    pub(super) fn random() -> Self {
        Self(random())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    pub(super) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Mark of a files folder, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Absent,
    /// A file of that name without an identity.
    Unreadable,
    Of(StoreId),
}

/// Contents of the files folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) marker: Marker,
    /// Regular files named by an id, with their sizes.
    pub(super) stored: BTreeMap<FileId, u64>,
    /// Regular files with a temporary name.
    pub(super) temporary: Vec<String>,
}

/// File in `perdidos/`, without a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Identity and name on disk.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// Last change, in seconds since 1970.
    pub modified: i64,
}

impl FileStorage {
    /// Lists the folder. Names that are not the program's own are left out.
    pub(super) fn survey(&self) -> io::Result<Survey> {
        let mut survey = Survey { marker: self.marker()?, stored: BTreeMap::new(), temporary: Vec::new() };
        for RegularFile { name, stat } in regular_files(self.folder())? {
            if let Some(id) = FileId::parse(&name) {
                survey.stored.insert(id, u64::try_from(stat.st_size).unwrap_or(0));
            } else if name.strip_prefix(TEMPORARY).and_then(FileId::parse).is_some() {
                survey.temporary.push(name);
            }
        }
        Ok(survey)
    }

    fn marker(&self) -> io::Result<Marker> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(self.folder(), MARKER, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(Marker::Absent),
            Err(Errno::LOOP) => return Ok(Marker::Unreadable),
            other => File::from(other?),
        };
        let mut text = Vec::new();
        if !file.metadata()?.is_file() {
            return Ok(Marker::Unreadable);
        }
        file.take(4096).read_to_end(&mut text)?;
        let first = text.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
        Ok(first.and_then(StoreId::parse).map_or(Marker::Unreadable, Marker::Of))
    }

    /// Writes the mark with mode 0600, replacing an older one. It is durable on return.
    pub(super) fn mark(&self, id: StoreId) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::unlinkat(self.folder(), UNFINISHED_MARKER, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let mut file =
            File::from(fs::openat(self.folder(), UNFINISHED_MARKER, flags, Mode::RUSR | Mode::WUSR)?);
        let text = format!(
            "{}\nPiChat: esta carpeta y pichat.db van juntas · this folder and pichat.db belong together\n",
            id.to_hex()
        );
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::unlinkat(self.folder(), UNFINISHED_MARKER, AtFlags::empty());
            return Err(error);
        }
        fs::renameat(self.folder(), UNFINISHED_MARKER, self.folder(), MARKER)?;
        Ok(fs::fsync(self.folder())?)
    }

    /// Writes, renames, syncs and removes a temporary file, as an upload does.
    ///
    /// # Errors
    /// The flaw of the folder, or an error that may be temporary. A full disk is no error: existing files can
    /// still be downloaded.
    pub(super) fn try_out(&self) -> io::Result<Result<(), Flaw>> {
        let [first, second] =
            [Self::temporary_name(FileId::random()), Self::temporary_name(FileId::random())];
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let written = fs::openat(self.folder(), &first, flags, Mode::RUSR | Mode::WUSR)
            .map_err(io::Error::from)
            .and_then(|file| {
                let mut file = File::from(file);
                file.write_all(b"x")?;
                file.sync_all()
            });
        let tried = match written {
            Err(error) if is_full(&error) => Ok(()),
            Err(error) if is_forbidden(&error) => Err(Flaw::Unwritable(error)),
            Err(error) => return self.end_trial(&[&first]).and(Err(error)),
            Ok(()) => match rename_new(self.folder(), &first, self.folder(), &second)
                .and_then(|()| fs::fsync(self.folder()))
            {
                Err(Errno::NOSPC | Errno::DQUOT) | Ok(()) => Ok(()),
                Err(
                    error @ (Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::MLINK),
                ) => Err(Flaw::Unsuitable(error.into())),
                Err(error) => return self.end_trial(&[&first, &second]).and(Err(error.into())),
            },
        };
        self.end_trial(&[&first, &second])?;
        Ok(tried)
    }

    fn end_trial(&self, names: &[&str]) -> io::Result<()> {
        for name in names {
            match fs::unlinkat(self.folder(), *name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT | Errno::ROFS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes the remains of unfinished uploads. For the start only: an upload in progress looks the same.
    pub(super) fn remove_temporary(&self, names: &[String]) -> io::Result<()> {
        for name in names.iter().filter(|name| name.starts_with(TEMPORARY)) {
            fs::unlinkat(self.folder(), name, AtFlags::empty())?;
        }
        if names.is_empty() { Ok(()) } else { Ok(fs::fsync(self.folder())?) }
    }

    /// Moves files to `perdidos/`, never over another file. Returns the moved ones; the others stay in place.
    pub(super) fn set_aside(&self, ids: &[FileId]) -> io::Result<Vec<FileId>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match fs::mkdirat(self.folder(), ORPHANS, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(orphans) = self.orphans_folder()? else { return Ok(Vec::new()) };
        let moves =
            |id: &FileId| rename_new(self.folder(), &id.to_string(), &orphans, &id.to_string()).is_ok();
        let moved: Vec<_> = ids.iter().copied().filter(moves).collect();
        fs::fsync(&orphans)?;
        fs::fsync(self.folder())?;
        Ok(moved)
    }

    /// Moves a file back from `perdidos/`; `false` if it is not there.
    pub(super) fn take_back(&self, id: FileId) -> io::Result<bool> {
        let Some(orphans) = self.orphans_folder()? else { return Ok(false) };
        match rename_new(&orphans, &id.to_string(), self.folder(), &id.to_string()) {
            Err(Errno::NOENT) => return Ok(false),
            other => other?,
        }
        fs::fsync(self.folder())?;
        fs::fsync(&orphans)?;
        Ok(true)
    }

    /// Lists the files without a record, by id.
    pub(super) fn orphans(&self) -> io::Result<Vec<Orphan>> {
        let Some(folder) = self.orphans_folder()? else { return Ok(Vec::new()) };
        let orphan = |RegularFile { name, stat }| {
            let (size, modified) = (u64::try_from(stat.st_size).unwrap_or(0), stat.st_mtime);
            FileId::parse(&name).map(|id| Orphan { id, size, modified })
        };
        let mut orphans: Vec<_> = regular_files(&folder)?.into_iter().filter_map(orphan).collect();
        orphans.sort_unstable_by_key(|orphan| orphan.id);
        Ok(orphans)
    }

    fn orphans_folder(&self) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(self.folder(), ORPHANS, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

struct RegularFile {
    name: String,
    stat: fs::Stat,
}

/// Lists the regular files that are named by an id, also with a temporary name.
fn regular_files(folder: &OwnedFd) -> io::Result<Vec<RegularFile>> {
    let mut found = Vec::new();
    for entry in fs::Dir::read_from(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if FileId::parse(name.strip_prefix(TEMPORARY).unwrap_or(name)).is_none() {
            continue;
        }
        // Not every file system reports the type in the directory entry.
        let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode).is_file() {
            found.push(RegularFile { name: name.to_owned(), stat });
        }
    }
    Ok(found)
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;

//! Atomic file replacement: write beside, sync, rename, sync the folder. After a power cut at any moment, the
//! name has either the whole old content or the whole new one.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Maximum files of one name that [`set_aside`] keeps. Only a person or a disk fault causes one.
const MAX_ASIDE: u32 = 999;

/// Replaces the content of `path`. Without a `mode` the file system decides: FAT has none.
///
/// # Errors
/// Returns the system's error; the old content stays.
pub fn replace(path: &Path, content: &[u8], mode: Option<u32>) -> io::Result<()> {
    let new = beside(path);
    let write = || {
        // A remainder of a power cut is removed first. The new file is created exclusively, so no planted
        // link is followed.
        remove_name(&new)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    if let Err(error) = write() {
        // A half-written file is useless, least of all on a full partition.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync_folder_of(path)
}

/// Returns the temporary name of a file during a replacement: `pichat.toml.NEW`.
pub fn beside(path: &Path) -> PathBuf {
    with_suffix(path, ".NEW")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Keeps the content of `path` under a free name: `named.LABEL-1`, `named.LABEL-2` and so on. Replaces
/// nothing and follows no link. Usually the file also keeps its old name until [`replace`] takes that, so
/// that a power cut in between loses neither.
///
/// # Errors
/// Returns the system's error; nothing has changed then.
pub fn set_aside(path: &Path, named: &Path, label: &str) -> io::Result<PathBuf> {
    for n in 1..=MAX_ASIDE {
        let aside = with_suffix(named, &format!(".{label}-{n}"));
        // A folder, and a file on a file system without hard links, can only be renamed.
        let kept = fs::hard_link(path, &aside).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => Err(error),
            _ => Ok(renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE)?),
        });
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return sync_folder_of(path).map(|()| aside),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Renames a file, synced, unless the new name is taken.
///
/// # Errors
/// Returns the system's error, `AlreadyExists` for a taken name.
pub fn rename_to_free(path: &Path, new: &Path) -> io::Result<()> {
    renameat_with(CWD, path, CWD, new, RenameFlags::NOREPLACE)?;
    sync_folder_of(new)
}

/// Removes a file, synced; returns true if there was one.
///
/// # Errors
/// Returns the system's error.
pub fn remove(path: &Path) -> io::Result<bool> {
    if remove_name(path)? { sync_folder_of(path).map(|()| true) } else { Ok(false) }
}

fn remove_name(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder of this mode, and its parents; existing folders stay as they are.
///
/// # Errors
/// Returns the system's error.
pub fn folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), |above| folder(above, mode))?;
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    sync_folder_of(path)
}

/// Syncs the folder of `path`.
///
/// # Errors
/// Returns the system's error.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        None => Ok(()),
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn replace_does_not_follow_a_leftover_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, foreign) = (folder.path().join("x"), folder.path().join("foreign"));
        fs::write(&foreign, "untouched").unwrap();
        symlink(&foreign, beside(&file)).unwrap();
        replace(&file, b"new", Some(0o640)).unwrap();
        assert_eq!(
            (fs::read(&file).unwrap(), fs::read(&foreign).unwrap()),
            (b"new".to_vec(), b"untouched".to_vec())
        );
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn set_aside_never_replaces_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        assert!(set_aside(&file, &file, "old").is_err());
        for (n, content) in ["one", "two", "three"].into_iter().enumerate() {
            fs::write(folder.path().join("y"), content).unwrap();
            fs::rename(folder.path().join("y"), &file).unwrap();
            let aside = set_aside(&file, &file, "old").unwrap();
            assert_eq!(aside, folder.path().join(format!("x.old-{}", n + 1)));
        }
        assert_eq!(fs::read_to_string(folder.path().join("x.old-1")).unwrap(), "one");
        assert!(rename_to_free(&file, &folder.path().join("x.old-1")).is_err());
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(set_aside(&file, &file, "old").unwrap().is_dir() && !file.exists());
    }
}

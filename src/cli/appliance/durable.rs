//! Files that a power cut leaves whole: written beside, synced, renamed over, and then the folder is synced. Whenever the power goes,
//! the name stands for the whole old content or for the whole new one.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Puts `content` in the place of what `path` holds. Without a `mode` the file system decides: FAT has none.
pub(super) fn replace(path: &Path, content: &[u8], mode: Option<u32>) -> io::Result<()> {
    let new = beside(path);
    let write = || {
        // Nobody else may look while it is written; a remainder of a power cut is overwritten.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    if let Err(error) = write() {
        // What is half written helps nobody, and a full partition least of all.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync_folder_of(path)
}

/// The name that a file has until it is whole: `pichat.toml.NEW`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".NEW");
    name.into()
}

/// Removes a file, for good; whether there was one.
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder_of(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder of this mode, and those above it; what exists stays as it is.
pub(super) fn folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), |above| folder(above, mode))?;
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    sync_folder_of(path)
}

/// Puts the names of `path`'s folder on the disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

//! Commands that run as root write to the data folder as the folder's owner. The server can read all their
//! files, and a link of the server's user cannot lead root elsewhere.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

use crate::app::AppError;
use crate::private_file::Untrusted;

use super::caller::{caller, group_of};
use super::exit::Failure;

/// Switches to the owner of the data folder if the process runs as root. Must be called before any thread
/// starts: later threads inherit. Settings are read before, because they may be root's alone.
///
/// # Errors
/// Fails if the folder belongs to neither the caller nor root, and with the system's errors.
pub(super) fn become_owner(data_dir: &Path) -> Result<(), Failure> {
    let refused = |refused| Failure::App(AppError::Untrusted(refused));
    let unreadable = |cause| refused(Untrusted::Unreadable { path: data_dir.to_owned(), cause });
    let folder = match fs::metadata(data_dir) {
        Ok(folder) => folder,
        // The caller makes it, for itself.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    let (own, owner) = (geteuid(), folder.uid());
    if own.as_raw() == owner || (!own.is_root() && owner == 0) {
        return Ok(());
    }
    if !own.is_root() {
        return Err(refused(Untrusted::ForeignOwner { path: data_dir.to_owned(), owner }));
    }
    // Determined now, because the process becomes another user's.
    caller();
    // Group of the server, which may differ from the folder's.
    let group = Gid::from_raw(group_of(owner).unwrap_or(folder.gid()));
    let became = set_thread_groups(&[group])
        .and_then(|()| set_thread_gid(group))
        .and_then(|()| set_thread_uid(Uid::from_raw(owner)));
    became.map_err(|error| unreadable(error.into()))
}

//! Commands that root runs write to the data folder as the folder's owner. So they leave no file that the server cannot read, and a
//! link that the server's user put there leads root nowhere.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

use crate::app::AppError;
use crate::private_file::Untrusted;

use super::caller::{caller, group_of};
use super::exit::Failure;

/// Becomes the owner of the data folder where root runs the command. To be called before any thread starts: later threads inherit.
/// Settings are read before: they may be root's alone.
///
/// # Errors
/// A folder of another user than the caller and root, and what the system says.
pub(super) fn become_owner(data_dir: &Path) -> Result<(), Failure> {
    let refused = |refused| Failure::App(AppError::Untrusted(refused));
    let unreadable = |cause| refused(Untrusted::Unreadable { path: data_dir.to_owned(), cause });
    let folder = match fs::metadata(data_dir) {
        Ok(folder) => folder,
        // It is made by the caller, for the caller.
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
    // From now on the process is another user's.
    caller();
    // The server's group, which need not be the folder's.
    let group = Gid::from_raw(group_of(owner).unwrap_or(folder.gid()));
    let became =
        set_thread_groups(&[group]).and_then(|()| set_thread_gid(group)).and_then(|()| set_thread_uid(Uid::from_raw(owner)));
    became.map_err(|error| unreadable(error.into()))
}

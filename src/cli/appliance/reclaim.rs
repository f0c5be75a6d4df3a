//! Request for a new claim: an empty file that the holder of the card puts on it. It is forwarded to the
//! server and removed.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use super::partition::Partition;
use super::root::DATA_DIR;
use crate::atomic_file;

use super::report::Steps;
use super::root::Root;

/// Names of the request file; some computers add the ending by themselves.
const NAMES: [&str; 2] = ["pichat-reclamar", "pichat-reclamar.txt"];

/// Forwards a request. The file leaves the card only after the server's request file and its name are on the
/// disk. A power cut between them asks twice, which opens one claim.
pub(super) fn forward(root: &Root, partition: &Partition, steps: &mut Steps) {
    let asked = match partition.find(&NAMES) {
        Ok(asked) if asked.is_empty() => return,
        Ok(asked) => asked,
        Err(error) => return steps.took(&partition.at(""), Err(error)),
    };
    let request = root.at(DATA_DIR).join("reclaim");
    // Without a data folder there are no accounts, and the device can be claimed anyway.
    let made = if root.at(DATA_DIR).is_dir() { make(&request) } else { Ok(()) };
    let done = made.is_ok();
    steps.took(&request, made);
    if done {
        steps.took(&asked[0], partition.remove(&asked));
    }
}

/// Makes an empty file, durably. The folder is the server's, so an existing entry is never opened.
fn make(request: &std::path::Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(request) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    atomic_file::sync_folder_of(request)
}

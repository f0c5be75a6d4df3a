//! The state of the running server as two small files for the console and the card: `status.json` and, while the device can be
//! claimed, `claim` with the code. They lie in systemd's runtime folder, which only the server's user and root may read.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::http::Site;
use crate::private_file;

use super::Doors;

/// The name of the state file in the runtime folder.
pub const STATUS_FILE: &str = "status.json";
/// The name of the file with the claim code.
pub const CLAIM_FILE: &str = "claim";

/// Most bytes of the state file, which has some 400.
const MAX_STATUS: u64 = 16 * 1024;

/// What the console shows of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// The process that wrote this; when it is gone, so is what it says.
    pub pid: u32,
    /// `http` or `https`.
    pub scheme: String,
    /// The address it listens on; unspecified for all of the machine's.
    pub listen: SocketAddr,
    /// Where plain HTTP leads there; none where PiChat itself is served over plain HTTP.
    #[serde(default)]
    pub plain: Option<SocketAddr>,
    /// The fingerprint of this device's own certificate authority, in two lines; none where it has none.
    #[serde(default)]
    pub fingerprint: Option<[String; 2]>,
    /// The open claim.
    pub claim: Option<Claim>,
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// People with a page open.
    pub people: usize,
    /// Open chat connections.
    pub sockets: usize,
    /// The language of the device, as a tag.
    pub language: String,
}

/// An open claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `first` or `again`.
    pub kind: String,
    /// The code as it is shown.
    pub code: String,
}

impl Status {
    /// Reads the state file of `folder`; `None` when there is none that can be understood.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&private_file::read(&folder.join(STATUS_FILE), MAX_STATUS).ok()??).ok()
    }
}

/// Keeps the files as they should be.
pub(super) struct RuntimeState {
    folder: PathBuf,
    doors: Doors,
    written: Mutex<Option<Status>>,
}

impl RuntimeState {
    /// Where systemd made a runtime folder (`RuntimeDirectory=`); nobody asked for the files elsewhere.
    pub(super) fn from_env(doors: &Doors) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("RUNTIME_DIRECTORY").filter(|f| !f.is_empty())?);
        Some(Self { folder, doors: doors.clone(), written: Mutex::default() })
    }

    fn now(&self, site: &Site) -> Status {
        let open = site.sockets.registry.sessions();
        let people: HashSet<_> = open.iter().filter_map(|digest| site.accounts.sessions.owner(digest)).collect();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            scheme: self.doors.scheme().to_owned(),
            listen: self.doors.address,
            plain: self.doors.plain,
            fingerprint: self.doors.fingerprint.map(|fingerprint| fingerprint.groups()),
            claim: site.accounts.open_claim().map(|row| Claim { kind: row.kind.as_str().to_owned(), code: row.code.to_string() }),
            rooms: site.sockets.hub.lobby(true).len(),
            people: people.len(),
            sockets: site.sockets.registry.count(),
            language: site.config.get().device.language.tag().to_owned(),
        }
    }

    /// Writes what has changed: at the start and once a second.
    pub(super) fn write(&self, site: &Site) {
        let now = self.now(site);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.as_ref() != Some(&now) {
            // A state that cannot be written is no reason to stop: the console says then that the server is silent.
            if self.store(&now).is_ok() {
                *written = Some(now);
            }
        }
    }

    fn store(&self, status: &Status) -> io::Result<()> {
        replace(&self.folder, STATUS_FILE, &serde_json::to_vec(status)?)?;
        match &status.claim {
            Some(claim) => {
                let line = format!("{}\n", claim.code);
                if fs::read(self.folder.join(CLAIM_FILE)).is_ok_and(|there| there == line.as_bytes()) {
                    return Ok(());
                }
                replace(&self.folder, CLAIM_FILE, line.as_bytes())
            }
            None => missing_is_fine(fs::remove_file(self.folder.join(CLAIM_FILE))),
        }
    }

    /// At the end: the state goes, the claim stays, since the card still has its code.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(self.folder.join(STATUS_FILE));
    }
}

/// A reader sees the old file or the new one, never half of one.
fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    missing_is_fine(fs::remove_file(&fresh))?;
    File::create_new(&fresh)?.write_all(content)?;
    fs::rename(fresh, folder.join(name))
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

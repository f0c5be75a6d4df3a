//! State of the running server as two small files for the console and the card: `status.json` and, while the
//! device can be claimed, `claim` with the code. Both are in systemd's runtime folder, which only the
//! server's user and root can read.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::http::AppState;
use crate::locks::lock;
use crate::private_file;

use super::listeners::Listeners;

/// Name of the state file in the runtime folder.
pub const STATUS_FILE: &str = "status.json";
/// Name of the file with the claim code.
pub const CLAIM_FILE: &str = "claim";

/// Maximum bytes of the state file, which has about 400.
const MAX_STATUS: u64 = 16 * 1024;

/// State of the server for the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the server.
    pub version: String,
    /// Id of the process that wrote the state; without that process the state is stale.
    pub pid: u32,
    /// `http` or `https`.
    pub scheme: String,
    /// Address of the listener; unspecified for all addresses of the machine.
    pub listen: SocketAddr,
    /// Address of plain HTTP beside HTTPS; `None` if PiChat is served over plain HTTP.
    #[serde(default)]
    pub plain: Option<SocketAddr>,
    /// Fingerprint of this device's own certificate authority, in two lines; `None` without one.
    #[serde(default)]
    pub fingerprint: Option<[String; 2]>,
    /// Open claim.
    pub claim: Option<ClaimStatus>,
    /// Rooms with at least one member.
    pub rooms: usize,
    /// People with an open page.
    pub people: usize,
    /// Open chat connections.
    pub sockets: usize,
    /// Language of the device, as a tag.
    pub language: String,
}

/// Open claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimStatus {
    /// `first` or `again`.
    pub kind: String,
    /// Code as it is shown.
    pub code: String,
}

impl Status {
    /// Reads the state file of `folder`; `None` if there is none that parses.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&private_file::read(&folder.join(STATUS_FILE), MAX_STATUS).ok()??).ok()
    }
}

/// Keeps both files up to date.
pub(super) struct RuntimeState {
    folder: PathBuf,
    doors: Listeners,
    written: Mutex<Option<Status>>,
}

impl RuntimeState {
    /// Uses systemd's runtime folder (`RuntimeDirectory=`); without one no files are written.
    pub(super) fn from_env(doors: &Listeners) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("RUNTIME_DIRECTORY").filter(|f| !f.is_empty())?);
        Some(Self { folder, doors: doors.clone(), written: Mutex::default() })
    }

    fn now(&self, app: &AppState) -> Status {
        let open = app.sockets.registry.sessions();
        let people: HashSet<_> =
            open.iter().filter_map(|digest| app.accounts.sessions.owner(digest)).collect();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            scheme: self.doors.scheme().to_owned(),
            listen: self.doors.address,
            plain: self.doors.plain,
            fingerprint: self.doors.fingerprint.map(|fingerprint| fingerprint.groups()),
            claim: app
                .accounts
                .open_claim()
                .map(|row| ClaimStatus { kind: row.kind.as_str().to_owned(), code: row.code.to_string() }),
            rooms: app.sockets.hub.lobby(true).len(),
            people: people.len(),
            sockets: app.sockets.registry.count(),
            language: app.config.get().device.language.tag().to_owned(),
        }
    }

    /// Writes the changes: at the start and once a second.
    pub(super) fn write(&self, app: &AppState) {
        let now = self.now(app);
        let mut written = lock(&self.written);
        if written.as_ref() != Some(&now) {
            // A state that cannot be written does not stop the server; the console then reports that the
            // server does not respond.
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

    /// Removes the state at the end. The claim stays, since the card still has its code.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(self.folder.join(STATUS_FILE));
    }
}

/// Replaces a file atomically: a reader sees the old file or the new one.
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

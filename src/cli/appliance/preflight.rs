//! Checks that otherwise fail only at the server's start, as far as possible. A person without a screen
//! cannot repair a card whose server does not start, so such a file counts as broken.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::config::{Config, ConfigError, NetworkSettings, SettingProblem, TlsMode, TomlEditor};
use crate::net::{TlsError, check_tls};
use crate::types::texts::{Key, key};

use super::root::{DATA_DIR, Root};

const LISTEN: Key = key::CONFIG_ALLOWED_CARD_LISTEN;

const PEM: Key = key::CONFIG_ALLOWED_CARD_PEM;

/// Maximum bytes of a certificate file: chains have a few KiB.
const MAX_PEM: u64 = 1024 * 1024;

/// Folders that pichat.service hides from the server: `InaccessiblePaths`, `ProtectHome`, `PrivateTmp`.
const HIDDEN: [&str; 8] =
    ["/boot/firmware", "/data/pichat", "/data/ssh", "/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// Checks that a server can start with these settings; `written` gives errors their places.
pub(super) fn check(root: &Root, config: &Config, written: &TomlEditor<'_>) -> Result<(), ConfigError> {
    let mut doors = vec![("http.listen", config.http.listen)];
    if config.tls.mode != TlsMode::Off {
        doors.push(("tls.listen", config.tls_listen()));
    }
    for (name, listen) in doors {
        if !reachable(listen, &config.network) {
            return Err(written.error(name, SettingProblem::form(&listen.to_string(), LISTEN)));
        }
    }
    let TlsMode::Files { certificate, key } = &config.tls.mode else {
        return Ok(());
    };
    for (name, file) in [("tls.certificate", certificate), ("tls.key", key)] {
        if !readable(root, file) {
            return Err(written.error(name, SettingProblem::form(&file.display().to_string(), PEM)));
        }
    }
    let below = TlsMode::Files { certificate: root.at(certificate), key: root.at(key) };
    check_tls(&below).map_err(|error| {
        let name = match &error {
            TlsError::Pem { file, .. } if *file == root.at(key) => "tls.key",
            _ => "tls.certificate",
        };
        let cause = error.to_string().replace(char::is_control, " ");
        written.error(name, SettingProblem::Unusable(cause))
    })
}

/// Returns true if others can reach the server at this address: all addresses, or the card's fixed one.
fn reachable(listen: SocketAddr, network: &NetworkSettings) -> bool {
    let own = network.address.is_some_and(|own| own.ip == listen.ip());
    listen.port() != 0 && (listen.ip().is_unspecified() || own)
}

/// Returns true if the server's user can read the file: regular, not hidden by the unit, and permitted by its
/// mode and its folders'.
fn readable(root: &Root, file: &Path) -> bool {
    let there = root.at(file);
    let hidden = HIDDEN.iter().any(|hidden| file.starts_with(hidden));
    let Some(meta) = there.metadata().ok().filter(|meta| !hidden && meta.is_file() && meta.len() <= MAX_PEM)
    else {
        return false;
    };
    // The owner of the data is the server's user. Before the first start there is no such folder and nothing
    // in it.
    let user = root.at(DATA_DIR).metadata().ok();
    let may = |meta: &Metadata, bit: u32| match &user {
        Some(user) if user.uid() == meta.uid() => (meta.mode() >> 6) & bit != 0,
        Some(user) if user.gid() == meta.gid() => (meta.mode() >> 3) & bit != 0,
        _ => meta.mode() & bit != 0,
    };
    let mut folders = there.ancestors().skip(1).take_while(|folder| folder.starts_with(root.at("")));
    may(&meta, 0o4) && folders.all(|folder| folder.metadata().is_ok_and(|meta| may(&meta, 0o1)))
}

/// Returns true if a regular file begins with these bytes.
pub(super) fn begins_with(file: &Path, magic: &[u8]) -> bool {
    let mut head = vec![0; magic.len()];
    file.is_file()
        && File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == magic
}

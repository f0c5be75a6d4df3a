//! Files of the device's authorities in the data folder, one for each host name it has had. None is replaced
//! or removed: a returning name finds the authority that people trust, and an unusable file is kept under
//! another name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::atomic_file;
use crate::private_file::{self, Untrusted};
use crate::types::crypto::{Sha256, hex};

use super::TlsError;

/// The file of earlier versions, adopted under the host name that it was created for.
const LEGACY: &str = "local-ca.pem";
/// File that holds the host name used last.
const CURRENT: &str = "local-ca.current";
/// Read limit; key and certificate have some 1200 bytes.
const MAX_BYTES: u64 = 16 * 1024;
/// Characters of a host name in a file name: Linux allows 255 in all. A longer name is truncated and gets a
/// digest.
const MAX_NAME: usize = 180;

/// Files of the authority for one host name.
pub(super) struct AuthorityFiles<'a> {
    folder: &'a Path,
    name: String,
}

impl<'a> AuthorityFiles<'a> {
    pub(super) fn new(folder: &'a Path, host_name: &str) -> Self {
        Self { folder, name: file_part(host_name) }
    }

    /// `local-ca.NAME.pem`.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(format!("local-ca.{}.pem", self.name))
    }

    /// Reads the file; `None` if it is missing.
    pub(super) fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, TlsError> {
        Ok(private_file::read_key(&self.path(), MAX_BYTES)?)
    }

    /// Reads an earlier version's file; `None` if it is missing.
    pub(super) fn read_legacy(&self) -> Result<Option<Zeroizing<Vec<u8>>>, TlsError> {
        Ok(private_file::read_key(&self.folder.join(LEGACY), MAX_BYTES)?)
    }

    /// Adopts an earlier version's file: renames it after the host name that `made_for` finds in it, else
    /// after the present one. If that name has an authority, the file is kept beside it.
    pub(super) fn take_over(&self, made_for: impl FnOnce(&[u8]) -> Option<String>) -> Result<(), TlsError> {
        let Some(content) = self.read_legacy()? else { return Ok(()) };
        let name = made_for(&content).map_or_else(|| self.name.clone(), |host_name| file_part(&host_name));
        let target = Self { folder: self.folder, name }.path();
        let legacy = self.folder.join(LEGACY);
        match atomic_file::rename_to_free(&legacy, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.keep_beside(&legacy, &target),
            renamed => renamed.map_err(failed(&legacy)),
        }
    }

    /// Keeps an unusable file of an earlier version beside the present one.
    pub(super) fn set_legacy_aside(&self) -> Result<(), TlsError> {
        let legacy = self.folder.join(LEGACY);
        if legacy.symlink_metadata().is_err() {
            return Ok(());
        }
        self.keep_beside(&legacy, &self.path())
    }

    fn keep_beside(&self, legacy: &Path, named: &Path) -> Result<(), TlsError> {
        let kept =
            atomic_file::set_aside(legacy, named, "replaced").and_then(|_| atomic_file::remove(legacy));
        kept.map(drop).map_err(failed(legacy))
    }

    /// Writes a new authority. A previous file is kept as `local-ca.NAME.pem.LABEL-1`; returns that path.
    pub(super) fn write(&self, content: &[u8], label: &str) -> Result<Option<PathBuf>, TlsError> {
        let file = self.path();
        let there = file.symlink_metadata().is_ok();
        let aside =
            there.then(|| atomic_file::set_aside(&file, &file, label)).transpose().map_err(failed(&file))?;
        atomic_file::replace(&file, content, Some(0o600)).map_err(failed(&file))?;
        Ok(aside)
    }

    /// Returns true if another host name has an authority here.
    pub(super) fn has_others(&self) -> bool {
        let own = self.path();
        let Ok(entries) = fs::read_dir(self.folder) else { return false };
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("local-ca.") && name.ends_with(".pem") && entry.path() != own
        })
    }

    /// Records that this name's authority is in use; returns true if another name's was before.
    pub(super) fn make_current(&self) -> Result<bool, TlsError> {
        let file = self.folder.join(CURRENT);
        let before = private_file::text(&file, MAX_BYTES).map(|text| text.trim().to_owned());
        if before.as_deref() != Some(&self.name) {
            atomic_file::replace(&file, format!("{}\n", self.name).as_bytes(), Some(0o600))
                .map_err(failed(&file))?;
        }
        Ok(before.is_some_and(|before| before != self.name))
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> TlsError {
    let file = path.to_owned();
    move |cause| TlsError::Authority { file: file.clone(), cause }
}

impl From<Untrusted> for TlsError {
    fn from(refused: Untrusted) -> Self {
        Self::KeyFile(refused)
    }
}

/// Returns a host name as part of a file name: letters, digits, dots and hyphens. Any other name gets a
/// digest, so that no two share a file.
fn file_part(host_name: &str) -> String {
    let name = host_name.trim_end_matches('.').to_ascii_lowercase();
    if name.is_empty() {
        return "localhost".to_owned();
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if name.len() <= MAX_NAME && name.chars().all(plain) && !name.starts_with('.') {
        return name;
    }
    let cleaned: String = name.chars().map(|c| if plain(c) { c } else { '-' }).take(MAX_NAME).collect();
    format!("{}-{}", cleaned.trim_start_matches('.'), hex(&Sha256::of(name.as_bytes()).0[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_map_to_unique_file_names() {
        assert_eq!(file_part("Recepcion.oficina.lan."), "recepcion.oficina.lan");
        assert_eq!(file_part(""), "localhost");
        let odd = ["a/../../b", "ñandú", "a_b", "a-b", "..", ".a", "a b", &"x".repeat(300), &"x".repeat(301)];
        let parts: std::collections::HashSet<_> = odd.iter().map(|name| file_part(name)).collect();
        assert_eq!(parts.len(), odd.len(), "{parts:?}");
        for part in parts {
            assert!(part.len() < 200 && !part.contains(['/', '_', ' ']) && !part.starts_with('.'), "{part}");
        }
    }
}

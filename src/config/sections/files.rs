//! `[files]`: folder and size of the quarantine; and `data_dir`, to which its path is relative.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::sections::limits::FILES_CEILING;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};

/// Settings of `[files]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// Folder of the uploads, already joined to `data_dir`; never `data_dir` itself.
    pub dir: PathBuf,
    /// Maximum bytes of one file.
    pub max_file: u64,
    /// Maximum bytes of all files.
    pub max_total: u64,
    /// Share of the disk that stays free.
    pub keep_free_percent: u8,
    /// Maximum bytes of one user's files; `None`: a quarter of `max_total`.
    pub user_bytes: Option<u64>,
    /// Maximum number of one user's files; `None`: a quarter of `limits.files`.
    pub user_files: Option<usize>,
}

const DIR: &str = "cuarentena";
const MIB: u64 = 1024 * 1024;
const MAX_FILE_MIB: u64 = 16;
const MAX_TOTAL_MIB: u64 = 2048;
/// 1 TiB: the disk is the real bound; 2²⁰ × 2²⁰ bytes are far from overflowing.
const MIB_CEILING: u64 = 1024 * 1024;
const KEEP_FREE_PERCENT: u8 = 5;
const KEEP_FREE_PERCENT_CEILING: u8 = 50;
/// Default share of one user: with a quarter each, no fewer than four users can fill the store.
const SHARES: u64 = 4;

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            dir: Path::new(".").join(DIR),
            max_file: MAX_FILE_MIB * MIB,
            max_total: MAX_TOTAL_MIB * MIB,
            keep_free_percent: KEEP_FREE_PERCENT,
            user_bytes: None,
            user_files: None,
        }
    }
}

impl FileSettings {
    /// Returns the bytes that one user's files may have.
    pub fn user_total(&self) -> u64 {
        self.user_bytes.unwrap_or(self.max_total / SHARES).min(self.max_total)
    }

    /// Returns the number of files that one user may have, if `all` files may exist.
    pub fn user_count(&self, all: usize) -> u64 {
        let all = all as u64;
        self.user_files.map_or_else(|| (all / SHARES).max(1), |files| files as u64).min(all)
    }

    /// Returns the folder as it was written, without the `data_dir` it was joined to.
    pub(in crate::config) fn below(&self, data_dir: &Path) -> &Path {
        self.dir.strip_prefix(data_dir).unwrap_or(&self.dir)
    }
}

/// `[files]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawFiles {
    dir: Option<Spanned<String>>,
    max_file_mib: Option<Spanned<i128>>,
    max_total_mib: Option<Spanned<i128>>,
    keep_free_percent: Option<Spanned<i128>>,
    user_mib: Option<Spanned<i128>>,
    user_files: Option<Spanned<i128>>,
}

const FOLDER: Key = key::CONFIG_ALLOWED_FOLDER;
const OWN_FOLDER: Key = key::CONFIG_ALLOWED_OWN_FOLDER;

impl RawFiles {
    pub(in crate::config) fn check(
        &self,
        origin: &SettingSource<'_>,
        data_dir: &Path,
    ) -> Result<FileSettings, ConfigError> {
        let own = |dir: &str| {
            let dir = data_dir.join(dir);
            (!named(&dir).eq(named(data_dir))).then_some(dir)
        };
        let mib = |key, given: &Option<Spanned<i128>>, default| {
            origin.number(key, given.as_ref(), 1..=MIB_CEILING, default).map(|mib| mib * MIB)
        };
        let user_mib = origin.number("files.user_mib", self.user_mib.as_ref(), 0..=MIB_CEILING, 0)?;
        let user_files = origin.number("files.user_files", self.user_files.as_ref(), 0..=FILES_CEILING, 0)?;
        Ok(FileSettings {
            user_bytes: (user_mib > 0).then_some(user_mib * MIB),
            user_files: (user_files > 0).then_some(user_files),
            dir: origin.parsed("files.dir", self.dir.as_ref(), data_dir.join(DIR), OWN_FOLDER, own)?,
            max_file: mib("files.max_file_mib", &self.max_file_mib, MAX_FILE_MIB)?,
            max_total: mib("files.max_total_mib", &self.max_total_mib, MAX_TOTAL_MIB)?,
            keep_free_percent: origin.number(
                "files.keep_free_percent",
                self.keep_free_percent.as_ref(),
                0..=KEEP_FREE_PERCENT_CEILING,
                KEEP_FREE_PERCENT,
            )?,
        })
    }
}

/// Components of a path without `.`.
fn named(path: &Path) -> impl Iterator<Item = Component<'_>> {
    path.components().filter(|part| *part != Component::CurDir)
}

/// Returns the top-level `data_dir`.
pub(in crate::config) fn data_dir(
    given: Option<&Spanned<String>>,
    origin: &SettingSource<'_>,
) -> Result<PathBuf, ConfigError> {
    match given {
        None => Ok(PathBuf::from(".")),
        Some(dir) if dir.get_ref().is_empty() => {
            Err(origin.error("data_dir", &dir.span(), SettingProblem::Missing(FOLDER)))
        }
        Some(dir) => Ok(PathBuf::from(dir.get_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_share_is_a_quarter_unless_set() {
        let files = FileSettings::default();
        assert_eq!((files.user_total(), files.user_count(10_000)), (512 * MIB, 2500));
        assert_eq!((files.user_count(1), files.user_count(3)), (1, 1), "one file may always be");
        let set = FileSettings { user_bytes: Some(7), user_files: Some(10), ..FileSettings::default() };
        assert_eq!(
            (set.user_total(), set.user_count(10_000), set.user_count(8)),
            (7, 10, 8),
            "never more than there may be"
        );
    }
}

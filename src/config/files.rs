//! `[files]`: the quarantine's place and size; and `data_dir`, which it hangs from.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::origin::Origin;
use super::{ConfigError, Problem};
use crate::types::Text;

/// `[files]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Folder of the uploads, already joined to `data_dir`; never `data_dir` itself.
    pub dir: PathBuf,
    /// Most bytes of one file.
    pub max_file: u64,
    /// Most bytes of all files.
    pub max_total: u64,
    /// Share of the disk that stays free.
    pub keep_free_percent: u8,
}

const DIR: &str = "cuarentena";
const MIB: u64 = 1024 * 1024;
const MAX_FILE_MIB: u64 = 16;
const MAX_TOTAL_MIB: u64 = 2048;
/// 1 TiB: the disk is the real bound; 2²⁰ × 2²⁰ bytes are far from overflowing.
const MIB_CEILING: u64 = 1024 * 1024;
const KEEP_FREE_PERCENT: u8 = 5;
const KEEP_FREE_PERCENT_CEILING: u8 = 50;

impl Default for Files {
    fn default() -> Self {
        Self {
            dir: Path::new(".").join(DIR),
            max_file: MAX_FILE_MIB * MIB,
            max_total: MAX_TOTAL_MIB * MIB,
            keep_free_percent: KEEP_FREE_PERCENT,
        }
    }
}

impl Files {
    /// The folder as it was written, as far as that can be told: without the `data_dir` it was joined to.
    pub(super) fn below(&self, data_dir: &Path) -> &Path {
        self.dir.strip_prefix(data_dir).unwrap_or(&self.dir)
    }
}

/// `[files]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFiles {
    dir: Option<Spanned<String>>,
    max_file_mib: Option<Spanned<i128>>,
    max_total_mib: Option<Spanned<i128>>,
    keep_free_percent: Option<Spanned<i128>>,
}

const FOLDER: Text = Text::new("una carpeta; \".\" es la de trabajo", "a folder; \".\" is the working directory");
const OWN_FOLDER: Text = Text::new(
    "una carpeta propia, distinta de data_dir, como \"cuarentena\"",
    "a folder of its own, other than data_dir, such as \"cuarentena\"",
);

impl RawFiles {
    pub(super) fn check(&self, origin: &Origin<'_>, data_dir: &Path) -> Result<Files, ConfigError> {
        let own = |dir: &str| {
            let dir = data_dir.join(dir);
            (!named(&dir).eq(named(data_dir))).then_some(dir)
        };
        let mib = |key, given: &Option<Spanned<i128>>, default| {
            origin.number(key, given.as_ref(), 1..=MIB_CEILING, default).map(|mib| mib * MIB)
        };
        Ok(Files {
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

/// A path's components without `.`.
fn named(path: &Path) -> impl Iterator<Item = Component<'_>> {
    path.components().filter(|part| *part != Component::CurDir)
}

/// The top-level `data_dir`.
pub(super) fn data_dir(given: Option<&Spanned<String>>, origin: &Origin<'_>) -> Result<PathBuf, ConfigError> {
    match given {
        None => Ok(PathBuf::from(".")),
        Some(dir) if dir.get_ref().is_empty() => Err(origin.error("data_dir", &dir.span(), Problem::Missing(FOLDER))),
        Some(dir) => Ok(PathBuf::from(dir.get_ref())),
    }
}

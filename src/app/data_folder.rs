//! Data folder and database: made where both are new, never where a database is missing.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::config::Config;
use crate::quarantine::is_files_folder;
use crate::store::{DatabaseFault, Store, database_exists};

use super::error::AppError;

/// Opens the folder of database, key and files; makes it with mode 0700 if it is missing.
pub fn open_data_dir(dir: &Path) -> Result<(), AppError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|cause| wrong(dir, cause))
}

fn wrong(dir: &Path, cause: io::Error) -> AppError {
    AppError::DataDir { folder: dir.display().to_string(), cause }
}

/// Opens the database; makes data folder and database where the program was never used.
///
/// # Errors
/// [`DatabaseFault::Missing`] if traces show that there was one.
pub fn open_or_make_store(config: &Config) -> Result<Store, AppError> {
    let dir = &config.data_dir;
    expect_database(config)?;
    open_data_dir(dir)?;
    Ok(Store::open(dir)?)
}

/// Opens the existing database; makes nothing.
///
/// # Errors
/// [`DatabaseFault::Missing`] if traces show that there was one, else [`DatabaseFault::Absent`].
pub fn open_existing_store(config: &Config) -> Result<Store, AppError> {
    expect_database(config)?;
    Ok(Store::open_existing(&config.data_dir)?)
}

/// Rejects a folder that was used before and has no database.
pub fn expect_database(config: &Config) -> Result<(), AppError> {
    let dir = &config.data_dir;
    if database_exists(dir) {
        return Ok(());
    }
    let trace = trace(dir).map_err(|cause| wrong(dir, cause))?;
    let files = || is_files_folder(&config.files.dir).then(|| config.files.dir.display().to_string());
    match trace.or_else(files) {
        Some(trace) => Err(AppError::Store(DatabaseFault::Missing { folder: dir.clone(), trace }.into())),
        None => Ok(()),
    }
}

/// Returns the name of a file that only a used folder has.
fn trace(dir: &Path) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let filled = || entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0);
        let copies = ["pichat.db.before-", "pichat.db.replaced-", "pichat.db.restoring"];
        let ours = name == "secret.key"
            || name == "pichat.db-wal"
            || (name.starts_with("local-ca") && name.ends_with(".pem"))
            || copies.iter().any(|start| name.starts_with(start));
        if ours && filled() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
mod tests {
    use super::*;

    #[test]
    fn used_folder_is_recognized_by_its_traces() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for (name, text) in [
            ("pichat.toml", "x"),
            ("reserve", "x"),
            ("pichat.db-wal", ""),
            ("reclaim", "x"),
            ("local-ca.txt", "x"),
        ] {
            put(name, text);
        }
        assert_eq!(trace(folder.path()).unwrap(), None);
        assert_eq!(trace(&folder.path().join("missing")).unwrap(), None);
        for name in [
            "secret.key",
            "local-ca.pem",
            "local-ca.casa.pem",
            "pichat.db-wal",
            "pichat.db.before-4",
            "pichat.db.replaced-1",
        ] {
            put(name, "x");
            assert_eq!(trace(folder.path()).unwrap().as_deref(), Some(name));
            fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

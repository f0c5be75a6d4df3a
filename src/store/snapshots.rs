//! Copies of the database from before a migration: `pichat.db.before-SCHEMA`, then
//! `pichat.db.before-SCHEMA.2` and so on. SCHEMA is the target of the migration; the copy itself has an older
//! one.

use std::cmp::Reverse;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Snapshots kept after a migration. Each is at most as large as the database: about 5 MB for 10,000 files,
/// 25 MB for all.
pub(super) const KEPT: usize = 5;

const PREFIX: &str = "pichat.db.before-";
/// Name during writing; a power cut may leave it.
const UNFINISHED: &str = "pichat.db.before.new";

/// Copy of the database in the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) path: PathBuf,
    /// Schema of its content.
    pub(super) schema: i64,
    made: SystemTime,
    number: u32,
}

/// Name of a snapshot, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct SnapshotName {
    /// Target of the migration.
    schema: u32,
    number: u32,
}

/// Parses a snapshot's name; `None` for all other names.
fn parse(name: &str) -> Option<SnapshotName> {
    let number = |digits: &str| {
        let plain =
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let rest = name.strip_prefix(PREFIX)?;
    match rest.split_once('.') {
        None => Some(SnapshotName { schema: number(rest)?, number: 1 }),
        Some((schema, n)) => {
            Some(SnapshotName { schema: number(schema)?, number: number(n).filter(|n| *n > 1)? })
        }
    }
}

/// Reads the schema from a database file's header: the user version at offset 60, big-endian (SQLite file
/// format section 1.3).
pub(super) fn schema_of(path: &Path) -> io::Result<Option<i64>> {
    let mut header = [0; 100];
    match File::open(path)?.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let version = [header[60], header[61], header[62], header[63]];
    Ok(header.starts_with(b"SQLite format 3\0").then(|| i64::from(u32::from_be_bytes(version))))
}

/// Lists the folder's snapshots, newest first: by the schema of their content, then by age.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Snapshot>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(SnapshotName { number, .. }) = entry.file_name().to_str().and_then(parse) else { continue };
        let (path, meta) = (entry.path(), entry.metadata()?);
        if !meta.is_file() {
            continue;
        }
        if let Some(schema) = schema_of(&path)? {
            found.push(Snapshot { path, schema, made: meta.modified()?, number });
        }
    }
    found.sort_by_key(|snapshot| Reverse((snapshot.schema, snapshot.made, snapshot.number)));
    Ok(found)
}

/// Returns the newest snapshot whose schema this program knows.
pub(super) fn newest_fitting(folder: &Path, known: i64) -> Option<PathBuf> {
    let fits = |snapshot: &Snapshot| (1..=known).contains(&snapshot.schema);
    list(folder).ok()?.into_iter().find(fits).map(|snapshot| snapshot.path)
}

/// Writes a snapshot before the migration to `schema`. Synced when it returns.
pub(super) fn take(conn: &Connection, folder: &Path, schema: i64) -> Result<PathBuf, String> {
    let unfinished = folder.join(UNFINISHED);
    let text = unfinished.to_str().ok_or("the folder's name is not UTF-8")?;
    remove_if_there(&unfinished).map_err(|e| e.to_string())?;
    let result = (|| {
        // VACUUM INTO fills an existing empty file; made first, so that it has our mode.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(|e| e.to_string())?;
        conn.execute("VACUUM INTO ?1", [text]).map_err(|e| e.to_string())?;
        file.sync_all().map_err(|e| e.to_string())?;
        rename_to_free_name(&unfinished, folder, schema).map_err(|e| e.to_string())
    })();
    if result.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    result
}

fn rename_to_free_name(from: &Path, folder: &Path, schema: i64) -> io::Result<PathBuf> {
    let mut taken = 0;
    for entry in fs::read_dir(folder)? {
        if let Some(other) = entry?.file_name().to_str().and_then(parse)
            && i64::from(other.schema) == schema
        {
            taken = taken.max(other.number);
        }
    }
    let name =
        if taken == 0 { format!("{PREFIX}{schema}") } else { format!("{PREFIX}{schema}.{}", taken + 1) };
    let path = folder.join(name);
    rename_new(from, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

/// Renames a file without replacing another.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system without that flag: a link fails too if the name is taken.
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => Ok(other?),
    }
}

/// Removes all snapshots except the newest [`KEPT`]: only regular files with a snapshot's name and a database
/// inside.
pub(super) fn prune(folder: &Path) -> io::Result<()> {
    for snapshot in list(folder)?.into_iter().skip(KEPT) {
        fs::remove_file(snapshot.path)?;
    }
    Ok(())
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn database(path: &Path, schema: i64) -> Connection {
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7);").unwrap();
        conn.pragma_update(None, "user_version", schema).unwrap();
        conn
    }

    #[test]
    fn snapshot_names_have_one_spelling() {
        assert_eq!(parse("pichat.db.before-4"), Some(SnapshotName { schema: 4, number: 1 }));
        assert_eq!(parse("pichat.db.before-4.12"), Some(SnapshotName { schema: 4, number: 12 }));
        let others = "pichat.db pichat.db.before- pichat.db.before-04 pichat.db.before-4.1 pichat.db.before-4.02 pichat.db.before-4.x \
                      pichat.db.before-+4 pichat.db.before-4.2.3 pichat.db.before-99999999999 x.pichat.db.before-4";
        assert_eq!(others.split(' ').find_map(parse), None);
    }

    #[test]
    fn snapshot_is_private_numbered_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let conn = database(&folder.path().join("pichat.db"), 3);
        fs::write(folder.path().join(UNFINISHED), "half").unwrap();
        let paths = [(); 3].map(|()| take(&conn, folder.path(), 4).unwrap());
        let names = paths.each_ref().map(|path| path.file_name().unwrap().to_str().unwrap());
        assert_eq!(names, ["pichat.db.before-4", "pichat.db.before-4.2", "pichat.db.before-4.3"]);
        for path in &paths {
            assert_eq!((path.metadata().unwrap().mode() & 0o777, schema_of(path).unwrap()), (0o600, Some(3)));
            let copy = Connection::open(path).unwrap();
            assert_eq!(copy.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
        }
    }

    #[test]
    fn newest_fitting_snapshot_is_of_a_known_schema() {
        let folder = tempfile::tempdir().unwrap();
        for (schema, name) in [(2, "before-3"), (3, "before-4"), (5, "before-6"), (0, "before-9")] {
            drop(database(&folder.path().join(format!("pichat.db.{name}")), schema));
        }
        fs::write(folder.path().join("pichat.db.before-5"), "no database").unwrap();
        let fitting =
            |known| newest_fitting(folder.path(), known).map(|path| path.file_name().unwrap().to_owned());
        assert_eq!(fitting(4).unwrap(), "pichat.db.before-4");
        assert_eq!(fitting(2).unwrap(), "pichat.db.before-3");
        assert_eq!(fitting(1), None);
    }

    #[test]
    fn pruning_keeps_the_newest_and_all_other_files() {
        let folder = tempfile::tempdir().unwrap();
        for schema in 1..=7 {
            drop(database(&folder.path().join(format!("pichat.db.before-{}", schema + 1)), schema));
        }
        for other in ["pichat.db.before-99", "pichat.db.before-2.bak", "pichat.db.replaced-1"] {
            fs::write(folder.path().join(other), "of others").unwrap();
        }
        prune(folder.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort_unstable();
        let want = "before-2.bak before-4 before-5 before-6 before-7 before-8 before-99 replaced-1";
        assert_eq!(left, want.split(' ').map(|name| format!("pichat.db.{name}")).collect::<Vec<_>>());
    }
}

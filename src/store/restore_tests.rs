//! Restoring a snapshot: checked, exclusive, and without a deletion.

use super::*;
use crate::store::Store;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn fault(result: Result<Restored, StoreError>) -> DatabaseFault {
    match result {
        Err(StoreError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Name of the snapshot from before the migration to the newest schema.
fn snapshot_name() -> String {
    format!("pichat.db.before-{}", migrations::newest())
}

fn users(file: &Path) -> i64 {
    Connection::open(file).unwrap().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap()
}

/// Folder whose database was migrated and then got an account.
fn upgraded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = Connection::open(folder.path().join(FILE)).unwrap();
    migrations::apply_until(&mut conn, 3).unwrap();
    drop(conn);
    let store = Store::open(folder.path()).unwrap();
    store.with(|db| db.add_user(&"ana".parse().unwrap(), crate::types::Role::Uploader, "h", NOW)).unwrap();
    folder
}

#[test]
fn restored_snapshot_replaces_and_keeps_the_database() {
    let folder = upgraded();
    let done = restore_snapshot(folder.path(), None, NOW).unwrap();
    assert!(done.snapshot.ends_with(snapshot_name()));
    let aside = done.replaced.unwrap();
    assert!(aside.ends_with("pichat.db.replaced-20260101T000000Z"), "{}", aside.display());
    assert_eq!((users(&folder.path().join(FILE)), users(&aside)), (0, 1));
    assert!(done.snapshot.exists() && !folder.path().join(UNFINISHED).exists());
    let again = restore_snapshot(folder.path(), Some(&aside), NOW).unwrap();
    assert!(again.replaced.unwrap().ends_with("pichat.db.replaced-20260101T000000Z.2"));
    assert_eq!(users(&folder.path().join(FILE)), 1, "the way forth works as well");
}

#[test]
fn restore_keeps_content_of_the_log() {
    let folder = upgraded();
    let file = folder.path().join(FILE);
    let writer = Connection::open(&file).unwrap();
    writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    writer.execute("DELETE FROM users", []).unwrap();
    let (log, database) = (fs::read(with_ending(&file, "-wal")).unwrap(), fs::read(&file).unwrap());
    drop(writer);
    fs::write(&file, database).unwrap();
    fs::write(with_ending(&file, "-wal"), &log).unwrap();
    let aside = restore_snapshot(folder.path(), None, NOW).unwrap().replaced.unwrap();
    assert_eq!(users(&aside), 0);
    assert!(!with_ending(&file, "-wal").exists(), "no log is left for the new database");
}

#[test]
fn restore_refuses_while_the_database_is_open() {
    let folder = upgraded();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(fault(restore_snapshot(folder.path(), None, NOW)), DatabaseFault::InUse { .. }));
    drop(store);
    assert!(restore_snapshot(folder.path(), None, NOW).is_ok());
}

#[test]
fn unfit_snapshot_changes_nothing() {
    let folder = upgraded();
    let file = folder.path().join(FILE);
    let [text, newer, foreign, short] =
        ["text", "newer", "foreign", "short"].map(|name| folder.path().join(name));
    fs::write(&text, "no database").unwrap();
    for (path, sql) in
        [(&newer, "CREATE TABLE users (x); PRAGMA user_version = 99"), (&foreign, "CREATE TABLE t (x)")]
    {
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }
    let whole = fs::read(folder.path().join(snapshot_name())).unwrap();
    fs::write(&short, &whole[..whole.len() / 2]).unwrap();
    for bad in [&text, &newer, &foreign, &short, &folder.path().join("missing"), &folder.path().to_owned()] {
        let refused = fault(restore_snapshot(folder.path(), Some(bad), NOW));
        assert!(matches!(refused, DatabaseFault::BadSnapshot { .. }), "{refused}");
        assert_eq!(users(&file), 1);
        assert!(!folder.path().join(UNFINISHED).exists());
    }
}

#[test]
fn restore_without_snapshot_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for missing in [folder.path().to_owned(), folder.path().join("missing")] {
        assert!(matches!(fault(restore_snapshot(&missing, None, NOW)), DatabaseFault::NoSnapshot { .. }));
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn damaged_database_is_moved_aside_with_its_log() {
    let folder = upgraded();
    let file = folder.path().join(FILE);
    fs::write(&file, "ruins").unwrap();
    fs::write(with_ending(&file, "-wal"), "log").unwrap();
    let aside = restore_snapshot(folder.path(), None, NOW).unwrap().replaced.unwrap();
    assert_eq!(fs::read(&aside).unwrap(), b"ruins");
    assert!(Store::open(folder.path()).is_ok());
}

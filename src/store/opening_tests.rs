//! A database is created once, migrated after a snapshot, and unchanged if it cannot be used.

use super::*;
use crate::store::snapshots::schema_of;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn fault(result: Result<Store, StoreError>) -> DatabaseFault {
    match result {
        Err(StoreError::Fault(fault)) => fault,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Database of an earlier program, with one account.
fn old_database(folder: &Path, schema: usize) -> Vec<u8> {
    let mut conn = Connection::open(folder.join(FILE)).unwrap();
    migrations::apply_until(&mut conn, schema).unwrap();
    let insert = "INSERT INTO users (name, name_key, role, password, created_at) VALUES ('ana', 'ana', 'cliente', 'h', 1)";
    conn.execute(insert, []).unwrap();
    drop(conn);
    fs::read(folder.join(FILE)).unwrap()
}

#[test]
fn only_open_creates_a_database() {
    let folder = folder();
    assert!(matches!(fault(Store::open_existing(folder.path())), DatabaseFault::Absent { .. }));
    assert_eq!(names(folder.path()), [""; 0]);
    assert!(Store::open(folder.path()).unwrap().upgrade().is_none());
    assert!(database_exists(folder.path()));
    assert!(Store::open_existing(folder.path()).is_ok());
}

#[test]
fn migration_is_preceded_by_a_snapshot() {
    let folder = folder();
    old_database(folder.path(), 3);
    let store = Store::open(folder.path()).unwrap();
    let upgrade = store.upgrade().unwrap();
    assert_eq!((upgrade.from, upgrade.to), (3, migrations::newest()));
    assert_eq!(schema_of(&upgrade.snapshot).unwrap(), Some(3));
    let copy = Connection::open(&upgrade.snapshot).unwrap();
    assert_eq!(copy.query_row("SELECT name FROM users", [], |row| row.get::<_, String>(0)).unwrap(), "ana");
    assert_eq!(store.with(|db| db.users()).unwrap().len(), 1);
    drop(store);
    assert!(Store::open(folder.path()).unwrap().upgrade().is_none(), "once");
}

#[test]
fn failed_snapshot_prevents_migration() {
    let folder = folder();
    let before = old_database(folder.path(), 3);
    fs::create_dir_all(folder.path().join("pichat.db.before.new/x")).unwrap();
    let fault = fault(Store::open(folder.path()));
    assert!(matches!(fault, DatabaseFault::NotSnapshotted { .. }) && fault.is_temporary());
    assert!(fs::read(folder.path().join(FILE)).unwrap() == before);
}

#[test]
fn newer_database_is_untouched_and_snapshot_named() {
    let folder = folder();
    old_database(folder.path(), 3);
    drop(Store::open(folder.path()).unwrap());
    let conn = Connection::open(folder.path().join(FILE)).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let before = fs::read(folder.path().join(FILE)).unwrap();
    let DatabaseFault::Newer { found, known, snapshot, .. } = fault(Store::open(folder.path())) else {
        panic!("another fault")
    };
    assert_eq!((found, known), (99, migrations::newest()));
    assert!(snapshot.unwrap().ends_with(format!("pichat.db.before-{known}")));
    assert!(fs::read(folder.path().join(FILE)).unwrap() == before);
}

#[test]
fn damaged_database_is_untouched() {
    let folder = folder();
    let whole = old_database(folder.path(), 4);
    let page = 4096;
    assert!(whole.len() > 8 * page);
    let mut torn = whole.clone();
    torn[page..8 * page].fill(0xa5);
    for bad in [
        b"no database at all, but long enough to hold a header".repeat(100),
        whole[..3 * page].to_vec(),
        torn,
    ] {
        fs::write(folder.path().join(FILE), &bad).unwrap();
        let fault = fault(Store::open(folder.path()));
        assert!(matches!(fault, DatabaseFault::Damaged { .. }) && !fault.is_temporary(), "{fault}");
        assert!(fs::read(folder.path().join(FILE)).unwrap() == bad);
    }
}

#[test]
fn locked_database_is_busy() {
    let folder = folder();
    let store = Store::open(folder.path()).unwrap();
    let other = Connection::open(folder.path().join(FILE)).unwrap();
    let keep = || store.with(|db| db.keep_setting("a", "b"));
    let wait = || {
        store
            .with(|db| Ok(db.conn.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, i64>(0))?))
            .unwrap()
    };
    assert_eq!(wait(), 5000);
    store.with(|db| Ok(db.conn.busy_timeout(std::time::Duration::ZERO)?)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = keep().unwrap_err();
    assert!(refused.is_busy() && !refused.is_full());
    assert_eq!(wait(), 250, "those that queue behind it wait less");
    other.execute_batch("ROLLBACK").unwrap();
    keep().unwrap();
    assert_eq!(wait(), 5000, "as before once a write succeeds");
}

//! A missing database is never replaced, a migration never runs without a snapshot, and each has a way back.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::Client;
use common::data::{
    NEEDS_A_PERSON, TRY_AGAIN, assert_all_there, assert_refused, command, content_of, filled, id_of, refused,
    start, stop, text,
};
use common::server::user_command;
use rusqlite::Connection;

#[test]
fn moved_database_is_reported_and_not_recreated() {
    let (folder, ids) = filled();
    let (db, away) = (folder.path().join("pichat.db"), folder.path().join("aparte.db"));
    fs::rename(&db, &away).expect("moves");
    for args in [
        &["demo", "--listen", "127.0.0.1:0"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["user", "list"],
        &["user", "add", "eva", "--role", "cliente"],
        &["ca", "renew"],
        &["files", "orphans"],
        &["files", "accept"],
    ] {
        let before = content_of(folder.path());
        let output = command(args, folder.path(), &[]);
        assert_eq!(output.status.code(), NEEDS_A_PERSON, "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("pichat.db is missing"), "{args:?}: {}", text(&output.stderr));
        assert!(content_of(folder.path()) == before, "{args:?}");
    }
    let none = command(&["restore-snapshot"], folder.path(), &[]);
    assert_eq!(none.status.code(), Some(66), "{}", text(&none.stderr));
    assert!(!db.exists());
    // Only the files remain.
    for trace in ["secret.key", "pichat.db-wal"] {
        let _ = fs::remove_file(folder.path().join(trace));
    }
    assert_refused(folder.path(), &[], NEEDS_A_PERSON, &["cuarentena", "pichat.db is missing"]);
    fs::rename(&away, &db).expect("moves back");
    assert_all_there(folder.path(), &ids);
}

#[test]
fn mistyped_data_folder_is_not_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("mal-escrito");
    for args in [
        &["list"][..],
        &["passwd", "admin"],
        &["lock", "admin"],
        &["unlock", "admin"],
        &["role", "admin", "cliente"],
    ] {
        let (status, _, stderr) = user_command(args, &dir, "x");
        assert_eq!(status.code(), Some(66), "{args:?}: {stderr}");
        assert!(stderr.contains("mal-escrito") && stderr.contains("pichat.db"), "{stderr}");
        assert!(!dir.exists(), "{args:?}");
    }
    let renewed = command(&["ca", "renew"], &dir, &[]);
    assert_eq!((renewed.status.code(), dir.exists()), (Some(66), false));
}

#[test]
fn damaged_database_is_left_alone_and_the_backup_works() {
    let (folder, ids) = filled();
    let db = folder.path().join("pichat.db");
    let whole = fs::read(&db).expect("reads");
    fs::write(&db, &whole[..whole.len() / 2]).expect("writes");
    assert_refused(
        folder.path(),
        &[],
        NEEDS_A_PERSON,
        &["pichat.db", "damaged", "backup", "restore-snapshot"],
    );
    fs::write(&db, b"x".repeat(9000)).expect("writes");
    assert_refused(folder.path(), &[], NEEDS_A_PERSON, &["damaged"]);
    let (status, _, stderr) = user_command(&["list"], folder.path(), "");
    assert_eq!(status.code(), NEEDS_A_PERSON, "{stderr}");
    fs::write(&db, whole).expect("the backup");
    assert_all_there(folder.path(), &ids);
}

/// Turns the database into that of the earlier version.
fn make_old(dir: &Path) {
    let db = Connection::open(dir.join("pichat.db")).expect("opens");
    let script = "
        CREATE TABLE old (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, sha256 BLOB NOT NULL,
            media_type TEXT NOT NULL, state TEXT NOT NULL, reasons TEXT NOT NULL, uploaded_by TEXT NOT NULL,
            uploaded_at INTEGER NOT NULL) STRICT;
        INSERT INTO old SELECT id, name, size, sha256, media_type, state, reasons, uploaded_by, uploaded_at FROM files;
        DROP TABLE files; ALTER TABLE old RENAME TO files; CREATE INDEX files_newest ON files (uploaded_at DESC);
        DROP TABLE removals; DROP INDEX sessions_by_user;
        ALTER TABLE users DROP COLUMN generation; ALTER TABLE users DROP COLUMN resets;
        ALTER TABLE sessions DROP COLUMN id; ALTER TABLE sessions DROP COLUMN generation;
        ALTER TABLE claim DROP COLUMN opened_at;
        ALTER TABLE users DROP COLUMN signed_in_at; ALTER TABLE users DROP COLUMN signed_in_addr;
        ALTER TABLE users DROP COLUMN failures; ALTER TABLE users DROP COLUMN failures_at_sign_in;
        ALTER TABLE sessions DROP COLUMN remember; ALTER TABLE sessions DROP COLUMN addr;
        ALTER TABLE sessions DROP COLUMN agent; ALTER TABLE sessions DROP COLUMN previous_at;
        ALTER TABLE sessions DROP COLUMN previous_addr; ALTER TABLE sessions DROP COLUMN failures_before;
        DROP TABLE acknowledgements; DROP TABLE announcements;
        DELETE FROM settings WHERE key = 'store_id'; PRAGMA user_version = 3;";
    db.execute_batch(script).expect("works");
    let _ = fs::remove_file(dir.join("cuarentena/.pichat-store"));
}

#[test]
fn upgrade_keeps_a_snapshot_and_the_way_back_works() {
    let (folder, ids) = filled();
    make_old(folder.path());
    let server = start(folder.path());
    let line = server.wait_for_line("event=database.upgraded");
    assert!(line.contains("from=3 to=6") && line.contains("pichat.db.before-6"), "{line}");
    let held = command(&["restore-snapshot"], folder.path(), &[]);
    assert_eq!(held.status.code(), TRY_AGAIN, "{}", text(&held.stderr));
    stop(server);
    assert_all_there(folder.path(), &ids);

    // A later version has used the database.
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("works");
    drop(db);
    assert_refused(
        folder.path(),
        &[],
        NEEDS_A_PERSON,
        &["newer version", "restore-snapshot", "pichat.db.before-6"],
    );
    let back = command(&["restore-snapshot"], folder.path(), &[]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back.stderr));
    assert!(text(&back.stderr).contains("event=database.restored"));
    assert!(text(&back.stdout).contains("pichat.db.replaced-"), "{}", text(&back.stdout));
    let kept = content_of(folder.path())
        .keys()
        .filter(|path| path.to_string_lossy().contains("pichat.db.replaced-"))
        .count();
    assert_eq!(kept, 1, "the newer database is kept");
    assert_all_there(folder.path(), &ids);
}

#[test]
fn full_disk_stops_the_upgrade_and_not_the_data() {
    let (folder, ids) = filled();
    make_old(folder.path());
    let small = Command::new("bash")
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .env("LANG", "en")
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" demo --listen 127.0.0.1:0 --data-dir \"$1\""])
        .arg(env!("CARGO_BIN_EXE_pichat"))
        .arg(folder.path())
        .output()
        .expect("runs");
    let said = text(&small.stderr);
    assert_eq!(small.status.code(), TRY_AGAIN, "{said}");
    assert!(said.contains("was not upgraded") && said.contains("disk"), "{said}");
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    assert_eq!(db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).expect("reads"), 3);
    drop(db);
    assert_all_there(folder.path(), &ids);
}

#[test]
fn locked_database_is_busy_and_not_an_error() {
    let (folder, _) = filled();
    let server = start(folder.path());
    let (client, admin) = (Client::cliente(&server), Client::admin(&server));
    let id = id_of(&client.upload("x.txt", b"x"));
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    db.execute_batch("BEGIN IMMEDIATE").expect("locks");
    for answer in
        [Client::new(&server).sign_in("cliente", "cliente123"), admin.delete(&format!("/api/files/{id}"))]
    {
        assert_eq!((answer.status, answer.code().as_str()), (503, "busy"), "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
    }
    db.execute_batch("ROLLBACK").expect("unlocks");
    assert_eq!(admin.delete(&format!("/api/files/{id}")).status, 204);
    drop(db);

    stop(server);
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    db.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("locks");
    let (code, sentence) = refused(folder.path(), &[]);
    assert_eq!(code, TRY_AGAIN, "{sentence}");
    assert!(sentence.contains("busy"), "{sentence}");
}

//! Schema migrations. A released step is never changed; a new step is added below it.

use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::error::StoreError;

/// Migration of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Schema before.
    pub from: i64,
    /// Schema now.
    pub to: i64,
    /// Snapshot from before.
    pub snapshot: PathBuf,
}

const STEPS: &[M<'_>] = &[
    M::up(
        "CREATE TABLE users (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        name       TEXT NOT NULL,
        name_key   TEXT NOT NULL UNIQUE,
        role       TEXT NOT NULL,
        password   TEXT NOT NULL,
        locked     INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        digest     BLOB PRIMARY KEY,
        user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        created_at INTEGER NOT NULL,
        used_at    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE files (
        id          TEXT PRIMARY KEY,
        name        TEXT NOT NULL UNIQUE,
        size        INTEGER NOT NULL,
        sha256      BLOB NOT NULL,
        media_type  TEXT NOT NULL,
        state       TEXT NOT NULL,
        reasons     TEXT NOT NULL,
        uploaded_by TEXT NOT NULL,
        uploaded_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX files_newest ON files (uploaded_at DESC);
    CREATE TABLE settings (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;",
    ),
    // At most one row: the device can be claimed with this code. It is shown on the console, so it is kept as
    // text.
    M::up(
        "CREATE TABLE claim (
        id   INTEGER PRIMARY KEY CHECK (id = 1),
        code TEXT NOT NULL,
        kind TEXT NOT NULL
    ) STRICT;",
    ),
    // The password was given by an administrator and must be changed; after `must_change_by` it is not valid.
    M::up(
        "ALTER TABLE users ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN must_change_by INTEGER;",
    ),
    // Files get an order of arrival that no clock and no delete changes, and the account of their uploader.
    // Accounts get a generation, which every change of rights raises, and the number of administrators'
    // resets. Sessions get an id for the log. Claims get their age. `removals` lists files without a record
    // whose bytes are still to be unlinked.
    M::up(
        "CREATE TABLE arrivals (
        arrival     INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        name        TEXT NOT NULL UNIQUE,
        size        INTEGER NOT NULL,
        sha256      BLOB NOT NULL,
        media_type  TEXT NOT NULL,
        state       TEXT NOT NULL,
        reasons     TEXT NOT NULL,
        uploaded_by TEXT NOT NULL,
        user_id     INTEGER,
        uploaded_at INTEGER NOT NULL
    ) STRICT;
    INSERT INTO arrivals (id, name, size, sha256, media_type, state, reasons, uploaded_by, user_id, uploaded_at)
        SELECT id, name, size, sha256, media_type, state, reasons, uploaded_by,
               (SELECT users.id FROM users WHERE users.name = files.uploaded_by), uploaded_at
        FROM files ORDER BY uploaded_at, id;
    DROP TABLE files;
    ALTER TABLE arrivals RENAME TO files;
    CREATE INDEX files_by_state ON files (state, arrival);
    CREATE INDEX files_by_user ON files (user_id);
    CREATE TABLE removals (
        id           TEXT PRIMARY KEY,
        requested_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE users ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN resets INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN id INTEGER NOT NULL DEFAULT 0;
    UPDATE sessions SET id = random();
    ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX sessions_by_user ON sessions (user_id);
    ALTER TABLE claim ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;",
    ),
    // Sessions get the circumstances of their sign-in, and the sign-in before it. Accounts get their last
    // sign-in, the number of failed ones in all, and that number at the last sign-in.
    M::up(
        "ALTER TABLE users ADD COLUMN signed_in_at INTEGER;
    ALTER TABLE users ADD COLUMN signed_in_addr TEXT;
    ALTER TABLE users ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN failures_at_sign_in INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN remember INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN addr TEXT;
    ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
    ALTER TABLE sessions ADD COLUMN previous_at INTEGER;
    ALTER TABLE sessions ADD COLUMN previous_addr TEXT;
    ALTER TABLE sessions ADD COLUMN failures_before INTEGER NOT NULL DEFAULT 0;",
    ),
    // Open announcements, and the accounts that have acknowledged them. An announcement outlives the account of
    // its author, so it keeps the name.
    M::up(
        "CREATE TABLE announcements (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id     INTEGER REFERENCES users (id) ON DELETE SET NULL,
        made_by     TEXT NOT NULL,
        text        TEXT NOT NULL,
        made_at     INTEGER NOT NULL,
        acknowledge INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX announcements_by_user ON announcements (user_id);
    CREATE TABLE acknowledgements (
        announcement_id INTEGER NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
        user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        acknowledged_at INTEGER NOT NULL,
        PRIMARY KEY (announcement_id, user_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX acknowledgements_by_user ON acknowledgements (user_id);",
    ),
];

/// Returns the newest schema.
pub(super) const fn newest() -> i64 {
    STEPS.len() as i64
}

/// Migrates a database to the schema of an earlier program.
#[cfg(test)]
pub(super) fn apply_until(conn: &mut Connection, schema: usize) -> Result<(), StoreError> {
    Ok(Migrations::from_slice(&STEPS[..schema]).to_latest(conn)?)
}

/// Migrates the database to the newest schema.
pub(super) fn apply(conn: &mut Connection) -> Result<(), StoreError> {
    Ok(Migrations::from_slice(STEPS).to_latest(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid_sql() {
        Migrations::from_slice(STEPS).validate().expect("every step applies");
    }

    #[test]
    fn migrated_account_keeps_its_password() {
        let mut conn = Connection::open_in_memory().expect("opens");
        Migrations::from_slice(&STEPS[..2]).to_latest(&mut conn).expect("applies");
        let insert = "INSERT INTO users (name, name_key, role, password, created_at) VALUES ('ana', 'ana', 'cliente', 'h', 1)";
        conn.execute(insert, []).expect("inserts");
        apply(&mut conn).expect("applies");
        let given = conn.query_row("SELECT must_change, must_change_by FROM users", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        assert_eq!(given, Ok((false, None::<i64>)));
    }

    #[test]
    fn migration_keeps_order_and_owner_of_files() {
        let mut conn = Connection::open_in_memory().expect("opens");
        Migrations::from_slice(&STEPS[..3]).to_latest(&mut conn).expect("applies");
        conn.execute_batch(
            "INSERT INTO users (name, name_key, role, password, created_at) VALUES ('Ana', 'ana', 'cliente', 'h', 1);
             INSERT INTO files VALUES ('b', 'b.txt', 1, x'00', 't', 'clean', '', 'Ana', 20);
             INSERT INTO files VALUES ('a', 'a.txt', 1, x'00', 't', 'clean', '', 'gone', 30);
             INSERT INTO sessions VALUES (x'01', 1, 1, 1);",
        )
        .expect("inserts");
        apply(&mut conn).expect("applies");
        let mut query = conn.prepare("SELECT id, user_id FROM files ORDER BY arrival").expect("prepares");
        let rows: Vec<(String, Option<i64>)> = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("queries")
            .map(|row| row.expect("reads"))
            .collect();
        assert_eq!(rows, [("b".to_owned(), Some(1)), ("a".to_owned(), None)]);
        let session: i64 = conn.query_row("SELECT id FROM sessions", [], |row| row.get(0)).expect("reads");
        assert_ne!(session, 0);
    }

    #[test]
    fn migrated_session_is_not_remembered() {
        let mut conn = Connection::open_in_memory().expect("opens");
        apply_until(&mut conn, 4).expect("applies");
        conn.execute_batch(
            "INSERT INTO users (name, name_key, role, password, created_at) VALUES ('Ana', 'ana', 'cliente', 'h', 1);
             INSERT INTO sessions (digest, user_id, created_at, used_at, id) VALUES (x'01', 1, 1, 1, 7);",
        )
        .expect("inserts");
        apply(&mut conn).expect("applies");
        let session = conn.query_row("SELECT remember, addr, agent, previous_at FROM sessions", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        assert_eq!(session, Ok((false, None::<String>, String::new(), None::<i64>)));
    }
}

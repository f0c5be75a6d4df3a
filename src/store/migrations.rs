//! The schema, step by step. A step that was released is never changed; a new one is added below it.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::StoreError;

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
    // At most one row: the device can be claimed, by whoever has this code. Shown on its console, so kept as text.
    M::up(
        "CREATE TABLE claim (
        id   INTEGER PRIMARY KEY CHECK (id = 1),
        code TEXT NOT NULL,
        kind TEXT NOT NULL
    ) STRICT;",
    ),
    // The password was given by an administrator and must be changed; after `must_change_by` it lets nobody in any more.
    M::up(
        "ALTER TABLE users ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE users ADD COLUMN must_change_by INTEGER;",
    ),
];

/// Brings the database to the newest step.
pub(super) fn apply(conn: &mut Connection) -> Result<(), StoreError> {
    Ok(Migrations::from_slice(STEPS).to_latest(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_valid_sql() {
        Migrations::from_slice(STEPS).validate().expect("every step applies");
    }

    #[test]
    fn an_account_of_before_need_not_change_its_password() {
        let mut conn = Connection::open_in_memory().expect("opens");
        Migrations::from_slice(&STEPS[..2]).to_latest(&mut conn).expect("applies");
        let insert = "INSERT INTO users (name, name_key, role, password, created_at) VALUES ('ana', 'ana', 'cliente', 'h', 1)";
        conn.execute(insert, []).expect("inserts");
        apply(&mut conn).expect("applies");
        let given = conn.query_row("SELECT must_change, must_change_by FROM users", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(given, Ok((false, None::<i64>)));
    }
}

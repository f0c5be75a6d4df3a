//! Rows of sessions, with the digest of the token, never the token.

use rusqlite::{Connection, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use crate::clock::Timestamp;
use crate::types::UserId;
use crate::types::crypto::Sha256;

/// Session record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Random number that identifies the session in the log; not part of the token.
    pub id: i64,
    /// SHA-256 of the token.
    pub digest: Sha256,
    /// Account of the session.
    pub user: UserId,
    /// Start time.
    pub created_at: Timestamp,
    /// Time of the last recorded use.
    pub used_at: Timestamp,
    /// Generation of the account at the start; the session is over once the account has another.
    pub generation: i64,
}

/// Start and last use of a session, for [`Db::touch_sessions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// SHA-256 of the token.
    pub digest: Sha256,
    /// Start by the current wall clock.
    pub created_at: Timestamp,
    /// Last use by the current wall clock.
    pub used_at: Timestamp,
}

/// Returns true if the account is unlocked and had no change of password, role or lock since `generation` was
/// read.
pub(super) fn is_current(conn: &Connection, user: UserId, generation: i64) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND generation = ?2 AND locked = 0)";
    Ok(conn.prepare_cached(text)?.query_row(params![user.0, generation], |row| row.get(0))?)
}

pub(super) fn insert_session(conn: &Connection, session: &SessionRow) -> Result<(), StoreError> {
    let SessionRow { id, digest, user, created_at, used_at, generation } = session;
    conn.execute(
        "INSERT INTO sessions (digest, user_id, created_at, used_at, id, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![digest.0, user.0, created_at.0, used_at.0, id, generation],
    )?;
    Ok(())
}

impl Db {
    /// Returns true if the account is unlocked and of that generation.
    pub fn is_current(&self, user: UserId, generation: i64) -> Result<bool, StoreError> {
        is_current(&self.conn, user, generation)
    }

    /// Returns all sessions.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT digest, user_id, created_at, used_at, id, generation FROM sessions")?;
        let rows = query.query_map([], |row| {
            Ok(SessionRow {
                digest: Sha256(row.get(0)?),
                user: UserId(row.get(1)?),
                created_at: Timestamp(row.get(2)?),
                used_at: Timestamp(row.get(3)?),
                id: row.get(4)?,
                generation: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a session and removes those it displaces, if the account is unlocked and still of the session's
    /// generation. Otherwise returns false and adds nothing. A power cut may undo it; the person then signs
    /// in again.
    pub fn add_session(&mut self, session: SessionRow, displaced: &[Sha256]) -> Result<bool, StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            if !is_current(tx, session.user, session.generation)? {
                return Ok(false);
            }
            for digest in displaced {
                tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest.0])?;
            }
            insert_session(tx, &session)?;
            Ok(true)
        })
    }

    /// Removes sessions, synced: a power cut must not bring back a session that was ended.
    pub fn remove_sessions(&mut self, digests: &[Sha256]) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            for digest in digests {
                tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest.0])?;
            }
            Ok(())
        })
    }

    /// Updates start and last use of sessions, by the current wall clock.
    pub fn touch_sessions(&mut self, used: &[SessionTimes]) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            for SessionTimes { digest, created_at, used_at } in used {
                tx.execute(
                    "UPDATE sessions SET created_at = ?2, used_at = ?3 WHERE digest = ?1",
                    params![digest.0, created_at.0, used_at.0],
                )?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::types::Role;

    const NOW: Timestamp = Timestamp(1);

    type Change = fn(&mut Db, UserId) -> Result<(), StoreError>;

    /// Changes of an account that invalidate every older proof of identity.
    const CHANGES: [(&str, Change); 6] = [
        ("lock", |db, user| db.set_locked(user, true)),
        ("unlock", |db, user| db.set_locked(user, false)),
        ("role", |db, user| db.set_role(user, Role::Member)),
        ("same role", |db, user| db.set_role(user, Role::Administrator)),
        ("reset", |db, user| db.set_password(user, "new", None)),
        ("one-time password", |db, user| db.set_password(user, "new", Some(Timestamp(9)))),
    ];

    fn row(user: UserId, generation: i64) -> SessionRow {
        SessionRow { id: 7, digest: Sha256([1; 32]), user, created_at: NOW, used_at: NOW, generation }
    }

    #[test]
    fn session_of_an_older_generation_is_not_added() {
        for (name, change) in CHANGES {
            let store = Store::in_memory().unwrap();
            store
                .with(|db| {
                    let ana = db.add_user(&"ana".parse().unwrap(), Role::Administrator, "phc", NOW)?.unwrap();
                    let before = db.user_by_id(ana)?.unwrap().generation;
                    assert!(db.add_session(row(ana, before), &[])?, "{name}");
                    change(db, ana)?;
                    assert!(db.sessions()?.is_empty(), "{name}: what there was ended with it");
                    assert!(!db.add_session(row(ana, before), &[])?, "{name}");
                    assert!(!db.is_current(ana, before)?, "{name}");
                    assert!(db.sessions()?.is_empty(), "{name}");
                    Ok(())
                })
                .unwrap();
        }
    }

    #[test]
    fn rehash_keeps_a_session_under_way_valid() {
        let store = Store::in_memory().unwrap();
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Uploader, "phc", NOW)?.unwrap();
                db.rehash(ana, "phc", "dearer")?;
                assert!(db.add_session(row(ana, 0), &[])?);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn session_of_a_missing_account_is_not_added() {
        let added = Store::in_memory().unwrap().with(|db| db.add_session(row(UserId(4), 0), &[])).unwrap();
        assert!(!added);
    }
}

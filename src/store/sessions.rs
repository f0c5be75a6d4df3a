//! Rows of sessions: the digest of a token, never the token.

use rusqlite::{Connection, params};

use super::{Db, Durability, StoreError};
use crate::clock::Timestamp;
use crate::types::UserId;
use crate::types::crypto::Sha256;

/// A session as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Random number that names the session in the log; no part of the token.
    pub id: i64,
    /// SHA-256 of the token.
    pub digest: Sha256,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, as of the last time this was written.
    pub used_at: Timestamp,
    /// Generation of the account when the session began; it is over once the account has another.
    pub generation: i64,
}

/// When a session began and was last used, for [`Db::touch_sessions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimes {
    /// SHA-256 of the token.
    pub digest: Sha256,
    /// Beginning by the wall clock of now.
    pub created_at: Timestamp,
    /// Last use by the wall clock of now.
    pub used_at: Timestamp,
}

/// Returns true while the account is unlocked and has had no change of password, role or lock since `generation` was read.
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
    /// Returns true while the account is unlocked and of that generation.
    pub fn is_current(&self, user: UserId, generation: i64) -> Result<bool, StoreError> {
        is_current(&self.conn, user, generation)
    }

    /// All sessions.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT digest, user_id, created_at, used_at, id, generation FROM sessions")?;
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

    /// Adds a session and takes away those it displaces, if the account still is of the session's generation and unlocked.
    /// Returns false, and adds nothing, when it is not. A power cut may undo it: then one signs in again.
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

    /// Takes sessions away for good: a power cut must not bring one back that somebody ended.
    pub fn remove_sessions(&mut self, digests: &[Sha256]) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            for digest in digests {
                tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest.0])?;
            }
            Ok(())
        })
    }

    /// Writes when sessions began and were last used, by the wall clock of now.
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

    /// Every change of an account after which an older proof of identity counts for nothing.
    const CHANGES: [(&str, Change); 6] = [
        ("lock", |db, user| db.set_locked(user, true)),
        ("unlock", |db, user| db.set_locked(user, false)),
        ("role", |db, user| db.set_role(user, Role::Usuario)),
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
    fn rehash_leaves_a_session_under_way_good() {
        let store = Store::in_memory().unwrap();
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Cliente, "phc", NOW)?.unwrap();
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

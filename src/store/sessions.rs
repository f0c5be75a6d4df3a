//! Rows of sessions: the digest of a token, never the token.

use rusqlite::params;

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

impl Db {
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

    /// Adds a session and takes away those it displaces. A power cut may undo it: then one signs in again.
    pub fn add_session(&mut self, session: SessionRow, displaced: &[Sha256]) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            for digest in displaced {
                tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest.0])?;
            }
            tx.execute(
                "INSERT INTO sessions (digest, user_id, created_at, used_at, id, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    session.digest.0,
                    session.user.0,
                    session.created_at.0,
                    session.used_at.0,
                    session.id,
                    session.generation
                ],
            )?;
            Ok(())
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

    /// Writes when sessions were last used.
    pub fn touch_sessions(&mut self, used: &[(Sha256, Timestamp)]) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            for (digest, at) in used {
                tx.execute("UPDATE sessions SET used_at = ?2 WHERE digest = ?1", params![digest.0, at.0])?;
            }
            Ok(())
        })
    }
}

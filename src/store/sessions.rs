//! Rows of sessions, with the digest of the token, never the token.

use std::collections::HashMap;
use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use crate::clock::Timestamp;
use crate::types::crypto::Sha256;
use crate::types::{UserAgent, UserId};

/// Sign-in to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInRecord {
    /// Time of the sign-in.
    pub at: Timestamp,
    /// Address of the client, if it was recorded.
    pub addr: Option<IpAddr>,
}

/// Circumstances of the sign-in that began a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// Address of the client; unknown for sessions of earlier versions.
    pub addr: Option<IpAddr>,
    /// Browser of the client.
    pub agent: UserAgent,
    /// The person asked to stay signed in on this device.
    pub remember: bool,
    /// Sign-in to the account before this one.
    pub previous: Option<SignInRecord>,
    /// Failed sign-ins to the account in all, counted at that previous sign-in.
    pub failures_before: u64,
}

/// Last sign-in to an account, and its failed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInHistory {
    /// Last sign-in.
    pub last: Option<SignInRecord>,
    /// Failed sign-ins in all.
    pub failures: u64,
    /// Failed sign-ins in all, counted at the last sign-in.
    pub failures_at_last: u64,
}

/// Session record.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Circumstances of its sign-in.
    pub origin: SessionOrigin,
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
    let SessionRow { id, digest, user, created_at, used_at, generation, origin } = session;
    let previous = origin.previous;
    conn.execute(
        "INSERT INTO sessions (digest, user_id, created_at, used_at, id, generation, remember, addr, agent,
                               previous_at, previous_addr, failures_before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            digest.0,
            user.0,
            created_at.0,
            used_at.0,
            id,
            generation,
            origin.remember,
            origin.addr.map(|addr| addr.to_string()),
            origin.agent.as_str(),
            previous.map(|previous| previous.at.0),
            previous.and_then(|previous| previous.addr).map(|addr| addr.to_string()),
            origin.failures_before,
        ],
    )?;
    Ok(())
}

/// Reads an address. A text that is none counts as unknown.
fn address(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<IpAddr>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|text| text.parse().ok()))
}

/// Reads a sign-in from two columns, its time and its address.
fn sign_in_record(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SignInRecord>> {
    let addr = address(row, column + 1)?;
    Ok(row.get::<_, Option<i64>>(column)?.map(|at| SignInRecord { at: Timestamp(at), addr }))
}

impl Db {
    /// Returns true if the account is unlocked and of that generation.
    pub fn is_current(&self, user: UserId, generation: i64) -> Result<bool, StoreError> {
        is_current(&self.conn, user, generation)
    }

    /// Returns all sessions.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let mut query = self.conn.prepare_cached(
            "SELECT digest, user_id, created_at, used_at, id, generation, remember, addr, agent,
                    previous_at, previous_addr, failures_before FROM sessions",
        )?;
        let rows = query.query_map([], |row| {
            Ok(SessionRow {
                digest: Sha256(row.get(0)?),
                user: UserId(row.get(1)?),
                created_at: Timestamp(row.get(2)?),
                used_at: Timestamp(row.get(3)?),
                id: row.get(4)?,
                generation: row.get(5)?,
                origin: SessionOrigin {
                    remember: row.get(6)?,
                    addr: address(row, 7)?,
                    agent: UserAgent::clean(row.get::<_, String>(8)?.as_bytes()),
                    previous: sign_in_record(row, 9)?,
                    failures_before: row.get(11)?,
                },
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a session and removes those it displaces, if the account is unlocked and still of the session's
    /// generation. Otherwise returns false and adds nothing. A power cut may undo it; the person then signs
    /// in again.
    pub fn add_session(&mut self, session: &SessionRow, displaced: &[Sha256]) -> Result<bool, StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            if !is_current(tx, session.user, session.generation)? {
                return Ok(false);
            }
            for digest in displaced {
                tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest.0])?;
            }
            insert_session(tx, session)?;
            Ok(true)
        })
    }

    /// Returns the last sign-in to an account; none for a missing account.
    pub fn sign_in_history(&self, user: UserId) -> Result<SignInHistory, StoreError> {
        let mut query = self.conn.prepare_cached(
            "SELECT signed_in_at, signed_in_addr, failures, failures_at_sign_in FROM users WHERE id = ?1",
        )?;
        let history = query.query_row([user.0], |row| {
            Ok(SignInHistory {
                last: sign_in_record(row, 0)?,
                failures: row.get(2)?,
                failures_at_last: row.get(3)?,
            })
        });
        let none = SignInHistory { last: None, failures: 0, failures_at_last: 0 };
        Ok(history.optional()?.unwrap_or(none))
    }

    /// Records a sign-in to an account. `failures` are the failed ones in all that came before it.
    pub fn record_sign_in(
        &mut self,
        user: UserId,
        sign_in: SignInRecord,
        failures: u64,
    ) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            tx.execute(
                "UPDATE users SET signed_in_at = ?2, signed_in_addr = ?3, failures_at_sign_in = ?4 WHERE id = ?1",
                params![user.0, sign_in.at.0, sign_in.addr.map(|addr| addr.to_string()), failures],
            )?;
            Ok(())
        })
    }

    /// Adds failed sign-ins to the counts of accounts.
    pub fn add_failed_sign_ins(&mut self, failed: &HashMap<UserId, u64>) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            for (user, count) in failed {
                tx.execute(
                    "UPDATE users SET failures = failures + ?2 WHERE id = ?1",
                    params![user.0, count],
                )?;
            }
            Ok(())
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
        SessionRow {
            id: 7,
            digest: Sha256([1; 32]),
            user,
            created_at: NOW,
            used_at: NOW,
            generation,
            origin: SessionOrigin::default(),
        }
    }

    #[test]
    fn session_of_an_older_generation_is_not_added() {
        for (name, change) in CHANGES {
            let store = Store::in_memory().unwrap();
            store
                .with(|db| {
                    let ana = db.add_user(&"ana".parse().unwrap(), Role::Administrator, "phc", NOW)?.unwrap();
                    let before = db.user_by_id(ana)?.unwrap().generation;
                    assert!(db.add_session(&row(ana, before), &[])?, "{name}");
                    change(db, ana)?;
                    assert!(db.sessions()?.is_empty(), "{name}: what there was ended with it");
                    assert!(!db.add_session(&row(ana, before), &[])?, "{name}");
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
                assert!(db.add_session(&row(ana, 0), &[])?);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn origin_of_a_session_is_kept() {
        let addr = Some("fd00::7".parse().unwrap());
        let origin = SessionOrigin {
            addr,
            agent: UserAgent::clean(b"Firefox/1"),
            remember: true,
            previous: Some(SignInRecord { at: Timestamp(5), addr }),
            failures_before: 3,
        };
        let store = Store::in_memory().unwrap();
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Uploader, "phc", NOW)?.unwrap();
                let row = SessionRow { origin, ..row(ana, 0) };
                assert!(db.add_session(&row, &[])?);
                assert_eq!(db.sessions()?, [row]);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn history_counts_failures_and_keeps_the_last_sign_in() {
        let store = Store::in_memory().unwrap();
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Uploader, "phc", NOW)?.unwrap();
                db.add_failed_sign_ins(&HashMap::from([(ana, 2), (UserId(99), 1)]))?;
                let last = SignInRecord { at: Timestamp(9), addr: Some("192.168.1.9".parse().unwrap()) };
                db.record_sign_in(ana, last, 2)?;
                db.add_failed_sign_ins(&HashMap::from([(ana, 3)]))?;
                let history = SignInHistory { last: Some(last), failures: 5, failures_at_last: 2 };
                assert_eq!(db.sign_in_history(ana)?, history);
                assert_eq!(db.sign_in_history(UserId(99))?.last, None);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn session_of_a_missing_account_is_not_added() {
        let added = Store::in_memory().unwrap().with(|db| db.add_session(&row(UserId(4), 0), &[])).unwrap();
        assert!(!added);
    }
}

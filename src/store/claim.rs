//! Row of the open claim.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use super::users::UserRow;
use crate::clock::Timestamp;
use crate::types::{ClaimCode, ClaimKind, Role, UserName};

/// Open claim of the device.
#[derive(Clone, Debug)]
pub struct ClaimRow {
    /// Code that redeems it.
    pub code: ClaimCode,
    /// Reason of the claim.
    pub kind: ClaimKind,
    /// Time of opening.
    pub opened_at: Timestamp,
}

/// Lifetime of a claim that the holder of the card requested. A first claim ends only with the first account.
pub const RECLAIM_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

impl ClaimRow {
    /// Returns the remaining lifetime by the wall clock, for a program that has just started; zero if it has
    /// expired. A claim that was opened in the future counts as expired: the clock went back by an unknown
    /// time.
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        match self.kind {
            ClaimKind::First => None,
            ClaimKind::Again => {
                let age = now.0.checked_sub(self.opened_at.0).and_then(|age| u64::try_from(age).ok());
                Some(
                    age.map_or(Duration::ZERO, |age| RECLAIM_LIFE.saturating_sub(Duration::from_millis(age))),
                )
            }
        }
    }
}

/// Outcome of redeeming a claim.
#[derive(Debug)]
pub enum Redeemed {
    /// Administrator that was created or got a new password.
    Administrator(UserRow),
    /// The code is wrong.
    WrongCode,
    /// No claim is open.
    Closed,
}

impl Db {
    /// Returns the open claim. A first claim ends with the first account.
    pub fn claim(&self) -> Result<Option<ClaimRow>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT code, kind, opened_at FROM claim")?;
        let row: Option<(String, String, i64)> =
            query.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((code, kind, opened_at)) = row else { return Ok(None) };
        let (Ok(code), Some(kind)) = (code.parse(), ClaimKind::from_word(&kind)) else {
            return Err(StoreError::Unknown(format!("claim of kind {kind:?}")));
        };
        let over = kind == ClaimKind::First && self.has_users()?;
        Ok((!over).then_some(ClaimRow { code, kind, opened_at: Timestamp(opened_at) }))
    }

    /// Opens a claim with the code `fresh`. An open first claim keeps its code, so that a written-down code
    /// stays valid; a requested claim always gets a new code. Returns true if the code is new.
    pub fn open_claim(
        &mut self,
        fresh: &ClaimCode,
        kind: ClaimKind,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            let opened = tx.execute(
                "INSERT INTO claim (id, code, kind, opened_at) VALUES (1, ?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET code = ?1, kind = ?2, opened_at = ?3 WHERE ?2 <> ?4 OR kind <> ?4",
                params![fresh.to_string(), kind.as_str(), now.0, ClaimKind::First.as_str()],
            )?;
            Ok(opened == 1)
        })
    }

    /// Deletes the claim. Returns its kind if one was open.
    pub fn close_claim(&mut self) -> Result<Option<ClaimKind>, StoreError> {
        let open = self.claim()?.map(|row| row.kind);
        let closed = self.transaction(Durability::Synced, |tx| Ok(tx.execute("DELETE FROM claim", [])?))?;
        Ok(open.filter(|_| closed == 1))
    }

    /// Redeems the claim: `name` becomes an administrator with this password, also if the account existed. A
    /// claim that the holder of the card requested also ends every session and raises every account's
    /// generation, so that no pending sign-in survives it. One transaction: a code is never used twice, and
    /// never lost without an administrator.
    pub fn redeem_claim(
        &mut self,
        code: &ClaimCode,
        name: &UserName,
        password: &str,
        now: Timestamp,
    ) -> Result<Redeemed, StoreError> {
        match self.claim()? {
            None => return Ok(Redeemed::Closed),
            Some(row) if !row.code.matches(code) => return Ok(Redeemed::WrongCode),
            Some(_) => {}
        }
        // Another process may have written since: the transaction checks everything again.
        let redeemed = self.transaction(Durability::Synced, |tx| {
            let taken = tx.execute(
                "DELETE FROM claim WHERE code = ?1 AND (kind = 'again' OR NOT EXISTS (SELECT 1 FROM users))",
                [code.to_string()],
            )?;
            if taken == 0 {
                return Ok(false);
            }
            tx.execute("DELETE FROM sessions", [])?;
            tx.execute("UPDATE users SET generation = generation + 1", [])?;
            tx.execute(
                "INSERT INTO users (name, name_key, role, password, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name_key) DO UPDATE
                 SET role = ?3, password = ?4, locked = 0, must_change = 0, must_change_by = NULL, resets = resets + 1",
                params![name.as_str(), name.key(), Role::Administrator.as_str(), password, now.0],
            )?;
            Ok(true)
        })?;
        let user = if redeemed { self.user_by_name(name)? } else { None };
        Ok(user.map_or(Redeemed::Closed, Redeemed::Administrator))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::store::{SessionOrigin, SessionRow, Store};
    use crate::types::crypto::Sha256;

    const NOW: Timestamp = Timestamp(1);

    fn redeem(db: &mut Db, code: &ClaimCode, name: &str) -> Result<Redeemed, StoreError> {
        db.redeem_claim(code, &name.parse().unwrap(), "phc", NOW)
    }

    #[test]
    fn claim_code_works_once() {
        let (store, code, other) = (Store::in_memory().unwrap(), ClaimCode::random(), ClaimCode::random());
        store
            .with(|db| {
                assert!(matches!(redeem(db, &code, "ana")?, Redeemed::Closed), "nothing is open");
                assert!(db.open_claim(&code, ClaimKind::First, NOW)?);
                assert!(!db.open_claim(&other, ClaimKind::First, NOW)?);
                assert!(db.claim()?.unwrap().code.matches(&code), "the code that is shown stays");
                assert!(matches!(redeem(db, &other, "ana")?, Redeemed::WrongCode));
                assert!(!db.has_users()?);
                let Redeemed::Administrator(user) = redeem(db, &code, "ana")? else {
                    panic!("the right code")
                };
                assert_eq!((user.name.as_str(), user.role, user.locked), ("ana", Role::Administrator, false));
                assert!(matches!(redeem(db, &code, "beto")?, Redeemed::Closed));
                assert_eq!(db.users()?.len(), 1);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn first_account_ends_the_first_claim() {
        let (store, code) = (Store::in_memory().unwrap(), ClaimCode::random());
        store
            .with(|db| {
                db.open_claim(&code, ClaimKind::First, NOW)?;
                db.add_user(&"ana".parse().unwrap(), Role::Member, "phc", NOW)?;
                assert!(db.claim()?.is_none());
                let rows: i64 = db.conn.query_row("SELECT count(*) FROM claim", [], |row| row.get(0))?;
                assert_eq!(rows, 0, "the code is retired with the transaction that made the account");
                assert!(matches!(redeem(db, &code, "beto")?, Redeemed::Closed));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn reclaim_always_gets_a_new_code() {
        let store = Store::in_memory().unwrap();
        let [first, again, third] = [(); 3].map(|()| ClaimCode::random());
        store
            .with(|db| {
                db.open_claim(&first, ClaimKind::First, NOW)?;
                assert!(db.open_claim(&again, ClaimKind::Again, Timestamp(5))?);
                assert!(
                    db.open_claim(&third, ClaimKind::Again, Timestamp(6))?,
                    "asked for twice: a new one each time"
                );
                let open = db.claim()?.unwrap();
                assert!(
                    open.code.matches(&third)
                        && open.kind == ClaimKind::Again
                        && open.opened_at == Timestamp(6)
                );
                assert_eq!(db.close_claim()?, Some(ClaimKind::Again));
                assert_eq!(db.close_claim()?, None);
                assert!(
                    matches!(redeem(db, &third, "ana")?, Redeemed::Closed),
                    "closed while a password was hashed"
                );
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn reclaim_expires_after_a_day_or_a_clock_step_back() {
        let day = i64::try_from(RECLAIM_LIFE.as_millis()).unwrap();
        let row = |kind| ClaimRow { code: ClaimCode::random(), kind, opened_at: Timestamp(1000) };
        let left = |now| row(ClaimKind::Again).left(Timestamp(now));
        assert_eq!(left(1000), Some(RECLAIM_LIFE));
        assert_eq!(left(1000 + day - 1), Some(Duration::from_millis(1)));
        for over in [1000 + day, i64::MAX, 999, i64::MIN] {
            assert_eq!(left(over), Some(Duration::ZERO), "{over}");
        }
        assert_eq!(
            row(ClaimKind::First).left(Timestamp(i64::MAX)),
            None,
            "the first waits as long as it takes"
        );
    }

    #[test]
    fn reclaim_restores_an_existing_account() {
        let (store, code) = (Store::in_memory().unwrap(), ClaimCode::random());
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Member, "old", NOW)?.unwrap();
                let beto = db.add_user(&"beto".parse().unwrap(), Role::Uploader, "old", NOW)?.unwrap();
                db.set_locked(ana, true)?;
                for (i, user) in [(1, ana), (2, beto)] {
                    db.add_session(
                        &SessionRow {
                            id: 1,
                            digest: Sha256([i; 32]),
                            user,
                            created_at: NOW,
                            used_at: NOW,
                            generation: 0,
                            origin: SessionOrigin::default(),
                        },
                        &[],
                    )?;
                }
                db.open_claim(&code, ClaimKind::Again, NOW)?;
                let Redeemed::Administrator(user) = redeem(db, &code, "ANA")? else {
                    panic!("the right code")
                };
                assert_eq!((user.id, user.role, user.locked), (ana, Role::Administrator, false));
                assert_eq!(user.password, "phc");
                assert!(db.sessions()?.is_empty(), "every session ended");
                assert!(!db.is_current(beto, 0)?, "earlier checks are void after the claim");
                assert!(matches!(redeem(db, &code, "eva")?, Redeemed::Closed), "used up");
                Ok(())
            })
            .unwrap();
    }
}

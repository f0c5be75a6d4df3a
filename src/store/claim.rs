//! The row that says that the device can be claimed.

use rusqlite::{OptionalExtension as _, params};

use super::{Db, Durability, StoreError, UserRow};
use crate::clock::Timestamp;
use crate::types::{ClaimCode, ClaimKind, Role, UserName};

/// The device can be claimed.
#[derive(Clone, Debug)]
pub struct ClaimRow {
    /// By whoever has this.
    pub code: ClaimCode,
    /// Why.
    pub kind: ClaimKind,
}

/// What a claim came to.
#[derive(Debug)]
pub enum Redeemed {
    /// The administrator it made, or gave a new password.
    Administrator(UserRow),
    /// The code is another one.
    WrongCode,
    /// There is nothing to claim.
    Closed,
}

impl Db {
    /// The open claim. One for a first administrator is over as soon as anybody has an account.
    pub fn claim(&self) -> Result<Option<ClaimRow>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT code, kind FROM claim")?;
        let row: Option<(String, String)> = query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((code, kind)) = row else { return Ok(None) };
        let (Ok(code), Some(kind)) = (code.parse(), ClaimKind::of_word(&kind)) else {
            return Err(StoreError::Unknown(format!("claim of kind {kind:?}")));
        };
        let over = kind == ClaimKind::First && self.has_users()?;
        Ok((!over).then_some(ClaimRow { code, kind }))
    }

    /// Opens a claim. A code that is shown already stays, so that what somebody wrote down holds.
    pub fn open_claim(&mut self, fresh: &ClaimCode, kind: ClaimKind) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            tx.execute(
                "INSERT INTO claim (id, code, kind) VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE SET kind = ?2",
                params![fresh.to_string(), kind.as_str()],
            )?;
            Ok(())
        })
    }

    /// Takes the claim away.
    pub fn close_claim(&mut self) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            tx.execute("DELETE FROM claim", [])?;
            Ok(())
        })
    }

    /// Uses the claim up: `name` is an administrator with this password from now on, whoever had the name before; sessions of
    /// that name end. One transaction: a code is never used twice, and never lost without an administrator made.
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
        // Another process may have written since: the transaction looks again, at all that matters.
        let redeemed = self.transaction(Durability::Synced, |tx| {
            let taken = tx.execute(
                "DELETE FROM claim WHERE code = ?1 AND (kind = 'again' OR NOT EXISTS (SELECT 1 FROM users))",
                [code.to_string()],
            )?;
            if taken == 0 {
                return Ok(false);
            }
            tx.execute(
                "INSERT INTO users (name, name_key, role, password, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name_key) DO UPDATE
                 SET role = ?3, password = ?4, locked = 0, must_change = 0, must_change_by = NULL,
                     generation = generation + 1, resets = resets + 1",
                params![name.as_str(), name.key(), Role::Administrator.as_str(), password, now.0],
            )?;
            tx.execute("DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE name_key = ?1)", [name.key()])?;
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
    use crate::store::{SessionRow, Store};
    use crate::types::crypto::Sha256;

    const NOW: Timestamp = Timestamp(1);

    fn redeem(db: &mut Db, code: &ClaimCode, name: &str) -> Result<Redeemed, StoreError> {
        db.redeem_claim(code, &name.parse().unwrap(), "phc", NOW)
    }

    #[test]
    fn a_code_makes_one_administrator_once() {
        let (store, code, other) = (Store::in_memory().unwrap(), ClaimCode::random(), ClaimCode::random());
        store
            .with(|db| {
                assert!(matches!(redeem(db, &code, "ana")?, Redeemed::Closed), "nothing is open");
                db.open_claim(&code, ClaimKind::First)?;
                db.open_claim(&other, ClaimKind::First)?;
                assert!(db.claim()?.unwrap().code.matches(&code), "the code that is shown stays");
                assert!(matches!(redeem(db, &other, "ana")?, Redeemed::WrongCode));
                assert!(!db.has_users()?);
                let Redeemed::Administrator(user) = redeem(db, &code, "ana")? else { panic!("the right code") };
                assert_eq!((user.name.as_str(), user.role, user.locked), ("ana", Role::Administrator, false));
                assert!(matches!(redeem(db, &code, "beto")?, Redeemed::Closed));
                assert_eq!(db.users()?.len(), 1);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_first_claim_is_over_once_somebody_has_an_account() {
        let (store, code) = (Store::in_memory().unwrap(), ClaimCode::random());
        store
            .with(|db| {
                db.open_claim(&code, ClaimKind::First)?;
                db.add_user(&"ana".parse().unwrap(), Role::Usuario, "phc", NOW)?;
                assert!(db.claim()?.is_none());
                assert!(matches!(redeem(db, &code, "beto")?, Redeemed::Closed));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_second_claim_gives_a_known_name_the_device_back() {
        let (store, code) = (Store::in_memory().unwrap(), ClaimCode::random());
        store
            .with(|db| {
                let ana = db.add_user(&"ana".parse().unwrap(), Role::Usuario, "old", NOW)?.unwrap();
                let beto = db.add_user(&"beto".parse().unwrap(), Role::Cliente, "old", NOW)?.unwrap();
                db.set_locked(ana, true)?;
                for (i, user) in [(1, ana), (2, beto)] {
                    db.add_session(
                        SessionRow { id: 1, digest: Sha256([i; 32]), user, created_at: NOW, used_at: NOW, generation: 0 },
                        &[],
                    )?;
                }
                db.open_claim(&code, ClaimKind::Again)?;
                let Redeemed::Administrator(user) = redeem(db, &code, "ANA")? else { panic!("the right code") };
                assert_eq!((user.id, user.role, user.locked), (ana, Role::Administrator, false));
                assert_eq!(user.password, "phc");
                assert_eq!(db.sessions()?.iter().map(|s| s.user).collect::<Vec<_>>(), [beto], "hers ended, his did not");
                assert!(matches!(redeem(db, &code, "eva")?, Redeemed::Closed), "used up");
                Ok(())
            })
            .unwrap();
    }
}

//! Rows of accounts.

use rusqlite::{OptionalExtension as _, Row, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use super::sessions::{SessionRow, insert_session};
use crate::clock::Timestamp;
use crate::types::{ClaimKind, Role, UserId, UserName};

/// Account record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// Identity.
    pub id: UserId,
    /// Name as shown.
    pub name: UserName,
    /// Role.
    pub role: Role,
    /// Argon2id PHC string.
    pub password: String,
    /// True if an administrator locked the account.
    pub locked: bool,
    /// True if the password was given and must be changed at the first sign-in.
    pub must_change: bool,
    /// Time after which a given password is not valid.
    pub must_change_by: Option<Timestamp>,
    /// Counter of changes of password, role and lock; a session of another generation is over.
    pub generation: i64,
    /// Number of password resets by an administrator or the holder of the card.
    pub resets: i64,
}

const COLUMNS: &str = "id, name, role, password, locked, must_change, must_change_by, generation, resets";

/// State of an account that its sessions depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Counter of the changes that end the sessions.
    pub generation: i64,
    /// Role, as stored.
    pub role: String,
    /// True if an administrator locked the account.
    pub locked: bool,
}

fn user(row: &Row<'_>) -> rusqlite::Result<Result<UserRow, StoreError>> {
    let (name, role): (String, String) = (row.get(1)?, row.get(2)?);
    let (Ok(name), Ok(role)) = (name.parse(), role.parse()) else {
        return Ok(Err(StoreError::Unknown(format!("user {name:?} with role {role:?}"))));
    };
    let must_change_by: Option<i64> = row.get(6)?;
    Ok(Ok(UserRow {
        id: UserId(row.get(0)?),
        name,
        role,
        password: row.get(3)?,
        locked: row.get(4)?,
        must_change: row.get(5)?,
        must_change_by: must_change_by.map(Timestamp),
        generation: row.get(7)?,
        resets: row.get(8)?,
    }))
}

impl Db {
    /// Returns the account of that name, in any spelling.
    pub fn user_by_name(&self, name: &UserName) -> Result<Option<UserRow>, StoreError> {
        let mut query =
            self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE name_key = ?1"))?;
        query.query_row([name.key()], user).optional()?.transpose()
    }

    /// Returns the account of that id.
    pub fn user_by_id(&self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        let mut query = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"))?;
        query.query_row([id.0], user).optional()?.transpose()
    }

    /// Returns the state of every account that its sessions depend on.
    pub fn account_states(&self) -> Result<Vec<(UserId, AccountState)>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT id, generation, role, locked FROM users")?;
        let rows = query.query_map([], |row| {
            let state = AccountState { generation: row.get(1)?, role: row.get(2)?, locked: row.get(3)? };
            Ok((UserId(row.get(0)?), state))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the password hashes of all accounts.
    pub fn password_hashes(&self) -> Result<Vec<String>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT password FROM users")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns all accounts by name.
    pub fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        let mut query = self.conn.prepare(&format!("SELECT {COLUMNS} FROM users ORDER BY name_key"))?;
        query.query_map([], user)?.map(|row| row?).collect()
    }

    /// Returns true if there is at least one account.
    pub fn has_users(&self) -> Result<bool, StoreError> {
        Ok(self.conn.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)
    }

    /// Adds an account with a password that the person chose. `None` if the name is taken.
    pub fn add_user(
        &mut self,
        name: &UserName,
        role: Role,
        password: &str,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        self.add_user_who_must_change(name, role, password, None, now)
    }

    /// Adds an account of the first start. `None` if the name is taken.
    pub fn add_first_user(
        &mut self,
        name: &UserName,
        role: Role,
        password: &str,
        now: Timestamp,
        durability: Durability,
    ) -> Result<Option<UserId>, StoreError> {
        self.insert_user(name, role, password, None, now, durability)
    }

    /// Adds an account with a given password and its expiry time, if any. `None` if the name is taken.
    pub fn add_user_who_must_change(
        &mut self,
        name: &UserName,
        role: Role,
        password: &str,
        by: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        self.insert_user(name, role, password, by, now, Durability::Synced)
    }

    fn insert_user(
        &mut self,
        name: &UserName,
        role: Role,
        password: &str,
        by: Option<Timestamp>,
        now: Timestamp,
        durability: Durability,
    ) -> Result<Option<UserId>, StoreError> {
        self.transaction(durability, |tx| {
            let added = tx.execute(
                "INSERT INTO users (name, name_key, role, password, must_change, must_change_by, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5 IS NOT NULL, ?5, ?6) ON CONFLICT (name_key) DO NOTHING",
                params![name.as_str(), name.key(), role.as_str(), password, by.map(|by| by.0), now.0],
            )?;
            let user = (added == 1).then(|| UserId(tx.last_insert_rowid()));
            if user.is_some() {
                // The code of a first claim is retired with the first account, however that was created.
                tx.execute("DELETE FROM claim WHERE kind = ?1", [ClaimKind::First.as_str()])?;
            }
            Ok(user)
        })
    }

    /// Stores a password that the person chose and ends all their sessions; `session` replaces them. Returns
    /// false, and changes nothing, if the account is locked or of another generation than `session`. The new
    /// session's generation is one higher.
    pub fn change_password(&mut self, new: &str, session: &SessionRow) -> Result<bool, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            let user = session.user.0;
            let changed = tx.execute(
                "UPDATE users SET password = ?3, must_change = 0, must_change_by = NULL, generation = generation + 1
                 WHERE id = ?1 AND generation = ?2 AND locked = 0",
                params![user, session.generation, new],
            )?;
            if changed == 1 {
                tx.execute("DELETE FROM sessions WHERE user_id = ?1", [user])?;
                insert_session(tx, &SessionRow { generation: session.generation + 1, ..session.clone() })?;
            }
            Ok(changed == 1)
        })
    }

    /// Sets a password as an administrator, to be changed until `by` if given; all sessions of the account
    /// end.
    pub fn set_password(
        &mut self,
        user: UserId,
        password: &str,
        by: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            tx.execute(
                "UPDATE users SET password = ?2, must_change = ?3 IS NOT NULL, must_change_by = ?3,
                                  generation = generation + 1, resets = resets + 1 WHERE id = ?1",
                params![user.0, password, by.map(|by| by.0)],
            )?;
            tx.execute("DELETE FROM sessions WHERE user_id = ?1", [user.0])?;
            Ok(())
        })
    }

    /// Stores the same password with new parameters; nothing else changes. Does nothing if `old` is no longer
    /// the stored hash.
    pub fn rehash(&mut self, user: UserId, old: &str, new: &str) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            tx.execute(
                "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2",
                params![user.0, old, new],
            )?;
            Ok(())
        })
    }

    /// Changes the role of an account; its sessions end.
    pub fn set_role(&mut self, user: UserId, role: Role) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            tx.execute(
                "UPDATE users SET role = ?2, generation = generation + 1 WHERE id = ?1",
                params![user.0, role.as_str()],
            )?;
            tx.execute("DELETE FROM sessions WHERE user_id = ?1", [user.0])?;
            Ok(())
        })
    }

    /// Locks or unlocks an account; its sessions end.
    pub fn set_locked(&mut self, user: UserId, locked: bool) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            tx.execute(
                "UPDATE users SET locked = ?2, generation = generation + 1 WHERE id = ?1",
                params![user.0, locked],
            )?;
            tx.execute("DELETE FROM sessions WHERE user_id = ?1", [user.0])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{SessionOrigin, Store};
    use crate::types::crypto::Sha256;

    #[test]
    fn names_are_unique_in_any_case_and_ids_never_reused() {
        let store = Store::in_memory().expect("opens");
        store
            .with(|db| {
                let ana: UserName = "Ana".parse().expect("valid");
                let id = db.add_user(&ana, Role::Uploader, "h", Timestamp(1))?.expect("free");
                assert_eq!(
                    db.add_user(&"ANA".parse().expect("valid"), Role::Member, "h", Timestamp(1))?,
                    None
                );
                assert_eq!(db.user_by_name(&"ana".parse().expect("valid"))?.expect("there").id, id);
                db.set_role(id, Role::Administrator)?;
                db.set_locked(id, true)?;
                let row = db.user_by_id(id)?.expect("there");
                assert_eq!((row.role, row.locked), (Role::Administrator, true));
                db.rehash(id, "other", "new")?;
                assert_eq!(db.user_by_id(id)?.expect("there").password, "h");
                db.rehash(id, "h", "new")?;
                assert_eq!(db.users()?[0].password, "new");
                Ok(())
            })
            .expect("works");
    }

    #[test]
    fn given_password_must_be_changed() {
        let store = Store::in_memory().expect("opens");
        store
            .with(|db| {
                let (ana, by) = ("ana".parse().expect("valid"), Some(Timestamp(9)));
                let id = db
                    .add_user_who_must_change(&ana, Role::Uploader, "given", by, Timestamp(1))?
                    .expect("free");
                let state = |db: &Db| {
                    db.user_by_id(id).map(|row| row.map(|r| (r.password, r.must_change, r.must_change_by)))
                };
                assert_eq!(state(db)?, Some(("given".into(), true, by)));
                let session = |n, generation| SessionRow {
                    id: 1,
                    digest: Sha256([n; 32]),
                    user: id,
                    created_at: Timestamp(1),
                    used_at: Timestamp(1),
                    generation,
                    origin: SessionOrigin::default(),
                };
                assert!(db.add_session(&session(1, 0), &[])?);
                assert!(!db.change_password("own", &session(2, 1))?, "not the account that was proved");
                assert_eq!(state(db)?, Some(("given".into(), true, by)));
                assert!(db.change_password("own", &session(2, 0))?);
                assert_eq!(state(db)?, Some(("own".into(), false, None)));
                assert_eq!(db.sessions()?, [session(2, 1)], "the new session alone");
                assert!(!db.change_password("other", &session(3, 0))?, "a second change with the same proof");
                db.set_password(id, "again", by)?;
                assert_eq!(state(db)?, Some(("again".into(), true, by)));
                db.set_password(id, "by hand", None)?;
                assert_eq!(state(db)?, Some(("by hand".into(), false, None)));
                Ok(())
            })
            .expect("works");
    }
}

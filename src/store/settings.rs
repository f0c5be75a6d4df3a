//! Settings that the program makes or measures itself.

use rusqlite::{OptionalExtension as _, params};

use super::connection::{Db, Durability};
use super::error::StoreError;

impl Db {
    /// Returns a stored setting.
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
        Ok(query.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Removes a stored setting. Returns true if there was one.
    pub fn remove_setting(&mut self, key: &str) -> Result<bool, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            Ok(tx.execute("DELETE FROM settings WHERE key = ?1", [key])? > 0)
        })
    }

    /// Stores a setting, synced.
    pub fn keep_setting(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        self.put_setting(key, value, Durability::Synced)
    }

    /// Stores a setting; [`Durability::Lazy`] is for values that a later start would measure again.
    pub fn put_setting(&mut self, key: &str, value: &str, durability: Durability) -> Result<(), StoreError> {
        self.transaction(durability, |tx| {
            tx.execute(
                "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
                params![key, value],
            )?;
            Ok(())
        })
    }
}

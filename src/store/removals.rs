//! Deleted files whose bytes are still to be unlinked.

use rusqlite::{OptionalExtension as _, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use super::files::{COLUMNS, FileRow, file};
use crate::clock::Timestamp;

impl Db {
    /// Removes a file's record and lists its bytes for removal, in one transaction. Returns the record, or
    /// `None` without one.
    pub fn remove_file(&mut self, id: &str, now: Timestamp) -> Result<Option<FileRow>, StoreError> {
        let removed = self.transaction(Durability::Synced, |tx| {
            let text = format!("DELETE FROM files WHERE id = ?1 RETURNING {COLUMNS}");
            let removed = tx.prepare_cached(&text)?.query_row([id], file).optional()?;
            if removed.is_some() {
                tx.execute(
                    "INSERT INTO removals (id, requested_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                    params![id, now.0],
                )?;
            }
            Ok(removed)
        })?;
        removed.iter().for_each(|row| self.name_numbers.freed(&row.name));
        Ok(removed)
    }

    /// Returns the ids whose bytes are still to be unlinked.
    pub fn removals(&self) -> Result<Vec<String>, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT id FROM removals ORDER BY id")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Forgets removals whose bytes are gone. A power cut may bring an entry back; the unlink is then tried
    /// again.
    pub fn drop_removals(&mut self, ids: &[String]) -> Result<(), StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            let mut delete = tx.prepare_cached("DELETE FROM removals WHERE id = ?1")?;
            for id in ids {
                delete.execute([id])?;
            }
            Ok(())
        })
    }
}

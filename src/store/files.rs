//! Rows of files in quarantine.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::connection::{Db, Durability};
use super::error::StoreError;
use crate::clock::Timestamp;
use crate::types::UserId;
use crate::types::crypto::Sha256;

/// File record; `quarantine` converts the texts to types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Position in the order of arrival, from 1; set when the row is added, any value before.
    pub arrival: i64,
    /// 32 hexadecimal digits; also the name on disk.
    pub id: String,
    /// Unique among all files.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: Sha256,
    /// For display only.
    pub media_type: String,
    /// State word of `docs/API.md`.
    pub state: String,
    /// Reasons of the state, one per line.
    pub reasons: String,
    /// Name of the uploader's account at that time.
    pub uploaded_by: String,
    /// Account of the uploader; `None` if a database of an earlier version named a deleted account.
    pub user_id: Option<UserId>,
    /// Time of completion.
    pub uploaded_at: Timestamp,
}

pub(super) const COLUMNS: &str =
    "id, name, size, sha256, media_type, state, reasons, uploaded_by, user_id, uploaded_at, arrival";

pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: row.get(0)?,
        name: row.get(1)?,
        size: row.get(2)?,
        sha256: Sha256(row.get(3)?),
        media_type: row.get(4)?,
        state: row.get(5)?,
        reasons: row.get(6)?,
        uploaded_by: row.get(7)?,
        user_id: row.get::<_, Option<i64>>(8)?.map(UserId),
        uploaded_at: Timestamp(row.get(9)?),
        arrival: row.get(10)?,
    })
}

fn taken(tx: &Transaction<'_>, name: &str) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM files WHERE name = ?1)")?
        .query_row([name], |row| row.get(0))?)
}

/// Turn of a file among the files of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileArrival {
    /// Position in the order of arrival.
    pub position: i64,
    /// User who sent the file; `None` after the account was removed.
    pub owner: Option<UserId>,
}

impl Db {
    /// Returns all files in order of arrival, newest first.
    pub fn files(&self) -> Result<Vec<FileRow>, StoreError> {
        let mut query =
            self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM files ORDER BY arrival DESC"))?;
        Ok(query.query_map([], file)?.collect::<Result<_, _>>()?)
    }

    /// Returns the file of that id.
    pub fn file(&self, id: &str) -> Result<Option<FileRow>, StoreError> {
        let mut query = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM files WHERE id = ?1"))?;
        Ok(query.query_row([id], file).optional()?)
    }

    /// Records a file under its name or, if it is taken, under the first free one of `numbered(2)`,
    /// `numbered(3)`, …. Returns the record. Synced when the call returns.
    pub fn add_file(
        &mut self,
        mut row: FileRow,
        numbered: impl Fn(u32) -> String,
    ) -> Result<FileRow, StoreError> {
        let mut numbers = std::mem::take(&mut self.name_numbers);
        let added = self.transaction(Durability::Synced, |tx| {
            // No other connection writes during this transaction; earlier writes of other processes are
            // visible.
            numbers.of_version(tx.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?);
            if taken(tx, &row.name)? {
                let n = numbers.first_free(&row.name, |n| taken(tx, &numbered(n)))?;
                row.name = numbered(n);
            }
            tx.execute(
                "INSERT INTO files (id, name, size, sha256, media_type, state, reasons, uploaded_by, user_id, uploaded_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    row.id,
                    row.name,
                    row.size,
                    row.sha256.0,
                    row.media_type,
                    row.state,
                    row.reasons,
                    row.uploaded_by,
                    row.user_id.map(|id| id.0),
                    row.uploaded_at.0
                ],
            )?;
            row.arrival = tx.last_insert_rowid();
            Ok(row)
        });
        self.name_numbers = numbers;
        added
    }

    /// Returns the files in that state that arrived after the position `after`, the first `most` of them.
    pub fn arrivals_in(&self, state: &str, after: i64, most: usize) -> Result<Vec<FileArrival>, StoreError> {
        let text =
            "SELECT arrival, user_id FROM files WHERE state = ?1 AND arrival > ?2 ORDER BY arrival LIMIT ?3";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let arrival = |row: &Row<'_>| {
            Ok(FileArrival { position: row.get(0)?, owner: row.get::<_, Option<i64>>(1)?.map(UserId) })
        };
        Ok(self
            .conn
            .prepare_cached(text)?
            .query_map((state, after, most), arrival)?
            .collect::<Result<_, _>>()?)
    }

    /// Returns the file at that position, if it is in that state.
    pub fn arrival_in(&self, state: &str, arrival: i64) -> Result<Option<FileRow>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM files WHERE arrival = ?1 AND state = ?2");
        Ok(self.conn.prepare_cached(&text)?.query_row((arrival, state), file).optional()?)
    }

    /// Returns the number of files in one of two states.
    pub fn count_files_in(&self, states: [&str; 2]) -> Result<u64, StoreError> {
        let mut query = self.conn.prepare_cached("SELECT count(*) FROM files WHERE state IN (?1, ?2)")?;
        Ok(query.query_row(states, |row| row.get(0))?)
    }

    /// Moves a file from one state to another, with its reasons; returns false if it was not in that state. A
    /// power cut may undo it; the file is then inspected again.
    pub fn move_file(&mut self, id: &str, from: &str, to: &str, reasons: &str) -> Result<bool, StoreError> {
        self.transaction(Durability::Lazy, |tx| {
            let change = "UPDATE files SET state = ?3, reasons = ?4 WHERE id = ?1 AND state = ?2";
            Ok(tx.execute(change, [id, from, to, reasons])? == 1)
        })
    }

    /// Sets the states of many files in one transaction; files that are gone are left out.
    pub fn put_files_in(&mut self, states: &[(String, &str)]) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            let mut change = tx.prepare_cached("UPDATE files SET state = ?2 WHERE id = ?1")?;
            for (id, state) in states {
                change.execute([id.as_str(), state])?;
            }
            Ok(())
        })
    }

    /// Sets the state of a file; returns false if it had that state, or is gone.
    pub fn put_file_in(&mut self, id: &str, state: &str) -> Result<bool, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            Ok(tx.execute("UPDATE files SET state = ?2 WHERE id = ?1 AND state <> ?2", [id, state])? == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn row(id: &str, at: i64) -> FileRow {
        FileRow {
            arrival: 0,
            id: id.into(),
            name: "a.txt".into(),
            size: 1,
            sha256: Sha256::of(id.as_bytes()),
            media_type: "text/plain".into(),
            state: "received".into(),
            reasons: String::new(),
            uploaded_by: "ana".into(),
            user_id: None,
            uploaded_at: Timestamp(at),
        }
    }

    #[test]
    fn move_file_requires_the_expected_state() {
        let store = Store::in_memory().expect("opens");
        let moved = store.with(|db| {
            for (id, at) in [("2", 5), ("1", 3), ("3", 4)] {
                db.add_file(row(id, at), |n| n.to_string())?;
            }
            let oldest = |db: &Db, state| match db.arrivals_in(state, 0, 1)?.first() {
                Some(first) => Ok::<_, StoreError>(db.arrival_in(state, first.position)?.map(|file| file.id)),
                None => Ok(None),
            };
            assert_eq!(oldest(db, "received")?.as_deref(), Some("2"));
            assert_eq!(
                db.arrivals_in("received", 1, 9)?,
                [2, 3].map(|position| FileArrival { position, owner: None })
            );
            assert!(db.arrival_in("clean", 1)?.is_none());
            assert!(db.move_file("2", "received", "clean", "a\nb")?);
            assert!(!db.move_file("2", "received", "infected", "")?);
            assert!(!db.move_file("9", "received", "clean", "")?);
            assert_eq!((oldest(db, "received")?.as_deref(), oldest(db, "infected")?), (Some("1"), None));
            assert_eq!(
                (db.count_files_in(["received", "clean"])?, db.count_files_in(["received", "x"])?),
                (3, 2)
            );
            Ok(db.file("2")?.map(|file| (file.state, file.reasons)))
        });
        assert_eq!(moved.expect("works"), Some(("clean".to_owned(), "a\nb".to_owned())));
    }

    #[test]
    fn second_file_of_a_name_gets_a_number() {
        let store = Store::in_memory().expect("opens");
        let names = store
            .with(|db| {
                for i in 0..3_i64 {
                    db.add_file(row(&i.to_string(), i), |n| format!("a ({n}).txt"))?;
                }
                assert_eq!(db.remove_file("1", Timestamp(9))?.map(|file| file.id).as_deref(), Some("1"));
                assert_eq!(db.remove_file("1", Timestamp(9))?, None);
                db.add_file(row("9", 9), |n| format!("a ({n}).txt"))?;
                Ok(db.files()?.into_iter().map(|f| (f.id, f.name)).collect::<Vec<_>>())
            })
            .expect("works");
        let want = [("9", "a (2).txt"), ("2", "a (3).txt"), ("0", "a.txt")];
        assert_eq!(names, want.map(|(id, name)| (id.to_owned(), name.to_owned())));
    }
}

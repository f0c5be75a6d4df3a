//! Rows of announcements and of their acknowledgements.

use rusqlite::params;

use super::connection::{Db, Durability};
use super::error::StoreError;
use crate::clock::Timestamp;
use crate::types::{AnnouncementId, Person, UserId};

/// Announcement record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementRow {
    /// Identity, in order of arrival.
    pub id: AnnouncementId,
    /// Name of the author.
    pub by: String,
    /// Sanitized text.
    pub text: String,
    /// Time of the announcement.
    pub at: Timestamp,
    /// True if readers are asked to acknowledge it.
    pub acknowledge: bool,
}

/// Acknowledgement of an announcement by an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AcknowledgementRow {
    /// The announcement.
    pub announcement: AnnouncementId,
    /// The account.
    pub user: UserId,
    /// Time of the acknowledgement.
    pub at: Timestamp,
}

/// Account as a recipient of announcements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRow {
    /// Identity.
    pub id: UserId,
    /// Name as shown.
    pub name: String,
    /// True if an administrator locked the account.
    pub locked: bool,
}

impl Db {
    /// Returns all announcements in order of arrival.
    pub fn announcements(&self) -> Result<Vec<AnnouncementRow>, StoreError> {
        let mut query = self.conn.prepare(
            "SELECT announcements.id, coalesce(users.name, made_by), text, made_at, acknowledge
             FROM announcements LEFT JOIN users ON users.id = user_id ORDER BY announcements.id",
        )?;
        let rows = query.query_map([], |row| {
            Ok(AnnouncementRow {
                id: AnnouncementId(row.get(0)?),
                by: row.get(1)?,
                text: row.get(2)?,
                at: Timestamp(row.get(3)?),
                acknowledge: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the acknowledgements of all announcements.
    pub fn acknowledgements(&self) -> Result<Vec<AcknowledgementRow>, StoreError> {
        let text = "SELECT announcement_id, user_id, acknowledged_at FROM acknowledgements";
        let mut query = self.conn.prepare(text)?;
        let rows = query.query_map([], |row| {
            Ok(AcknowledgementRow {
                announcement: AnnouncementId(row.get(0)?),
                user: UserId(row.get(1)?),
                at: Timestamp(row.get(2)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds an announcement, synced. `None` if there are `most` already.
    pub fn add_announcement(
        &mut self,
        by: &Person,
        text: &str,
        acknowledge: bool,
        at: Timestamp,
        most: usize,
    ) -> Result<Option<AnnouncementRow>, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            let open: usize = tx.query_row("SELECT count(*) FROM announcements", [], |row| row.get(0))?;
            if open >= most {
                return Ok(None);
            }
            // The account may have been deleted meanwhile.
            tx.execute(
                "INSERT INTO announcements (user_id, made_by, text, made_at, acknowledge)
                 VALUES ((SELECT id FROM users WHERE id = ?1), ?2, ?3, ?4, ?5)",
                params![by.id.0, by.name.as_str(), text, at.0, acknowledge],
            )?;
            let id = AnnouncementId(tx.last_insert_rowid());
            let (by, text) = (by.name.as_str().to_owned(), text.to_owned());
            Ok(Some(AnnouncementRow { id, by, text, at, acknowledge }))
        })
    }

    /// Removes an announcement with its acknowledgements, synced. Returns true if there was one.
    pub fn remove_announcement(&mut self, id: AnnouncementId) -> Result<bool, StoreError> {
        self.transaction(Durability::Synced, |tx| {
            Ok(tx.execute("DELETE FROM announcements WHERE id = ?1", [id.0])? > 0)
        })
    }

    /// Adds acknowledgements, synced. Those of a removed announcement or account, and those already stored, are
    /// left out.
    pub fn add_acknowledgements(&mut self, rows: &[AcknowledgementRow]) -> Result<(), StoreError> {
        self.transaction(Durability::Synced, |tx| {
            let mut insert = tx.prepare(
                "INSERT INTO acknowledgements (announcement_id, user_id, acknowledged_at)
                 SELECT announcements.id, users.id, ?3 FROM announcements, users
                 WHERE announcements.id = ?1 AND users.id = ?2
                 ON CONFLICT DO NOTHING",
            )?;
            for row in rows {
                insert.execute(params![row.announcement.0, row.user.0, row.at.0])?;
            }
            Ok(())
        })
    }

    /// Returns all accounts as recipients, by name.
    pub fn recipients(&self) -> Result<Vec<RecipientRow>, StoreError> {
        let mut query = self.conn.prepare("SELECT id, name, locked FROM users ORDER BY name_key")?;
        let rows = query.query_map([], |row| {
            Ok(RecipientRow { id: UserId(row.get(0)?), name: row.get(1)?, locked: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::types::Role;

    const MOST: usize = 3;

    fn person(db: &mut Db, name: &str) -> Person {
        let name = name.parse().expect("valid");
        let id = db.add_user(&name, Role::Administrator, "h", Timestamp(1)).expect("works").expect("free");
        Person { id, name }
    }

    fn add(db: &mut Db, by: &Person) -> Option<AnnouncementId> {
        db.add_announcement(by, "hola", true, Timestamp(5), MOST).expect("works").map(|row| row.id)
    }

    fn delete(db: &Db, user: &Person) {
        db.conn.execute("DELETE FROM users WHERE id = ?1", [user.id.0]).expect("deletes");
    }

    #[test]
    fn announcements_are_bounded_and_ids_never_reused() {
        let store = Store::in_memory().expect("opens");
        store
            .with(|db| {
                let ana = person(db, "ana");
                let ids: Vec<_> = (0..=MOST).map(|_| add(db, &ana)).collect();
                assert!(ids[..MOST].iter().all(Option::is_some) && ids[MOST].is_none(), "{ids:?}");
                let last = ids[MOST - 1].expect("is there");
                assert!(db.remove_announcement(last)? && !db.remove_announcement(last)?);
                assert!(add(db, &ana).expect("a place is free") > last);
                Ok(())
            })
            .expect("works");
    }

    #[test]
    fn deleted_author_leaves_announcement_with_name() {
        let store = Store::in_memory().expect("opens");
        store
            .with(|db| {
                let ana = person(db, "ana");
                add(db, &ana);
                delete(db, &ana);
                let rows = db.announcements()?;
                assert_eq!((rows.len(), rows[0].by.as_str()), (1, "ana"));
                assert!(add(db, &ana).is_some(), "the account is gone, its session is not yet");
                Ok(())
            })
            .expect("works");
    }

    #[test]
    fn acknowledgement_goes_with_account_or_announcement() {
        let store = Store::in_memory().expect("opens");
        store
            .with(|db| {
                let (ana, beto) = (person(db, "ana"), person(db, "beto"));
                let (one, two) = (add(db, &ana).expect("fits"), add(db, &ana).expect("fits"));
                let row = |announcement, user: &Person| AcknowledgementRow {
                    announcement,
                    user: user.id,
                    at: Timestamp(7),
                };
                let all = [row(one, &ana), row(one, &beto), row(two, &beto)];
                db.add_acknowledgements(&all)?;
                db.add_acknowledgements(&all[..1])?;
                assert_eq!(db.acknowledgements()?, all);
                db.remove_announcement(one)?;
                assert_eq!(db.acknowledgements()?, all[2..]);
                db.add_acknowledgements(&all[..2])?;
                assert_eq!(db.acknowledgements()?, all[2..], "of an announcement that has ended");
                delete(db, &beto);
                db.add_acknowledgements(&all[2..])?;
                assert_eq!(db.acknowledgements()?, [], "of an account that is deleted");
                Ok(())
            })
            .expect("works");
    }
}

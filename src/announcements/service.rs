//! The open announcements in memory, and their rows in the store.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::audit::{Audit, Event};
use crate::clock::{Clock, Now};
use crate::detached;
use crate::locks::lock;
use crate::store::{AcknowledgementRow, Db, Store, StoreError};
use crate::types::{AnnouncementId, MAX_ANNOUNCEMENT_CHARS, MessageText, Person, UserId, UserName};

use super::announcement::{
    Announcement, AnnouncementDraft, AnnouncementStatus, OpenAnnouncement, RecipientList,
};
use super::error::AnnouncementError;

/// Maximum number of open announcements: 10 texts of 6,000 bytes of JSON are 60 KB for a new socket, a quarter
/// of its queue.
pub const MAX_OPEN_ANNOUNCEMENTS: usize = 10;

/// Change of the open announcements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnnouncementChange {
    /// An announcement was made.
    Made(Arc<Announcement>),
    /// An announcement ended.
    Ended(AnnouncementId),
}

/// Receiver of changes. It runs under the lock of the open announcements and must not call back.
pub type AnnouncementListener = Box<dyn Fn(&AnnouncementChange) + Send + Sync>;

/// Announcements and their acknowledgements.
pub struct Announcements {
    store: Store,
    state: Mutex<State>,
    listener: OnceLock<AnnouncementListener>,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct State {
    /// In order of arrival.
    open: Vec<OpenAnnouncement>,
    /// Acknowledgements whose rows are not stored yet. Each account has at most one for each open announcement.
    unsaved: Vec<AcknowledgementRow>,
    /// A task stores them.
    is_saving: bool,
}

impl State {
    fn find(&self, id: AnnouncementId) -> Option<&OpenAnnouncement> {
        self.open.iter().find(|one| one.announcement.id == id)
    }

    /// Returns the unsaved rows; without any, the saving task has ended.
    fn next_unsaved(&mut self) -> Option<Vec<AcknowledgementRow>> {
        self.is_saving &= !self.unsaved.is_empty();
        (!self.unsaved.is_empty()).then(|| self.unsaved.clone())
    }
}

impl Announcements {
    /// Loads the announcements of the last run.
    pub fn open(store: Store, audit: Audit, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let now = Now::read(&*clock);
        let (rows, acknowledged) = store.with(|db| Ok((db.announcements()?, db.acknowledgements()?)))?;
        let mut open: Vec<_> = rows.into_iter().map(|row| OpenAnnouncement::new(row, now)).collect();
        for row in acknowledged {
            if let Some(one) = open.iter_mut().find(|one| one.announcement.id == row.announcement) {
                one.acknowledged.insert(row.user, row.at);
            }
        }
        let state = Mutex::new(State { open, ..State::default() });
        Ok(Self { store, state, listener: OnceLock::new(), audit, clock })
    }

    /// Sets the listener of changes. The first one stays.
    pub fn on_change(&self, listener: AnnouncementListener) {
        let _ = self.listener.set(listener);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn notify(&self, change: &AnnouncementChange) {
        if let Some(listener) = self.listener.get() {
            listener(change);
        }
    }

    /// Returns the open announcements that the user has not acknowledged, in order of arrival. `subscribe` runs
    /// under the lock, so that each announcement is either returned or reported to the listener after it.
    pub fn unacknowledged(&self, user: UserId, subscribe: impl FnOnce()) -> Vec<Arc<Announcement>> {
        let state = self.state();
        subscribe();
        let unread = state.open.iter().filter(|one| !one.acknowledged.contains_key(&user));
        unread.map(|one| Arc::clone(&one.announcement)).collect()
    }

    /// Makes an announcement, also if the caller goes away meanwhile.
    pub async fn make(
        self: &Arc<Self>,
        draft: AnnouncementDraft,
        by: &Person,
        addr: IpAddr,
    ) -> Result<AnnouncementStatus, AnnouncementError> {
        let text = MessageText::parse(&draft.text, MAX_ANNOUNCEMENT_CHARS)?.as_str().to_owned();
        let (this, by) = (Arc::clone(self), by.clone());
        let made = async move { this.make_now(text, draft.acknowledge, by, addr).await };
        detached::task(made).await.unwrap_or(Err(StoreError::Interrupted.into()))
    }

    async fn make_now(
        &self,
        text: String,
        acknowledge: bool,
        by: Person,
        addr: IpAddr,
    ) -> Result<AnnouncementStatus, AnnouncementError> {
        let (now, user) = (Now::read(&*self.clock), by.name.clone());
        let add = move |db: &mut Db| {
            let row = db.add_announcement(&by, &text, acknowledge, now.wall, MAX_OPEN_ANNOUNCEMENTS)?;
            Ok((row, db.recipients()?))
        };
        let (Some(row), accounts) = self.store.run(add).await? else {
            return Err(AnnouncementError::TooMany);
        };
        let id = row.id;
        let status = {
            let mut state = self.state();
            let one = OpenAnnouncement::new(row, now);
            let status = one.status(&accounts);
            state.open.push(one);
            // Rows are numbered under the store's lock and may come here in another order.
            state.open.sort_by_key(|one| one.announcement.id);
            self.notify(&AnnouncementChange::Made(Arc::clone(&status.announcement)));
            status
        };
        self.audit.record(Event::AnnouncementMade { user, addr, id: id.to_string() }).await;
        Ok(status)
    }

    /// Ends an announcement, also if the caller goes away meanwhile. Returns false if it is not open.
    pub async fn end(
        self: &Arc<Self>,
        id: AnnouncementId,
        by: &UserName,
        addr: IpAddr,
    ) -> Result<bool, StoreError> {
        let (this, by) = (Arc::clone(self), by.clone());
        let ended = async move {
            let acknowledged = this.remove(id).await?;
            if let Some(acknowledged) = acknowledged {
                let (user, id) = (by, id.to_string());
                this.audit.record(Event::AnnouncementEnded { user, addr, id, acknowledged }).await;
            }
            Ok(acknowledged.is_some())
        };
        detached::task(ended).await.unwrap_or(Err(StoreError::Interrupted))
    }

    /// Removes an announcement. Returns the number of its acknowledgements, or `None` if it was not open.
    async fn remove(&self, id: AnnouncementId) -> Result<Option<u64>, StoreError> {
        if self.state().find(id).is_none() {
            return Ok(None);
        }
        self.store.run(move |db| db.remove_announcement(id)).await?;
        let mut state = self.state();
        let Some(at) = state.open.iter().position(|one| one.announcement.id == id) else {
            return Ok(None);
        };
        let ended = state.open.remove(at);
        state.unsaved.retain(|row| row.announcement != id);
        self.notify(&AnnouncementChange::Ended(id));
        Ok(Some(ended.acknowledged.len() as u64))
    }

    /// Records that a user has acknowledged an announcement. Returns false, and changes nothing, if it is not open
    /// or was acknowledged before.
    pub fn acknowledge(self: &Arc<Self>, user: UserId, id: AnnouncementId) -> bool {
        let at = self.clock.now();
        let mut state = self.state();
        let Some(one) = state.open.iter_mut().find(|one| one.announcement.id == id) else { return false };
        if one.acknowledged.contains_key(&user) {
            return false;
        }
        one.acknowledged.insert(user, at);
        state.unsaved.push(AcknowledgementRow { announcement: id, user, at });
        let is_saving = std::mem::replace(&mut state.is_saving, true);
        drop(state);
        if !is_saving {
            let this = Arc::clone(self);
            // The next sweep retries and reports a failure.
            drop(detached::task(async move { this.save().await }));
        }
        true
    }

    /// Stores the unsaved acknowledgements. They stay unsaved if that fails.
    async fn save(&self) -> Result<(), StoreError> {
        loop {
            let Some(rows) = self.state().next_unsaved() else { return Ok(()) };
            let saved: HashSet<_> = rows.iter().copied().collect();
            let result = self.store.run(move |db| db.add_acknowledgements(&rows)).await;
            let mut state = self.state();
            if let Err(error) = result {
                state.is_saving = false;
                return Err(error);
            }
            state.unsaved.retain(|row| !saved.contains(row));
        }
    }

    /// Stores acknowledgements that could not be stored before, and ends announcements after
    /// [`super::ANNOUNCEMENT_LIFE`]. Called every half minute and at the end.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        self.save().await?;
        let mono = self.clock.monotonic();
        let is_over = |one: &&OpenAnnouncement| mono >= one.ends;
        let over: Vec<_> = self.state().open.iter().filter(is_over).map(|one| one.announcement.id).collect();
        for id in over {
            if let Some(acknowledged) = self.remove(id).await? {
                self.audit.record(Event::AnnouncementExpired { id: id.to_string(), acknowledged }).await;
            }
        }
        Ok(())
    }

    /// Returns the open announcements, the newest first.
    pub async fn list(&self) -> Result<Vec<AnnouncementStatus>, StoreError> {
        let accounts = self.store.run(|db| db.recipients()).await?;
        Ok(self.state().open.iter().rev().map(|one| one.status(&accounts)).collect())
    }

    /// Returns the recipients of an open announcement.
    pub async fn recipients(&self, id: AnnouncementId) -> Result<Option<RecipientList>, StoreError> {
        let accounts = self.store.run(|db| db.recipients()).await?;
        let state = self.state();
        Ok(state.find(id).map(|one| RecipientList {
            announcement: Arc::clone(&one.announcement),
            recipients: one.recipients(&accounts).collect(),
        }))
    }
}

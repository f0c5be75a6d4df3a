//! Announcement, its recipients and their acknowledgements, as values.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Now, Timestamp};
use crate::store::{AnnouncementRow, RecipientRow};
use crate::types::{AnnouncementId, UserId};

/// Time after which an announcement ends by itself.
pub const ANNOUNCEMENT_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Announcement to make.
#[derive(Clone, Debug)]
pub struct AnnouncementDraft {
    /// Text as typed.
    pub text: String,
    /// True if readers are asked to acknowledge it.
    pub acknowledge: bool,
}

/// Open announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Identity; a later announcement has a higher one.
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

impl Announcement {
    /// Returns the time at which it ends by itself.
    pub fn ends_at(&self) -> Timestamp {
        self.at.plus(ANNOUNCEMENT_LIFE)
    }
}

impl From<AnnouncementRow> for Announcement {
    fn from(row: AnnouncementRow) -> Self {
        let AnnouncementRow { id, by, text, at, acknowledge } = row;
        Self { id, by, text, at, acknowledge }
    }
}

/// Announcement with the number of its readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementStatus {
    /// The announcement.
    pub announcement: Arc<Announcement>,
    /// Number of users who have acknowledged it.
    pub acknowledged: usize,
    /// Number of its recipients.
    pub people: usize,
}

/// Recipient of an announcement: an account that is unlocked, or that has acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Name of the user.
    pub name: String,
    /// Time of the acknowledgement.
    pub acknowledged_at: Option<Timestamp>,
}

/// Announcement with its recipients, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientList {
    /// The announcement.
    pub announcement: Arc<Announcement>,
    /// Its recipients.
    pub recipients: Vec<Recipient>,
}

/// Open announcement in memory.
pub(super) struct OpenAnnouncement {
    pub(super) announcement: Arc<Announcement>,
    /// End by the monotonic clock, so that a step of the wall clock ends nothing.
    pub(super) ends: Duration,
    pub(super) acknowledged: HashMap<UserId, Timestamp>,
}

impl OpenAnnouncement {
    pub(super) fn new(row: AnnouncementRow, now: Now) -> Self {
        let age = u64::try_from(now.wall.0.saturating_sub(row.at.0)).unwrap_or(0);
        let left = ANNOUNCEMENT_LIFE.saturating_sub(Duration::from_millis(age));
        Self { announcement: Arc::new(row.into()), ends: now.mono + left, acknowledged: HashMap::new() }
    }

    /// Returns its recipients among all accounts.
    pub(super) fn recipients<'a>(
        &'a self,
        accounts: &'a [RecipientRow],
    ) -> impl Iterator<Item = Recipient> + 'a {
        accounts.iter().filter_map(|account| {
            let acknowledged_at = self.acknowledged.get(&account.id).copied();
            let is_recipient = !account.locked || acknowledged_at.is_some();
            is_recipient.then(|| Recipient { name: account.name.clone(), acknowledged_at })
        })
    }

    pub(super) fn status(&self, accounts: &[RecipientRow]) -> AnnouncementStatus {
        let (mut acknowledged, mut people) = (0, 0);
        for recipient in self.recipients(accounts) {
            people += 1;
            acknowledged += usize::from(recipient.acknowledged_at.is_some());
        }
        AnnouncementStatus { announcement: Arc::clone(&self.announcement), acknowledged, people }
    }
}

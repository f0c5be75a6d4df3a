//! Announcements of administrators to all users, and who has acknowledged them. They are in the database, since
//! they are no messages of a room.

mod announcement;
mod error;
mod service;
#[cfg(test)]
mod service_tests;

pub use announcement::{
    ANNOUNCEMENT_LIFE, Announcement, AnnouncementDraft, AnnouncementStatus, Recipient, RecipientList,
};
pub use error::AnnouncementError;
pub use service::{AnnouncementChange, AnnouncementListener, Announcements, MAX_OPEN_ANNOUNCEMENTS};

//! Errors of making an announcement.

use crate::store::StoreError;
use crate::types::TextError;

/// Error of making an announcement.
#[derive(Debug, thiserror::Error)]
pub enum AnnouncementError {
    /// The text is blank or too long.
    #[error(transparent)]
    Text(#[from] TextError),
    /// As many are open as may be.
    #[error("too many announcements are open")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

//! SQLite: users, sessions, announcements, file records, stored settings. The only module with SQL text.

mod announcements;
mod claim;
mod connection;
mod error;
mod fault;
mod file_counts;
mod file_list;
mod file_names;
mod files;
mod lock;
mod migrations;
mod opening;
mod removals;
mod restore;
mod sessions;
mod settings;
mod snapshots;
mod users;

pub use announcements::{AcknowledgementRow, AnnouncementRow, RecipientRow};
pub use claim::{ClaimRow, RECLAIM_LIFE, Redeemed};
pub use connection::{Db, Durability, Store};
pub use error::StoreError;
pub use fault::DatabaseFault;
pub use file_list::{FileFilter, FilePage};
pub use files::{FileArrival, FileRow};
pub use migrations::Upgrade;
pub use opening::database_exists;
pub use restore::{Restored, restore_snapshot};
pub use sessions::{SessionOrigin, SessionRow, SessionTimes, SignInHistory, SignInRecord};
pub use users::{AccountState, UserRow};

//! Accounts: authentication, passwords, sessions and claiming the device.

mod begin;
pub mod blocklist;
mod change;
mod claim;
mod device;
mod dummy_hash;
mod freshness;
pub mod hash_pool;
mod history;
mod metrics_token;
mod open_claim;
mod own_sessions;
pub mod password;
mod pool_stats;
mod service;
mod session;
mod sessions;
mod sign_in;
mod sign_in_error;
mod sync;
pub mod tune;
mod unsaved_failures;
mod weak_password;

pub use change::{ChangeError, HandOver, PasswordChange};
pub use claim::{ClaimError, ClaimRequest};
pub use device::{DEVICE_DAYS, DeviceCookie, Devices, NAMES_PER_DEVICE};
pub use freshness::UNREADABLE_FOR;
pub use history::EarlierSignIns;
pub use metrics_token::{remove_metrics_token, replace_metrics_token};
pub use own_sessions::{EndedOwn, OwnSession};
pub use pool_stats::Hashing;
pub use service::{Accounts, ONE_TIME_LIFE, PasswordRules, SignInGuard};
pub use session::{NewSession, REMEMBERED_IDLE, Session, SessionClient, SessionLimits};
pub use sessions::{EndListener, SOCKET_USE_INTERVAL, Sessions};
pub use sign_in_error::SignInError;
pub use weak_password::WeakPassword;

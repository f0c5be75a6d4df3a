//! Rate limits and caps in bounded memory.
//!
//! Every map here has a named cap and says what it forgets first; what is counted is given back by `Drop`.
//! Cores take the time as `now`, a monotonic [`Duration`](std::time::Duration), so tests need no sleep.
//!
//! | limit | who counts |
//! | --- | --- |
//! | requests of an address, what a user uploads, says, … | [`Rates`] |
//! | requests of a session, or of a person's sessions together | [`AtomicBucket`], in the session |
//! | wrong passwords at the sign-in | [`SignInLimits`] |
//! | wrong room passwords | [`RoomPause`] |
//! | open connections | [`ConnectionCaps`] |
//! | places of which one address or person has a share | [`KeyedSemaphore`] |
//! | refused frames of a socket | [`Flood`] |
//! | a peer that acknowledges nothing | [`WriteStall`] |
//!
//! All rates are [`TokenBucket`]s in arithmetic: GCRA in 64-bit nanoseconds.
//!
//! [`Counters`] limits nothing: it counts what was refused.

mod acknowledged;
mod address;
mod atomic_bucket;
mod bounded;
mod connections;
mod counters;
mod flood;
mod keyed_limiter;
mod keyed_semaphore;
mod rates;
mod recent_downloads;
mod retry;
mod room_backoff;
mod sign_in;
mod sign_in_budget;
mod sign_in_device;
mod sign_in_name;
mod sign_in_pairs;
mod sign_in_queue;
mod sign_in_refusal;
mod sign_in_settings;
mod sign_in_table;
mod write_stall;

pub use acknowledged::{Endpoints, Ends};
pub use address::{AddressKeys, Ipv6Prefix, LOCAL_PREFIXES, LocalPrefixes};
pub use atomic_bucket::AtomicBucket;
pub use connections::{Admitted, AuthenticatedRequestGuard, ConnectionCaps, Refused, Slot};
pub use counters::{Counters, RefusalKind};
pub use flood::{FLOOD_HITS, FLOOD_WINDOW, Flood};
pub use keyed_semaphore::{KeyedPermit, KeyedSemaphore};
pub use rates::{
    ADDRESS_REQUESTS, ENTERS, HANDSHAKES, RATE_KEYS, RateAndBurst, RateSettings, Rates,
    SESSION_STATIC_REQUESTS, STATIC_REQUESTS,
};
pub use recent_downloads::{DOWNLOAD_WINDOW, RECENT_DOWNLOADS};
pub use retry::{RetryAfter, whole_seconds};
pub use room_backoff::{PAUSED_ROOMS, RoomAttempt, RoomPause, RoomTurn};
pub use sign_in::{Attempt, Begun, Candidate, Failed, SignInLimits, SignInTurn};
pub use sign_in_budget::{MAX_FAILURES_PER_MINUTE, PEOPLE_PER_ADDRESS};
pub use sign_in_device::{DeviceId, FAILURES_PER_DEVICE, SIGN_IN_DEVICES};
pub use sign_in_name::{MAX_DELAY, NAME_FAILURES_PER_HOUR};
pub use sign_in_pairs::SIGN_IN_PAIRS;
pub use sign_in_queue::{WAITING_IN_ALL, WAITING_PER_ADDRESS};
pub use sign_in_refusal::SignInRefusal;
pub use sign_in_settings::SignInSettings;
pub use sign_in_table::{SIGN_IN_ADDRESSES, SIGN_IN_NAMES, SIGN_IN_NETWORKS};
pub use write_stall::WriteStall;

pub use crate::types::token_bucket::{BucketRate, TokenBucket};

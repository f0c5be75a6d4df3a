//! Rates by address and by user, on governor's GCRA.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::address::LocalPrefixes;
use super::rate_cells::RateCells;
use super::tally::Tally;
use super::wait::Wait;
use crate::types::UserId;

/// Keys that one rate knows at once. A cell takes about 80 bytes with its key, so the seven rates together at most 5 MiB;
/// an office has a few hundred devices and the server at most 16384 connections.
pub const RATE_KEYS: usize = 8192;

/// How often a full rate looks for keys it may forget; looking takes one pass over its cells.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A bucket that would take longer than this to fill is cut to it, so that governor's 64-bit nanoseconds cannot overflow.
const LONGEST_FILL: Duration = Duration::from_secs(365 * 24 * 3600);

/// Figures of `[limits]`; each is a rate per minute and, where there is no burst, as large a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// Requests of one address.
    pub requests_per_minute: u32,
    /// Requests of one address at once.
    pub request_burst: u32,
    /// Uploads of one user.
    pub uploads_per_minute: u32,
    /// Downloads of one user.
    pub downloads_per_minute: u32,
    /// Deletions by one user.
    pub deletes_per_minute: u32,
    /// Messages of one user.
    pub messages_per_minute: u32,
    /// Messages of one user at once.
    pub message_burst: u32,
    /// Joins and resumes of one user.
    pub joins_per_minute: u32,
    /// Typing notices of one user.
    pub typing_per_minute: u32,
}

/// All rates of the server.
pub struct Rates<C: Clock = MonotonicClock> {
    gates: RwLock<Gates<C>>,
    clock: C,
    local: LocalPrefixes,
    refused: Tally,
}

struct Gates<C: Clock> {
    requests: Gate<IpAddr, C>,
    uploads: Gate<UserId, C>,
    downloads: Gate<UserId, C>,
    deletes: Gate<UserId, C>,
    messages: Gate<UserId, C>,
    joins: Gate<UserId, C>,
    typing: Gate<UserId, C>,
}

impl Rates {
    /// Rates by the machine's monotonic clock.
    pub fn new(settings: &RateSettings, local: LocalPrefixes) -> Self {
        Self::with_clock(settings, local, MonotonicClock)
    }
}

impl<C: Clock + Clone> Rates<C> {
    /// Rates by another clock.
    pub fn with_clock(settings: &RateSettings, local: LocalPrefixes, clock: C) -> Self {
        Self { gates: RwLock::new(Gates::new(settings, RATE_KEYS, &clock)), clock, local, refused: Tally::default() }
    }

    /// Puts other figures in force; everybody starts anew with a full burst.
    pub fn reconfigure(&self, settings: &RateSettings) {
        let gates = Gates::new(settings, RATE_KEYS, &self.clock);
        *self.gates.write().unwrap_or_else(PoisonError::into_inner) = gates;
    }

    /// One request of an address.
    pub fn request(&self, addr: IpAddr) -> Result<(), Wait> {
        self.pass("requests", |gates| gates.requests.pass(&self.local.keys(addr).own))
    }

    /// One upload of a user.
    pub fn upload(&self, user: UserId) -> Result<(), Wait> {
        self.pass("uploads", |gates| gates.uploads.pass(&user))
    }

    /// One download of a user.
    pub fn download(&self, user: UserId) -> Result<(), Wait> {
        self.pass("downloads", |gates| gates.downloads.pass(&user))
    }

    /// One deletion by a user.
    pub fn delete(&self, user: UserId) -> Result<(), Wait> {
        self.pass("deletes", |gates| gates.deletes.pass(&user))
    }

    /// One message of a user.
    pub fn message(&self, user: UserId) -> Result<(), Wait> {
        self.pass("messages", |gates| gates.messages.pass(&user))
    }

    /// One join or resume of a user.
    pub fn join(&self, user: UserId) -> Result<(), Wait> {
        self.pass("joins", |gates| gates.joins.pass(&user))
    }

    /// One typing notice of a user.
    pub fn typing(&self, user: UserId) -> Result<(), Wait> {
        self.pass("typing", |gates| gates.typing.pass(&user))
    }

    /// Forgets everybody who has been quiet; to be called every minute or so. Without it memory is bounded too, only later.
    pub fn sweep(&self) {
        self.through(|gates| {
            gates.requests.sweep();
            let by_user = [&gates.uploads, &gates.downloads, &gates.deletes, &gates.messages, &gates.joins, &gates.typing];
            by_user.into_iter().for_each(Gate::sweep);
        });
    }

    /// How often each of the rates refused.
    pub fn refused(&self) -> &Tally {
        &self.refused
    }

    fn pass(&self, what: &'static str, ask: impl FnOnce(&Gates<C>) -> Result<(), Wait>) -> Result<(), Wait> {
        self.through(ask).inspect_err(|_| self.refused.count("rate", what))
    }

    fn through<T>(&self, ask: impl FnOnce(&Gates<C>) -> T) -> T {
        ask(&self.gates.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<C: Clock + Clone> Gates<C> {
    fn new(settings: &RateSettings, keys: usize, clock: &C) -> Self {
        let by_user = |rate| Gate::new(rate, rate, keys, clock);
        Self {
            requests: Gate::new(settings.requests_per_minute, settings.request_burst, keys, clock),
            uploads: by_user(settings.uploads_per_minute),
            downloads: by_user(settings.downloads_per_minute),
            deletes: by_user(settings.deletes_per_minute),
            messages: Gate::new(settings.messages_per_minute, settings.message_burst, keys, clock),
            joins: by_user(settings.joins_per_minute),
            typing: by_user(settings.typing_per_minute),
        }
    }
}

/// One rate.
struct Gate<K: Eq + Hash + Clone, C: Clock> {
    limiter: RateLimiter<K, RateCells<K>, C, NoOpMiddleware<C::Instant>>,
    cells: RateCells<K>,
    clock: C,
    start: C::Instant,
    looked: Mutex<Duration>,
}

impl<K: Eq + Hash + Clone, C: Clock + Clone> Gate<K, C> {
    fn new(per_minute: u32, burst: u32, keys: usize, clock: &C) -> Self {
        let cells = RateCells::new(keys);
        Self {
            limiter: RateLimiter::new(quota(per_minute, burst), cells.clone(), clock.clone()),
            cells,
            start: clock.now(),
            clock: clock.clone(),
            looked: Mutex::new(Duration::ZERO),
        }
    }

    fn pass(&self, key: &K) -> Result<(), Wait> {
        if self.cells.is_stranger(key) {
            self.look_for_room();
        }
        self.limiter.check_key(key).map_err(|until| Wait {
            retry: until.wait_time_from(self.clock.now()),
            first: self.cells.first_refusal(key, self.age()),
        })
    }

    fn look_for_room(&self) {
        let now = self.age();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= *looked + LOOK_AGAIN {
            *looked = now;
            self.sweep();
        }
    }

    fn sweep(&self) {
        self.limiter.retain_recent();
    }

    fn age(&self) -> Duration {
        self.clock.now().duration_since(self.start).into()
    }
}

/// Nothing may be nought here; the config says so to the person who tried.
fn quota(per_minute: u32, burst: u32) -> Quota {
    let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
    let most = LONGEST_FILL.as_nanos() / quota.replenish_interval().as_nanos().max(1);
    let burst = u128::from(burst).min(most);
    let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    quota.allow_burst(burst)
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;

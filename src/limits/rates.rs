//! Rates by address and by user, on governor's GCRA.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, RwLock};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};

use super::address::LocalPrefixes;
use super::atomic_bucket::AtomicBucket;
use super::counters::Counters;
use super::rate_cells::RateCells;
use super::recent_downloads::{RECENT_DOWNLOADS, RecentDownloads};
use super::retry::RetryAfter;
use crate::locks::{self, lock};
use crate::types::UserId;

/// Keys that one rate knows at once. A cell takes about 80 bytes with its key, so the eleven rates together
/// at most 7 MiB; an office has a few hundred devices and the server at most 16384 connections. Requests of
/// sessions need no key: each session holds its bucket.
pub const RATE_KEYS: usize = 8192;

/// Rate with the size of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateAndBurst {
    /// Lasting rate.
    pub per_minute: u32,
    /// As much at once.
    pub burst: u32,
}

impl RateAndBurst {
    const fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute, burst }
    }

    /// Returns `times` as much, but at least `least`.
    fn times(self, times: u32, least: Self) -> Self {
        Self {
            per_minute: self.per_minute.saturating_mul(times).max(least.per_minute),
            burst: self.burst.saturating_mul(times).max(least.burst),
        }
    }

    fn take(self, bucket: &AtomicBucket, now: Duration) -> Result<(), RetryAfter> {
        bucket.take(self.per_minute, self.burst, now)
    }
}

/// Requests of one address in all, signed in or not: ten people's 600 a minute. 60 people behind one address
/// make 53 requests each in their first half minute, 26 of them for static files: 60 × 27 = 1,620 at worst at
/// once, under the burst.
pub const ADDRESS_REQUESTS: RateAndBurst = RateAndBurst { per_minute: 6000, burst: 2000 };
/// Static files of one address without a live session: 60 people who open the sign-in page at once load 60 ×
/// 26 = 1,560 at most.
pub const STATIC_REQUESTS: RateAndBurst = RateAndBurst { per_minute: 6000, burst: 2000 };
/// Static files of one session: 12 restored tabs load 12 × 26 = 312 at once, under the burst. They take
/// nothing of the address's.
pub const SESSION_STATIC_REQUESTS: RateAndBurst = RateAndBurst { per_minute: 1200, burst: 400 };
/// One person takes as much of an address's total as so many sessions may: 600 of 2,000 at once, 1,800 of
/// 6,000 a minute. What is left lets 51 people open the chat in one second (51 × 27 = 1,377), and each second
/// adds 3 more.
const SESSIONS_OF_PERSON: u32 = 3;
/// TLS handshakes of one address. A person's browser opens 7 connections: a class of 40 in 30 s makes 280, 60
/// people make 420, an access point that comes back makes 40 × 7 = 280 at once. At some 3 ms each on a Pi 3
/// the burst takes 1.8 s of one core.
pub const HANDSHAKES: RateAndBurst = RateAndBurst { per_minute: 1200, burst: 600 };
/// Rooms that one user enters again by `resume`: 12 restored tabs × 16 rooms = 192 at once, under the burst.
pub const ENTERS: RateAndBurst = RateAndBurst { per_minute: 600, burst: 256 };
/// An address in all may do this many times what one session or stranger may, where an operator raised that.
const SHARES_OF_ADDRESS: u32 = 10;

/// Interval at which a full rate evicts idle keys, with one pass over its cells.
const EVICT_INTERVAL: Duration = Duration::from_secs(1);

/// A bucket that would take longer than this to fill is cut to it, so that governor's 64-bit nanoseconds
/// cannot overflow.
const LONGEST_FILL: Duration = Duration::from_secs(365 * 24 * 3600);

/// Figures of `[limits]`; each is a rate per minute and, where there is no burst, as large a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// Requests of one session, or of one address without one.
    pub requests_per_minute: u32,
    /// The same, at once.
    pub request_burst: u32,
    /// Uploads of one user.
    pub uploads_per_minute: u32,
    /// Uploads of one user at once.
    pub upload_burst: u32,
    /// Downloads of one user.
    pub downloads_per_minute: u32,
    /// Downloads of one user at once.
    pub download_burst: u32,
    /// Deletions by one user.
    pub deletes_per_minute: u32,
    /// Deletions by one user at once.
    pub delete_burst: u32,
    /// Messages of one user.
    pub messages_per_minute: u32,
    /// Messages of one user at once.
    pub message_burst: u32,
    /// Joins of one user.
    pub joins_per_minute: u32,
    /// Typing notices of one user.
    pub typing_per_minute: u32,
}

/// All rates of the server.
pub struct Rates<C: Clock = MonotonicClock> {
    gates: RwLock<Gates<C>>,
    recent: Mutex<RecentDownloads>,
    clock: C,
    start: C::Instant,
    local: LocalPrefixes,
    refused: Counters,
}

struct Gates<C: Clock> {
    /// Rate and burst of a session's requests; the bucket is the session's.
    session: RateAndBurst,
    /// The same for its static files.
    session_static: RateAndBurst,
    /// The same for all requests of a person; the bucket is shared by the person's sessions.
    person: RateAndBurst,
    strangers: KeyedLimiter<IpAddr, C>,
    addresses: KeyedLimiter<IpAddr, C>,
    static_files: KeyedLimiter<IpAddr, C>,
    handshakes: KeyedLimiter<IpAddr, C>,
    uploads: KeyedLimiter<UserId, C>,
    downloads: KeyedLimiter<UserId, C>,
    deletes: KeyedLimiter<UserId, C>,
    messages: KeyedLimiter<UserId, C>,
    joins: KeyedLimiter<UserId, C>,
    enters: KeyedLimiter<UserId, C>,
    typing: KeyedLimiter<UserId, C>,
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
        let (gates, recent) =
            (Gates::new(settings, RATE_KEYS, &clock), RecentDownloads::new(RECENT_DOWNLOADS));
        let start = clock.now();
        Self {
            gates: RwLock::new(gates),
            recent: Mutex::new(recent),
            clock,
            start,
            local,
            refused: Counters::default(),
        }
    }

    /// Puts other figures in force; all keys start anew with a full burst. Buckets of sessions keep their
    /// level.
    pub fn reconfigure(&self, settings: &RateSettings) {
        let gates = Gates::new(settings, RATE_KEYS, &self.clock);
        *locks::write(&self.gates) = gates;
    }

    /// One request of an address that is for no static file: the total of sessions and strangers.
    pub fn address_request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("address_requests", |gates| gates.addresses.pass(&self.total_key(addr)))
    }

    /// One request of a session, by the bucket that it holds.
    pub fn session_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        let now = self.age();
        self.pass("session_requests", |gates| gates.session.take(bucket, now))
    }

    /// One request of a session for a static file, by the bucket that it holds for these.
    pub fn session_static_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        let now = self.age();
        self.pass("session_static_requests", |gates| gates.session_static.take(bucket, now))
    }

    /// One request that a person takes of an address's total, by the bucket that the person's sessions share.
    pub fn person_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        let now = self.age();
        self.pass("person_requests", |gates| gates.person.take(bucket, now))
    }

    /// One request of an address without a session.
    pub fn request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("requests", |gates| gates.strangers.pass(&self.local.keys(addr).own))
    }

    /// One request of an address without a session for a static file.
    pub fn static_request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("static_requests", |gates| gates.static_files.pass(&self.total_key(addr)))
    }

    /// One TLS handshake of an address.
    pub fn handshake(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("handshakes", |gates| gates.handshakes.pass(&self.total_key(addr)))
    }

    /// One upload of a user.
    pub fn upload(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("uploads", |gates| gates.uploads.pass(&user))
    }

    /// One download of a user. Parts of a file that the user was charged for within [`DOWNLOAD_WINDOW`] are
    /// free.
    ///
    /// [`DOWNLOAD_WINDOW`]: super::DOWNLOAD_WINDOW
    pub fn download(&self, user: UserId, file: u128, is_part: bool) -> Result<(), RetryAfter> {
        // Held until the charge is noted, so that parts that are asked for at once are charged once.
        let mut recent = self.recent();
        let now = self.age();
        if is_part && recent.covers(user, file, now) {
            return Ok(());
        }
        self.pass("downloads", |gates| gates.downloads.pass(&user))?;
        recent.note(user, file, now);
        Ok(())
    }

    /// One deletion by a user.
    pub fn delete(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("deletes", |gates| gates.deletes.pass(&user))
    }

    /// One message of a user.
    pub fn message(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("messages", |gates| gates.messages.pass(&user))
    }

    /// One join of a user.
    pub fn join(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("joins", |gates| gates.joins.pass(&user))
    }

    /// One resume of a user.
    pub fn enter(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("enters", |gates| gates.enters.pass(&user))
    }

    /// One typing notice of a user.
    pub fn typing(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("typing", |gates| gates.typing.pass(&user))
    }

    /// Forgets keys that have been quiet; to be called every minute or so. Without it memory is bounded too,
    /// only later.
    pub fn sweep(&self) {
        self.read(|gates| {
            let by_address = [&gates.strangers, &gates.addresses, &gates.static_files, &gates.handshakes];
            by_address.into_iter().for_each(KeyedLimiter::sweep);
            let files = [&gates.uploads, &gates.downloads, &gates.deletes];
            let chat = [&gates.messages, &gates.joins, &gates.enters, &gates.typing];
            files.into_iter().chain(chat).for_each(KeyedLimiter::sweep);
        });
        self.recent().sweep(self.age());
    }

    /// Returns the refusals of each rate.
    pub fn refused(&self) -> &Counters {
        &self.refused
    }

    fn pass(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Gates<C>) -> Result<(), RetryAfter>,
    ) -> Result<(), RetryAfter> {
        self.read(ask).inspect_err(|_| self.refused.count("rate", what))
    }

    /// Key of what an address may do in all. Clients of a local IPv6 network share that of their /64, as
    /// those behind one NAT share an IPv4 address: one device may take any address of its /64.
    fn total_key(&self, addr: IpAddr) -> IpAddr {
        let keys = self.local.keys(addr);
        keys.network.unwrap_or(keys.own)
    }

    fn recent(&self) -> MutexGuard<'_, RecentDownloads> {
        lock(&self.recent)
    }

    fn age(&self) -> Duration {
        self.clock.now().duration_since(self.start).into()
    }

    fn read<T>(&self, ask: impl FnOnce(&Gates<C>) -> T) -> T {
        ask(&locks::read(&self.gates))
    }
}

impl<C: Clock + Clone> Gates<C> {
    fn new(settings: &RateSettings, keys: usize, clock: &C) -> Self {
        let session = RateAndBurst::new(settings.requests_per_minute, settings.request_burst);
        let by_address = |rate| KeyedLimiter::new(rate, keys, clock);
        // An address may do more where one session may.
        let of_address = |least| by_address(session.times(SHARES_OF_ADDRESS, least));
        let by_user = |rate, burst| KeyedLimiter::new(RateAndBurst::new(rate, burst), keys, clock);
        Self {
            session,
            session_static: session.times(2, SESSION_STATIC_REQUESTS),
            person: session.times(SESSIONS_OF_PERSON, RateAndBurst::new(0, 0)),
            strangers: by_address(session),
            addresses: of_address(ADDRESS_REQUESTS),
            static_files: of_address(STATIC_REQUESTS),
            handshakes: by_address(HANDSHAKES),
            uploads: by_user(settings.uploads_per_minute, settings.upload_burst),
            downloads: by_user(settings.downloads_per_minute, settings.download_burst),
            deletes: by_user(settings.deletes_per_minute, settings.delete_burst),
            messages: by_user(settings.messages_per_minute, settings.message_burst),
            joins: by_user(settings.joins_per_minute, settings.joins_per_minute),
            enters: by_user(ENTERS.per_minute, ENTERS.burst),
            typing: by_user(settings.typing_per_minute, settings.typing_per_minute),
        }
    }
}

/// One rate.
struct KeyedLimiter<K: Eq + Hash + Clone, C: Clock> {
    limiter: RateLimiter<K, RateCells<K>, C, NoOpMiddleware<C::Instant>>,
    cells: RateCells<K>,
    clock: C,
    start: C::Instant,
    looked: Mutex<Duration>,
}

impl<K: Eq + Hash + Clone, C: Clock + Clone> KeyedLimiter<K, C> {
    fn new(rate: RateAndBurst, keys: usize, clock: &C) -> Self {
        let cells = RateCells::new(keys);
        Self {
            limiter: RateLimiter::new(quota(rate), cells.clone(), clock.clone()),
            cells,
            start: clock.now(),
            clock: clock.clone(),
            looked: Mutex::new(Duration::ZERO),
        }
    }

    fn pass(&self, key: &K) -> Result<(), RetryAfter> {
        if self.cells.is_overflow_key(key) {
            self.evict_if_full();
        }
        self.limiter.check_key(key).map_err(|until| RetryAfter {
            retry: until.wait_time_from(self.clock.now()),
            first: self.cells.first_refusal(key, self.age()),
        })
    }

    fn evict_if_full(&self) {
        let now = self.age();
        let mut looked = lock(&self.looked);
        if now >= *looked + EVICT_INTERVAL {
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
fn quota(RateAndBurst { per_minute, burst }: RateAndBurst) -> Quota {
    let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
    let most = LONGEST_FILL.as_nanos() / quota.replenish_interval().as_nanos().max(1);
    let burst = u128::from(burst).min(most);
    let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    quota.allow_burst(burst)
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;

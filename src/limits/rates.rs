//! Rates by address and by user.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use super::address::LocalPrefixes;
use super::atomic_bucket::AtomicBucket;
use super::counters::Counters;
use super::keyed_limiter::KeyedLimiter;
use super::recent_downloads::{RECENT_DOWNLOADS, RecentDownloads};
use super::retry::RetryAfter;
use crate::clock::Clock;
use crate::locks::{self, lock};
use crate::types::UserId;
use crate::types::token_bucket::BucketRate;

/// Keys that one rate knows at once. An address takes some 82 bytes and a user 50, so the four rates of
/// addresses and the seven of users take at most 5.5 MiB. An office has a few hundred devices, and the server
/// at most 16384 connections. Requests of sessions need no key: each session holds its bucket.
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

    fn bucket(self) -> BucketRate {
        BucketRate::per_minute(self.per_minute, self.burst)
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
/// Rooms that one user enters: 12 restored tabs × 16 rooms = 192 at once, under the burst.
pub const ENTERS: RateAndBurst = RateAndBurst { per_minute: 600, burst: 256 };
/// Read marks of one user that are passed on to the user's other sockets. Past it only the last is kept.
const READS_PER_MINUTE: u32 = 120;
/// An address in all may do this many times what one session or stranger may, where an operator raised that.
const SHARES_OF_ADDRESS: u32 = 10;

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
pub struct Rates {
    gates: RwLock<Gates>,
    recent: Mutex<RecentDownloads>,
    clock: Arc<dyn Clock>,
    local: LocalPrefixes,
    refused: Counters,
}

struct Gates {
    /// Rate and burst of a session's requests; the bucket is the session's.
    session: BucketRate,
    /// The same for its static files.
    session_static: BucketRate,
    /// The same for all requests of a person; the bucket is shared by the person's sessions.
    person: BucketRate,
    strangers: KeyedLimiter<IpAddr>,
    addresses: KeyedLimiter<IpAddr>,
    static_files: KeyedLimiter<IpAddr>,
    handshakes: KeyedLimiter<IpAddr>,
    uploads: KeyedLimiter<UserId>,
    downloads: KeyedLimiter<UserId>,
    deletes: KeyedLimiter<UserId>,
    messages: KeyedLimiter<UserId>,
    joins: KeyedLimiter<UserId>,
    enters: KeyedLimiter<UserId>,
    reads: KeyedLimiter<UserId>,
    typing: KeyedLimiter<UserId>,
}

impl Rates {
    /// Rates by the monotonic clock of `clock`.
    pub fn new(settings: &RateSettings, local: LocalPrefixes, clock: Arc<dyn Clock>) -> Self {
        Self {
            gates: RwLock::new(Gates::new(settings, RATE_KEYS)),
            recent: Mutex::new(RecentDownloads::new(RECENT_DOWNLOADS)),
            clock,
            local,
            refused: Counters::default(),
        }
    }

    /// Puts other figures in force; all keys start anew with a full burst. Buckets of sessions keep their
    /// level.
    pub fn reconfigure(&self, settings: &RateSettings) {
        let gates = Gates::new(settings, RATE_KEYS);
        *locks::write(&self.gates) = gates;
    }

    /// One request of an address that is for no static file: the total of sessions and strangers.
    pub fn address_request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("address_requests", |gates, now| gates.addresses.pass(&self.total_key(addr), now))
    }

    /// One request of a session, by the bucket that it holds.
    pub fn session_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        self.pass("session_requests", |gates, now| bucket.take(gates.session, now))
    }

    /// One request of a session for a static file, by the bucket that it holds for these.
    pub fn session_static_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        self.pass("session_static_requests", |gates, now| bucket.take(gates.session_static, now))
    }

    /// One request that a person takes of an address's total, by the bucket that the person's sessions share.
    pub fn person_request(&self, bucket: &AtomicBucket) -> Result<(), RetryAfter> {
        self.pass("person_requests", |gates, now| bucket.take(gates.person, now))
    }

    /// One request of an address without a session.
    pub fn request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("requests", |gates, now| gates.strangers.pass(&self.local.keys(addr).own, now))
    }

    /// One request of an address without a session for a static file.
    pub fn static_request(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("static_requests", |gates, now| gates.static_files.pass(&self.total_key(addr), now))
    }

    /// One TLS handshake of an address.
    pub fn handshake(&self, addr: IpAddr) -> Result<(), RetryAfter> {
        self.pass("handshakes", |gates, now| gates.handshakes.pass(&self.total_key(addr), now))
    }

    /// One upload of a user.
    pub fn upload(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("uploads", |gates, now| gates.uploads.pass(&user, now))
    }

    /// One download of a user. Parts of a file that the user was charged for within [`DOWNLOAD_WINDOW`] are
    /// free.
    ///
    /// [`DOWNLOAD_WINDOW`]: super::DOWNLOAD_WINDOW
    pub fn download(&self, user: UserId, file: u128, is_part: bool) -> Result<(), RetryAfter> {
        // Held until the charge is noted, so that parts that are asked for at once are charged once.
        let mut recent = self.recent();
        let now = self.now();
        if is_part && recent.covers(user, file, now) {
            return Ok(());
        }
        self.pass("downloads", |gates, now| gates.downloads.pass(&user, now))?;
        recent.note(user, file, now);
        Ok(())
    }

    /// One deletion by a user.
    pub fn delete(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("deletes", |gates, now| gates.deletes.pass(&user, now))
    }

    /// One message of a user.
    pub fn message(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("messages", |gates, now| gates.messages.pass(&user, now))
    }

    /// One join of a user.
    pub fn join(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("joins", |gates, now| gates.joins.pass(&user, now))
    }

    /// One entry of a user into a room.
    pub fn enter(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("enters", |gates, now| gates.enters.pass(&user, now))
    }

    /// One read mark of a user.
    pub fn read_mark(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("reads", |gates, now| gates.reads.pass(&user, now))
    }

    /// One typing notice of a user.
    pub fn typing(&self, user: UserId) -> Result<(), RetryAfter> {
        self.pass("typing", |gates, now| gates.typing.pass(&user, now))
    }

    /// Forgets keys that have been quiet; to be called every minute or so. Without it memory is bounded too,
    /// only later.
    pub fn sweep(&self) {
        let now = self.now();
        self.read(|gates| {
            let by_address = [&gates.strangers, &gates.addresses, &gates.static_files, &gates.handshakes];
            by_address.into_iter().for_each(|limiter| limiter.sweep(now));
            let files = [&gates.uploads, &gates.downloads, &gates.deletes];
            let chat = [&gates.messages, &gates.joins, &gates.enters, &gates.reads, &gates.typing];
            files.into_iter().chain(chat).for_each(|limiter| limiter.sweep(now));
        });
        self.recent().sweep(now);
    }

    /// Returns the refusals of each rate.
    pub fn refused(&self) -> &Counters {
        &self.refused
    }

    fn pass(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Gates, Duration) -> Result<(), RetryAfter>,
    ) -> Result<(), RetryAfter> {
        let now = self.now();
        self.read(|gates| ask(gates, now)).inspect_err(|_| self.refused.count("rate", what))
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

    fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    fn read<T>(&self, ask: impl FnOnce(&Gates) -> T) -> T {
        ask(&locks::read(&self.gates))
    }
}

impl Gates {
    fn new(settings: &RateSettings, keys: usize) -> Self {
        let session = RateAndBurst::new(settings.requests_per_minute, settings.request_burst);
        let by_address = |rate: RateAndBurst| KeyedLimiter::new(rate.bucket(), keys);
        // An address may do more where one session may.
        let of_address = |least| by_address(session.times(SHARES_OF_ADDRESS, least));
        let by_user = |rate, burst| KeyedLimiter::new(BucketRate::per_minute(rate, burst), keys);
        Self {
            session: session.bucket(),
            session_static: session.times(2, SESSION_STATIC_REQUESTS).bucket(),
            person: session.times(SESSIONS_OF_PERSON, RateAndBurst::new(0, 0)).bucket(),
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
            reads: by_user(READS_PER_MINUTE, READS_PER_MINUTE),
            typing: by_user(settings.typing_per_minute, settings.typing_per_minute),
        }
    }
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;

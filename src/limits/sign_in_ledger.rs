//! What is known of failed sign-ins: the pure core of [`SignInLimits`](super::SignInLimits).

use std::net::IpAddr;
use std::time::Duration;

use super::bounded::BoundedMap;
use super::sign_in::Refusal;
use super::token_bucket::TokenBucket;
use super::wait::{Told, Wait};
use crate::types::crypto::Sha256;

/// Addresses with a bucket that is not full. About 100 bytes each: 400 KiB.
pub const SIGN_IN_ADDRESSES: usize = 4096;
/// Pairs of name and address with a failure or an attempt under way. About 160 bytes each: 1.3 MiB.
pub const SIGN_IN_PAIRS: usize = 8192;
/// Names with failures. About 80 bytes each: 320 KiB.
pub const SIGN_IN_NAMES: usize = 4096;

/// The part of a full map that pairs of one address may take (one in sixteen); past it that address waits. So nobody can
/// push out other people's locks, nor the own, from one address, not even where the rates are set so high that one address
/// could lock thousands of pairs.
const SHARE_OF_ADDRESS: usize = 16;

/// Wrong passwords in a row for one name, from anywhere, before answers slow down (DESIGN section 6).
const PATIENT_FAILURES: u32 = 50;
/// How much slower each further one makes the next answer.
const DELAY_STEP: Duration = Duration::from_millis(100);
/// The slowest answer.
pub const MAX_DELAY: Duration = Duration::from_secs(5);
/// A name that nobody failed for a day is forgotten when room is needed.
const NAME_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// How soon to try again where attempts under way fill the place: checking a password takes about that long.
const MOMENT: Duration = Duration::from_secs(1);

/// Figures of `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInSettings {
    /// Failed sign-ins a minute and address.
    pub logins_per_minute: u32,
    /// Wrong passwords for one name from one address until that pair is locked.
    pub login_failures: u32,
    /// How long it is locked. Failures are forgotten when that long no other followed.
    pub lockout: Duration,
}

/// A name from an address. The name is a keyed digest, so keys have one size and a memory dump shows no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) addr: IpAddr,
    pub(super) name: Sha256,
}

/// Invariant, while the settings stay: for each pair, failures and attempts under way together never exceed
/// `login_failures`, so attempts in parallel cannot slip past the lock.
pub(super) struct Ledger {
    settings: SignInSettings,
    addresses: BoundedMap<IpAddr, Address>,
    pairs: BoundedMap<Pair, Tries>,
    names: BoundedMap<Sha256, Streak>,
}

struct Address {
    bucket: TokenBucket,
    told: Told,
}

/// The tries of one pair.
#[derive(Default)]
struct Tries {
    failures: u32,
    under_way: u32,
    last_failure: Duration,
    locked_until: Option<Duration>,
    told: Told,
}

struct Streak {
    failures: u32,
    last: Duration,
}

impl Tries {
    /// Forgets a lock that is over, and failures that nobody followed up.
    fn fade(&mut self, now: Duration, lockout: Duration) {
        if self.faded(now, lockout) {
            self.failures = 0;
            self.locked_until = None;
            self.told = Told::default();
        }
    }

    fn faded(&self, now: Duration, lockout: Duration) -> bool {
        let until = self.locked_until.unwrap_or(self.last_failure.saturating_add(lockout));
        until <= now
    }

    fn is_idle(&self) -> bool {
        self.under_way == 0 && self.failures == 0 && self.locked_until.is_none()
    }
}

impl Ledger {
    pub(super) fn new(settings: SignInSettings) -> Self {
        Self::with_room(settings, SIGN_IN_ADDRESSES, SIGN_IN_PAIRS, SIGN_IN_NAMES)
    }

    pub(super) fn with_room(settings: SignInSettings, addresses: usize, pairs: usize, names: usize) -> Self {
        Self { settings, addresses: BoundedMap::new(addresses), pairs: BoundedMap::new(pairs), names: BoundedMap::new(names) }
    }

    pub(super) fn reconfigure(&mut self, settings: SignInSettings) {
        self.settings = settings;
    }

    /// Takes a token and a place for an attempt; returns how long its answer is to be held back.
    pub(super) fn begin(&mut self, pair: Pair, now: Duration) -> Result<Duration, Refusal> {
        if let Some(tries) = self.pairs.get_mut(&pair) {
            tries.fade(now, self.settings.lockout);
            if let Some(until) = tries.locked_until {
                let (retry, first) = (until.saturating_sub(now), tries.told.first(now));
                return Err(Refusal::LockedOut(Wait { retry, first }));
            }
            if tries.failures.saturating_add(tries.under_way) >= self.settings.login_failures.max(1) {
                return Err(Refusal::RateLimited(Wait { retry: MOMENT, first: false }));
            }
        }
        self.take_token(pair.addr, now).map_err(Refusal::RateLimited)?;
        match self.place(&pair, now) {
            Ok(tries) => tries.under_way += 1,
            Err(wait) => {
                self.give_token_back(pair.addr);
                return Err(Refusal::RateLimited(wait));
            }
        }
        let failures = self.names.get(&pair.name).map_or(0, |streak| streak.failures);
        let past = failures.saturating_sub(PATIENT_FAILURES);
        Ok(DELAY_STEP.saturating_mul(past).min(MAX_DELAY))
    }

    /// The password was right: the token comes back, the pair and the name start anew.
    pub(super) fn succeeded(&mut self, pair: &Pair) {
        self.give_token_back(pair.addr);
        self.names.remove(&pair.name);
        if let Some(tries) = self.pairs.get_mut(pair) {
            tries.failures = 0;
            tries.locked_until = None;
        }
        self.leave(pair);
    }

    /// The password was wrong. `Some` when that locked the pair: for how long.
    pub(super) fn failed(&mut self, pair: &Pair, now: Duration) -> Option<Duration> {
        self.count_for_name(pair, now);
        let SignInSettings { login_failures, lockout, .. } = self.settings;
        let mut locked = None;
        if let Some(tries) = self.pairs.get_mut(pair) {
            tries.failures = tries.failures.saturating_add(1);
            tries.last_failure = now;
            if tries.failures >= login_failures.max(1) && tries.locked_until.is_none() {
                tries.locked_until = Some(now.saturating_add(lockout));
                locked = Some(lockout);
            }
        }
        self.leave(pair);
        locked
    }

    /// No verdict: nothing was learnt, nothing counts.
    pub(super) fn abandoned(&mut self, pair: &Pair) {
        self.give_token_back(pair.addr);
        self.leave(pair);
    }

    fn leave(&mut self, pair: &Pair) {
        if let Some(tries) = self.pairs.get_mut(pair) {
            tries.under_way = tries.under_way.saturating_sub(1);
            if tries.is_idle() {
                self.pairs.remove(pair);
            }
        }
    }

    fn take_token(&mut self, addr: IpAddr, now: Duration) -> Result<(), Wait> {
        let rate = self.settings.logins_per_minute.max(1);
        // A full bucket says nothing and goes first, then the fullest: forgetting it forgives least.
        let address = self.addresses.entry(
            &addr,
            |a| a.bucket.is_full(rate, now),
            |a| Some(std::cmp::Reverse(a.bucket.level(rate, now))),
            || Address { bucket: TokenBucket::full(rate, now), told: Told::default() },
        );
        let Some(address) = address else {
            return Err(Wait { retry: MOMENT, first: false });
        };
        address.bucket.take(rate, now).map_err(|retry| Wait { retry, first: address.told.first(now) })
    }

    fn give_token_back(&mut self, addr: IpAddr) {
        // An address that was forgotten meanwhile starts with a full bucket anyway.
        if let Some(address) = self.addresses.get_mut(&addr) {
            address.bucket.give_back(self.settings.logins_per_minute.max(1));
        }
    }

    /// The pair's entry. In a full map what has faded goes first, then the pair with fewest failures, the oldest of equals,
    /// and a locked one only when there is no other; a pair with an attempt under way stays.
    fn place(&mut self, pair: &Pair, now: Duration) -> Result<&mut Tries, Wait> {
        let lockout = self.settings.lockout;
        let expired = |tries: &Tries| tries.under_way == 0 && tries.faded(now, lockout);
        if self.pairs.is_full() && self.pairs.get(pair).is_none() {
            let own = self.pairs.iter().filter(|(other, tries)| other.addr == pair.addr && !expired(tries));
            if own.count() >= self.pairs.cap() / SHARE_OF_ADDRESS {
                let retry = lockout.min(Duration::from_secs(60));
                return Err(Wait { retry, first: false });
            }
        }
        let danger = |tries: &Tries| (tries.under_way == 0).then_some((tries.locked_until, tries.failures, tries.last_failure));
        self.pairs.entry(pair, expired, danger, Tries::default).ok_or(Wait { retry: MOMENT, first: false })
    }

    fn count_for_name(&mut self, pair: &Pair, now: Duration) {
        let streak = self.names.entry(
            &pair.name,
            |streak| streak.last.saturating_add(NAME_MEMORY) <= now,
            |streak| Some((streak.failures, streak.last)),
            || Streak { failures: 0, last: now },
        );
        if let Some(streak) = streak {
            streak.failures = streak.failures.saturating_add(1);
            streak.last = now;
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.addresses.len(), self.pairs.len(), self.names.len()]
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> u32 {
        self.pairs.iter().map(|(_, tries)| tries.under_way).sum()
    }
}

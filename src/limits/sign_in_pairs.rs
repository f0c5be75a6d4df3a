//! Attempts of one name from one place, which are locked together.

use std::net::IpAddr;
use std::time::Duration;

use super::bounded::BoundedMap;
use super::retry::{LogThrottle, RetryAfter};
use super::sign_in_budget::BudgetGate;
use super::sign_in_device::DeviceId;
use super::sign_in_settings::{MOMENT, SignInSettings};
use crate::types::crypto::Sha256;

/// Pairs of name and address, or of name and device, with a failure or an attempt under way. About 180 bytes
/// each: 1.5 MiB.
pub const SIGN_IN_PAIRS: usize = 8192;

/// The part of a full map that pairs of one address may take (one in sixteen). Past it that address waits, so
/// that it pushes out no other's locks, nor its own, however high the rates are set.
const SHARE_OF_ADDRESS: usize = 16;

/// Place that attempts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum AttemptSource {
    Address(IpAddr),
    Device(DeviceId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AttemptKey {
    pub(super) source: AttemptSource,
    pub(super) name: Sha256,
}

/// Attempts of one pair.
#[derive(Default)]
struct Attempts {
    failures: u32,
    under_way: u32,
    last_failure: Duration,
    locked_until: Option<Duration>,
    told: LogThrottle,
}

impl Attempts {
    /// Forgets a lock that is over, and failures that no other followed.
    fn decay(&mut self, now: Duration, lockout: Duration) {
        if self.is_over(now, lockout) {
            self.failures = 0;
            self.locked_until = None;
            self.told = LogThrottle::default();
        }
    }

    fn is_over(&self, now: Duration, lockout: Duration) -> bool {
        self.locked_until.unwrap_or(self.last_failure.saturating_add(lockout)) <= now
    }

    fn is_idle(&self) -> bool {
        self.under_way == 0 && self.failures == 0 && self.locked_until.is_none()
    }
}

/// All pairs.
pub(super) struct AttemptPairs(BoundedMap<AttemptKey, Attempts>);

impl AttemptPairs {
    pub(super) fn new(cap: usize) -> Self {
        Self(BoundedMap::new(cap))
    }

    /// Tells whether an attempt may begin, of at most `device_left` at once.
    ///
    /// # Errors
    /// When the pair is locked.
    pub(super) fn gate(
        &mut self,
        key: &AttemptKey,
        settings: &SignInSettings,
        device_left: u32,
        now: Duration,
    ) -> Result<BudgetGate, RetryAfter> {
        let most = settings.login_failures.max(1);
        let Some(attempts) = self.0.get_mut(key) else { return Ok(BudgetGate::Open) };
        attempts.decay(now, settings.lockout);
        if attempts.locked_until.is_none() && attempts.failures >= most {
            // The figure was lowered.
            attempts.locked_until = Some(attempts.last_failure.saturating_add(settings.lockout));
        }
        if let Some(until) = attempts.locked_until {
            return Err(RetryAfter { retry: until.saturating_sub(now), first: attempts.told.first(now) });
        }
        let in_use =
            attempts.failures.saturating_add(attempts.under_way) >= most || attempts.under_way >= device_left;
        Ok(if in_use { BudgetGate::InUse } else { BudgetGate::Open })
    }

    /// Makes sure that the pair has an entry. In a full map what is over goes first, then the pair with
    /// fewest failures, the oldest of equals, and a locked one only when there is no other; a pair with an
    /// attempt under way stays.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn place(
        &mut self,
        key: &AttemptKey,
        lockout: Duration,
        now: Duration,
    ) -> Result<(), RetryAfter> {
        let expired = |attempts: &Attempts| attempts.under_way == 0 && attempts.is_over(now, lockout);
        if self.0.is_full() && self.0.get(key).is_none() {
            let own =
                self.0.iter().filter(|(other, attempts)| other.source == key.source && !expired(attempts));
            if own.count() >= self.0.cap() / SHARE_OF_ADDRESS {
                return Err(RetryAfter { retry: lockout.min(Duration::from_secs(60)), first: false });
            }
        }
        let rank = |a: &Attempts| (a.under_way == 0).then_some((a.locked_until, a.failures, a.last_failure));
        let placed = self.0.entry(key, expired, rank, Attempts::default);
        placed.map(|_| ()).ok_or(RetryAfter { retry: MOMENT, first: false })
    }

    pub(super) fn begin(&mut self, key: &AttemptKey) {
        if let Some(attempts) = self.0.get_mut(key) {
            attempts.under_way += 1;
        }
    }

    pub(super) fn end(&mut self, key: &AttemptKey) {
        if let Some(attempts) = self.0.get_mut(key) {
            attempts.under_way = attempts.under_way.saturating_sub(1);
            self.remove_if_idle(key);
        }
    }

    /// Forgets failures and lock.
    pub(super) fn forgive(&mut self, key: &AttemptKey) {
        if let Some(attempts) = self.0.get_mut(key) {
            attempts.failures = 0;
            attempts.locked_until = None;
            self.remove_if_idle(key);
        }
    }

    /// Forgets failures that have not led to a lock: a lock that strangers earned at this address stays
    /// theirs.
    pub(super) fn forgive_unless_locked(&mut self, key: &AttemptKey) {
        if self.0.get(key).is_some_and(|attempts| attempts.locked_until.is_none()) {
            self.forgive(key);
        }
    }

    /// Counts a failure. Returns the length of the lock that it began.
    pub(super) fn record_failure(
        &mut self,
        key: &AttemptKey,
        settings: &SignInSettings,
        now: Duration,
    ) -> Option<Duration> {
        let attempts = self.0.get_mut(key)?;
        attempts.failures = attempts.failures.saturating_add(1);
        attempts.last_failure = now;
        let locks = attempts.failures >= settings.login_failures.max(1) && attempts.locked_until.is_none();
        locks.then(|| {
            attempts.locked_until = Some(now.saturating_add(settings.lockout));
            settings.lockout
        })
    }

    fn remove_if_idle(&mut self, key: &AttemptKey) {
        if self.0.get(key).is_some_and(Attempts::is_idle) {
            self.0.remove(key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> u32 {
        self.0.iter().map(|(_, attempts)| attempts.under_way).sum()
    }
}

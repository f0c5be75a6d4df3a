//! Failed sign-ins: a token bucket for each address, a lock for each pair of name and address, slower answers for a name
//! that is guessed at from everywhere.
//!
//! **A stranger at another address cannot lock anybody out**: locks are by pair, and a name alone only slows answers.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::address::LocalPrefixes;
use super::sign_in_ledger::{Ledger, Pair, SignInSettings};
use super::tally::Tally;
use super::wait::Wait;
use crate::types::crypto::{self, Sha256Hasher};

/// The limits on signing in, shared by all connections.
pub struct SignInLimits {
    /// Random for each process: nobody can prepare names whose digests meet.
    salt: [u8; 32],
    local: LocalPrefixes,
    ledger: Mutex<Ledger>,
    refused: Tally,
}

/// Why an attempt may not begin. Both cost no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address tried too often (or has as many attempts under way as it may still fail).
    RateLimited(Wait),
    /// This name is locked for this address.
    LockedOut(Wait),
}

/// What a wrong password led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// This failure locked the pair; true once a lock, for one audit line.
    pub locked: bool,
    /// For how long; zero when it did not.
    pub lockout: Duration,
}

impl SignInLimits {
    /// Limits in which nobody has failed yet.
    pub fn new(settings: SignInSettings, local: LocalPrefixes) -> Self {
        Self { salt: crypto::random(), local, ledger: Mutex::new(Ledger::new(settings)), refused: Tally::default() }
    }

    /// Puts other figures in force. Locks that hold stay as they are.
    pub fn reconfigure(&self, settings: SignInSettings) {
        self.ledger().reconfigure(settings);
    }

    /// Begins an attempt, to be asked for before the password is checked. `name_key` is any text that two spellings of one
    /// name share ([`UserName::key`](crate::types::UserName::key)), or what was typed where that is no name at all.
    ///
    /// # Errors
    /// When it has to wait; then the password must not be checked.
    pub fn begin(self: &Arc<Self>, addr: IpAddr, name_key: &str, now: Duration) -> Result<Attempt, Refusal> {
        let mut name = Sha256Hasher::default();
        name.update(&self.salt);
        name.update(name_key.as_bytes());
        let pair = Pair { addr: self.local.keys(addr).own, name: name.finish() };
        let begun = self.ledger().begin(pair, now);
        let delay = begun.inspect_err(|refusal| {
            let limited = matches!(refusal, Refusal::RateLimited(_));
            self.refused.count("sign_in", if limited { "rate_limited" } else { "locked_out" });
        })?;
        Ok(Attempt { limits: Arc::clone(self), pair, delay, settled: false })
    }

    /// How often nobody was let in, by reason.
    pub fn refused(&self) -> &Tally {
        &self.refused
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt under way. Dropped without a verdict (the server was busy, the client has gone) it gives its token back, so
/// it must live until the verdict is known, also where the check runs on another thread.
#[must_use]
pub struct Attempt {
    limits: Arc<SignInLimits>,
    pair: Pair,
    delay: Duration,
    settled: bool,
}

impl Attempt {
    /// How long the answer is to be held back, right or wrong, so that it does not tell which.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// The password was right: this attempt costs nothing, and what failed before is forgotten.
    pub fn succeeded(mut self, _now: Duration) {
        self.settled = true;
        self.limits.ledger().succeeded(&self.pair);
    }

    /// The password was wrong, or there is no such account.
    pub fn failed(mut self, now: Duration) -> Failed {
        self.settled = true;
        let lockout = self.limits.ledger().failed(&self.pair, now);
        self.limits.refused.count("sign_in", "wrong");
        Failed { locked: lockout.is_some(), lockout: lockout.unwrap_or_default() }
    }
}

/// Without name and address: they are nobody's business in a debug print.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("delay", &self.delay).finish_non_exhaustive()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            self.limits.ledger().abandoned(&self.pair);
        }
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;

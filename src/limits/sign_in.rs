//! Limits on failed sign-ins: a budget for each address and local network, a lock for each pair of name and
//! address, slower answers and a throttle for a name that is guessed at from everywhere.
//!
//! An attempt counts as failed only when it fails. As many as may still fail are verified at once; further
//! ones wait, first come, first served, for the verdicts of those.
//!
//! **A stranger cannot shut out a device that has signed in to a name**: with its device cookie it is heard
//! on figures of its own.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use super::address::LocalPrefixes;
use super::counters::Counters;
use super::sign_in_device::DeviceId;
use super::sign_in_queue::{NoPlace, SignInQueue};
use super::sign_in_refusal::SignInRefusal;
use super::sign_in_settings::SignInSettings;
use super::sign_in_table::{Admission, AttemptOutcome, AttemptTable, CAPACITY, Capacity, Decision, Keys};
use crate::locks::lock;
use crate::types::crypto::{self, Sha256, Sha256Hasher};

/// The limits on signing in, shared by all connections.
pub struct SignInLimits {
    /// Random for each process, so that no client can prepare names whose digests meet.
    salt: [u8; 32],
    local: LocalPrefixes,
    state: Mutex<SignInState>,
    refused: Counters,
}

struct SignInState {
    table: AttemptTable,
    queue: SignInQueue<AnswerSender>,
    /// The latest time that was handed in; attempts without a verdict end at it.
    now: Duration,
}

type AnswerSender = oneshot::Sender<Result<Attempt, SignInRefusal>>;
type Answer = (AnswerSender, Result<Attempt, SignInRefusal>);

/// Attempt that asks to be heard.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The client's address.
    pub addr: IpAddr,
    /// Any text that two spellings of one name share ([`UserName::key`](crate::types::UserName::key)), or
    /// what was typed where that is no name at all. None for a secret that belongs to no name.
    pub name: Option<&'a str>,
    /// The device that has signed in to this name, by its cookie.
    pub device: Option<DeviceId>,
}

/// Consequence of a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// This failure locked the pair; true once a lock, for one audit line.
    pub locked: bool,
    /// For how long; zero when it did not.
    pub lockout: Duration,
}

/// Result of asking to begin.
#[derive(Debug)]
#[must_use]
pub enum Begun {
    /// The secret may be checked now.
    Now(Attempt),
    /// Attempts under way decide.
    Later(SignInTurn),
}

impl Begun {
    /// Waits for the turn, if it has not come.
    ///
    /// # Errors
    /// When attempts under way used up what was left; then the secret must not be checked.
    pub async fn wait(self) -> Result<Attempt, SignInRefusal> {
        match self {
            Self::Now(attempt) => Ok(attempt),
            Self::Later(SignInTurn(answer)) => answer.await.unwrap_or(Err(SignInRefusal::Busy)),
        }
    }
}

/// Place in the queue. It is given up when dropped.
#[derive(Debug)]
pub struct SignInTurn(oneshot::Receiver<Result<Attempt, SignInRefusal>>);

impl SignInLimits {
    /// Limits without a failure.
    pub fn new(settings: SignInSettings, local: LocalPrefixes) -> Self {
        Self::with_capacity(settings, local, CAPACITY)
    }

    pub(super) fn with_capacity(settings: SignInSettings, local: LocalPrefixes, capacity: Capacity) -> Self {
        let state = SignInState {
            table: AttemptTable::new(settings, capacity),
            queue: SignInQueue::new(),
            now: Duration::ZERO,
        };
        Self { salt: crypto::random(), local, state: Mutex::new(state), refused: Counters::default() }
    }

    /// Puts other figures in force. Locks that hold stay as they are.
    pub fn reconfigure(&self, settings: SignInSettings) {
        self.state().table.reconfigure(settings);
    }

    /// Asks to begin an attempt, before its secret is checked.
    ///
    /// # Errors
    /// When it has to come again later; then the secret must not be checked.
    pub fn begin(self: &Arc<Self>, candidate: &Candidate<'_>, now: Duration) -> Result<Begun, SignInRefusal> {
        let name = candidate.name.map(|name| self.digest(name));
        let keys = Keys { address: self.local.keys(candidate.addr), name, device: candidate.device };
        let mut state = self.state();
        state.now = state.now.max(now);
        // Those who wait come first, also where time alone has brought a token.
        let mut answers = self.advance(&mut state);
        let now = state.now;
        let begun = match state.table.decide(&keys, now) {
            Decision::Admit(admission) => Ok(Begun::Now(self.attempt(admission))),
            Decision::Refuse(refusal) => Err(refusal),
            Decision::Wait => match state.queue.make_place(&keys) {
                Ok(displaced) => {
                    let (answer, turn) = oneshot::channel();
                    state.queue.push(keys, answer);
                    answers.extend(displaced.map(|waiter| self.refuse(waiter.answer, SignInRefusal::Busy)));
                    Ok(Begun::Later(SignInTurn(turn)))
                }
                Err(NoPlace) => Err(SignInRefusal::Busy),
            },
        };
        drop(state);
        deliver(answers);
        begun.inspect_err(|refusal| self.refused.count("sign_in", refusal.reason()))
    }

    /// Returns true if wrong passwords have ended this device's cookie.
    pub fn is_ended(&self, device: &DeviceId) -> bool {
        self.state().table.is_ended(device)
    }

    /// Returns the refused sign-ins by reason.
    pub fn refused(&self) -> &Counters {
        &self.refused
    }

    fn digest(&self, name: &str) -> Sha256 {
        let mut hasher = Sha256Hasher::default();
        hasher.update(&self.salt);
        hasher.update(name.as_bytes());
        hasher.finish()
    }

    fn attempt(self: &Arc<Self>, admission: Admission) -> Attempt {
        Attempt { limits: Arc::clone(self), admission, settled: false }
    }

    /// Decides on those who wait, in their order.
    fn advance(self: &Arc<Self>, state: &mut SignInState) -> Vec<Answer> {
        let mut answers = Vec::new();
        for waiter in state.queue.take() {
            if waiter.answer.is_closed() {
                continue;
            }
            match state.table.decide(&waiter.keys, state.now) {
                Decision::Wait => state.queue.put_back(waiter),
                Decision::Admit(admission) => answers.push((waiter.answer, Ok(self.attempt(admission)))),
                Decision::Refuse(refusal) => answers.push(self.refuse(waiter.answer, refusal)),
            }
        }
        answers
    }

    fn refuse(&self, answer: AnswerSender, refusal: SignInRefusal) -> Answer {
        self.refused.count("sign_in", refusal.reason());
        (answer, Err(refusal))
    }

    fn settle(
        self: &Arc<Self>,
        admission: &Admission,
        outcome: AttemptOutcome,
        now: Option<Duration>,
    ) -> Option<Duration> {
        let mut state = self.state();
        state.now = state.now.max(now.unwrap_or_default());
        let now = state.now;
        let locked = state.table.settle(admission, outcome, now);
        let answers = self.advance(&mut state);
        drop(state);
        deliver(answers);
        locked
    }

    fn state(&self) -> MutexGuard<'_, SignInState> {
        lock(&self.state)
    }
}

/// Sends the answers, without the lock: an attempt whose receiver has gone is dropped here, and gives back
/// what it took.
fn deliver(answers: Vec<Answer>) {
    for (answer, result) in answers {
        let _ = answer.send(result);
    }
}

/// An attempt under way. Dropped without a verdict (the server was busy) it gives its token back, so it must
/// live until the verdict is known, also where the check runs on another thread.
#[must_use]
pub struct Attempt {
    limits: Arc<SignInLimits>,
    admission: Admission,
    settled: bool,
}

impl Attempt {
    /// Returns the delay of the answer, the same for success and failure, so that it does not reveal which.
    pub fn delay(&self) -> Duration {
        self.admission.delay
    }

    /// The secret was right: this attempt costs nothing, and what failed before is forgotten.
    pub fn succeeded(mut self, now: Duration) {
        self.settled = true;
        self.limits.settle(&self.admission, AttemptOutcome::Right, Some(now));
    }

    /// The secret was wrong, or there is no such account.
    pub fn failed(mut self, now: Duration) -> Failed {
        self.settled = true;
        let lockout = self.limits.settle(&self.admission, AttemptOutcome::Wrong, Some(now));
        self.limits.refused.count("sign_in", "wrong");
        Failed { locked: lockout.is_some(), lockout: lockout.unwrap_or_default() }
    }
}

/// Omits name and address.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("delay", &self.admission.delay).finish_non_exhaustive()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            self.limits.settle(&self.admission, AttemptOutcome::Abandoned, None);
        }
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "sign_in_queue_tests.rs"]
mod queue_tests;

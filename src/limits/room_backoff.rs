//! Attempts at a room's password: one under way for each user and room, and a pause of 3 s after a wrong one,
//! doubling to 60 s.
//!
//! Further attempts wait for the verdict. If it is right the next one goes on, so that all tabs of a browser
//! get in. If it is wrong they are refused without a verdict of their own.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use super::bounded::BoundedMap;
use super::retry::{LogThrottle, RetryAfter};
use crate::locks::lock;
use crate::types::{RoomCode, UserId};

/// Pairs of user and room that are remembered. About 120 bytes each: 480 KiB. Joins are limited to 30 a
/// minute and user, so one user can fill 300 places in the time that an entry lives.
pub const PAUSED_ROOMS: usize = 4096;

const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// So long after the last wrong password the next one counts as the first.
const MEMORY: Duration = Duration::from_secs(600);

type Key = (UserId, RoomCode);

/// Attempts under way and pauses, of all users and rooms.
pub struct RoomPause {
    state: Mutex<State>,
}

struct State {
    pauses: BoundedMap<Key, Pause>,
    /// Pairs with an attempt under way, and those who wait for it. A socket makes one attempt at a time, so
    /// there are at most as many as sockets: 16384 of some 200 bytes are 3 MiB.
    under_way: HashMap<Key, VecDeque<Waiter>>,
}

type Waiter = oneshot::Sender<Result<RoomAttempt, RetryAfter>>;

struct Pause {
    length: Duration,
    since: Duration,
    told: LogThrottle,
}

impl Pause {
    fn faded(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= MEMORY
    }
}

impl Default for RoomPause {
    fn default() -> Self {
        Self { state: Mutex::new(State { pauses: BoundedMap::new(PAUSED_ROOMS), under_way: HashMap::new() }) }
    }
}

impl RoomPause {
    /// Starts without failures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells whether `user` may try the password of `room` now, as far as the pause goes.
    ///
    /// # Errors
    /// During a pause.
    pub fn check(&self, user: UserId, room: &RoomCode, now: Duration) -> Result<(), RetryAfter> {
        self.state().check(&(user, room.clone()), now)
    }

    /// Begins an attempt of `user` at `room`, or takes a place behind the one under way.
    ///
    /// # Errors
    /// During a pause.
    pub fn begin(
        self: &Arc<Self>,
        user: UserId,
        room: &RoomCode,
        now: Duration,
    ) -> Result<RoomTurn, RetryAfter> {
        let key = (user, room.clone());
        let mut state = self.state();
        state.check(&key, now)?;
        if let Some(waiting) = state.under_way.get_mut(&key) {
            let (waiter, turn) = oneshot::channel();
            // Sockets that have gone do not add up.
            waiting.retain(|waiter| !waiter.is_closed());
            waiting.push_back(waiter);
            return Ok(RoomTurn::Later(turn));
        }
        state.under_way.insert(key.clone(), VecDeque::new());
        drop(state);
        Ok(RoomTurn::Now(RoomAttempt { pauses: Arc::clone(self), key, settled: false }))
    }

    /// Hands the turn of `key` to the next one who waits.
    fn pass_on(self: &Arc<Self>, key: &Key) {
        loop {
            let mut state = self.state();
            let Some(waiter) = state.under_way.get_mut(key).and_then(VecDeque::pop_front) else {
                state.under_way.remove(key);
                return;
            };
            drop(state);
            let next = RoomAttempt { pauses: Arc::clone(self), key: key.clone(), settled: false };
            // Whose socket has gone: the one after that.
            match waiter.send(Ok(next)) {
                Err(Ok(mut unused)) => unused.settled = true,
                _ => return,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Place of an attempt.
#[derive(Debug)]
#[must_use]
pub enum RoomTurn {
    /// The password may be checked now.
    Now(RoomAttempt),
    /// Another attempt is under way.
    Later(oneshot::Receiver<Result<RoomAttempt, RetryAfter>>),
}

impl RoomTurn {
    /// Waits for the turn.
    ///
    /// # Errors
    /// When an attempt before this one was wrong.
    pub async fn wait(self) -> Result<RoomAttempt, RetryAfter> {
        match self {
            Self::Now(attempt) => Ok(attempt),
            Self::Later(turn) => turn.await.unwrap_or(Err(RetryAfter { retry: FIRST_PAUSE, first: false })),
        }
    }
}

/// The one attempt under way of a user at a room. Dropped without a verdict it leaves nothing, and the next
/// one has its turn.
#[must_use]
pub struct RoomAttempt {
    pauses: Arc<RoomPause>,
    key: Key,
    settled: bool,
}

impl RoomAttempt {
    /// The password was wrong; returns the pause that begins now. Those who wait are refused.
    pub fn record_failure(mut self, now: Duration) -> Duration {
        self.settled = true;
        let mut state = self.pauses.state();
        let retry = state.record_failure(&self.key, now);
        let waiting = state.under_way.remove(&self.key).unwrap_or_default();
        drop(state);
        for waiter in waiting {
            let _ = waiter.send(Err(RetryAfter { retry, first: false }));
        }
        retry
    }

    /// The password was right: what was wrong before is forgotten. The next one has its turn when this is
    /// dropped.
    pub fn clear(&self) {
        self.pauses.state().pauses.remove(&self.key);
    }
}

/// Omits user and room.
impl fmt::Debug for RoomAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomAttempt").finish_non_exhaustive()
    }
}

impl Drop for RoomAttempt {
    fn drop(&mut self) {
        if !self.settled {
            self.pauses.pass_on(&self.key);
        }
    }
}

impl State {
    fn check(&mut self, key: &Key, now: Duration) -> Result<(), RetryAfter> {
        let Some(pause) = self.pauses.get_mut(key) else {
            return Ok(());
        };
        let until = pause.since + pause.length;
        if until <= now {
            return Ok(());
        }
        Err(RetryAfter { retry: until - now, first: pause.told.first(now) })
    }

    fn record_failure(&mut self, key: &Key, now: Duration) -> Duration {
        // When room is needed the shortest pause goes first, the oldest of equals: it protects least.
        let pause = self.pauses.entry(
            key,
            |pause| pause.faded(now),
            |pause| Some((pause.length, pause.since)),
            || Pause { length: Duration::ZERO, since: now, told: LogThrottle::default() },
        );
        let Some(pause) = pause else {
            return FIRST_PAUSE;
        };
        if pause.faded(now) {
            pause.length = Duration::ZERO;
        }
        pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause.since = now;
        pause.told = LogThrottle::default();
        pause.length
    }
}

#[cfg(test)]
#[path = "room_backoff_tests.rs"]
mod tests;

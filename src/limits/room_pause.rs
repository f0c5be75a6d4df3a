//! A pause after a wrong room password: 3 s for that user and room, doubling to 60 s.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bounded::BoundedMap;
use super::wait::{Told, Wait};
use crate::types::{RoomCode, UserId};

/// Pairs of user and room that are remembered. About 120 bytes each: 480 KiB. Joins are limited to 30 a minute and user,
/// so one user can fill 300 places in the time that an entry lives.
pub const PAUSED_ROOMS: usize = 4096;

const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// So long after the last wrong password the next one counts as the first.
const MEMORY: Duration = Duration::from_secs(600);

/// Who has to wait before trying a room's password again.
pub struct RoomPause {
    pauses: Mutex<BoundedMap<(UserId, RoomCode), Pause>>,
}

struct Pause {
    length: Duration,
    since: Duration,
    told: Told,
}

impl Pause {
    fn faded(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= MEMORY
    }
}

impl Default for RoomPause {
    fn default() -> Self {
        Self { pauses: Mutex::new(BoundedMap::new(PAUSED_ROOMS)) }
    }
}

impl RoomPause {
    /// Nobody has to wait.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `user` may try the password of `room` now; to be asked before it is checked.
    pub fn check(&self, user: UserId, room: &RoomCode, now: Duration) -> Result<(), Wait> {
        let mut pauses = self.pauses();
        let Some(pause) = pauses.get_mut(&(user, room.clone())) else {
            return Ok(());
        };
        let until = pause.since + pause.length;
        if until <= now {
            return Ok(());
        }
        Err(Wait { retry: until - now, first: pause.told.first(now) })
    }

    /// The password was wrong; returns the pause that begins now.
    pub fn wrong(&self, user: UserId, room: &RoomCode, now: Duration) -> Duration {
        let mut pauses = self.pauses();
        // When room is needed the shortest pause goes first, the oldest of equals: it protects least.
        let pause = pauses.entry(
            &(user, room.clone()),
            |pause| pause.faded(now),
            |pause| Some((pause.length, pause.since)),
            || Pause { length: Duration::ZERO, since: now, told: Told::default() },
        );
        let Some(pause) = pause else {
            return FIRST_PAUSE;
        };
        if pause.faded(now) {
            pause.length = Duration::ZERO;
        }
        pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause.since = now;
        pause.told = Told::default();
        pause.length
    }

    /// The password was right: what was wrong before is forgotten.
    pub fn right(&self, user: UserId, room: &RoomCode) {
        self.pauses().remove(&(user, room.clone()));
    }

    fn pauses(&self) -> MutexGuard<'_, BoundedMap<(UserId, RoomCode), Pause>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANA: UserId = UserId(1);

    fn room(code: &str) -> RoomCode {
        code.parse().unwrap()
    }

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn pauses_double_to_a_minute() {
        let (pauses, sala) = (RoomPause::new(), room("sala"));
        let mut now = secs(100);
        let mut lengths = Vec::new();
        for _ in 0..7 {
            assert_eq!(pauses.check(ANA, &sala, now), Ok(()));
            let pause = pauses.wrong(ANA, &sala, now);
            lengths.push(pause.as_secs());
            assert_eq!(pauses.check(ANA, &sala, now), Err(Wait { retry: pause, first: true }));
            now += pause - Duration::from_millis(1);
            let wait = Wait { retry: Duration::from_millis(1), first: false };
            assert_eq!(pauses.check(ANA, &sala, now), Err(wait));
            now += Duration::from_millis(1);
        }
        assert_eq!(lengths, [3, 6, 12, 24, 48, 60, 60]);
        assert_eq!(pauses.check(UserId(2), &sala, now), Ok(()), "of that user");
        assert_eq!(pauses.check(ANA, &room("otra"), now), Ok(()), "and that room");
    }

    #[test]
    fn the_right_password_and_ten_minutes_make_forget() {
        let (pauses, sala) = (RoomPause::new(), room("sala"));
        pauses.wrong(ANA, &sala, secs(0));
        assert_eq!(pauses.wrong(ANA, &sala, secs(3)), secs(6));
        pauses.right(ANA, &sala);
        assert_eq!(pauses.check(ANA, &sala, secs(4)), Ok(()));
        assert_eq!(pauses.wrong(ANA, &sala, secs(4)), secs(3));
        assert_eq!(pauses.wrong(ANA, &sala, secs(603)), secs(6));
        assert_eq!(pauses.wrong(ANA, &sala, secs(1203)), secs(3));
    }

    #[test]
    fn a_flood_of_fresh_pauses_does_not_end_a_long_one() {
        let (pauses, sala) = (RoomPause::new(), room("sala"));
        pauses.wrong(ANA, &sala, secs(0));
        pauses.wrong(ANA, &sala, secs(0));
        for n in 0..2 * PAUSED_ROOMS {
            pauses.wrong(UserId(2), &room(&format!("r{n}")), secs(1));
        }
        assert_eq!(pauses.pauses().len(), PAUSED_ROOMS);
        assert!(pauses.check(ANA, &sala, secs(1)).is_err());
    }

    proptest! {
        /// However it is tried, a password is checked at most so often as pauses of 3 s and more let it.
        #[test]
        fn guesses_are_bounded(steps in prop::collection::vec(0u64..70_000, 1..200)) {
            let (pauses, sala) = (RoomPause::new(), room("sala"));
            let (mut now, mut free_at) = (Duration::ZERO, Duration::ZERO);
            for step in steps {
                now += Duration::from_millis(step);
                let open = pauses.check(ANA, &sala, now).is_ok();
                prop_assert_eq!(open, now >= free_at);
                if open {
                    let pause = pauses.wrong(ANA, &sala, now);
                    prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&pause));
                    free_at = now + pause;
                }
            }
        }
    }
}

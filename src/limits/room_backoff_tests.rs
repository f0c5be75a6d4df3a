use proptest::prelude::*;

use super::*;

const ANA: UserId = UserId(1);

fn room(code: &str) -> RoomCode {
    code.parse().unwrap()
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn pauses() -> Arc<RoomPause> {
    Arc::new(RoomPause::new())
}

/// Begins an attempt where none is under way.
fn attempt(pauses: &Arc<RoomPause>, user: UserId, room: &RoomCode, now: Duration) -> RoomAttempt {
    match pauses.begin(user, room, now) {
        Ok(RoomTurn::Now(attempt)) => attempt,
        other => panic!("{other:?}"),
    }
}

fn waiting(
    pauses: &Arc<RoomPause>,
    room: &RoomCode,
    now: Duration,
) -> oneshot::Receiver<Result<RoomAttempt, RetryAfter>> {
    match pauses.begin(ANA, room, now) {
        Ok(RoomTurn::Later(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pauses_double_to_a_minute() {
    let (pauses, sala) = (pauses(), room("sala"));
    let mut now = secs(100);
    let mut lengths = Vec::new();
    for _ in 0..7 {
        assert_eq!(pauses.check(ANA, &sala, now), Ok(()));
        let pause = attempt(&pauses, ANA, &sala, now).record_failure(now);
        lengths.push(pause.as_secs());
        assert_eq!(pauses.check(ANA, &sala, now), Err(RetryAfter { retry: pause, first: true }));
        now += pause - Duration::from_millis(1);
        let wait = RetryAfter { retry: Duration::from_millis(1), first: false };
        assert_eq!(pauses.begin(ANA, &sala, now).err(), Some(wait));
        now += Duration::from_millis(1);
    }
    assert_eq!(lengths, [3, 6, 12, 24, 48, 60, 60]);
    assert_eq!(pauses.check(UserId(2), &sala, now), Ok(()), "of that user");
    assert_eq!(pauses.check(ANA, &room("otra"), now), Ok(()), "and that room");
}

#[test]
fn right_password_and_ten_minutes_forget_failures() {
    let (pauses, sala) = (pauses(), room("sala"));
    let wrong = |at| attempt(&pauses, ANA, &sala, secs(at)).record_failure(secs(at)).as_secs();
    assert_eq!([wrong(0), wrong(3)], [3, 6]);
    attempt(&pauses, ANA, &sala, secs(9)).clear();
    assert_eq!(pauses.check(ANA, &sala, secs(9)), Ok(()));
    assert_eq!([wrong(9), wrong(608), wrong(1208)], [3, 6, 3]);
}

#[test]
fn flood_of_fresh_pauses_keeps_a_long_one() {
    let (pauses, sala) = (pauses(), room("sala"));
    attempt(&pauses, ANA, &sala, secs(0)).record_failure(secs(0));
    attempt(&pauses, ANA, &sala, secs(3)).record_failure(secs(3));
    for n in 0..2 * PAUSED_ROOMS {
        attempt(&pauses, UserId(2), &room(&format!("r{n}")), secs(4)).record_failure(secs(4));
    }
    assert_eq!(pauses.state().pauses.len(), PAUSED_ROOMS);
    assert!(pauses.check(ANA, &sala, secs(4)).is_err());
    assert!(pauses.state().under_way.is_empty());
}

#[test]
fn attempts_at_once_have_one_verdict_when_wrong() {
    let (pauses, sala) = (pauses(), room("sala"));
    let first = attempt(&pauses, ANA, &sala, secs(0));
    let mut others: Vec<_> = (0..30).map(|_| waiting(&pauses, &sala, secs(0))).collect();
    assert!(
        matches!(pauses.begin(UserId(2), &sala, secs(0)), Ok(RoomTurn::Now(_))),
        "another person does not wait"
    );
    assert!(others.iter_mut().all(|turn| turn.try_recv().is_err()));
    let pause = first.record_failure(secs(1));
    for turn in &mut others {
        let refused = turn.try_recv().unwrap().err();
        assert_eq!(refused, Some(RetryAfter { retry: pause, first: false }));
    }
    assert!(pauses.begin(ANA, &sala, secs(1)).is_err());
    assert!(pauses.state().under_way.is_empty());
}

#[test]
fn attempts_at_once_take_turns_when_right() {
    let (pauses, sala) = (pauses(), room("sala"));
    let mut current = attempt(&pauses, ANA, &sala, secs(0));
    let others: Vec<_> = (0..11).map(|_| waiting(&pauses, &sala, secs(0))).collect();
    for mut turn in others {
        assert!(turn.try_recv().is_err(), "one at a time");
        current.clear();
        drop(current);
        current = turn.try_recv().unwrap().unwrap();
    }
    drop(current);
    assert!(pauses.state().under_way.is_empty());
}

#[test]
fn attempt_without_verdict_passes_the_turn_on() {
    let (pauses, sala) = (pauses(), room("sala"));
    let first = attempt(&pauses, ANA, &sala, secs(0));
    let gone = waiting(&pauses, &sala, secs(0));
    let mut next = waiting(&pauses, &sala, secs(0));
    drop(gone);
    drop(first);
    let next = next.try_recv().unwrap().unwrap();
    let left = waiting(&pauses, &sala, secs(0));
    drop(next);
    drop(left);
    attempt(&pauses, ANA, &sala, secs(0)).record_failure(secs(0));
    assert!(pauses.state().under_way.is_empty());
}

#[test]
fn sockets_that_have_gone_do_not_add_up() {
    let (pauses, sala) = (pauses(), room("sala"));
    let first = attempt(&pauses, ANA, &sala, secs(0));
    for _ in 0..1000 {
        drop(waiting(&pauses, &sala, secs(0)));
    }
    assert!(pauses.state().under_way.values().all(|waiting| waiting.len() <= 1));
    drop(first);
}

proptest! {
    /// Sequential or concurrent, attempts at a password get one verdict in each pause of 3 s and more.
    #[test]
    fn guesses_are_bounded(steps in prop::collection::vec((0u64..70_000, 1usize..5), 1..200)) {
        let (pauses, sala) = (pauses(), room("sala"));
        let (mut now, mut free_at) = (Duration::ZERO, Duration::ZERO);
        for (step, at_once) in steps {
            now += Duration::from_millis(step);
            let mut turns: Vec<_> = (0..at_once).filter_map(|_| pauses.begin(ANA, &sala, now).ok()).collect();
            prop_assert_eq!(turns.is_empty(), now < free_at);
            if turns.is_empty() {
                continue;
            }
            let RoomTurn::Now(attempt) = turns.remove(0) else { panic!("one has its turn") };
            let pause = attempt.record_failure(now);
            prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&pause));
            free_at = now + pause;
            for turn in turns {
                let RoomTurn::Later(mut turn) = turn else { panic!("two at once") };
                prop_assert!(turn.try_recv().unwrap().is_err());
            }
        }
    }
}

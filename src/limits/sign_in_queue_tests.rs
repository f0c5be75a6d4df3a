use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::super::counters::RefusalKind;
use super::tests::{LOCKOUT, SETTINGS, addr, answer, begin, from, is_heard, limits, secs, wait_for_turn};
use super::*;
use crate::limits::{RetryAfter, WAITING_IN_ALL, WAITING_PER_ADDRESS};

/// 60 people behind one address sign in at once: each waits its turn and none is refused.
#[test]
fn sixty_right_at_once_are_all_heard() {
    let limits = limits(SETTINGS);
    let mut running = Vec::new();
    let mut waiting = Vec::new();
    for n in 0..60 {
        match limits.begin(&from(addr(1), &format!("n{n}")), secs(0)).unwrap() {
            Begun::Now(attempt) => running.push(attempt),
            Begun::Later(turn) => waiting.push(turn),
        }
    }
    assert_eq!((running.len(), waiting.len()), (10, 50));
    let mut heard = 0;
    while let Some(attempt) = running.pop() {
        attempt.succeeded(secs(1));
        heard += 1;
        for turn in &mut waiting {
            if let Some(answer) = answer(turn) {
                running.push(answer.unwrap());
            }
        }
    }
    assert_eq!(heard, 60);
}

/// As many as may fail are verified; the others are answered without a verdict once those have failed.
#[test]
fn thousand_wrong_at_once_have_ten_verdicts() {
    let limits = limits(SETTINGS);
    let (mut running, mut waiting, mut busy, mut verdicts) = (Vec::new(), Vec::new(), 0, 0);
    for n in 0..1000 {
        match limits.begin(&from(addr(1), &format!("n{n}")), secs(0)) {
            Ok(Begun::Now(attempt)) => running.push(attempt),
            Ok(Begun::Later(turn)) => waiting.push(turn),
            Err(refusal) => {
                assert_eq!(refusal, SignInRefusal::Busy);
                busy += 1;
            }
        }
    }
    assert_eq!(
        (running.len(), waiting.len(), busy),
        (10, WAITING_PER_ADDRESS, 1000 - 10 - WAITING_PER_ADDRESS)
    );
    assert!(is_heard(&limits, from(addr(2), "ana"), secs(0)), "another address does not wait");
    while let Some(attempt) = running.pop() {
        attempt.failed(secs(1));
        verdicts += 1;
        for turn in &mut waiting {
            if let Some(Ok(attempt)) = answer(turn) {
                running.push(attempt);
            }
        }
    }
    assert_eq!(verdicts, 10);
    assert!(limits.state().queue.is_empty(), "none waits for ever");
    assert_eq!(limits.refused().read()[&RefusalKind { at: "sign_in", reason: "wrong" }], 10);
}

#[test]
fn pair_lets_five_through_and_the_sixth_waits_for_them() {
    let limits = limits(SETTINGS);
    let mut attempts: Vec<_> =
        (0..5).map(|_| begin(&limits, from(addr(1), "ana"), secs(0)).unwrap()).collect();
    let mut sixth = wait_for_turn(&limits, from(addr(1), "ana"), secs(0));
    attempts.pop().unwrap().failed(secs(1));
    assert!(answer(&mut sixth).is_none(), "one failed and four are under way");
    attempts.pop().unwrap().succeeded(secs(1));
    attempts.push(answer(&mut sixth).unwrap().unwrap());
    // The right one has forgiven the one before: four are under way, and a fifth may be.
    attempts.push(begin(&limits, from(addr(1), "ana"), secs(1)).unwrap());
    let mut eighth = wait_for_turn(&limits, from(addr(1), "ana"), secs(1));
    let locks: Vec<_> = attempts.into_iter().map(|attempt| attempt.failed(secs(2)).locked).collect();
    assert_eq!(locks, [false, false, false, false, true]);
    assert!(matches!(
        answer(&mut eighth),
        Some(Err(SignInRefusal::LockedOut(RetryAfter { retry: LOCKOUT, first: true })))
    ));
}

#[test]
fn those_who_wait_come_before_newcomers() {
    let limits = limits(SETTINGS);
    let attempts: Vec<_> =
        (0..10).map(|n| begin(&limits, from(addr(1), &format!("n{n}")), secs(0)).unwrap()).collect();
    let mut first = wait_for_turn(&limits, from(addr(1), "ana"), secs(0));
    let mut second = wait_for_turn(&limits, from(addr(1), "eva"), secs(0));
    // Time alone has brought one token; a newcomer asks at that moment.
    let mut third = wait_for_turn(&limits, from(addr(1), "luis"), secs(6));
    let first = answer(&mut first).unwrap().unwrap();
    assert!(answer(&mut second).is_none() && answer(&mut third).is_none());
    drop(first);
    let second = answer(&mut second).unwrap().unwrap();
    assert!(answer(&mut third).is_none());
    drop((attempts, second));
    assert!(matches!(answer(&mut third), Some(Ok(_))));
}

/// Fills the places of one address with attempts of one name; ten attempts of others are under way.
fn filled_by_one_name(limits: &Arc<SignInLimits>) -> (Vec<Attempt>, Vec<SignInTurn>) {
    let running = (0..10).map(|n| begin(limits, from(addr(1), &format!("n{n}")), secs(0)).unwrap()).collect();
    let waiting =
        (0..WAITING_PER_ADDRESS).map(|_| wait_for_turn(limits, from(addr(1), "ana"), secs(0))).collect();
    (running, waiting)
}

#[test]
fn one_name_keeps_no_place_that_another_needs() {
    let limits = limits(SETTINGS);
    let (mut running, mut of_ana) = filled_by_one_name(&limits);
    assert!(matches!(limits.begin(&from(addr(1), "ana"), secs(0)), Err(SignInRefusal::Busy)));
    let mut of_others: Vec<_> =
        (0..40).map(|n| wait_for_turn(&limits, from(addr(1), &format!("m{n}")), secs(0))).collect();
    let mut claim = wait_for_turn(&limits, Candidate { name: None, ..from(addr(1), "") }, secs(0));
    assert_eq!(limits.state().queue.len(), WAITING_PER_ADDRESS);
    let displaced: Vec<_> = of_ana.iter_mut().map(|turn| answer(turn).is_some()).collect();
    assert_eq!(displaced.iter().filter(|displaced| **displaced).count(), 41);
    assert!(displaced[..WAITING_PER_ADDRESS - 41].iter().all(|displaced| !displaced), "its latest");
    // A second flood shares with the first and displaces none of the others.
    let more: Vec<_> =
        std::iter::from_fn(|| limits.begin(&from(addr(1), "eva"), secs(0)).ok()).take(99).collect();
    assert!([11, 12].contains(&more.len()), "{}", more.len());
    assert!(of_others.iter_mut().all(|turn| answer(turn).is_none()));
    drop(more);
    assert!(answer(&mut claim).is_none());
    // All others are heard once attempts succeed.
    let mut heard = 0;
    while let Some(attempt) = running.pop() {
        attempt.succeeded(secs(1));
        for turn in of_others.iter_mut().chain([&mut claim]) {
            if let Some(Ok(attempt)) = answer(turn) {
                heard += 1;
                running.push(attempt);
            }
        }
        running.extend(of_ana.iter_mut().filter_map(|turn| answer(turn)?.ok()));
    }
    assert_eq!(heard, 41);
}

#[test]
fn one_address_keeps_no_place_that_another_needs() {
    let limits = limits(SETTINGS);
    let mut held = Vec::new();
    for n in 1..=5 {
        held.extend(
            (0..10 + WAITING_PER_ADDRESS)
                .map(|m| {
                    let begun = limits.begin(&from(addr(n), &format!("n{m}")), secs(0));
                    begun.expect("has a place, its own or that of an address with more")
                })
                .take(if n == 5 { 20 } else { 10 + WAITING_PER_ADDRESS }),
        );
    }
    assert_eq!(limits.state().queue.len(), WAITING_IN_ALL);
    drop(held);
}

#[test]
fn turn_that_is_given_up_costs_nothing() {
    let limits = limits(SETTINGS);
    let mut attempts: Vec<_> =
        (0..10).map(|n| begin(&limits, from(addr(1), &format!("n{n}")), secs(0)).unwrap()).collect();
    for n in 0..1000 {
        drop(limits.begin(&from(addr(1), &format!("m{n}")), secs(0)));
    }
    assert!(limits.state().queue.len() <= WAITING_PER_ADDRESS);
    let mut last = wait_for_turn(&limits, from(addr(1), "ana"), secs(0));
    attempts.pop().unwrap().succeeded(secs(0));
    assert!(matches!(answer(&mut last), Some(Ok(_))));
    assert!(limits.state().queue.is_empty());
}

#[test]
fn waiting_attempts_are_bounded() {
    let limits = limits(SETTINGS);
    let (mut held, mut busy) = (Vec::new(), 0);
    for n in 0..10 {
        for m in 0..100 {
            match limits.begin(&from(addr(n), &format!("n{m}")), secs(0)) {
                Ok(begun) => held.push((n, begun)),
                Err(SignInRefusal::Busy) => busy += 1,
                Err(other) => panic!("{other:?}"),
            }
            assert!(limits.state().queue.len() <= WAITING_IN_ALL);
        }
    }
    assert_eq!(limits.state().queue.len(), WAITING_IN_ALL);
    // Ten of each address are under way. Addresses that came later have displaced attempts of the others.
    let mut waiting = HashMap::<u32, usize>::new();
    held.retain_mut(|(n, begun)| {
        let Begun::Later(turn) = begun else { return true };
        let waits = answer(turn).is_none();
        *waiting.entry(*n).or_default() += usize::from(waits);
        busy += usize::from(!waits);
        waits
    });
    assert_eq!((held.len(), busy), (10 * 10 + WAITING_IN_ALL, 1000 - 100 - WAITING_IN_ALL));
    assert!((0..10).all(|n| [25, 26].contains(&waiting[&n])), "{waiting:?}");
    drop(held);
    assert!(is_heard(&limits, from(addr(1), "ana"), secs(0)));
    assert!(limits.state().queue.is_empty());
    assert_eq!(limits.state().table.under_way(), 0);
}

#[derive(Clone, Debug)]
enum Op {
    Begin(u32, u8),
    Fail(usize),
    Succeed(usize),
    Drop(usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    // Long waits are rare, so that a burst outruns the refill.
    prop_oneof![
        30 => (0u32..2, 0u8..8).prop_map(|(addr, name)| Op::Begin(addr, name)),
        24 => any::<prop::sample::Index>().prop_map(|i| Op::Fail(i.index(64))),
        2 => any::<prop::sample::Index>().prop_map(|i| Op::Succeed(i.index(64))),
        2 => any::<prop::sample::Index>().prop_map(|i| Op::Drop(i.index(64))),
        4 => (0u64..3_000).prop_map(Op::Wait),
        1 => (0u64..400_000).prop_map(Op::Wait),
    ]
}

/// An attempt of a history: origin, name, beginning.
type Open = (u32, u8, Duration, Attempt);
type Queued = (u32, u8, SignInTurn);

/// Moves those whose turn has come to the open ones.
fn collect(waiting: &mut Vec<Queued>, open: &mut Vec<Open>, now: Duration) {
    waiting.retain_mut(|(from_addr, name, turn)| match answer(turn) {
        None => true,
        Some(answer) => {
            open.extend(answer.map(|attempt| (*from_addr, *name, now, attempt)));
            false
        }
    });
}

proptest! {
    /// In any order of events: no pair fails more than five times without a success within a lock's length.
    /// No address fails more often than its budget and its pending attempts allow, and none waits without a
    /// pending attempt.
    #[test]
    fn never_more_failures_than_allowed(ops in prop::collection::vec(op(), 0..400)) {
        let limits = limits(SETTINGS);
        let (mut now, mut open, mut waiting) = (Duration::ZERO, Vec::<Open>::new(), Vec::<Queued>::new());
        let mut of_pair = HashMap::<(u32, u8), Vec<Duration>>::new();
        let mut begun_and_failed = HashMap::<u32, Vec<Duration>>::new();
        let mut people = HashMap::<u32, HashSet<u8>>::new();
        let mut spans = HashMap::<u32, Vec<(Duration, Duration)>>::new();
        for op in ops {
            // A drop brings no time of its own.
            limits.state().now = now;
            match op {
                Op::Begin(from_addr, name) => match limits.begin(&from(addr(from_addr), &name.to_string()), now) {
                    Ok(Begun::Now(attempt)) => open.push((from_addr, name, now, attempt)),
                    Ok(Begun::Later(turn)) => waiting.push((from_addr, name, turn)),
                    Err(_) => {}
                },
                Op::Fail(i) if i < open.len() => {
                    let (from_addr, name, begun, attempt) = open.swap_remove(i);
                    attempt.failed(now);
                    spans.entry(from_addr).or_default().push((begun, now));
                    of_pair.entry((from_addr, name)).or_default().push(now);
                    begun_and_failed.entry(from_addr).or_default().push(begun);
                }
                Op::Succeed(i) if i < open.len() => {
                    let (from_addr, name, begun, attempt) = open.swap_remove(i);
                    attempt.succeeded(now);
                    spans.entry(from_addr).or_default().push((begun, now));
                    of_pair.remove(&(from_addr, name));
                    people.entry(from_addr).or_default().insert(name);
                }
                Op::Drop(i) if i < open.len() => {
                    let (from_addr, _, begun, _) = open.swap_remove(i);
                    spans.entry(from_addr).or_default().push((begun, now));
                }
                Op::Wait(millis) => now += Duration::from_millis(millis),
                Op::Fail(_) | Op::Succeed(_) | Op::Drop(_) => {}
            }
            collect(&mut waiting, &mut open, now);
            prop_assert!(waiting.is_empty() || !open.is_empty(), "some wait for nothing");
            for times in of_pair.values() {
                let within = times.iter().filter(|&&then| now - then < LOCKOUT).count();
                prop_assert!(within <= 5);
            }
        }
        for (from_addr, times) in &mut begun_and_failed {
            let most = 10 + people.get(from_addr).map_or(0, |people| people.len() as u128);
            times.sort_unstable();
            for (i, first) in times.iter().enumerate() {
                // What was under way when the window began may give its token back in it.
                let before = spans[from_addr].iter().filter(|(begun, ended)| begun < first && ended >= first).count() as u128;
                for (j, last) in times.iter().enumerate().skip(i) {
                    let refill = (*last - *first).as_nanos() * most / secs(60).as_nanos();
                    prop_assert!((j - i + 1) as u128 <= most + refill + before);
                }
            }
        }
        while let Some((_, _, _, attempt)) = open.pop() {
            drop(attempt);
            collect(&mut waiting, &mut open, now);
        }
        prop_assert!(waiting.is_empty());
        prop_assert_eq!(limits.state().table.under_way(), 0);
        prop_assert!(limits.state().queue.is_empty());
    }
}

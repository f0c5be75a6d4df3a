use std::collections::HashMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::limits::MAX_DELAY;

const LOCKOUT: Duration = Duration::from_secs(900);
const SETTINGS: SignInSettings = SignInSettings { logins_per_minute: 10, login_failures: 5, lockout: LOCKOUT };
/// So many that the bucket never speaks.
const NO_RATE: SignInSettings = SignInSettings { logins_per_minute: 1_000_000_000, ..SETTINGS };

fn limits(settings: SignInSettings) -> Arc<SignInLimits> {
    Arc::new(SignInLimits::new(settings, LocalPrefixes::default()))
}

fn addr(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn fail(limits: &Arc<SignInLimits>, n: u32, name: &str, now: Duration) -> Result<Failed, Refusal> {
    limits.begin(addr(n), name, now).map(|attempt| attempt.failed(now))
}

#[test]
fn five_wrong_lock_the_pair_and_nobody_else() {
    let limits = limits(SETTINGS);
    let not_yet = Failed { locked: false, lockout: Duration::ZERO };
    for _ in 0..4 {
        assert_eq!(fail(&limits, 1, "ana", secs(0)), Ok(not_yet));
    }
    assert_eq!(fail(&limits, 1, "ana", secs(0)), Ok(Failed { locked: true, lockout: LOCKOUT }));
    let locked = |now, first| Some(Refusal::LockedOut(Wait { retry: LOCKOUT.saturating_sub(now), first }));
    assert_eq!(limits.begin(addr(1), "ana", secs(0)).err(), locked(secs(0), true));
    assert_eq!(limits.begin(addr(1), "ana", secs(1)).err(), locked(secs(1), false));
    assert!(limits.begin(addr(2), "ana", secs(1)).is_ok(), "from her own desk she signs in");
    assert!(limits.begin(addr(1), "luis", secs(1)).is_ok(), "at that desk others sign in");
    assert!(limits.begin(addr(1), "ana", secs(899)).is_err());
    assert!(limits.begin(addr(1), "ana", secs(900)).is_ok());
}

#[test]
fn a_locked_out_refusal_takes_no_token() {
    let limits = limits(SETTINGS);
    for _ in 0..5 {
        fail(&limits, 1, "ana", secs(0)).unwrap();
    }
    for _ in 0..100 {
        assert!(matches!(limits.begin(addr(1), "ana", secs(0)), Err(Refusal::LockedOut(_))));
    }
    for n in 0..5 {
        assert!(fail(&limits, 1, &format!("otra{n}"), secs(0)).is_ok());
    }
    assert!(matches!(limits.begin(addr(1), "otra", secs(0)), Err(Refusal::RateLimited(_))));
}

#[test]
fn an_address_fails_ten_times_a_minute_and_succeeds_as_often_as_it_likes() {
    let limits = limits(SETTINGS);
    for _ in 0..100 {
        limits.begin(addr(1), "ana", secs(0)).unwrap().succeeded(secs(0));
    }
    for n in 0..10 {
        fail(&limits, 1, &format!("n{n}"), secs(0)).unwrap();
    }
    let refused = |first| Some(Refusal::RateLimited(Wait { retry: secs(6), first }));
    assert_eq!(limits.begin(addr(1), "ana", secs(0)).err(), refused(true));
    assert_eq!(limits.begin(addr(1), "ana", secs(0)).err(), refused(false));
    assert!(limits.begin(addr(2), "ana", secs(0)).is_ok());
    assert!(limits.begin(addr(1), "ana", secs(6)).is_ok());
}

#[test]
fn attempts_in_parallel_do_not_slip_past() {
    let limits = limits(SETTINGS);
    let attempts: Vec<_> = (0..50).map_while(|_| limits.begin(addr(1), "ana", secs(0)).ok()).collect();
    assert_eq!(attempts.len(), 5);
    let locks: Vec<_> = attempts.into_iter().map(|attempt| attempt.failed(secs(1)).locked).collect();
    assert_eq!(locks, [false, false, false, false, true]);

    let names = (0..50).map(|n| format!("n{n}"));
    let attempts: Vec<_> = names.map_while(|name| limits.begin(addr(2), &name, secs(0)).ok()).collect();
    assert_eq!(attempts.len(), 10, "a token is taken at the beginning");
    drop(attempts);
    assert_eq!((0..10).filter(|n| fail(&limits, 2, &format!("n{n}"), secs(0)).is_ok()).count(), 10);
}

#[test]
fn an_attempt_without_verdict_leaves_nothing() {
    let limits = limits(SETTINGS);
    for _ in 0..1000 {
        drop(limits.begin(addr(1), "ana", secs(0)).unwrap());
    }
    assert_eq!(limits.ledger().sizes(), [1, 0, 0]);
    assert_eq!(fail(&limits, 1, "ana", secs(0)).map(|failed| failed.locked), Ok(false));
}

#[test]
fn success_and_time_forget_failures() {
    let limits = limits(NO_RATE);
    for now in [0, 0, 0, 0] {
        assert!(!fail(&limits, 1, "ana", secs(now)).unwrap().locked);
    }
    limits.begin(addr(1), "ana", secs(0)).unwrap().succeeded(secs(0));
    for now in [1, 1, 1, 1, 901, 901, 901, 901] {
        assert!(!fail(&limits, 1, "ana", secs(now)).unwrap().locked);
    }
    assert!(fail(&limits, 1, "ana", secs(901)).unwrap().locked);
}

#[test]
fn a_name_guessed_at_from_everywhere_answers_slower_and_is_never_locked() {
    let limits = limits(SETTINGS);
    let delay = |from| limits.begin(addr(from), "ana", secs(0)).unwrap().delay();
    for n in 0..50 {
        fail(&limits, n, "ana", secs(0)).unwrap();
    }
    assert_eq!(delay(1000), Duration::ZERO);
    fail(&limits, 50, "ana", secs(0)).unwrap();
    assert_eq!(delay(1000), Duration::from_millis(100));
    for n in 51..1000 {
        fail(&limits, n, "ana", secs(0)).unwrap();
    }
    assert_eq!(delay(1000), MAX_DELAY);
    assert_eq!(limits.begin(addr(1000), "luis", secs(0)).unwrap().delay(), Duration::ZERO);
    limits.begin(addr(1000), "ana", secs(0)).unwrap().succeeded(secs(0));
    assert_eq!(delay(1000), Duration::ZERO);
}

/// Room for so few that a test can fill it.
const SMALL: [usize; 3] = [32, 128, 64];

fn small_limits(settings: SignInSettings) -> Arc<SignInLimits> {
    let [addresses, pairs, names] = SMALL;
    let ledger = Ledger::with_room(settings, addresses, pairs, names);
    Arc::new(SignInLimits {
        salt: crypto::random(),
        local: LocalPrefixes::default(),
        ledger: Mutex::new(ledger),
        refused: Tally::default(),
    })
}

#[test]
fn a_flood_from_one_address_pushes_out_no_lock() {
    let limits = small_limits(NO_RATE);
    let victims = [(1, "ana"), (2, "ana"), (1, "luis"), (2, "luis")];
    for (n, name) in victims {
        assert_eq!((0..5).filter(|_| fail(&limits, n, name, secs(0)).is_ok()).count(), 5);
    }
    // Fresh pairs of one address, then locked ones of the address whose locks they would push out.
    for n in 0..1000 {
        let _ = fail(&limits, 9, &format!("x{n}"), secs(1));
    }
    for n in 0..1000 {
        for _ in 0..5 {
            let _ = fail(&limits, 1, &format!("y{n}"), secs(2));
        }
    }
    for (n, name) in victims {
        assert!(matches!(limits.begin(addr(n), name, secs(3)), Err(Refusal::LockedOut(_))), "{n} {name}");
    }
    assert!(limits.begin(addr(3), "eva", secs(3)).is_ok(), "who has nothing to do with it signs in");
    assert!(limits.begin(addr(9), "eva", LOCKOUT + secs(1)).is_ok(), "and that address again, later");
}

#[test]
fn floods_of_addresses_and_names_stay_within_memory() {
    let limits = small_limits(SETTINGS);
    for n in 0..100 {
        assert!(fail(&limits, n, "ana", secs(0)).is_ok());
    }
    for n in 0..10_000 {
        let failed = fail(&limits, n, &format!("n{n}"), secs(1));
        assert!(failed.is_ok(), "nobody new is turned away");
    }
    assert_eq!(limits.ledger().sizes(), SMALL);
    let ana = limits.begin(addr(1_000_000), "ana", secs(0)).unwrap();
    assert_eq!(ana.delay(), MAX_DELAY, "fresh names do not push out the one that is guessed at");
}

#[test]
fn attempts_that_never_end_do_not_grow() {
    let limits = small_limits(NO_RATE);
    let hung: Vec<_> = (0..1000).map_while(|n| limits.begin(addr(n), "ana", secs(0)).ok()).collect();
    assert_eq!(hung.len(), SMALL[1]);
    let refused = Refusal::RateLimited(Wait { retry: secs(1), first: false });
    assert_eq!(limits.begin(addr(5000), "luis", secs(0)).err(), Some(refused));
    drop(hung);
    assert!(limits.begin(addr(5000), "luis", secs(0)).is_ok());
}

#[test]
fn new_figures_hold_at_once() {
    let limits = limits(SETTINGS);
    fail(&limits, 1, "ana", secs(0)).unwrap();
    limits.reconfigure(SignInSettings { login_failures: 2, ..SETTINGS });
    assert!(fail(&limits, 1, "ana", secs(0)).unwrap().locked);
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
    prop_oneof![
        4 => (0u32..3, 0u8..3).prop_map(|(addr, name)| Op::Begin(addr, name)),
        4 => any::<prop::sample::Index>().prop_map(|i| Op::Fail(i.index(64))),
        1 => any::<prop::sample::Index>().prop_map(|i| Op::Succeed(i.index(64))),
        1 => any::<prop::sample::Index>().prop_map(|i| Op::Drop(i.index(64))),
        2 => (0u64..400_000).prop_map(Op::Wait),
    ]
}

proptest! {
    /// Whatever comes in whatever order: in no window of the lock's length does a pair fail more than five times without a
    /// success, and in no window does an address fail more often than its bucket allows.
    #[test]
    fn never_more_failures_than_allowed(ops in prop::collection::vec(op(), 0..400)) {
        let limits = limits(SETTINGS);
        let (mut now, mut open) = (Duration::ZERO, Vec::new());
        let mut of_pair = HashMap::<(u32, u8), Vec<Duration>>::new();
        let mut begun_and_failed = HashMap::<u32, Vec<Duration>>::new();
        for op in ops {
            match op {
                Op::Begin(from, name) => {
                    if let Ok(attempt) = limits.begin(addr(from), &name.to_string(), now) {
                        open.push((from, name, now, attempt));
                    }
                }
                Op::Fail(i) if i < open.len() => {
                    let (from, name, begun, attempt) = open.swap_remove(i);
                    attempt.failed(now);
                    of_pair.entry((from, name)).or_default().push(now);
                    begun_and_failed.entry(from).or_default().push(begun);
                }
                Op::Succeed(i) if i < open.len() => {
                    let (from, name, _, attempt) = open.swap_remove(i);
                    attempt.succeeded(now);
                    of_pair.remove(&(from, name));
                }
                Op::Drop(i) if i < open.len() => drop(open.swap_remove(i)),
                Op::Wait(millis) => now += Duration::from_millis(millis),
                Op::Fail(_) | Op::Succeed(_) | Op::Drop(_) => {}
            }
            for times in of_pair.values() {
                let within = times.iter().filter(|&&then| now - then < LOCKOUT).count();
                prop_assert!(within <= 5);
            }
        }
        for times in begun_and_failed.values_mut() {
            times.sort_unstable();
            for (i, from) in times.iter().enumerate() {
                for (j, to) in times.iter().enumerate().skip(i) {
                    let refill = (*to - *from).as_nanos() * 10 / secs(60).as_nanos();
                    prop_assert!((j - i + 1) as u128 <= 10 + refill);
                }
            }
        }
        drop(open);
        prop_assert_eq!(limits.ledger().under_way(), 0);
    }
}

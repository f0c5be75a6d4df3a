use std::net::Ipv4Addr;

use super::*;
use crate::limits::{Ipv6Prefix, MAX_DELAY, NAME_FAILURES_PER_HOUR, RetryAfter};

pub(super) const LOCKOUT: Duration = Duration::from_secs(900);
pub(super) const SETTINGS: SignInSettings =
    SignInSettings { logins_per_minute: 10, login_failures: 5, lockout: LOCKOUT };
/// So many that the bucket never speaks.
const NO_RATE: SignInSettings = SignInSettings { logins_per_minute: 1_000_000_000, ..SETTINGS };
const DEVICE: DeviceId = DeviceId([7; 16]);

pub(super) fn limits(settings: SignInSettings) -> Arc<SignInLimits> {
    Arc::new(SignInLimits::new(settings, LocalPrefixes::default()))
}

pub(super) fn addr(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

pub(super) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

pub(super) fn from(addr: IpAddr, name: &str) -> Candidate<'_> {
    Candidate { addr, name: Some(name), device: None }
}

pub(super) fn with_device(n: u32, name: &str) -> Candidate<'_> {
    Candidate { addr: addr(n), name: Some(name), device: Some(DEVICE) }
}

/// Begins an attempt that need not wait.
pub(super) fn begin(
    limits: &Arc<SignInLimits>,
    candidate: Candidate<'_>,
    now: Duration,
) -> Result<Attempt, SignInRefusal> {
    limits.begin(&candidate, now).map(|begun| match begun {
        Begun::Now(attempt) => attempt,
        Begun::Later(_) => panic!("{candidate:?} waits"),
    })
}

pub(super) fn wait_for_turn(
    limits: &Arc<SignInLimits>,
    candidate: Candidate<'_>,
    now: Duration,
) -> SignInTurn {
    match limits.begin(&candidate, now) {
        Ok(Begun::Later(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

/// The answer of a turn that has come.
pub(super) fn answer(turn: &mut SignInTurn) -> Option<Result<Attempt, SignInRefusal>> {
    turn.0.try_recv().ok()
}

pub(super) fn fail(
    limits: &Arc<SignInLimits>,
    n: u32,
    name: &str,
    now: Duration,
) -> Result<Failed, SignInRefusal> {
    begin(limits, from(addr(n), name), now).map(|attempt| attempt.failed(now))
}

pub(super) fn succeed(limits: &Arc<SignInLimits>, n: u32, name: &str, now: Duration) {
    begin(limits, from(addr(n), name), now).unwrap().succeeded(now);
}

pub(super) fn is_heard(limits: &Arc<SignInLimits>, candidate: Candidate<'_>, now: Duration) -> bool {
    begin(limits, candidate, now).is_ok()
}

#[test]
fn five_wrong_lock_the_pair_alone() {
    let limits = limits(SETTINGS);
    let not_yet = Failed { locked: false, lockout: Duration::ZERO };
    for _ in 0..4 {
        assert_eq!(fail(&limits, 1, "ana", secs(0)), Ok(not_yet));
    }
    assert_eq!(fail(&limits, 1, "ana", secs(0)), Ok(Failed { locked: true, lockout: LOCKOUT }));
    let locked =
        |now, first| Some(SignInRefusal::LockedOut(RetryAfter { retry: LOCKOUT.saturating_sub(now), first }));
    assert_eq!(begin(&limits, from(addr(1), "ana"), secs(0)).err(), locked(secs(0), true));
    assert_eq!(begin(&limits, from(addr(1), "ana"), secs(1)).err(), locked(secs(1), false));
    assert!(is_heard(&limits, from(addr(2), "ana"), secs(1)), "from her own desk she signs in");
    assert!(is_heard(&limits, from(addr(1), "luis"), secs(1)), "at that desk others sign in");
    assert!(!is_heard(&limits, from(addr(1), "ana"), secs(899)));
    assert!(is_heard(&limits, from(addr(1), "ana"), secs(900)));
}

#[test]
fn locked_out_refusal_takes_no_token() {
    let limits = limits(SETTINGS);
    for _ in 0..5 {
        fail(&limits, 1, "ana", secs(0)).unwrap();
    }
    for _ in 0..100 {
        assert!(matches!(begin(&limits, from(addr(1), "ana"), secs(0)), Err(SignInRefusal::LockedOut(_))));
    }
    for n in 0..5 {
        assert!(fail(&limits, 1, &format!("otra{n}"), secs(0)).is_ok());
    }
    assert!(matches!(begin(&limits, from(addr(1), "otra"), secs(0)), Err(SignInRefusal::RateLimited(_))));
}

#[test]
fn address_fails_ten_times_a_minute_and_succeeds_without_limit() {
    let limits = limits(SETTINGS);
    for _ in 0..100 {
        succeed(&limits, 1, "ana", secs(0));
    }
    for n in 0..11 {
        fail(&limits, 1, &format!("n{n}"), secs(0)).unwrap();
    }
    let refused = |retry, first| Some(SignInRefusal::RateLimited(RetryAfter { retry, first }));
    // One person signed in here: eleven a minute.
    let retry = Duration::from_nanos(60_000_000_000_u64.div_ceil(11));
    assert_eq!(begin(&limits, from(addr(1), "luis"), secs(0)).err(), refused(retry, true));
    assert_eq!(begin(&limits, from(addr(1), "luis"), secs(0)).err(), refused(retry, false));
    assert!(is_heard(&limits, from(addr(2), "luis"), secs(0)));
    assert!(is_heard(&limits, from(addr(1), "luis"), retry));
}

#[test]
fn attempt_without_verdict_leaves_nothing() {
    let limits = limits(SETTINGS);
    for _ in 0..1000 {
        drop(begin(&limits, from(addr(1), "ana"), secs(0)).unwrap());
    }
    assert_eq!(limits.state().table.sizes(), Capacity { addresses: 1, pairs: 0, names: 0, devices: 0 });
    assert_eq!(fail(&limits, 1, "ana", secs(0)).map(|failed| failed.locked), Ok(false));
}

#[test]
fn success_and_time_forget_failures() {
    let limits = limits(NO_RATE);
    for now in [0, 0, 0, 0] {
        assert!(!fail(&limits, 1, "ana", secs(now)).unwrap().locked);
    }
    succeed(&limits, 1, "ana", secs(0));
    for now in [1, 1, 1, 1, 901, 901, 901, 901] {
        assert!(!fail(&limits, 1, "ana", secs(now)).unwrap().locked);
    }
    assert!(fail(&limits, 1, "ana", secs(901)).unwrap().locked);
}

#[test]
fn name_guessed_at_from_everywhere_answers_slower() {
    let limits = limits(SETTINGS);
    let delay = |from_addr| begin(&limits, from(addr(from_addr), "ana"), secs(0)).unwrap().delay();
    for n in 0..50 {
        fail(&limits, n, "ana", secs(0)).unwrap();
    }
    assert_eq!(delay(1000), Duration::ZERO);
    fail(&limits, 50, "ana", secs(0)).unwrap();
    assert_eq!(delay(1000), Duration::from_millis(100));
    for n in 51..99 {
        fail(&limits, n, "ana", secs(0)).unwrap();
    }
    assert_eq!(delay(1000), Duration::from_millis(4900));
    for n in 99..200 {
        fail(&limits, n, "ana", secs(36 * u64::from(n))).unwrap();
    }
    let later = secs(36 * 200);
    assert_eq!(begin(&limits, from(addr(1000), "ana"), later).unwrap().delay(), MAX_DELAY);
    assert_eq!(begin(&limits, from(addr(1000), "luis"), later).unwrap().delay(), Duration::ZERO);
    succeed(&limits, 1000, "ana", later);
    assert_eq!(begin(&limits, from(addr(1000), "ana"), later).unwrap().delay(), Duration::ZERO);
}

/// Uses up what a name bears in an hour, from addresses 1000 and on.
fn guess_from_everywhere(limits: &Arc<SignInLimits>, name: &str, now: Duration) {
    for n in 0..NAME_FAILURES_PER_HOUR {
        fail(limits, 1000 + n, name, now).unwrap();
    }
}

#[test]
fn name_past_a_hundred_hears_those_who_are_known() {
    let limits = limits(SETTINGS);
    succeed(&limits, 1, "ana", secs(0));
    // As "ana" exists and "nadie" does not, both behave alike.
    for (name, start) in [("ana", 1000), ("nadie", 2000)] {
        guess_from_everywhere(&limits, name, secs(start));
        let throttled = begin(&limits, from(addr(9), name), secs(start)).err();
        assert!(
            matches!(throttled, Some(SignInRefusal::NameThrottled(RetryAfter { retry, first: true })) if retry.as_secs() == 36),
            "{throttled:?}"
        );
        let again = begin(&limits, from(addr(8), name), secs(start)).err();
        assert!(matches!(again, Some(SignInRefusal::NameThrottled(RetryAfter { first: false, .. }))));
        assert!(
            is_heard(&limits, from(addr(9), name), secs(start + 37)),
            "one try each 36 s for all strangers"
        );
        fail(&limits, 9, name, secs(start + 37)).unwrap();
        assert!(!is_heard(&limits, from(addr(8), name), secs(start + 38)));
    }
    guess_from_everywhere(&limits, "ana", secs(10_000));
    assert!(!is_heard(&limits, from(addr(9), "ana"), secs(10_000)));
    assert!(is_heard(&limits, from(addr(1), "ana"), secs(10_000)), "an address from which she signed in");
    assert!(is_heard(&limits, with_device(9, "ana"), secs(10_000)), "a device that signed in to that name");
    assert!(is_heard(&limits, from(addr(9), "luis"), secs(10_000)));
    let month = 30 * 24 * 3600;
    let until = secs(month - 1);
    guess_from_everywhere(&limits, "ana", until);
    assert!(is_heard(&limits, from(addr(1), "ana"), until));
    assert!(!is_heard(&limits, from(addr(1), "ana"), secs(month)));
}

#[test]
fn stranger_behind_the_same_address_cannot_shut_a_device_out() {
    let limits = limits(SETTINGS);
    for _ in 0..5 {
        fail(&limits, 1, "ana", secs(0)).unwrap();
    }
    for n in 0..5 {
        fail(&limits, 1, &format!("n{n}"), secs(0)).unwrap();
    }
    assert!(matches!(begin(&limits, from(addr(1), "ana"), secs(0)), Err(SignInRefusal::LockedOut(_))));
    assert!(matches!(begin(&limits, from(addr(1), "luis"), secs(0)), Err(SignInRefusal::RateLimited(_))));
    let ana = begin(&limits, with_device(1, "ana"), secs(0)).unwrap();
    ana.succeeded(secs(0));
    assert!(!is_heard(&limits, from(addr(1), "ana"), secs(0)), "their lock stays theirs");
}

#[test]
fn device_cookie_brings_an_address_no_further_tries() {
    let limits = limits(SETTINGS);
    let mut verdicts = 0;
    for _ in 0..1000 {
        match limits.begin(&with_device(1, "ana"), secs(0)) {
            Ok(Begun::Now(attempt)) => {
                attempt.failed(secs(0));
                verdicts += 1;
            }
            Ok(Begun::Later(_)) => panic!("none is under way"),
            Err(refusal) => assert!(matches!(refusal, SignInRefusal::LockedOut(_))),
        }
    }
    assert_eq!(verdicts, 5);
    assert!(!is_heard(&limits, from(addr(1), "ana"), secs(0)), "nor does dropping it");
}

#[test]
fn ten_wrong_in_an_hour_end_a_device_cookie() {
    let limits = limits(SETTINGS);
    for now in [0, 0, 0, 0, 0, 900, 900, 900, 900] {
        begin(&limits, with_device(1, "ana"), secs(now)).unwrap().failed(secs(now));
        assert!(!limits.is_ended(&DEVICE));
    }
    // A right password does not begin the count anew.
    begin(&limits, with_device(1, "ana"), secs(901)).unwrap().succeeded(secs(901));
    begin(&limits, with_device(1, "ana"), secs(902)).unwrap().failed(secs(902));
    assert!(limits.is_ended(&DEVICE));
    guess_from_everywhere(&limits, "ana", secs(7200));
    let stranger = Candidate { device: Some(DEVICE), ..from(addr(5), "ana") };
    assert!(matches!(begin(&limits, stranger, secs(7200)), Err(SignInRefusal::NameThrottled(_))));
}

#[test]
fn secret_without_a_name_has_a_rate_and_no_lock() {
    let limits = limits(SETTINGS);
    let claim = Candidate { addr: addr(1), name: None, device: None };
    for _ in 0..10 {
        assert!(!begin(&limits, claim, secs(0)).unwrap().failed(secs(0)).locked);
    }
    assert!(matches!(begin(&limits, claim, secs(0)), Err(SignInRefusal::RateLimited(_))));
    assert!(is_heard(&limits, claim, secs(6)));
}

#[test]
fn local_network_has_a_total_for_all_its_addresses() {
    let local = LocalPrefixes::default();
    local.set(vec![Ipv6Prefix::new("2001:db8::".parse().unwrap(), 64).unwrap()]);
    let limits = Arc::new(SignInLimits::new(SETTINGS, local));
    let fail = |host: u32| {
        let addr: IpAddr = format!("2001:db8::{host:x}").parse().unwrap();
        begin(&limits, from(addr, &format!("n{host}")), secs(0)).map(|attempt| attempt.failed(secs(0)))
    };
    assert_eq!((1..1000).filter(|&host| fail(host).is_ok()).count(), 100);
    assert!(matches!(fail(2000), Err(SignInRefusal::RateLimited(_))));
    assert!(is_heard(&limits, from(addr(1), "ana"), secs(0)));
}

/// Room for so few that a test can fill it.
const SMALL: Capacity = Capacity { addresses: 32, pairs: 128, names: 64, devices: 16 };

fn small_limits(settings: SignInSettings) -> Arc<SignInLimits> {
    Arc::new(SignInLimits::with_capacity(settings, LocalPrefixes::default(), SMALL))
}

#[test]
fn flood_from_one_address_pushes_out_no_lock() {
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
        assert!(
            matches!(begin(&limits, from(addr(n), name), secs(3)), Err(SignInRefusal::LockedOut(_))),
            "{n} {name}"
        );
    }
    assert!(is_heard(&limits, from(addr(3), "eva"), secs(3)), "an unrelated user can sign in");
    assert!(is_heard(&limits, from(addr(9), "eva"), LOCKOUT + secs(1)), "and that address again, later");
}

#[test]
fn floods_of_addresses_names_and_devices_stay_within_memory() {
    let limits = small_limits(SETTINGS);
    guess_from_everywhere(&limits, "ana", secs(0));
    for n in 0..10_000 {
        let device = Some(DeviceId([u8::try_from(n % 251).unwrap(); 16]));
        let name = format!("n{n}");
        let candidate = Candidate { device, ..from(addr(2000 + n), &name) };
        let attempt = begin(&limits, candidate, secs(1));
        assert!(attempt.is_ok(), "no new client is turned away");
        attempt.unwrap().failed(secs(1));
    }
    assert_eq!(limits.state().table.sizes(), SMALL);
    let ana = begin(&limits, from(addr(1_000_000), "ana"), secs(2));
    assert!(
        matches!(ana, Err(SignInRefusal::NameThrottled(_))),
        "fresh names do not push out the one that is guessed at"
    );
}

#[test]
fn attempts_that_never_end_do_not_grow() {
    let limits = small_limits(SignInSettings { login_failures: 1, ..NO_RATE });
    let names: Vec<_> = (0..1000).map(|n| format!("n{n}")).collect();
    let hung: Vec<_> =
        names.iter().map_while(|name| begin(&limits, from(addr(1), name), secs(0)).ok()).collect();
    assert_eq!(hung.len(), SMALL.pairs);
    assert!(matches!(begin(&limits, from(addr(1), "luis"), secs(0)), Err(SignInRefusal::RateLimited(_))));
    drop(hung);
    assert!(is_heard(&limits, from(addr(1), "luis"), secs(0)));
}

#[test]
fn new_figures_hold_at_once() {
    let limits = limits(SETTINGS);
    fail(&limits, 1, "ana", secs(0)).unwrap();
    limits.reconfigure(SignInSettings { login_failures: 2, ..SETTINGS });
    assert!(fail(&limits, 1, "ana", secs(0)).unwrap().locked);
    for _ in 0..3 {
        let _ = fail(&limits, 2, "luis", secs(0));
    }
    limits.reconfigure(SignInSettings { login_failures: 1, ..SETTINGS });
    assert!(matches!(begin(&limits, from(addr(2), "luis"), secs(0)), Err(SignInRefusal::LockedOut(_))));
    assert!(is_heard(&limits, from(addr(2), "luis"), LOCKOUT));
}

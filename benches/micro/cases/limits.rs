//! Limits that every request, message and sign-in passes.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use pichat::limits::{
    Begun, Candidate, ConnectionCaps, LocalPrefixes, RateSettings, Rates, SignInLimits, SignInSettings,
    TokenBucket,
};
use pichat::types::UserId;

use super::{Operation, Row};

pub const CASES: &[Row] = &[
    ("limits: a token taken and given back", 100, bucket),
    ("limits: a message of 1000 people", 1000, rates),
    ("limits: a request refused", 100, refused),
    ("limits: a sign-in that succeeds", 1000, || sign_in(true)),
    ("limits: a sign-in that fails", 1000, || sign_in(false)),
    ("limits: a connection in, served, gone", 1000, connection),
];

/// Longer than any bucket or lock needs to recover.
const LATER: Duration = Duration::from_secs(1000);
const PEOPLE: u32 = 1000;

const RATES: RateSettings = RateSettings {
    requests_per_minute: 600,
    request_burst: 200,
    uploads_per_minute: 5,
    upload_burst: 60,
    downloads_per_minute: 10,
    download_burst: 120,
    deletes_per_minute: 5,
    delete_burst: 200,
    messages_per_minute: 60,
    message_burst: 20,
    joins_per_minute: 30,
    typing_per_minute: 30,
};

/// Returns the address of the next user.
fn next(who: &mut u32) -> IpAddr {
    *who = (*who + 1) % PEOPLE;
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + *who))
}

fn bucket() -> Operation {
    let mut bucket = TokenBucket::full(10, Duration::ZERO);
    let mut now = Duration::ZERO;
    Box::new(move || {
        now += Duration::from_millis(1);
        black_box(bucket.take(10, now)).expect("there is one");
        bucket.give_back(10);
    })
}

fn rates() -> Operation {
    let clock = FakeRelativeClock::default();
    let rates = Rates::with_clock(&RATES, LocalPrefixes::default(), clock.clone());
    let mut who = 0;
    // All users are known, so that no growing map is measured.
    (0..PEOPLE).for_each(|id| rates.message(UserId(id.into())).expect("the burst is whole"));
    Box::new(move || {
        who = (who + 1) % PEOPLE;
        clock.advance(LATER);
        black_box(rates.message(UserId(who.into()))).expect("within the rate");
    })
}

fn refused() -> Operation {
    let rates = Rates::with_clock(&RATES, LocalPrefixes::default(), FakeRelativeClock::default());
    let addr = next(&mut 0);
    while rates.request(addr).is_ok() {}
    Box::new(move || {
        black_box(rates.request(addr)).expect_err("the burst is used up");
    })
}

fn sign_in(right: bool) -> Operation {
    let settings =
        SignInSettings { logins_per_minute: 10, login_failures: 5, lockout: Duration::from_secs(900) };
    let limits = Arc::new(SignInLimits::new(settings, LocalPrefixes::default()));
    let (mut who, mut now) = (0, Duration::ZERO);
    let mut one = move || {
        now += LATER;
        let candidate = Candidate { addr: next(&mut who), name: Some("josé"), device: None };
        let Ok(Begun::Now(attempt)) = limits.begin(&candidate, now) else { panic!("everything has faded") };
        if right {
            attempt.succeeded(now);
        } else {
            black_box(attempt.failed(now));
        }
    };
    (0..PEOPLE).for_each(|_| one());
    Box::new(one)
}

fn connection() -> Operation {
    let caps = ConnectionCaps::new(2048, 64, LocalPrefixes::default());
    let mut who = 0;
    let held: Vec<_> =
        (0..PEOPLE).map(|_| caps.admit(next(&mut who), false).expect("there is room")).collect();
    Box::new(move || {
        let slot = Arc::new(caps.admit(next(&mut who), false).expect("there is room").slot);
        drop(black_box(slot.serve(UserId(1))));
        black_box(&held);
    })
}

//! Limits that every request, message and sign-in passes.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pichat::clock::{Clock, Timestamp};
use pichat::limits::{
    AtomicBucket, Begun, BucketRate, Candidate, ConnectionCaps, LocalPrefixes, RateSettings, Rates,
    SignInLimits, SignInSettings, TokenBucket,
};
use pichat::types::UserId;

use super::{Operation, Row};

pub const CASES: &[Row] = &[
    ("limits: a token taken and given back", 100, bucket),
    ("limits: a message of 1000 people", 1000, messages),
    ("limits: a request of a session", 1000, session),
    ("limits: a request of 1000 addresses", 1000, addresses),
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

/// Clock that an operation advances.
#[derive(Debug, Default)]
struct SteppedClock(AtomicU64);

impl SteppedClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).expect("short"), Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

fn rates() -> (Rates, Arc<SteppedClock>) {
    let clock = Arc::new(SteppedClock::default());
    (Rates::new(&RATES, LocalPrefixes::default(), Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

/// Returns the address of the next user.
fn next(who: &mut u32) -> IpAddr {
    *who = (*who + 1) % PEOPLE;
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + *who))
}

fn bucket() -> Operation {
    let (mut bucket, rate) = (TokenBucket::default(), BucketRate::per_minute(10, 10));
    let mut now = Duration::ZERO;
    Box::new(move || {
        now += Duration::from_millis(1);
        black_box(bucket.take(rate, now)).expect("there is one");
        bucket.give_back(rate);
    })
}

fn messages() -> Operation {
    let (rates, clock) = rates();
    let mut who = 0;
    // All users are known, so that no growing map is measured.
    (0..PEOPLE).for_each(|id| rates.message(UserId(id.into())).expect("the burst is whole"));
    Box::new(move || {
        who = (who + 1) % PEOPLE;
        clock.advance(LATER);
        black_box(rates.message(UserId(who.into()))).expect("within the rate");
    })
}

fn session() -> Operation {
    let (rates, clock) = rates();
    let bucket = AtomicBucket::default();
    Box::new(move || {
        clock.advance(LATER);
        black_box(rates.session_request(&bucket)).expect("within the rate");
    })
}

fn addresses() -> Operation {
    let (rates, clock) = rates();
    let mut who = 0;
    (0..PEOPLE).for_each(|_| rates.request(next(&mut who)).expect("the burst is whole"));
    Box::new(move || {
        clock.advance(LATER);
        black_box(rates.request(next(&mut who))).expect("within the rate");
    })
}

fn refused() -> Operation {
    let (rates, _clock) = rates();
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

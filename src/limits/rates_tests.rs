use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::counters::RefusalKind;
use super::super::recent_downloads::DOWNLOAD_WINDOW;
use super::*;
use crate::clock::Timestamp;

const SETTINGS: RateSettings = RateSettings {
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

/// Clock that the test advances.
#[derive(Debug, Default)]
struct SteppedClock(AtomicU64);

impl SteppedClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap(), Ordering::Relaxed);
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

const ANA: UserId = UserId(1);
const SECOND: Duration = Duration::from_secs(1);

fn rates(settings: &RateSettings) -> (Rates, Arc<SteppedClock>) {
    let clock = Arc::new(SteppedClock::default());
    (Rates::new(settings, LocalPrefixes::default(), Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn passes(mut ask: impl FnMut() -> Result<(), RetryAfter>) -> usize {
    (0..1000).take_while(|_| ask().is_ok()).count()
}

#[test]
fn every_rate_has_its_own_burst() {
    let (rates, _clock) = rates(&SETTINGS);
    assert_eq!(passes(|| rates.upload(ANA)), 60);
    assert_eq!(passes(|| rates.download(ANA, 1, false)), 120);
    assert_eq!(passes(|| rates.delete(ANA)), 200);
    assert_eq!(passes(|| rates.message(ANA)), 20);
    assert_eq!(passes(|| rates.join(ANA)), 30);
    assert_eq!(passes(|| rates.enter(ANA)), 256);
    assert_eq!(passes(|| rates.read_mark(ANA)), 120);
    assert_eq!(passes(|| rates.typing(ANA)), 30);
    assert_eq!(passes(|| rates.upload(UserId(2))), 60, "another user has the own rate");
    assert_eq!(passes(|| rates.request("10.0.0.1".parse().unwrap())), 200);
    assert_eq!(passes(|| rates.request("::ffff:10.0.0.1".parse().unwrap())), 0);
    assert_eq!(passes(|| rates.request("10.0.0.2".parse().unwrap())), 200);
}

/// As [`passes`], for figures over a thousand.
fn all_passes(mut ask: impl FnMut() -> Result<(), RetryAfter>) -> u32 {
    (0..10_000).take_while(|_| ask().is_ok()).map(|_| 1).sum()
}

#[test]
fn address_has_a_total_beside_its_strangers_and_sessions() {
    let (rates, clock) = rates(&SETTINGS);
    let addr = "10.0.0.1".parse().unwrap();
    assert_eq!(all_passes(|| rates.address_request(addr)), ADDRESS_REQUESTS.burst);
    assert_eq!(all_passes(|| rates.static_request(addr)), STATIC_REQUESTS.burst);
    assert_eq!(all_passes(|| rates.handshake(addr)), HANDSHAKES.burst);
    assert_eq!(passes(|| rates.request(addr)), 200, "each counts for itself");
    clock.advance(SECOND);
    assert_eq!(all_passes(|| rates.address_request(addr)), ADDRESS_REQUESTS.per_minute / 60);
    assert_eq!(all_passes(|| rates.handshake(addr)), HANDSHAKES.per_minute / 60);
}

#[test]
fn total_of_an_address_grows_with_what_one_may_do() {
    let (rates, _clock) = rates(&RateSettings { request_burst: 500, requests_per_minute: 1, ..SETTINGS });
    let addr = "10.0.0.1".parse().unwrap();
    assert_eq!(all_passes(|| rates.address_request(addr)), 5000);
    assert_eq!(all_passes(|| rates.static_request(addr)), 5000);
}

#[test]
fn sessions_count_by_their_own_bucket() {
    let (rates, clock) = rates(&SETTINGS);
    let (one, other) = (AtomicBucket::default(), AtomicBucket::default());
    assert_eq!(passes(|| rates.session_request(&one)), 200);
    assert_eq!(passes(|| rates.session_request(&other)), 200);
    rates.reconfigure(&SETTINGS);
    clock.advance(SECOND);
    assert_eq!(
        passes(|| rates.session_request(&one)),
        10,
        "it keeps its level when other figures come in force"
    );
    assert_eq!(rates.refused().read()[&RefusalKind { at: "rate", reason: "session_requests" }], 3);
}

#[test]
fn static_files_of_sessions_take_nothing_of_the_address() {
    let (rates, clock) = rates(&SETTINGS);
    let (addr, session) = ("10.0.0.1".parse().unwrap(), AtomicBucket::default());
    assert_eq!(all_passes(|| rates.session_static_request(&session)), SESSION_STATIC_REQUESTS.burst);
    assert_eq!(passes(|| rates.session_request(&session)), 0, "a bucket is one");
    assert_eq!(all_passes(|| rates.static_request(addr)), STATIC_REQUESTS.burst);
    clock.advance(SECOND);
    assert_eq!(
        all_passes(|| rates.session_static_request(&session)),
        SESSION_STATIC_REQUESTS.per_minute / 60
    );
}

#[test]
fn person_takes_the_share_of_three_sessions() {
    let (rates, clock) = rates(&SETTINGS);
    let person = AtomicBucket::default();
    assert_eq!(passes(|| rates.person_request(&person)), 600);
    clock.advance(SECOND);
    assert_eq!(passes(|| rates.person_request(&person)), 30);
    let (rates, _clock) = self::rates(&RateSettings { request_burst: 300, ..SETTINGS });
    let other = AtomicBucket::default();
    assert_eq!(passes(|| rates.person_request(&other)), 900, "it grows with what one session may do");
}

#[test]
fn parts_of_one_file_count_once_within_ten_minutes() {
    let settings = RateSettings { downloads_per_minute: 1, download_burst: 3, ..SETTINGS };
    let (rates, clock) = rates(&settings);
    assert_eq!((0..16).filter(|_| rates.download(ANA, 1, true).is_ok()).count(), 16, "16 parts, one token");
    assert_eq!(passes(|| rates.download(ANA, 1, false)), 2, "the whole file counts each time");
    assert!(rates.download(ANA, 1, true).is_ok(), "a part of a charged file is free");
    assert!(rates.download(ANA, 2, true).is_err() && rates.download(UserId(2), 1, true).is_ok());
    clock.advance(DOWNLOAD_WINDOW);
    assert_eq!(passes(|| rates.download(ANA, 3, false)), 3);
    assert!(rates.download(ANA, 1, true).is_err(), "after the window it counts anew");
    rates.sweep();
}

#[test]
fn the_wait_is_enough_and_the_flood_is_told_once_a_minute() {
    let (rates, clock) = rates(&SETTINGS);
    passes(|| rates.upload(ANA));
    let wait = rates.upload(ANA).unwrap_err();
    assert_eq!((wait.retry, wait.seconds()), (Duration::from_secs(12), 12));
    assert!(!wait.first, "the refusal before was the first");
    clock.advance(wait.retry);
    assert_eq!(rates.upload(ANA), Ok(()));
    clock.advance(Duration::from_secs(48));
    assert_eq!(passes(|| rates.upload(ANA)), 4);
    clock.advance(SECOND);
    assert!(!rates.upload(ANA).unwrap_err().first);

    let (rates, _clock) = self::rates(&SETTINGS);
    let refusals = (0..100).filter_map(|_| rates.upload(ANA).err());
    assert_eq!(refusals.map(|wait| wait.first).collect::<Vec<_>>(), {
        let mut firsts = vec![false; 40];
        firsts[0] = true;
        firsts
    });
}

#[test]
fn every_rate_from_one_to_a_thousand_million_works() {
    for rate in [0, 1, 7, 600, 1_000_000, 1_000_000_000, u32::MAX] {
        for burst in [0, 1, 200, 1_000_000_000, u32::MAX] {
            let settings = RateSettings { requests_per_minute: rate, request_burst: burst, ..SETTINGS };
            let (rates, clock) = rates(&settings);
            let addr = "10.0.0.1".parse().unwrap();
            assert!(passes(|| rates.request(addr)) >= (burst as usize).clamp(1, 1000), "{rate} {burst}");
            clock.advance(Duration::from_secs(3600));
            assert_eq!(rates.request(addr), Ok(()), "{rate} {burst}");
        }
    }
}

#[test]
fn new_figures_hold_at_once() {
    let (rates, _clock) = rates(&SETTINGS);
    assert_eq!(passes(|| rates.delete(ANA)), 200);
    rates.reconfigure(&RateSettings { delete_burst: 7, ..SETTINGS });
    assert_eq!(passes(|| rates.delete(ANA)), 7);
}

#[test]
fn a_flood_of_addresses_stays_within_memory() {
    let (rates, _clock) = rates(&SETTINGS);
    for n in 0..3 * u32::try_from(RATE_KEYS).unwrap() {
        let _ = rates.request(Ipv4Addr::from_bits(n).into());
    }
    let known = rates.gates.read().unwrap().strangers.len();
    assert_eq!(known, RATE_KEYS);
}

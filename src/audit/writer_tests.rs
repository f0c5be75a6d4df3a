use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;

use super::*;
use crate::audit::{Audit, AuditTarget, LoginFailure, Threshold};
use crate::clock::Timestamp;
use crate::locks::lock;

const SOON: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct StillClock(AtomicU64);

impl StillClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Stderr that the test can read and block: the writer waits while the test holds the lock.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn lines(&self) -> Vec<String> {
        let bytes = lock(&self.0).clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(target: AuditTarget, events: usize) -> (Audit, Writer, Arc<StillClock>, Paper) {
    let (clock, paper) = (Arc::<StillClock>::default(), Paper::default());
    let sink = Sink::new(target, Box::new(paper.clone()));
    let (audit, writer) =
        Audit::start_with(sink, events, Threshold::Info, Arc::<StillClock>::clone(&clock)).unwrap();
    (audit, writer, clock, paper)
}

fn listen(path: &std::path::Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket
}

fn receive(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 8192];
    let n = socket.recv(&mut bytes).expect("a line");
    String::from_utf8(bytes[..n].to_vec()).unwrap()
}

fn failed_login() -> Event {
    let addr = "192.168.1.5".parse().unwrap();
    let user = Some("ana".parse().unwrap());
    Event::LoginFailed { user, addr, reason: LoginFailure::WrongPassword }
}

fn tally(messages: u64) -> Event {
    Event::RoomTally { room: "sala".parse().unwrap(), messages, bytes: 0 }
}

/// Waits until the writer has emptied the queue.
fn settle(audit: &Audit) {
    let deadline = Instant::now() + SOON;
    while audit.queued() > 0 {
        assert!(Instant::now() < deadline, "the writer stands still");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn syslog_line_has_facility_and_severity() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let socket = listen(&path);
    let (audit, writer, ..) = start(AuditTarget::Socket(path), 16);
    audit.try_record(failed_login());
    audit.try_record(Event::ServerStopping {});
    audit.try_record(Event::ConfigRejected { error: "line 1\n<0>x".into() });

    let line = receive(&socket);
    let tag = format!(" pichat[{}]: event=login.failed result=failed ", std::process::id());
    assert!(line.starts_with("<86>"), "authpriv (10) and info (6): {line}");
    assert!(line.contains(&tag), "{line}");
    assert!(line.contains("user=\"ana\" addr=192.168.1.5 reason=wrong_password"), "{line}");
    let line = receive(&socket);
    assert!(line.starts_with("<29>") && line.contains("]: event=server.stopping "), "{line}");
    let line = receive(&socket);
    assert!(line.starts_with("<27>") && line.contains("error=\"line 1\\n<0>x\""), "{line}");
    assert!(writer.finish(SOON));
}

#[test]
fn restarted_syslog_socket_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (audit, writer, clock, paper) = start(AuditTarget::Socket(path.clone()), 64);

    audit.try_record(tally(1));
    settle(&audit);
    let socket = listen(&path);
    audit.try_record(tally(2));
    clock.advance(Duration::from_millis(10));
    settle(&audit);
    // The writer may still have the last line when the queue is empty; a line on stderr shows that it does
    // not.
    while paper.lines().len() < 2 {
        thread::yield_now();
    }
    clock.advance(Duration::from_secs(1));
    audit.try_record(tally(3));
    assert!(receive(&socket).contains(" messages=3 "), "after the back-off");

    drop(socket);
    std::fs::remove_file(&path).unwrap();
    let socket = listen(&path);
    audit.try_record(tally(4));
    assert!(receive(&socket).contains(" messages=4 "), "a restarted daemon is found at once");

    drop(socket);
    std::fs::remove_file(&path).unwrap();
    audit.try_record(tally(5));
    assert!(writer.finish(SOON));
    let on_paper = paper.lines();
    assert_eq!(on_paper.len(), 3, "{on_paper:?}");
    for (line, n) in on_paper.iter().zip([1, 2, 5]) {
        assert!(line.starts_with("event=room.tally ") && line.contains(&format!(" messages={n} ")), "{line}");
    }
}

#[test]
fn unread_syslog_socket_does_not_block_finish() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let _deaf = listen(&path);
    let (audit, writer, _, paper) = start(AuditTarget::Socket(path), 4096);
    // Linux holds net.unix.max_dgram_qlen lines for a reader: 10 by default, 512 where systemd raised it.
    for n in 0..3000 {
        audit.try_record(tally(n));
    }
    let started = Instant::now();
    assert!(writer.finish(SOON));
    assert!(started.elapsed() < Duration::from_secs(5), "one line waited, the rest went to stderr");
    let last = paper.lines().pop().expect("lines on stderr");
    assert!(last.contains(" messages=2999 "), "{last}");
}

#[test]
fn stuck_stderr_does_not_block_finish() {
    let (audit, writer, _, paper) = start(AuditTarget::Stderr, 4);
    let stuck = paper.0.lock().unwrap();
    for n in 0..10 {
        audit.try_record(tally(n));
    }
    let started = Instant::now();
    assert!(!writer.finish(Duration::from_millis(50)));
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(stuck);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::await_holding_lock, reason = "the held lock is the stuck terminal of this test")]
async fn full_queue_drops_counters_and_delays_security() {
    let (audit, writer, _, paper) = start(AuditTarget::Stderr, 16);
    let stuck = paper.0.lock().unwrap();
    for n in 0..100 {
        audit.record(tally(n)).await;
    }
    let dropped = audit.dropped();
    assert!((80..100).contains(&dropped), "counters are dropped without waiting: {dropped}");

    assert!(audit.queued() <= 14, "counters leave an eighth free");
    audit.try_record(failed_login());
    audit.try_record(failed_login());
    assert_eq!(audit.dropped(), dropped, "there security events need not wait");

    let mut logins = Vec::new();
    for _ in 0..10 {
        let audit = audit.clone();
        logins.push(tokio::spawn(async move { audit.record(failed_login()).await }));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stuck);
    for login in logins {
        login.await.unwrap();
    }
    assert_eq!(audit.dropped(), dropped, "no security event was lost");

    assert!(tokio::task::spawn_blocking(move || writer.finish(SOON)).await.unwrap());
    let lines = paper.lines();
    let count = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(count("event=login.failed "), 12);
    let told: u64 = lines
        .iter()
        .filter_map(|line| line.strip_prefix("event=audit.dropped result=failed count="))
        .map(|rest| rest.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(told, dropped, "every loss is told");
    // The writer may have taken the first line before the loss; the following one reports it.
    let next = lines.iter().position(|line| line.starts_with("event=audit.dropped "));
    assert!(matches!(next, Some(0 | 1)), "{next:?}");

    audit.record(failed_login()).await;
    assert_eq!(audit.dropped(), dropped + 1, "after the end nothing is taken, and nothing waits");
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the held lock is the stuck terminal of this test")]
async fn security_event_waits_at_most_two_seconds() {
    let (audit, writer, _, paper) = start(AuditTarget::Stderr, 1);
    let stuck = paper.0.lock().unwrap();
    let started = Instant::now();
    for _ in 0..3 {
        audit.record(failed_login()).await;
    }
    // One is being written, one is queued, the third finds no place.
    assert_eq!(audit.dropped(), 1);
    assert!(started.elapsed() >= Duration::from_secs(2) && started.elapsed() < SOON);
    drop(stuck);
    assert!(tokio::task::spawn_blocking(move || writer.finish(SOON)).await.unwrap());
}

#[test]
fn finish_writes_queued_events_despite_live_handles() {
    let (audit, writer, _, paper) = start(AuditTarget::Stderr, 4096);
    for n in 0..1000 {
        audit.try_record(tally(n));
    }
    assert!(writer.finish(SOON));
    assert_eq!(paper.lines().len(), 1000);
    assert_eq!((audit.queued(), audit.dropped()), (0, 0));
}

#[test]
fn threshold_hides_counters_only() {
    let paper = Paper::default();
    let sink = Sink::new(AuditTarget::Stderr, Box::new(paper.clone()));
    let clock = Arc::<StillClock>::default();
    let (audit, writer) = Audit::start_with(sink, 16, Threshold::Warning, clock).unwrap();
    let refused = "10.0.0.1".parse().unwrap();
    audit.try_record(tally(1));
    audit.try_record(Event::ConnectionRefused { addr: refused, reason: "total", count: 3 });
    audit.try_record(failed_login());
    assert!(writer.finish(SOON));
    let names: Vec<_> = paper.lines().iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["event=connection.refused", "event=login.failed"]);
    assert_eq!(audit.dropped(), 0, "hidden is not lost");
}

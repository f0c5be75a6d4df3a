use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, AuditTarget, Threshold};
use crate::clock::{Clock, Timestamp};
use crate::locks::lock;
use crate::store::{Db, Store};
use crate::types::{Person, Role, UserId, UserName};

use super::{ANNOUNCEMENT_LIFE, AnnouncementChange, AnnouncementDraft, Announcements};

const ADDR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Clock in milliseconds, of which the wall clock may be set apart.
#[derive(Debug, Default)]
struct TestClock {
    mono: AtomicI64,
    wall_step: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.mono.load(Ordering::Relaxed) + self.wall_step.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.mono.load(Ordering::Relaxed).unsigned_abs())
    }
}

struct Office {
    store: Store,
    clock: Arc<TestClock>,
    ana: Person,
    announcements: Arc<Announcements>,
    changes: Arc<Mutex<Vec<AnnouncementChange>>>,
}

fn open(store: &Store, clock: &Arc<TestClock>) -> Arc<Announcements> {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(clock);
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::clone(&clock)).expect("a thread");
    Arc::new(Announcements::open(store.clone(), audit, clock).expect("opens"))
}

fn office() -> Office {
    let (store, clock) = (Store::in_memory().expect("opens"), Arc::<TestClock>::default());
    let name: UserName = "ana".parse().expect("valid");
    let add = |db: &mut Db| db.add_user(&name, Role::Administrator, "h", Timestamp(1));
    let id = store.with(add).expect("works").expect("free");
    let announcements = open(&store, &clock);
    let changes: Arc<Mutex<Vec<_>>> = Arc::default();
    let heard = Arc::clone(&changes);
    announcements.on_change(Box::new(move |change| lock(&heard).push(change.clone())));
    Office { store, clock, ana: Person { id, name }, announcements, changes }
}

impl Office {
    async fn make(&self) -> super::AnnouncementStatus {
        let draft = AnnouncementDraft { text: "hola".to_owned(), acknowledge: true };
        self.announcements.make(draft, &self.ana, ADDR).await.expect("is made")
    }

    fn unread(&self) -> usize {
        self.announcements.unacknowledged(self.ana.id, || {}).len()
    }
}

#[tokio::test]
async fn wall_clock_step_ends_no_announcement() {
    let office = office();
    let made = office.make().await.announcement;
    let life = i64::try_from(ANNOUNCEMENT_LIFE.as_millis()).expect("fits");
    office.clock.wall_step.store(2 * life, Ordering::Relaxed);
    office.clock.mono.store(life - 1, Ordering::Relaxed);
    office.announcements.sweep().await.expect("works");
    assert_eq!(office.unread(), 1);
    office.clock.mono.store(life, Ordering::Relaxed);
    office.announcements.sweep().await.expect("works");
    assert_eq!(office.unread(), 0);
    let id = made.id;
    assert_eq!(*lock(&office.changes), [AnnouncementChange::Made(made), AnnouncementChange::Ended(id)]);
    assert_eq!(open(&office.store, &office.clock).unacknowledged(office.ana.id, || {}), []);
}

#[tokio::test]
async fn announcement_from_the_future_has_its_whole_life() {
    let office = office();
    office.clock.wall_step.store(1 << 50, Ordering::Relaxed);
    office.make().await;
    office.clock.wall_step.store(0, Ordering::Relaxed);
    let again = open(&office.store, &office.clock);
    again.sweep().await.expect("works");
    assert_eq!(again.unacknowledged(office.ana.id, || {}).len(), 1);
}

#[tokio::test]
async fn acknowledgement_counts_once_and_is_stored() {
    let office = office();
    let id = office.make().await.announcement.id;
    assert!(office.announcements.acknowledge(office.ana.id, id));
    assert!(!office.announcements.acknowledge(office.ana.id, id), "a second time");
    assert_eq!(office.unread(), 0);
    office.announcements.sweep().await.expect("works");
    let rows = office.store.with(|db| db.acknowledgements()).expect("reads");
    assert_eq!(rows.iter().map(|row| row.user).collect::<Vec<_>>(), [office.ana.id]);
    let status = &office.announcements.list().await.expect("reads")[0];
    assert_eq!((status.acknowledged, status.people), (1, 1));
}

#[tokio::test]
async fn failed_write_keeps_acknowledgement_for_the_next_sweep() {
    let office = office();
    let id = office.make().await.announcement.id;
    let refuse_writes = |refuse| office.store.with(|db| db.refuse_writes(refuse)).expect("sets");
    refuse_writes(true);
    assert!(office.announcements.acknowledge(office.ana.id, id));
    assert!(office.announcements.sweep().await.is_err());
    assert_eq!(office.unread(), 0, "for the person it is done");
    refuse_writes(false);
    office.announcements.sweep().await.expect("works");
    assert_eq!(office.store.with(|db| db.acknowledgements()).expect("reads").len(), 1);
    assert!(office.announcements.acknowledge(UserId(99), id), "its account was deleted meanwhile");
    office.announcements.sweep().await.expect("works");
}

#[tokio::test]
async fn announcement_is_made_though_its_caller_goes_away() {
    let office = office();
    let mut made = Box::pin(office.make());
    assert!(futures_util::poll!(&mut made).is_pending(), "the store is another thread's");
    drop(made);
    while office.unread() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lock(&office.changes).len(), 1, "open sockets were told");
}

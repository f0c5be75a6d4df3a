use super::*;
use crate::audit::{AuditTarget, Threshold};
use crate::chat::test_encoder::{Inbox, Words};
use crate::chat::{EndError, NewMessage};
use crate::clock::{SystemClock, Timestamp};
use crate::types::MessageText;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

const HOUR: u64 = 3600;

const LIMITS: ChatLimits = ChatLimits {
    rooms: 2,
    rooms_per_user: 2,
    rooms_per_session: 3,
    members: 8,
    ring: 4,
    memory: 1 << 20,
    wipe: Duration::from_secs(HOUR),
    empty: Duration::from_secs(72 * HOUR),
    asleep: 2,
};

type TestHub = Arc<Hub<Words>>;

fn hub(limits: ChatLimits) -> TestHub {
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).expect("a thread");
    Hub::new(limits, audit)
}

fn person(id: i64) -> Arc<Person> {
    Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") })
}

fn code(text: &str) -> RoomCode {
    text.parse().expect("valid")
}

fn at(seconds: u64) -> Now {
    Now { wall: Timestamp(0), mono: Duration::from_secs(seconds) }
}

/// Session number `session` of person `session / 10`.
fn digest(session: u8) -> Sha256 {
    Sha256([session; 32])
}

fn make(hub: &TestHub, room: &str, session: u8, inbox: &Inbox, now: u64) -> Result<Seat<Words>, EnterError> {
    let person = person(i64::from(session / 10));
    let visitor = Joiner { session: digest(session), person: &person, mailbox: inbox };
    let room =
        RoomProperties { code: code(room), kind: RoomKind::Group, label: None, password: "hash".into() };
    hub.create(room, &visitor, at(now), |_, _| "welcome".into()).map(|joined| joined.seat)
}

fn join(hub: &TestHub, room: &str, session: u8, inbox: &Inbox, now: u64) -> Result<Seat<Words>, EnterError> {
    let person = person(i64::from(session / 10));
    let visitor = Joiner { session: digest(session), person: &person, mailbox: inbox };
    let room = hub.find(&code(room)).ok_or(EnterError::Changed)?;
    hub.join(&room, &visitor, at(now), |_, _| "welcome".into()).map(|joined| joined.seat)
}

fn enter(hub: &TestHub, room: &str, session: u8, since: Seq, now: u64) -> Result<Entered<Words>, NotMember> {
    let person = person(i64::from(session / 10));
    let visitor = Joiner { session: digest(session), person: &person, mailbox: &Inbox::default() };
    hub.enter(&code(room), &visitor, since, at(now))
}

fn say(seat: &Seat<Words>, text: &str) -> Seq {
    let text = MessageText::parse(text, 5000).expect("valid");
    seat.publish(&NewMessage { text: &text, at: Timestamp(0), reply: None }, &mut VecDeque::new())
        .expect("in the room")
}

#[test]
fn answer_precedes_every_frame_of_the_room() {
    let hub = hub(LIMITS);
    let _stays = make(&hub, "sala", 10, &Inbox::default(), 0).expect("made");
    let room = hub.find(&code("SALA")).expect("case does not matter");
    let inbox = Inbox(Arc::default(), Some(Arc::clone(&room.0)));
    let _joined = join(&hub, "sala", 20, &inbox, 0).expect("joined");
    assert_eq!(*lock(&inbox.0), ["welcome, under the lock"]);
}

#[test]
fn full_hub_ends_the_longest_quiet_room_only() {
    let hub = hub(LIMITS);
    let inbox = Inbox::default();
    let one = make(&hub, "uno", 10, &inbox, 0).expect("made");
    let two = make(&hub, "dos", 10, &inbox, 0).expect("made");
    assert_eq!(hub.may_make(UserId(3), at(0)), Err(EnterError::TooManyRooms));
    one.detach(at(5).mono);
    two.detach(at(6).mono);
    assert_eq!(make(&hub, "tres", 30, &inbox, HOUR).err(), Some(EnterError::TooManyRooms), "messages kept");
    assert_eq!(hub.may_make(UserId(3), at(HOUR + 5)), Ok(()));
    let held = hub.find(&code("uno")).expect("there");
    let _three = make(&hub, "tres", 30, &inbox, HOUR + 7).expect("made");
    assert!(hub.find(&code("uno")).is_none(), "quiet since second 5");
    assert!(hub.find(&code("dos")).is_some(), "quiet since second 6");
    let person = person(2);
    let visitor = Joiner { session: digest(20), person: &person, mailbox: &inbox };
    let late = hub.join(&held, &visitor, at(HOUR + 8), |_, _| String::new());
    assert_eq!(late.err(), Some(EnterError::Changed), "a handle of the ended room is looked up again");
    assert!(enter(&hub, "uno", 10, 0, HOUR + 8).is_err(), "its memberships ended with it");
}

#[test]
fn rooms_of_a_user_count_until_they_end() {
    let hub = hub(ChatLimits { rooms: 9, ..LIMITS });
    let inbox = Inbox::default();
    let one = make(&hub, "uno", 10, &inbox, 0).expect("made");
    let _two = make(&hub, "dos", 11, &inbox, 0).expect("made");
    assert_eq!(hub.may_make(UserId(1), at(0)), Err(EnterError::TooManyOwnRooms));
    assert_eq!(make(&hub, "tres", 10, &inbox, 0).err(), Some(EnterError::TooManyOwnRooms));
    let _others = make(&hub, "tres", 20, &inbox, 0).expect("another person has the own share");
    assert!(join(&hub, "tres", 10, &inbox, 2).is_ok(), "rooms of others are entered freely");
    assert!(one.leave(&inbox, at(3)));
    assert!(hub.find(&code("uno")).is_none(), "it ends with its last member");
    assert!(make(&hub, "mas", 10, &inbox, 4).is_ok());
}

#[test]
fn rooms_of_a_session_are_limited() {
    let hub = hub(ChatLimits { rooms: 9, rooms_per_user: 9, ..LIMITS });
    let inbox = Inbox::default();
    let seats: Vec<_> = (0..3).map(|n| make(&hub, &format!("s{n}"), 10, &inbox, 0).expect("made")).collect();
    assert_eq!(make(&hub, "s3", 10, &inbox, 0).err(), Some(EnterError::TooManyMemberships));
    let _other = make(&hub, "s3", 20, &inbox, 0).expect("made");
    assert_eq!(join(&hub, "s3", 10, &inbox, 0).err(), Some(EnterError::TooManyMemberships));
    for seat in seats {
        seat.detach(at(1).mono);
    }
    assert_eq!(
        join(&hub, "s3", 10, &inbox, 2).err(),
        Some(EnterError::TooManyMemberships),
        "another socket of the session has no rooms of its own"
    );
    assert!(join(&hub, "s3", 11, &inbox, 2).is_ok());
}

proptest::proptest! {
    /// No sequence of creating, leaving and sweeping lets a user exceed the share of rooms, and no free share
    /// is refused.
    #[test]
    fn rooms_of_a_user_never_exceed_the_share(ops in proptest::collection::vec((0u8..3, 0u8..3, 0u64..99_999), 0..60)) {
        let hub = hub(ChatLimits { rooms: 100, rooms_per_session: 100, ..LIMITS });
        let (inbox, mut now, mut held) = (Inbox::default(), 0, Vec::new());
        for (n, (who, op, step)) in ops.into_iter().enumerate() {
            now += step;
            let maker = UserId(who.into());
            let own = |hub: &TestHub| hub.shared.directory.all().iter().filter(|slot| slot.maker == maker).count();
            match op {
                0 => {
                    let free = own(&hub) < LIMITS.rooms_per_user;
                    let made = make(&hub, &format!("s{n}"), who * 10, &inbox, now);
                    proptest::prop_assert_eq!(made.is_ok(), free);
                    held.extend(made);
                }
                1 => if let Some(seat) = held.pop() {
                    seat.leave(&inbox, at(now));
                },
                _ => hub.sweep(at(now)),
            }
            proptest::prop_assert!(own(&hub) <= LIMITS.rooms_per_user);
        }
    }
}

#[test]
fn taken_code_is_not_created_twice() {
    let hub = hub(LIMITS);
    let _one = make(&hub, "uno", 10, &Inbox::default(), 0).expect("made");
    assert_eq!(make(&hub, "UNO", 20, &Inbox::default(), 0).err(), Some(EnterError::Changed));
}

#[test]
fn sweep_tells_who_is_away_then_wipes_then_ends() {
    let hub = hub(LIMITS);
    let watcher = Inbox::default();
    let stays = make(&hub, "sala", 10, &watcher, 0).expect("made");
    let lost = join(&hub, "sala", 20, &Inbox::default(), 0).expect("joined");
    lost.detach(at(10).mono);
    hub.sweep(at(39));
    hub.sweep(at(40));
    assert_eq!(*lock(&watcher.0), ["welcome", "u2 Joined", "u2 Away"]);
    assert_eq!(hub.lobby(false)[0].members, 2, "a member still");
    say(&stays, "hola");
    stays.detach(at(100).mono);
    hub.sweep(at(99 + HOUR));
    assert!(hub.stats().memory > 0);
    hub.sweep(at(100 + HOUR));
    assert_eq!(hub.stats().memory, 0, "wiped");
    let back = enter(&hub, "sala", 20, 0, 100 + HOUR).expect("a member");
    assert_eq!((back.info.seq, back.missed.messages), (1, Some(0)));
    back.seat.detach(at(200 + HOUR).mono);
    hub.sweep(at(199 + 73 * HOUR));
    assert!(hub.find(&code("sala")).is_some());
    hub.sweep(at(200 + 73 * HOUR));
    assert!(hub.find(&code("sala")).is_none());
}

#[test]
fn wipe_of_zero_minutes_is_at_once() {
    let hub = hub(ChatLimits { wipe: Duration::ZERO, ..LIMITS });
    let seat = make(&hub, "sala", 10, &Inbox::default(), 0).expect("made");
    say(&seat, "hola");
    assert!(hub.stats().memory > 0);
    seat.detach(at(1).mono);
    assert_eq!(hub.stats().memory, 0);
}

#[test]
fn memory_of_messages_is_bounded_and_the_largest_room_gives() {
    let small = ChatLimits { memory: 64 * 1024, ring: 1000, ..LIMITS };
    let hub = hub(small);
    let quiet = make(&hub, "uno", 10, &Inbox::default(), 0).expect("made");
    let busy = make(&hub, "dos", 20, &Inbox::default(), 0).expect("made");
    say(&quiet, "hola");
    for _ in 0..100 {
        say(&busy, &"x".repeat(4000));
        assert!(hub.stats().memory <= small.memory, "{:?}", hub.stats());
    }
    let seen = enter(&hub, "uno", 10, 0, 0).expect("a member");
    let budget = crate::chat::BackfillBudget { frames: 9, bytes: 9999 };
    let (missed, _) = seen.seat.backfill(0, budget).expect("in");
    assert_eq!((missed.gap, missed.messages.len()), (None, 1), "the small room keeps its message");
    let lost = enter(&hub, "dos", 20, 0, 0).expect("a member").seat.backfill(0, budget).expect("in").0;
    assert!(lost.gap.is_some_and(|gap| gap.first == 1 && gap.last > 50), "{:?}", lost.gap);
    hub.reconfigure(ChatLimits { memory: 1, ..small });
    assert_eq!(hub.stats().memory, 0);
}

#[test]
fn ended_session_leaves_and_sleeping_one_is_taken_over() {
    let hub = hub(LIMITS);
    let watcher = Inbox::default();
    let _stays = make(&hub, "sala", 10, &watcher, 0).expect("made");
    for session in [20, 21, 30] {
        drop(join(&hub, "sala", session, &Inbox::default(), 0).expect("joined"));
    }
    hub.end_session(&digest(30), at(1));
    assert_eq!(lock(&watcher.0).last().map(String::as_str), Some("u3 Left"));
    hub.put_session_to_sleep(&digest(20), unchanged(), at(2));
    hub.move_memberships(&digest(20), &digest(29), UserId(9));
    assert!(enter(&hub, "sala", 29, 0, 3).is_err(), "another person takes nothing over");
    hub.move_memberships(&digest(20), &digest(29), UserId(2));
    assert!(enter(&hub, "sala", 20, 0, 3).is_err() && enter(&hub, "sala", 29, 0, 3).is_ok());
    hub.put_session_to_sleep(&digest(21), unchanged(), at(4));
    hub.sweep(at(3 + 72 * HOUR));
    assert!(enter(&hub, "sala", 21, 0, 5).is_ok());
    hub.sweep(at(4 + 72 * HOUR));
    assert!(enter(&hub, "sala", 21, 0, 5).is_err(), "it slept too long");
    assert_eq!(hub.rooms_of(&digest(29), UserId(2)).len(), 1);
}

fn unchanged() -> AccountCheck {
    Box::new(|| true)
}

#[test]
fn changed_account_ends_sleeping_memberships() {
    let hub = hub(LIMITS);
    let watcher = Inbox::default();
    let _stays = make(&hub, "sala", 10, &watcher, 0).expect("made");
    for session in [20, 30] {
        drop(join(&hub, "sala", session, &Inbox::default(), 0).expect("joined"));
        let is_unchanged = Arc::new(AtomicBool::new(true));
        let check = Arc::clone(&is_unchanged);
        hub.put_session_to_sleep(&digest(session), Box::new(move || check.load(Ordering::Relaxed)), at(1));
        hub.sweep(at(2));
        assert!(enter(&hub, "sala", session, 0, 2).is_ok());
        is_unchanged.store(false, Ordering::Relaxed);
        // A sign-in comes before the next sweep.
        hub.move_memberships(&digest(session), &digest(session + 1), UserId((session / 10).into()));
        assert!(enter(&hub, "sala", session + 1, 0, 2).is_err(), "nothing is taken over");
        hub.sweep(at(3));
        assert!(enter(&hub, "sala", session, 0, 3).is_err());
    }
    assert_eq!(lock(&watcher.0).last().map(String::as_str), Some("u3 Left"));
}

#[test]
fn sleeping_sessions_are_bounded() {
    let hub = hub(LIMITS);
    let _stays = make(&hub, "sala", 10, &Inbox::default(), 0).expect("made");
    for session in [20, 30, 40] {
        drop(join(&hub, "sala", session, &Inbox::default(), 0).expect("joined"));
        hub.put_session_to_sleep(&digest(session), unchanged(), at(session.into()));
    }
    let is_member = |session| enter(&hub, "sala", session, 0, 99).is_ok();
    assert_eq!([20, 30, 40].map(is_member), [false, true, true]);
}

#[test]
fn leaving_tells_the_other_sockets_of_the_session() {
    let hub = hub(LIMITS);
    let (one, two) = (Inbox::default(), Inbox::default());
    let seat = make(&hub, "sala", 10, &one, 0).expect("made");
    let _other = join(&hub, "sala", 10, &two, 0).expect("joined");
    let _stays = join(&hub, "sala", 20, &Inbox::default(), 0).expect("joined");
    assert!(seat.leave(&one, at(1)));
    assert_eq!(lock(&two.0).last().map(String::as_str), Some("left sala Left"));
    assert!(!lock(&one.0).iter().any(|frame| frame.starts_with("left")), "its answer is the caller's");
}

#[test]
fn maker_alone_ends_the_room() {
    let hub = hub(LIMITS);
    let (one, two) = (Inbox::default(), Inbox::default());
    let seat = make(&hub, "sala", 10, &one, 0).expect("made");
    let tab = join(&hub, "sala", 11, &two, 0).expect("joined");
    let guest = join(&hub, "sala", 20, &Inbox::default(), 0).expect("joined");
    assert_eq!(guest.end_room(), Err(EndError::NotAllowed));
    assert_eq!(seat.end_room(), Err(EndError::NotAllowed), "not alone");
    assert!(guest.leave(&Inbox::default(), at(1)));
    assert_eq!(seat.end_room(), Ok(()));
    assert_eq!(lock(&two.0).last().map(String::as_str), Some("left sala Ended"));
    assert_eq!(tab.end_room(), Err(EndError::NotMember));
    assert!(hub.find(&code("sala")).is_none() && hub.rooms_of(&digest(11), UserId(1)).is_empty());
}

use super::*;
use crate::audit::{AuditTarget, Threshold};
use crate::chat::Mailbox;
use crate::clock::{SystemClock, Timestamp};
use crate::types::{MessageText, UserId, UserName};

/// Encoder whose frames are words.
struct Words;

#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<String>>>, Option<Arc<RoomSlot<Words>>>);

impl Mailbox<String> for Inbox {
    fn deliver(&self, frame: String, _: Priority) {
        let locked = self.1.as_ref().is_some_and(|room| room.state.try_lock().is_err());
        lock(&self.0).push(if locked { format!("{frame}, under the lock") } else { frame });
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl FrameEncoder for Words {
    type Frame = String;
    type Draft = String;
    type Mailbox = Inbox;

    fn begin(_: &RoomCode, user: &UserName, text: &MessageText<'_>, _: Timestamp) -> String {
        format!("{user}: {}", text.as_str())
    }

    fn finish(draft: String, seq: Seq) -> String {
        format!("{seq} {draft}")
    }

    fn presence(_: &RoomCode, user: &UserName, event: Presence, _: Timestamp) -> String {
        format!("{user} {event:?}")
    }

    fn typing(_: &RoomCode, user: &UserName) -> String {
        format!("{user} …")
    }
}

const LIMITS: ChatLimits = ChatLimits {
    rooms: 2,
    rooms_per_user: 2,
    seats: 8,
    ring: 4,
    grace: Duration::from_secs(30),
    empty: Duration::from_secs(600),
};

fn hub() -> Arc<Hub<Words>> {
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).expect("a thread");
    Hub::new(LIMITS, Arc::new(MacKey::new(&[7; 32]).expect("32 bytes")), audit)
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

fn make(
    hub: &Arc<Hub<Words>>,
    room: &str,
    who: i64,
    inbox: &Inbox,
    now: u64,
) -> Result<Membership<Words>, EnterError> {
    let person = person(who);
    let visitor = Joiner { person: &person, mailbox: inbox };
    hub.create(&code(room), RoomKind::Group, "hash".into(), &visitor, at(now), |_| "welcome".into())
}

#[test]
fn welcome_precedes_every_frame_of_the_room() {
    let hub = hub();
    let _stays = make(&hub, "sala", 1, &Inbox::default(), 0).expect("made");
    let room = hub.find(&code("sala")).expect("there");
    let (inbox, person) = (Inbox(Arc::default(), Some(Arc::clone(&room.0))), person(2));
    let visitor = Joiner { person: &person, mailbox: &inbox };
    let entered = hub.enter(&room, &visitor, at(0), |_| "welcome".into());
    assert!(entered.is_ok());
    assert_eq!(*lock(&inbox.0), ["welcome, under the lock"]);
}

#[test]
fn full_hub_evicts_the_longest_empty_room_only() {
    let hub = hub();
    let inbox = Inbox::default();
    let one = make(&hub, "uno", 1, &inbox, 0).expect("made");
    let two = make(&hub, "dos", 1, &inbox, 0).expect("made");
    assert_eq!(hub.may_make(UserId(3)), Err(EnterError::TooManyRooms));
    assert_eq!(make(&hub, "tres", 3, &inbox, 1).err(), Some(EnterError::TooManyRooms));
    one.leave(at(5));
    two.leave(at(6));
    assert_eq!(hub.may_make(UserId(3)), Ok(()));
    let held = hub.find(&code("uno")).expect("reserved");
    let three = make(&hub, "tres", 3, &inbox, 7).expect("made");
    assert!(hub.find(&code("uno")).is_none(), "reserved since second 5");
    assert!(hub.find(&code("dos")).is_some(), "reserved since second 6");
    let person = person(2);
    let visitor = Joiner { person: &person, mailbox: &inbox };
    let late = hub.enter(&held, &visitor, at(8), |_| String::new());
    assert_eq!(late.err(), Some(EnterError::Changed), "who still holds the old room looks again");
    drop(three);
}

#[test]
fn rooms_of_a_user_count_until_they_end() {
    let hub = hub();
    hub.reconfigure(ChatLimits { rooms: 9, ..LIMITS });
    let inbox = Inbox::default();
    let one = make(&hub, "uno", 1, &inbox, 0).expect("made");
    let _two = make(&hub, "dos", 1, &inbox, 0).expect("made");
    assert_eq!(hub.may_make(UserId(1)), Err(EnterError::TooManyOwnRooms));
    assert_eq!(make(&hub, "tres", 1, &inbox, 0).err(), Some(EnterError::TooManyOwnRooms));
    let others = make(&hub, "tres", 2, &inbox, 0).expect("another person has the own share");
    one.leave(at(1));
    assert_eq!(
        make(&hub, "mas", 1, &inbox, 2).err(),
        Some(EnterError::TooManyOwnRooms),
        "a reserved code counts"
    );
    let room = hub.find(&code("tres")).expect("there");
    let (person, visitor_inbox) = (person(1), Inbox::default());
    let visitor = Joiner { person: &person, mailbox: &visitor_inbox };
    assert!(
        hub.enter(&room, &visitor, at(2), |_| String::new()).is_ok(),
        "rooms of others are entered freely"
    );
    hub.sweep(at(601));
    let made_anew = make(&hub, "mas", 1, &inbox, 602).expect("the room has ended");
    drop((others, made_anew));
}

proptest::proptest! {
    /// No sequence of creating, leaving and sweeping lets a user exceed the share of rooms, and no free share
    /// is refused.
    #[test]
    fn rooms_of_a_user_never_exceed_the_share(ops in proptest::collection::vec((0i64..3, 0u8..3, 0u64..400), 0..60)) {
        let hub = hub();
        hub.reconfigure(ChatLimits { rooms: 100, ..LIMITS });
        let (inbox, mut now, mut held) = (Inbox::default(), 0, Vec::new());
        for (n, (who, op, step)) in ops.into_iter().enumerate() {
            now += step;
            let own = |hub: &Arc<Hub<Words>>| lock(&hub.rooms).values().filter(|entry| entry.maker == UserId(who)).count();
            match op {
                0 => {
                    let free = own(&hub) < LIMITS.rooms_per_user;
                    let made = make(&hub, &format!("s{n}"), who, &inbox, now);
                    proptest::prop_assert_eq!(made.is_ok(), free);
                    held.extend(made);
                }
                1 => if let Some(membership) = held.pop() {
                    membership.leave(at(now));
                },
                _ => hub.sweep(at(now)),
            }
            proptest::prop_assert!(own(&hub) <= LIMITS.rooms_per_user);
        }
    }
}

#[test]
fn taken_code_is_not_created_twice() {
    let hub = hub();
    let _one = make(&hub, "uno", 1, &Inbox::default(), 0).expect("made");
    assert_eq!(make(&hub, "uno", 2, &Inbox::default(), 0).err(), Some(EnterError::Changed));
}

#[test]
fn sweep_ends_grace_times_then_rooms() {
    let hub = hub();
    let watcher = Inbox::default();
    let _stays = make(&hub, "sala", 1, &watcher, 0).expect("made");
    let (lost, person) = (Inbox::default(), person(2));
    let room = hub.find(&code("sala")).expect("there");
    let visitor = Joiner { person: &person, mailbox: &lost };
    let membership = hub.enter(&room, &visitor, at(0), |_| String::new()).expect("room");
    membership.disconnect(Duration::from_secs(10));
    hub.sweep(at(39));
    assert_eq!(hub.lobby(false)[0].members, 2);
    hub.sweep(at(40));
    assert_eq!(hub.lobby(false)[0].members, 1);
    assert_eq!(lock(&watcher.0).last().map(String::as_str), Some("u2 Left"));
    let empty = make(&hub, "vacia", 3, &Inbox::default(), 0).expect("made");
    empty.leave(at(100));
    hub.sweep(at(699));
    assert!(hub.find(&code("vacia")).is_some());
    hub.sweep(at(700));
    assert!(hub.find(&code("vacia")).is_none());
}

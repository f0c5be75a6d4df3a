use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::chat::delivery::Priority;
use crate::chat::message_ring::BackfillBudget;

/// Frame: a message number; 0 stands for other frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(u64);

impl SharedFrame for Number {
    fn byte_count(&self) -> usize {
        10
    }
}

#[derive(Clone, Debug)]
struct Inbox(Arc<Mutex<Vec<u64>>>, Instant);

impl Default for Inbox {
    fn default() -> Self {
        Self(Arc::default(), Instant::now())
    }
}

impl Mailbox<Number> for Inbox {
    fn deliver(&self, frame: Number, _: Priority) {
        self.0.lock().expect("unpoisoned").push(frame.0);
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn last_input(&self) -> Instant {
        self.1
    }
}

type TestRoom = Room<Number, Inbox>;

const ALL: BackfillBudget = BackfillBudget { frames: 1000, bytes: usize::MAX };

fn person(id: i64) -> Arc<Person> {
    Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") })
}

fn session(id: u8) -> Sha256 {
    Sha256([id; 32])
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn join(room: &mut TestRoom, id: u8, who: i64) -> u64 {
    room.admit(session(id), &person(who), 9).expect("room");
    room.attach(&session(id), &Inbox::default(), None, 9).expect("a member").seat
}

fn say(room: &mut TestRoom, ring: usize) -> u64 {
    room.publish(ring, UserId(1), Number, &mut VecDeque::new()).seq
}

/// Returns the numbers and the gap that a new socket of `id` gets after `since`.
fn replay(room: &mut TestRoom, id: u8, since: u64) -> (Vec<u64>, Option<(u64, u64)>) {
    let arrival = room.attach(&session(id), &Inbox::default(), Some(since), 9).expect("a member");
    let Some(since) = arrival.missed.messages else { return (Vec::new(), None) };
    let missed = room.backfill(arrival.seat, since, ALL).expect("in the room");
    assert_eq!(missed.until, room.last_seq());
    (missed.messages.iter().map(|n| n.0).collect(), missed.gap.map(|gap| (gap.first, gap.last)))
}

#[test]
fn presence_follows_the_person_not_the_session() {
    let mut room = TestRoom::new(at(0));
    assert_eq!(room.admit(session(1), &person(1), 9), Ok(true));
    assert_eq!(room.admit(session(2), &person(1), 9), Ok(false));
    assert_eq!((room.head_count(), room.members().len(), room.member_count()), (1, 1, 2));
    assert!(!room.leave(&session(1), at(1)).expect("was one").person_left);
    assert!(room.leave(&session(2), at(1)).expect("was one").person_left);
    assert!(room.leave(&session(2), at(1)).is_none());
    assert_eq!(room.head_count(), 0);
}

#[test]
fn membership_outlives_its_sockets() {
    let mut room = TestRoom::new(at(0));
    let seat = join(&mut room, 1, 1);
    room.detach(seat, at(10));
    assert_eq!(room.quiet_since, Some(at(10)));
    assert!(room.mark_away(at(39)).is_empty());
    assert_eq!(room.mark_away(at(40)).len(), 1);
    assert!(room.mark_away(at(99)).is_empty(), "told once");
    assert!(room.members()[0].is_away && room.has_member(&session(1)));
    let back = room.attach(&session(1), &Inbox::default(), Some(0), 9).expect("a member");
    assert_eq!((back.presence, room.quiet_since), (Some(Presence::Back), None));
    assert!(!room.members()[0].is_away);
}

#[test]
fn short_absence_is_not_told() {
    let mut room = TestRoom::new(at(0));
    let seat = join(&mut room, 1, 1);
    room.detach(seat, at(10));
    let back = room.attach(&session(1), &Inbox::default(), Some(0), 9).expect("a member");
    assert_eq!(back.presence, None);
    assert!(room.mark_away(at(99)).is_empty());
}

#[test]
fn other_socket_of_a_person_keeps_it_here() {
    let mut room = TestRoom::new(at(0));
    let phone = join(&mut room, 1, 1);
    let desk = join(&mut room, 2, 1);
    room.detach(phone, at(1));
    assert!(room.mark_away(at(99)).is_empty());
    room.detach(desk, at(100));
    assert_eq!(room.mark_away(at(130)).len(), 1);
}

#[test]
fn newcomer_never_sees_earlier_messages() {
    let mut room = TestRoom::new(at(0));
    join(&mut room, 1, 1);
    say(&mut room, 4);
    join(&mut room, 2, 2);
    assert_eq!(replay(&mut room, 2, 0), (vec![], None), "no gap either");
    say(&mut room, 4);
    assert_eq!(replay(&mut room, 2, 0), (vec![2], None));
    room.leave(&session(2), at(1));
    join(&mut room, 2, 2);
    assert_eq!(replay(&mut room, 2, 0), (vec![], None), "leaving and joining is a new floor");
    assert_eq!(replay(&mut room, 2, 99), (vec![], None), "a number not yet given");
    assert_eq!(replay(&mut room, 1, 0), (vec![1, 2], None));
}

#[test]
fn wiped_messages_are_a_gap() {
    let mut room = TestRoom::new(at(0));
    join(&mut room, 1, 1);
    for _ in 0..3 {
        say(&mut room, 2);
    }
    assert_eq!(replay(&mut room, 1, 0), (vec![2, 3], Some((1, 1))));
    room.wipe();
    assert_eq!((replay(&mut room, 1, 1), room.ring_memory()), ((vec![], Some((2, 3))), 0));
    assert_eq!(say(&mut room, 2), 4, "the numbers go on");
    assert_eq!(replay(&mut room, 1, 0), (vec![4], Some((1, 3))));
}

#[test]
fn socket_gets_new_messages_from_the_ring_while_replaying() {
    let mut room = TestRoom::new(at(0));
    join(&mut room, 1, 1);
    for _ in 0..5 {
        say(&mut room, 9);
    }
    let inbox = Inbox::default();
    let arrival = room.attach(&session(1), &inbox, Some(0), 9).expect("a member");
    let two = BackfillBudget { frames: 2, bytes: usize::MAX };
    let first = room.backfill(arrival.seat, 0, two).expect("in");
    assert_eq!((first.until, first.messages.len()), (2, 2));
    say(&mut room, 9);
    assert!(inbox.0.lock().expect("unpoisoned").is_empty(), "not out of order");
    let rest = room.backfill(arrival.seat, 2, ALL).expect("in");
    assert_eq!(rest.messages.iter().map(|n| n.0).collect::<Vec<_>>(), [3, 4, 5, 6]);
    say(&mut room, 9);
    assert_eq!(*inbox.0.lock().expect("unpoisoned"), [7]);
    let one = BackfillBudget { frames: 9, bytes: 1 };
    assert_eq!(room.backfill(arrival.seat, 0, one).expect("in").messages.len(), 1, "bytes bound it too");
}

#[test]
fn read_mark_only_grows_and_never_passes_the_last() {
    let mut room = TestRoom::new(at(0));
    join(&mut room, 1, 1);
    for _ in 0..3 {
        say(&mut room, 4);
    }
    assert_eq!(room.record_read(UserId(1), 2), Some(2));
    assert_eq!(room.record_read(UserId(1), 1), None);
    assert_eq!(room.record_read(UserId(1), 9), Some(3));
    assert_eq!(room.record_read(UserId(2), 1), None, "no member");
    assert_eq!(room.read_of(UserId(1)), 3);
}

#[test]
fn membership_passes_to_another_session() {
    let mut room = TestRoom::new(at(0));
    let seat = join(&mut room, 1, 1);
    say(&mut room, 4);
    assert!(!room.pass_on(&session(1), session(2), UserId(9)), "of the same person only");
    assert!(room.pass_on(&session(1), session(2), UserId(1)));
    assert!(!room.has_member(&session(1)) && room.has_seat(seat));
    assert_eq!(room.session_of(seat), Some(session(2)));
    assert_eq!(replay(&mut room, 2, 0), (vec![1], None), "the floor stays");
    join(&mut room, 3, 1);
    assert!(room.pass_on(&session(2), session(3), UserId(1)));
    assert_eq!((room.member_count(), room.head_count()), (1, 1), "both are one");
    assert_eq!(replay(&mut room, 3, 0), (vec![1], None));
}

#[test]
fn longest_silent_socket_gives_way_to_a_member() {
    let mut room = TestRoom::new(at(0));
    room.admit(session(1), &person(1), 1).expect("room");
    let inboxes: Vec<_> = (0..5).map(|_| Inbox::default()).collect();
    for inbox in &inboxes[..4] {
        assert!(room.attach(&session(1), inbox, None, 1).expect("in").superseded.is_none());
    }
    let last = room.attach(&session(1), &inboxes[4], None, 1).expect("never refused");
    assert!(last.superseded.expect("one gave way").ptr_eq(&inboxes[0]));
    assert_eq!(room.seat_count(), 4);
}

/// Client of one session: person, inbox, numbers seen or reported as a gap, seat.
struct Client {
    who: i64,
    inbox: Inbox,
    seen: BTreeSet<u64>,
    seat: Option<u64>,
    lost_at: u64,
}

type Model = BTreeMap<u8, Client>;

#[derive(Clone, Debug)]
enum Op {
    Join(u8),
    Leave(u8),
    Lose(u8),
    Enter(u8, bool),
    Say,
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let id = 0..6_u8;
    prop_oneof![
        id.clone().prop_map(Op::Join),
        id.clone().prop_map(Op::Leave),
        id.clone().prop_map(Op::Lose),
        (id, any::<bool>()).prop_map(|(id, from_start)| Op::Enter(id, from_start)),
        Just(Op::Say),
        (0..40_u64).prop_map(Op::Wait),
    ]
}

proptest! {
    /// A client that joins, loses its socket and enters again sees every number exactly once, in order, or a
    /// gap that names exactly what is missing. Bounds hold, and the counts equal a plain model's.
    #[test]
    fn no_duplicates_and_losses_are_reported(ops in prop::collection::vec(op(), 0..80), ring in 1..6_usize) {
        const MEMBERS: usize = 4;
        let mut room = TestRoom::new(at(0));
        let (mut now, mut model) = (0, Model::new());
        let drain = |client: &mut Client| {
            for n in client.inbox.0.lock().expect("unpoisoned").drain(..) {
                assert!(client.seen.insert(n), "{n} came twice");
            }
        };
        for op in ops {
            match op {
                // Two sessions a person.
                Op::Join(id) if !model.contains_key(&id) => {
                    let who = i64::from(id / 2);
                    let is_known = model.values().any(|client| client.who == who);
                    match room.admit(session(id), &person(who), MEMBERS) {
                        Ok(is_first) => {
                            prop_assert_eq!(is_first, !is_known);
                            let inbox = Inbox::default();
                            let arrival = room.attach(&session(id), &inbox, None, MEMBERS).expect("a member");
                            prop_assert!(arrival.missed.messages.is_none());
                            let (seen, seat) = ((1..=room.last_seq()).collect(), Some(arrival.seat));
                            model.insert(id, Client { who, inbox, seen, seat, lost_at: 0 });
                        }
                        Err(RoomFull) => prop_assert_eq!(model.len(), MEMBERS),
                    }
                }
                Op::Leave(id) => {
                    let gone = model.remove(&id);
                    let left = room.leave(&session(id), at(now));
                    prop_assert_eq!(gone.is_some(), left.is_some());
                    if let (Some(gone), Some(left)) = (gone, left) {
                        prop_assert_eq!(left.person_left, !model.values().any(|c| c.who == gone.who));
                    }
                }
                Op::Lose(id) => if let Some(client) = model.get_mut(&id)
                    && let Some(seat) = client.seat.take() {
                    drain(client);
                    client.lost_at = now;
                    room.detach(seat, at(now));
                },
                Op::Enter(id, from_start) => if let Some(client) = model.get_mut(&id) {
                    drain(client);
                    if let Some(seat) = client.seat {
                        room.detach(seat, at(now));
                    }
                    let last = client.seen.last().copied().unwrap_or(0);
                    client.inbox = Inbox::default();
                    // From the start, what was seen comes again; it must be what the floor allows.
                    if from_start {
                        client.seen.clear();
                    }
                    let since = if from_start { 0 } else { last };
                    let arrival = room.attach(&session(id), &client.inbox, Some(since), MEMBERS).expect("a member");
                    client.seat = Some(arrival.seat);
                    let mut next = arrival.missed.messages;
                    while let Some(since) = next {
                        let step = BackfillBudget { frames: 2, bytes: usize::MAX };
                        let missed = room.backfill(arrival.seat, since, step).expect("in");
                        client.seen.extend(missed.gap.iter().flat_map(|gap| gap.first..=gap.last));
                        for n in missed.messages {
                            prop_assert!(client.seen.insert(n.0), "{} came twice", n.0);
                        }
                        next = (missed.until < room.last_seq()).then_some(missed.until);
                    }
                    let floor = room.member(&session(id)).expect("a member").floor;
                    client.seen.extend(1..=floor);
                    prop_assert_eq!(client.seen.len() as u64, room.last_seq(), "all seen or told");
                },
                Op::Say => {
                    let seq = say(&mut room, ring);
                    prop_assert_eq!(seq, room.last_seq());
                    prop_assert!(room.ring.len() <= ring);
                }
                Op::Wait(seconds) => {
                    now += seconds;
                    room.mark_away(at(now));
                    for row in room.members() {
                        let own = || model.values().filter(|c| format!("u{}", c.who) == row.name.as_str());
                        let is_away = own().all(|c| c.seat.is_none())
                            && own().map(|c| c.lost_at).max().is_some_and(|lost| now - lost >= 30);
                        // A session that left may have been the last one here, later than those that stay.
                        prop_assert!(!row.is_away || is_away);
                    }
                }
                Op::Join(_) => {}
            }
            let people: BTreeSet<_> = model.values().map(|client| client.who).collect();
            prop_assert_eq!(room.head_count(), people.len());
            prop_assert_eq!(room.member_count(), model.len());
            let here = model.values().filter(|client| client.seat.is_some()).count();
            prop_assert_eq!(room.seat_count(), here);
            prop_assert_eq!(room.quiet_since.is_some(), here == 0);
        }
        for client in model.values_mut().filter(|client| client.seat.is_some()) {
            drain(client);
            prop_assert_eq!(client.seen.len() as u64, room.last_seq());
        }
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

/// Frames are message numbers; 0 stands for other frames.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<u64>>>);

impl Mailbox<u64> for Inbox {
    fn deliver(&self, frame: u64, _: Priority) {
        self.0.lock().expect("unpoisoned").push(frame);
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn person(id: i64) -> Arc<Person> {
    Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") })
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn presence_follows_the_person_not_the_socket() {
    let mut room = Room::<u64, Inbox>::new(at(0));
    let Seated { seat: one, is_first } = room.enter(&person(1), Inbox::default(), 9).expect("room");
    assert!(is_first);
    let Seated { seat: two, is_first } = room.enter(&person(1), Inbox::default(), 9).expect("room");
    assert!(!is_first);
    assert_eq!((room.head_count(), room.members().len()), (1, 1));
    assert_eq!(room.leave(one, at(1)), LeaveOutcome::PersonStays);
    assert_eq!(room.leave(two, at(1)), LeaveOutcome::PersonLeft);
    assert_eq!(room.leave(two, at(1)), LeaveOutcome::NoSuchSeat);
    assert_eq!(room.empty_since, Some(at(1)));
}

#[test]
fn disconnected_seat_lasts_for_the_grace_time() {
    let mut room = Room::new(at(0));
    let inbox = Inbox::default();
    let seat = room.enter(&person(1), inbox.clone(), 9).expect("room").seat;
    room.detach(seat, &inbox, at(10));
    assert!(room.expire(at(39), at(30)).is_empty());
    assert_eq!(room.members().len(), 1);
    assert_eq!(room.expire(at(40), at(30)).len(), 1);
    assert!(room.members().is_empty());
    assert!(room.resume(seat, 0, UserId(1), Inbox::default(), 0).is_none());
}

#[test]
fn old_socket_cannot_detach_a_resumed_seat() {
    let mut room = Room::new(at(0));
    let (old, new) = (Inbox::default(), Inbox::default());
    let seat = room.enter(&person(1), old.clone(), 9).expect("room").seat;
    assert!(room.resume(seat, 0, UserId(1), new.clone(), 0).is_some());
    room.detach(seat, &old, at(1));
    assert!(room.owns_seat(seat, &new));
    assert!(!room.owns_seat(seat, &old));
    assert!(room.expire(at(99), at(30)).is_empty());
}

#[test]
fn ring_ends_with_the_last_member_numbers_stay() {
    let mut room = Room::new(at(0));
    let seat = room.enter(&person(1), Inbox::default(), 9).expect("room").seat;
    assert_eq!(room.publish(4, |seq| seq, &mut VecDeque::new()).seq, 1);
    room.leave(seat, at(5));
    let again = room.enter(&person(2), Inbox::default(), 9).expect("room").seat;
    assert_eq!(room.empty_since, None);
    let missed = room.resume(again, 0, UserId(2), Inbox::default(), 0).expect("place");
    assert_eq!(missed, Backfill { gap: None, messages: vec![] });
    assert_eq!(room.publish(4, |seq| seq, &mut VecDeque::new()).seq, 2, "the numbers go on");
}

#[test]
fn resume_excludes_messages_before_the_join() {
    let mut room = Room::new(at(0));
    room.enter(&person(1), Inbox::default(), 9).expect("room");
    room.publish(4, |seq| seq, &mut VecDeque::new());
    let late = room.enter(&person(2), Inbox::default(), 9).expect("room").seat;
    room.publish(4, |seq| seq, &mut VecDeque::new());
    let missed = room.resume(late, 0, UserId(2), Inbox::default(), 0).expect("place");
    assert_eq!(missed, Backfill { gap: None, messages: vec![2] });
}

#[test]
fn wrong_generation_or_person_cannot_resume() {
    let mut room = Room::<u64, Inbox>::new(at(0));
    let seat = room.enter(&person(1), Inbox::default(), 9).expect("room").seat;
    assert_eq!(room.new_generation(seat), Some(1));
    assert!(room.resume(seat, 0, UserId(1), Inbox::default(), 0).is_none());
    assert!(room.resume(seat, 1, UserId(2), Inbox::default(), 0).is_none());
    assert!(room.resume(seat, 1, UserId(1), Inbox::default(), 0).is_some());
}

/// Person, inbox, time of disconnection, numbers seen or reported as a gap.
type Client = (i64, Inbox, Option<u64>, BTreeSet<u64>);
/// Clients by seat.
type Model = BTreeMap<u64, Client>;

#[derive(Clone, Debug)]
enum Op {
    Enter(i64),
    Leave(usize),
    Lose(usize),
    Resume(usize),
    Say,
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..4_i64).prop_map(Op::Enter),
        any::<prop::sample::Index>().prop_map(|i| Op::Leave(i.index(64))),
        any::<prop::sample::Index>().prop_map(|i| Op::Lose(i.index(64))),
        any::<prop::sample::Index>().prop_map(|i| Op::Resume(i.index(64))),
        Just(Op::Say),
        (0..40_u64).prop_map(Op::Wait),
    ]
}

proptest! {
    /// A client that joins, disconnects and resumes sees every number exactly once, in order, or a gap that
    /// names exactly what is missing. The room respects its bounds, and the head count equals a plain
    /// model's.
    #[test]
    fn no_duplicates_and_losses_are_reported(ops in prop::collection::vec(op(), 0..80), ring in 1..6_usize) {
        const SEATS: usize = 5;
        let grace = 30;
        let mut room = Room::<u64, Inbox>::new(at(0));
        let mut now = 0;
        let mut model = Model::new();
        let pick = |model: &Model, i: usize| {
            model.keys().nth(i % model.len().max(1)).copied()
        };
        let drain = |entry: &mut Client| {
            for n in entry.1.0.lock().expect("unpoisoned").drain(..) {
                assert!(entry.3.insert(n), "{n} came twice");
            }
        };
        for op in ops {
            match op {
                Op::Enter(who) => {
                    let inbox = Inbox::default();
                    let known = model.values().any(|m| m.0 == who);
                    match room.enter(&person(who), inbox.clone(), SEATS) {
                        Ok(Seated { seat, is_first: first }) => {
                            prop_assert_eq!(first, !known);
                            model.insert(seat, (who, inbox, None, (1..=room.last_seq()).collect()));
                        }
                        Err(RoomFull) => prop_assert_eq!(model.len(), SEATS),
                    }
                }
                Op::Leave(i) => if let Some(seat) = pick(&model, i) {
                    let (who, ..) = model.remove(&seat).expect("picked");
                    let stays = model.values().any(|m| m.0 == who);
                    let expected = if stays { LeaveOutcome::PersonStays } else { LeaveOutcome::PersonLeft };
                    prop_assert_eq!(room.leave(seat, at(now)), expected);
                },
                Op::Lose(i) => if let Some(seat) = pick(&model, i) {
                    let entry = model.get_mut(&seat).expect("picked");
                    drain(entry);
                    if entry.2.is_none() {
                        room.detach(seat, &entry.1, at(now));
                        entry.2 = Some(now);
                    }
                },
                Op::Resume(i) => if let Some(seat) = pick(&model, i) {
                    let entry = model.get_mut(&seat).expect("picked");
                    drain(entry);
                    let since = entry.3.last().copied().unwrap_or(0);
                    entry.1 = Inbox::default();
                    entry.2 = None;
                    let missed = room.resume(seat, 0, UserId(entry.0), entry.1.clone(), since).expect("the place is there");
                    if let Some(SeqGap { first: from, last: to }) = missed.gap {
                        prop_assert!(from <= to);
                        entry.3.extend(from..=to);
                    }
                    for n in missed.messages {
                        prop_assert!(entry.3.insert(n), "{} came twice", n);
                    }
                    prop_assert_eq!(entry.3.len() as u64, room.last_seq(), "all seen or told");
                },
                Op::Say => {
                    let seq = room.publish(ring, |seq| seq, &mut VecDeque::new()).seq;
                    prop_assert_eq!(seq, room.last_seq());
                    prop_assert!(room.ring.as_ref().map_or(0, |kept| kept.len()) <= ring);
                }
                Op::Wait(seconds) => {
                    now += seconds;
                    room.expire(at(now), at(grace));
                    model.retain(|_, m| m.2.is_none_or(|lost| now - lost < grace));
                }
            }
            let people: BTreeSet<_> = model.values().map(|m| m.0).collect();
            prop_assert_eq!(room.head_count(), people.len());
            prop_assert_eq!(room.seats.len(), model.len());
            prop_assert_eq!(room.empty_since.is_some(), model.is_empty());
        }
        for entry in model.values_mut().filter(|m| m.2.is_none()) {
            drain(entry);
            prop_assert_eq!(entry.3.len() as u64, room.last_seq());
        }
    }
}

//! Members agree on every message, however they came by its changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::chat::room::Missed;
use crate::types::crypto::Sha256;

/// Frame as a client understands it.
#[derive(Clone, Debug)]
enum Told {
    Message { seq: Seq, text: u32, reactions: View },
    Edited { seq: Seq, text: u32 },
    Removed { seq: Seq },
    Reacted { seq: Seq, user: i64, emoji: String, is_on: bool, all: Option<View> },
}

/// Emojis at a message, with the people of each.
type View = BTreeMap<String, BTreeSet<i64>>;

fn view(reactions: &[Reaction]) -> View {
    let people = |one: &Reaction| one.people.iter().map(|person| person.id.0).collect();
    reactions.iter().map(|one| (one.emoji.as_str().to_owned(), people(one))).collect()
}

impl SharedFrame for Told {
    fn byte_count(&self) -> usize {
        10
    }
}

#[derive(Clone, Debug, Default)]
struct Inbox(Arc<Mutex<VecDeque<Told>>>);

impl Mailbox<Told> for Inbox {
    fn deliver(&self, frame: Told, _: Priority) {
        self.0.lock().expect("unpoisoned").push_back(frame);
    }

    fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn last_input(&self) -> Instant {
        Instant::now()
    }
}

/// A client's view of the room: text, which is `None` once removed, and reactions.
#[derive(Default)]
struct Client {
    inbox: Inbox,
    seat: Option<u64>,
    messages: BTreeMap<Seq, (Option<u32>, View)>,
    last: Seq,
}

impl Client {
    fn apply(&mut self, frame: Told) {
        match frame {
            Told::Message { seq, text, reactions } => {
                self.messages.insert(seq, (Some(text), reactions));
                self.last = self.last.max(seq);
            }
            Told::Edited { seq, text } => {
                if let Some(message) = self.messages.get_mut(&seq) {
                    message.0 = Some(text);
                }
            }
            Told::Removed { seq } => {
                self.messages.insert(seq, (None, View::new()));
                self.last = self.last.max(seq);
            }
            Told::Reacted { seq, user, emoji, is_on, all } => {
                let Some((_, reactions)) = self.messages.get_mut(&seq) else { return };
                if let Some(all) = all {
                    *reactions = all;
                } else if is_on {
                    reactions.entry(emoji).or_default().insert(user);
                } else if let Some(people) = reactions.get_mut(&emoji) {
                    people.remove(&user);
                    reactions.retain(|_, people| !people.is_empty());
                }
            }
        }
    }

    fn read_inbox(&mut self) {
        loop {
            let next = self.inbox.0.lock().expect("unpoisoned").pop_front();
            let Some(frame) = next else { return };
            self.apply(frame);
        }
    }
}

type TestRoom = Room<Told, Inbox>;

fn person(id: i64) -> Arc<Person> {
    Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") })
}

fn session(id: u8) -> Sha256 {
    Sha256([id; 32])
}

fn emoji(n: u32) -> Emoji {
    Emoji::parse(&char::from_u32(0x1F600 + n).expect("valid").to_string()).expect("one emoji")
}

/// Encodes an edit as the server does.
fn edit(room: &mut TestRoom, seat: u64, user: i64, seq: Seq, text: u32) -> Result<(), MessageChangeError> {
    room.edit(seat, UserId(user), seq, |_, reactions| {
        let told = Told::Edited { seq, text };
        let kept = Told::Message { seq, text, reactions: view(reactions) };
        ChangeFrames { told: told.clone(), told_later: told, kept }
    })
}

fn react(
    room: &mut TestRoom,
    seat: u64,
    user: i64,
    seq: Seq,
    emoji: &Emoji,
) -> Result<(), MessageChangeError> {
    room.react(seat, &person(user), seq, emoji, |kept, reactions, is_on| {
        let Told::Message { text, .. } = *kept else { panic!("{kept:?}") };
        let told = |all| Told::Reacted { seq, user, emoji: emoji.as_str().to_owned(), is_on, all };
        ChangeFrames {
            told: told(None),
            told_later: told(Some(view(reactions))),
            kept: Told::Message { seq, text, reactions: view(reactions) },
        }
    })
}

fn publish(room: &mut TestRoom, user: i64, text: u32) -> Seq {
    let seal = |seq| Told::Message { seq, text, reactions: View::new() };
    room.publish(RING, UserId(user), seal, &mut VecDeque::new()).seq
}

const RING: usize = 6;
/// Small steps, so that changes happen between those of a replay.
const STEP: BackfillBudget = BackfillBudget { frames: 2, bytes: usize::MAX };

fn enter(room: &mut TestRoom, client: &mut Client, id: u8) -> Missed {
    client.inbox = Inbox::default();
    let attached = room.attach(&session(id), &client.inbox, Some(client.last), 9).expect("a member");
    client.seat = Some(attached.seat);
    attached.missed
}

#[derive(Clone, Debug)]
enum Op {
    Say,
    Edit(u64, u32),
    Remove(u64),
    React(u64, u32),
    Away,
}

fn op() -> impl Strategy<Value = (u8, Op)> {
    let one = prop_oneof![
        3 => Just(Op::Say),
        2 => (1..12_u64, any::<u32>()).prop_map(|(seq, text)| Op::Edit(seq, text)),
        1 => (1..12_u64).prop_map(Op::Remove),
        3 => (1..12_u64, 0..3_u32).prop_map(|(seq, n)| Op::React(seq, n)),
        2 => Just(Op::Away),
    ];
    (1..4_u8, one)
}

proptest! {
    #[test]
    fn members_agree_on_every_kept_message(ops in prop::collection::vec(op(), 0..60)) {
        let mut room = TestRoom::new(Duration::ZERO);
        let mut clients: Vec<Client> = (0..4).map(|_| Client::default()).collect();
        let mut missed = [Missed::default(); 4];
        for id in 0..4_u8 {
            room.admit(session(id), &person(id.into()), 9).expect("a place");
            enter(&mut room, &mut clients[usize::from(id)], id);
        }
        for (text, (id, op)) in (0_u32..).zip(ops) {
            let at = usize::from(id);
            let (seat, user) = (clients[at].seat, i64::from(id));
            match (op, seat) {
                (Op::Away, Some(seat)) => {
                    clients[at].read_inbox();
                    room.detach(seat, Duration::ZERO);
                    clients[at].seat = None;
                }
                (Op::Away, None) => missed[at] = enter(&mut room, &mut clients[at], id),
                (_, None) => {}
                (Op::Say, Some(_)) => { publish(&mut room, user, text); }
                (Op::Edit(seq, text), Some(seat)) => { let _ = edit(&mut room, seat, user, seq, text); }
                (Op::Remove(seq), Some(seat)) => {
                    let _ = room.remove_message(seat, UserId(user), seq, &Told::Removed { seq });
                }
                (Op::React(seq, n), Some(seat)) => { let _ = react(&mut room, seat, user, seq, &emoji(n)); }
            }
            // One step of a replay that is under way; its frames overtake those in the queue.
            for at in 0..4 {
                let Some(seat) = clients[at].seat else { missed[at] = Default::default(); continue };
                step(&mut room, &mut clients[at], seat, &mut missed[at]);
            }
        }
        for at in 0..4_u8 {
            let index = usize::from(at);
            if clients[index].seat.is_none() {
                missed[index] = enter(&mut room, &mut clients[index], at);
            }
            let seat = clients[index].seat.expect("is in");
            while missed[index] != Default::default() {
                step(&mut room, &mut clients[index], seat, &mut missed[index]);
            }
            clients[index].read_inbox();
        }
        // The first client was there all the time.
        let oldest = (room.last_seq() + 1).saturating_sub(RING as u64).max(1);
        for seq in oldest..=room.last_seq() {
            let views: Vec<_> = clients.iter().map(|client| client.messages.get(&seq)).collect();
            prop_assert!(views[0].is_some() && views.iter().all(|view| *view == views[0]), "{seq}: {views:?}");
        }
    }
}

/// Sends one step of a replay.
fn step(room: &mut TestRoom, client: &mut Client, seat: u64, missed: &mut Missed) {
    if let Some(since) = missed.messages {
        let part = room.backfill(seat, since, STEP).expect("in the room");
        missed.messages = (part.until < room.last_seq()).then_some(part.until);
        part.messages.into_iter().for_each(|frame| client.apply(frame));
    } else if let Some((after, until)) = missed.changes {
        let part = room.missed_changes(seat, after, until, STEP).expect("in the room");
        missed.changes = part.until.map(|after| (after, until));
        part.frames.into_iter().for_each(|frame| client.apply(frame));
    }
}

/// Returns a room with two members, and their seats.
fn pair() -> (TestRoom, [(u64, Inbox); 2]) {
    let mut room = TestRoom::new(Duration::ZERO);
    let seats = [1, 2].map(|id| {
        let inbox = Inbox::default();
        room.admit(session(id), &person(id.into()), 9).expect("a place");
        (room.attach(&session(id), &inbox, None, 9).expect("a member").seat, inbox)
    });
    (room, seats)
}

fn count(inbox: &Inbox) -> usize {
    inbox.0.lock().expect("unpoisoned").len()
}

#[test]
fn message_is_changed_by_its_author_while_it_is_kept() {
    let (mut room, [(ana, _), (beto, inbox)]) = pair();
    let first = publish(&mut room, 1, 7);
    assert_eq!(edit(&mut room, beto, 2, first, 8), Err(MessageChangeError::NotYours));
    assert_eq!(
        room.remove_message(beto, UserId(2), first, &Told::Removed { seq: first }),
        Err(MessageChangeError::NotYours)
    );
    assert_eq!(edit(&mut room, ana, 1, first, 8), Ok(()));
    assert_eq!(edit(&mut room, ana, 1, first + 1, 8), Err(MessageChangeError::Gone));
    assert_eq!(edit(&mut room, ana, 1, 0, 8), Err(MessageChangeError::Gone));
    assert_eq!(edit(&mut room, 99, 1, first, 8), Err(MessageChangeError::NotMember));
    assert_eq!(room.remove_message(ana, UserId(1), first, &Told::Removed { seq: first }), Ok(()));
    assert_eq!(edit(&mut room, ana, 1, first, 9), Err(MessageChangeError::Gone), "what was removed stays so");
    assert_eq!(react(&mut room, beto, 2, first, &emoji(0)), Err(MessageChangeError::Gone));
    assert_eq!(count(&inbox), 3, "a message, an edit and a removal");
    for _ in 0..RING {
        publish(&mut room, 1, 1);
    }
    let second = publish(&mut room, 1, 1) - RING as u64;
    assert_eq!(edit(&mut room, ana, 1, second, 9), Err(MessageChangeError::Gone), "no longer kept");
}

#[test]
fn newcomer_is_told_no_change_of_earlier_messages() {
    let (mut room, [(ana, _), _]) = pair();
    let first = publish(&mut room, 1, 7);
    let newcomer = Inbox::default();
    room.admit(session(3), &person(3), 9).expect("a place");
    let seat = room.attach(&session(3), &newcomer, None, 9).expect("a member").seat;
    assert_eq!(edit(&mut room, ana, 1, first, 8), Ok(()));
    assert_eq!(react(&mut room, ana, 1, first, &emoji(0)), Ok(()));
    assert_eq!(count(&newcomer), 0);
    assert_eq!(react(&mut room, seat, 3, first, &emoji(0)), Err(MessageChangeError::Gone));
    room.detach(seat, Duration::ZERO);
    let missed = room.attach(&session(3), &newcomer, Some(0), 9).expect("a member").missed;
    assert_eq!(missed, Default::default(), "nor later");
}

#[test]
fn memory_of_changes_is_counted_and_returned() {
    let (mut room, [(ana, _), (beto, _)]) = pair();
    let first = publish(&mut room, 1, 7);
    let before = room.ring_memory();
    edit(&mut room, ana, 1, first, 8).expect("own");
    let edited = room.ring_memory();
    assert!(edited > before);
    react(&mut room, beto, 2, first, &emoji(0)).expect("kept");
    let reacted = room.ring_memory();
    assert!(reacted > edited);
    room.remove_message(ana, UserId(1), first, &Told::Removed { seq: first }).expect("own");
    assert!(room.ring_memory() < reacted);
    let other = publish(&mut room, 1, 7);
    react(&mut room, beto, 2, other, &emoji(0)).expect("kept");
    let full = room.ring_memory();
    room.shrink_ring(full - 1);
    assert!(room.ring_memory() < full, "the oldest message goes with its changes");
    room.wipe();
    assert_eq!(room.ring_memory(), 0);
}

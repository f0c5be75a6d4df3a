//! Operations of a message, without the sockets.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use pichat::audit::{Audit, AuditTarget, Threshold};
use pichat::chat::{
    BackfillBudget, ChatLimits, FrameEncoder, Hub, Joiner, NewMessage, Priority, RoomProperties, Seat,
};
use pichat::clock::{Now, SystemClock, Timestamp};
use pichat::types::crypto::Sha256;
use pichat::types::{MessageText, Person, RoomCode, RoomKind, UserId};
use pichat::ws::{Frame, JsonEncoder, Request, SendQueue, TakeBudget};

use super::{Operation, Row};
use crate::null_encoder::{NullEncoder, NullMailbox};

pub const CASES: &[Row] = &[
    ("frame: a message drafted and sealed", 100, || {
        frame("¿Quién tiene el acta de la reunión de ayer? La necesito antes de las diez.")
    }),
    ("frame: 1000 characters, every fifth escaped", 10, || frame("dijo\"".repeat(200).leak())),
    ("request: send", 100, || {
        request(r#"{"type":"send","ref":"17","room":"OFICINA","text":"¿Quién tiene el acta?"}"#)
    }),
    ("request: join", 100, || {
        request(r#"{"type":"join","ref":"1","room":"OFICINA","password":"secreta","kind":"group"}"#)
    }),
    ("request: refused, with its ref", 100, || {
        request(r#"{"type":"send","ref":"18","room":"OFICINA","words":"x"}"#)
    }),
    ("text: 74 characters cleaned", 100, text),
    ("room: published to 10 mailboxes", 100, || publish(10)),
    ("room: published to 100 mailboxes", 10, || publish(100)),
    ("room: published to 1000 mailboxes", 4, || publish(1000)),
    ("room: entered, 64 messages replayed", 10, replay),
    ("outbound: one frame in and out", 100, || outbound(1)),
    ("outbound: 64 frames in, out at once", 10, || outbound(64)),
];

const AT: Timestamp = Timestamp(1_767_225_600_007);
const NOW: Duration = Duration::from_secs(1);
/// Largest room with the default ring.
const LIMITS: ChatLimits = ChatLimits {
    rooms: 4,
    rooms_per_user: 4,
    rooms_per_session: 16,
    members: 1024,
    ring: 64,
    memory: 1 << 24,
    wipe: Duration::MAX,
    empty: Duration::MAX,
    asleep: 16,
};

fn code() -> RoomCode {
    "OFICINA".parse().expect("valid")
}

fn person(id: i64) -> Arc<Person> {
    Arc::new(Person { id: UserId(id), name: format!("persona{id}").parse().expect("valid") })
}

fn message(text: &str) -> MessageText<'_> {
    MessageText::parse(text, 4000).expect("valid")
}

fn frame(text: &'static str) -> Operation {
    let (room, user, text) = (code(), person(1), message(text));
    let mut seq = 1000;
    Box::new(move || {
        seq += 1;
        let message = NewMessage { text: &text, at: AT, reply: None };
        black_box(JsonEncoder::finish(JsonEncoder::begin(&room, &user.name, &message), seq));
    })
}

fn request(text: &'static str) -> Operation {
    Box::new(move || drop(black_box(Request::parse(black_box(text)))))
}

fn text() -> Operation {
    let raw = "¿Quién tiene el acta de la reunión de ayer? La necesito antes de las diez.";
    Box::new(move || drop(black_box(MessageText::parse(black_box(raw), 1000))))
}

fn hub() -> Arc<Hub<NullEncoder>> {
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).expect("a thread");
    Hub::new(LIMITS, audit)
}

fn welcome() -> Frame {
    JsonEncoder::typing(&code(), &person(1).name)
}

fn session(id: i64) -> Sha256 {
    Sha256::of(&id.to_be_bytes())
}

/// Returns the seats of that many sessions.
fn room(hub: &Arc<Hub<NullEncoder>>, sockets: i64) -> Vec<Seat<NullEncoder>> {
    let now = Now { wall: AT, mono: NOW };
    let enter = |id: i64| {
        let (person, mailbox) = (person(id), NullMailbox(id.unsigned_abs()));
        let visitor = Joiner { session: session(id), person: &person, mailbox: &mailbox };
        let joined = match hub.find(&code()) {
            Some(room) => hub.join(&room, &visitor, now, |_, _| welcome()),
            None => {
                let (kind, password) = (RoomKind::Group, "".into());
                let room = RoomProperties { code: code(), kind, label: None, password };
                hub.create(room, &visitor, now, |_, _| welcome())
            }
        };
        joined.expect("there is room").seat
    };
    (1..=sockets).map(enter).collect()
}

fn publish(sockets: i64) -> Operation {
    let hub = hub();
    let seats = room(&hub, sockets);
    let text = message("¿Quién tiene el acta?");
    Box::new(move || {
        let _ = black_box(
            seats[0].publish(&NewMessage { text: &text, at: AT, reply: None }, &mut VecDeque::new()),
        );
    })
}

fn replay() -> Operation {
    let hub = hub();
    let mut seats = room(&hub, 2);
    let text = message("¿Quién tiene el acta?");
    for _ in 0..64 {
        let _ = seats[1].publish(&NewMessage { text: &text, at: AT, reply: None }, &mut VecDeque::new());
    }
    let (person, mailbox) = (person(1), NullMailbox(1));
    let budget = BackfillBudget { frames: 64, bytes: usize::MAX };
    Box::new(move || {
        let visitor = Joiner { session: session(1), person: &person, mailbox: &mailbox };
        let entered = hub.enter(&code(), &visitor, 0, Now { wall: AT, mono: NOW }).expect("a member");
        let (missed, is_complete) = entered.seat.backfill(0, budget).expect("in the room");
        assert!(missed.messages.len() == 64 && is_complete);
        let old = std::mem::replace(&mut seats[0], entered.seat);
        old.replaced_by(&seats[0], NOW);
    })
}

fn outbound(frames: usize) -> Operation {
    let queue = SendQueue::default();
    let frame = welcome();
    let mut batch = VecDeque::with_capacity(frames);
    Box::new(move || {
        for _ in 0..frames {
            queue.push(frame.clone(), Priority::Message);
        }
        black_box(queue.take(
            &mut batch,
            &mut 0,
            TakeBudget { most: frames, room: usize::MAX, idle: false },
            &Context::from_waker(Waker::noop()),
        ));
        assert_eq!(batch.len(), frames);
        batch.clear();
    })
}

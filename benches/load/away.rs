//! Memory of members who are away, and of full rings.
//!
//! `cargo bench --bench away` makes 10,000 sessions members of 40 rooms, detaches their sockets, then fills
//! the rings. It prints the resident memory of each step, and fails if a member has over 300 bytes or the
//! rings more than their limit and a tenth. Sessions and accounts are not part of it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program that prints a table"
)]

#[path = "../micro/null_encoder.rs"]
mod null_encoder;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pichat::audit::{Audit, AuditTarget, Threshold};
use pichat::chat::{ChatLimits, FrameEncoder as _, Hub, Joiner, NewMessage, RoomProperties, Seat};
use pichat::clock::{Now, SystemClock, Timestamp};
use pichat::types::crypto::Sha256;
use pichat::types::{MessageText, Person, RoomCode, RoomKind, UserId};
use pichat::ws::JsonEncoder;

use null_encoder::{NullEncoder, NullMailbox};

const MEMBERS: usize = 10_000;
const MEMBERS_PER_ROOM: usize = 250;
const MEMORY: usize = 16 << 20;
/// `docs/LIMITS.md`, `limits.rooms_per_socket`.
const MAX_BYTES_PER_MEMBER: f64 = 300.0;
const NOW: Now = Now { wall: Timestamp(0), mono: Duration::from_secs(1) };
const LIMITS: ChatLimits = ChatLimits {
    rooms: 1024,
    rooms_per_user: 1024,
    rooms_per_session: 16,
    members: 256,
    ring: 1000,
    memory: MEMORY,
    wipe: Duration::MAX,
    empty: Duration::MAX,
    asleep: 16,
};

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel reports it");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

fn join(hub: &Hub<NullEncoder>, number: usize, person: &Arc<Person>) -> Seat<NullEncoder> {
    let code: RoomCode = format!("sala-{}", number / MEMBERS_PER_ROOM).parse().expect("valid");
    let session = Sha256::of(&number.to_be_bytes());
    let visitor = Joiner { session, person, mailbox: &NullMailbox(number as u64) };
    let answer = |code: &RoomCode, _: &_| JsonEncoder::typing(code, &person.name);
    let joined = match hub.find(&code) {
        Some(room) => hub.join(&room, &visitor, NOW, answer),
        None => {
            let room = RoomProperties { code, kind: RoomKind::Group, label: None, password: "".into() };
            hub.create(room, &visitor, NOW, answer)
        }
    };
    joined.expect("there is room").seat
}

fn main() {
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).expect("a thread");
    let hub = Hub::<NullEncoder>::new(LIMITS, audit);
    // The accounts have these anyway.
    let people: Vec<_> = (0..MEMBERS)
        .map(|n| {
            let name = format!("persona{n}").parse().expect("valid");
            Arc::new(Person { id: UserId(n.try_into().expect("small")), name })
        })
        .collect();
    let before = resident_kib();
    for (number, person) in people.iter().enumerate() {
        join(&hub, number, person).detach(NOW.mono);
    }
    hub.sweep(Now { mono: NOW.mono + Duration::from_secs(60), ..NOW });
    let away = resident_kib();
    let each = (away - before) as f64 * 1024.0 / MEMBERS as f64;
    println!("{MEMBERS} members away: {} KiB, {each:.0} bytes each", away - before);
    let text = "x".repeat(300);
    let text = MessageText::parse(&text, 4000).expect("valid");
    for round in 0..1500 {
        for room in 0..MEMBERS / MEMBERS_PER_ROOM {
            let seat = join(&hub, room * MEMBERS_PER_ROOM, &people[room * MEMBERS_PER_ROOM]);
            seat.publish(&NewMessage { text: &text, at: Timestamp(0), reply: None }, &mut VecDeque::new())
                .expect("in the room");
            assert!(hub.stats().memory <= MEMORY, "round {round}");
            seat.detach(NOW.mono);
        }
    }
    let full = resident_kib() - away;
    println!("rings full: {} KiB counted, {full} KiB resident", hub.stats().memory / 1024);
    assert!(each <= MAX_BYTES_PER_MEMBER, "a member has {each:.0} bytes");
    assert!(full * 1024 <= MEMORY + MEMORY / 10, "the rings have {full} KiB");
}

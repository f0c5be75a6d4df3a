use super::*;
use crate::audit::{Audit, AuditTarget, Threshold};
use crate::chat::invitations::MAX_INVITATIONS;
use crate::chat::test_encoder::{Inbox, Words};
use crate::chat::{ChatLimits, RoomProperties, Seat};
use crate::clock::{SystemClock, Timestamp};
use crate::types::{Person, RoomKind, UserId};
use std::sync::Arc;
use std::time::Duration;

const HOUR: u64 = 3600;

type TestHub = Arc<Hub<Words>>;

fn hub() -> TestHub {
    let limits = ChatLimits {
        rooms: 4,
        rooms_per_user: 4,
        rooms_per_session: 2,
        members: 3,
        ring: 4,
        memory: 1 << 20,
        wipe: Duration::from_secs(HOUR),
        empty: Duration::from_secs(72 * HOUR),
        asleep: 2,
    };
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).expect("a thread");
    Hub::new(limits, audit)
}

fn at(seconds: u64) -> Now {
    Now { wall: Timestamp(0), mono: Duration::from_secs(seconds) }
}

fn code(text: &str) -> RoomCode {
    text.parse().expect("valid")
}

fn terms(hours: u64, uses: u64) -> InvitationTerms {
    InvitationTerms::new(hours, uses).expect("within the limits")
}

fn as_visitor<T>(session: u8, act: impl FnOnce(&Joiner<'_, Words>) -> T) -> T {
    let id = i64::from(session);
    let person = Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") });
    act(&Joiner { session: Sha256([session; 32]), person: &person, mailbox: &Inbox::default() })
}

fn make(hub: &TestHub, room: &str, session: u8) -> Seat<Words> {
    let room =
        RoomProperties { code: code(room), kind: RoomKind::Private, label: None, password: "hash".into() };
    let made = as_visitor(session, |visitor| hub.create(room, visitor, at(0), |_, _| String::new()));
    made.expect("made").seat
}

fn invite(
    hub: &TestHub,
    room: &str,
    terms: InvitationTerms,
    now: u64,
) -> Result<InvitationToken, InviteError> {
    hub.invite(&code(room), &Sha256([1; 32]), terms, at(now))
}

fn join(
    hub: &TestHub,
    token: &InvitationToken,
    session: u8,
    now: u64,
) -> Result<(Seat<Words>, bool), EnterError> {
    let joined =
        as_visitor(session, |visitor| hub.join_by_invitation(token, visitor, at(now), |_, _| String::new()));
    joined.map(|joined| (joined.seat, joined.is_new))
}

#[test]
fn terms_have_bounds() {
    for (hours, uses) in [(1, 1), (168, 100)] {
        assert!(InvitationTerms::new(hours, uses).is_some());
    }
    for (hours, uses) in [(0, 1), (1, 0), (169, 1), (1, 101), (u64::MAX, 1), (1, u64::MAX)] {
        assert_eq!(InvitationTerms::new(hours, uses), None, "{hours} {uses}");
    }
}

#[test]
fn use_is_a_new_membership_of_a_session() {
    let hub = hub();
    let _maker = make(&hub, "sala", 1);
    let token = invite(&hub, "SALA", terms(1, 1), 0).expect("made");
    let (_own, is_new) = join(&hub, &token, 1, 0).expect("a member, without a use");
    assert!(!is_new);
    let (_guest, is_new) = join(&hub, &token, 2, 0).expect("the one use");
    assert!(is_new);
    assert_eq!(join(&hub, &token, 3, 0).err(), Some(EnterError::InvitationOver), "used twice");
    let (_again, is_new) = join(&hub, &token, 2, 0).expect("led back");
    assert!(!is_new);
}

#[test]
fn invitation_ends_with_its_time_for_members_too() {
    let hub = hub();
    let _maker = make(&hub, "sala", 1);
    let token = invite(&hub, "sala", terms(2, 5), 10).expect("made");
    let (_guest, _) = join(&hub, &token, 2, 2 * HOUR + 9).expect("in time");
    for session in [2, 3] {
        assert_eq!(join(&hub, &token, session, 2 * HOUR + 10).err(), Some(EnterError::InvitationOver));
    }
}

#[test]
fn invitation_ends_with_its_room() {
    let hub = hub();
    let maker = make(&hub, "sala", 1);
    let token = invite(&hub, "sala", terms(1, 5), 0).expect("made");
    assert!(maker.leave(&Inbox::default(), at(1)));
    let _again = make(&hub, "sala", 1);
    assert_eq!(join(&hub, &token, 2, 1).err(), Some(EnterError::InvitationOver), "another room of that code");
    assert_eq!(join(&hub, &InvitationToken::random(), 2, 1).err(), Some(EnterError::InvitationOver));
}

#[test]
fn refused_join_takes_no_use() {
    let hub = hub();
    let _maker = make(&hub, "sala", 1);
    let token = invite(&hub, "sala", terms(1, 2), 0).expect("made");
    let own: Vec<_> = ["uno", "dos"].map(|room| make(&hub, room, 2)).into();
    assert_eq!(join(&hub, &token, 2, 0).err(), Some(EnterError::TooManyMemberships));
    drop(own);
    let (_third, _) = join(&hub, &token, 3, 0).expect("one of two");
    let (_fourth, _) = join(&hub, &token, 4, 0).expect("both");
    let other = invite(&hub, "sala", terms(1, 1), 0).expect("made");
    assert_eq!(join(&hub, &other, 5, 0).err(), Some(EnterError::Full));
    hub.end_session(&Sha256([4; 32]), at(0));
    assert!(join(&hub, &other, 5, 0).is_ok());
}

#[test]
fn full_room_drops_invitations_that_are_over() {
    let hub = hub();
    let _maker = make(&hub, "sala", 1);
    let first = invite(&hub, "sala", terms(1, 1), 0).expect("made");
    for _ in 1..MAX_INVITATIONS {
        invite(&hub, "sala", terms(2, 1), 0).expect("made");
    }
    assert_eq!(invite(&hub, "sala", terms(1, 1), 0).err(), Some(InviteError::TooMany));
    let (_guest, _) = join(&hub, &first, 2, 0).expect("joins");
    invite(&hub, "sala", terms(1, 1), 0).expect("the used-up one gives way");
    assert_eq!(invite(&hub, "sala", terms(1, 1), 0).err(), Some(InviteError::TooMany));
    invite(&hub, "sala", terms(1, 1), HOUR).expect("one has ended");
}

#[test]
fn only_members_invite() {
    let hub = hub();
    let _maker = make(&hub, "sala", 2);
    assert_eq!(invite(&hub, "sala", terms(1, 1), 0).err(), Some(InviteError::NotMember));
    assert_eq!(invite(&hub, "otra", terms(1, 1), 0).err(), Some(InviteError::UnknownRoom));
}

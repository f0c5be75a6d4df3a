//! Joins a room. This is the only request that waits for a hash, so it runs beside the socket's reads and
//! writes.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::hash_pool::HashError;
use crate::audit::Event;
use crate::chat::{EnterError, JoinInfo, Joiner, Membership, RoomHandle};
use crate::clock::Now;
use crate::types::{RoomCode, RoomKind, RoomPassword};

use super::Services;
use crate::ws::client::Client;
use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{JsonEncoder, joined_message};
use crate::ws::protocol::request_error::RoomLimit;
use crate::ws::send::send_queue::SendQueue;

/// Maximum number of attempts: a room can end, or another user can create it, while its password is hashed.
const MAX_ATTEMPTS: usize = 4;

/// Join request of a client.
pub(super) struct Join {
    pub(super) reference: Option<String>,
    pub(super) room: RoomCode,
    pub(super) password: RoomPassword,
    pub(super) kind: RoomKind,
}

/// Outcome of a join.
pub(super) enum JoinOutcome {
    /// The client is in and has its answer.
    In(Membership<JsonEncoder>),
    /// The password is right, and this socket already has a seat in the room.
    Again,
    /// A limit on rooms is reached.
    TooManyRooms(RoomLimit),
    /// The client is not in.
    Refused { code: ErrorCode, retry: Option<Duration> },
}

impl From<EnterError> for JoinOutcome {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Full => Self::Refused { code: ErrorCode::RoomFull, retry: None },
            EnterError::TooManyRooms => Self::TooManyRooms(RoomLimit::Server),
            EnterError::TooManyOwnRooms => Self::TooManyRooms(RoomLimit::Person),
            EnterError::Changed => Self::server_busy(),
        }
    }
}

impl From<HashError> for JoinOutcome {
    fn from(_: HashError) -> Self {
        Self::server_busy()
    }
}

impl JoinOutcome {
    fn server_busy() -> Self {
        Self::Refused { code: ErrorCode::RateLimited, retry: Some(Duration::from_secs(1)) }
    }
}

/// Joins or creates a room. `within` returns true if this socket has a seat in the room that was found.
/// Fails if the session ended while the password was hashed; the close frame follows.
pub(super) async fn join(
    services: Arc<Services>,
    client: Arc<Client>,
    out: Arc<SendQueue>,
    join: &Join,
    within: impl Fn(&RoomHandle<JsonEncoder>) -> bool,
) -> JoinOutcome {
    let person = &client.session.person;
    let Services { hub, hasher, pauses, audit, clock, .. } = &*services;
    let password = || zeroize::Zeroizing::new(join.password.expose().to_vec());
    let visitor = Joiner { person, mailbox: &out };
    let welcome = |created| {
        let reference = join.reference.clone();
        move |entered: &JoinInfo| {
            Frame::json(&joined_message(reference.as_deref(), &join.room, entered, created))
        }
    };
    // One attempt at a time per user and room, to join as well as to create.
    let begun = match pauses.begin(person.id, &join.room, clock.monotonic()) {
        Ok(turn) => turn.wait().await,
        Err(wait) => Err(wait),
    };
    let attempt = match begun {
        Ok(attempt) => attempt,
        Err(wait) => return JoinOutcome::Refused { code: ErrorCode::RateLimited, retry: Some(wait.retry) },
    };
    for _ in 0..MAX_ATTEMPTS {
        // Looked up after the wait: the room may have been replaced.
        let entered = if let Some(room) = hub.find(&join.room) {
            match hasher.verify(room.password(), password()).await {
                Ok(verdict) if verdict.right => attempt.clear(),
                Ok(_) => {
                    let pause = attempt.record_failure(clock.monotonic());
                    let event = Event::RoomWrongPassword {
                        user: person.name.clone(),
                        addr: client.addr,
                        room: join.room.clone(),
                    };
                    audit.record(event).await;
                    return JoinOutcome::Refused { code: ErrorCode::WrongPassword, retry: Some(pause) };
                }
                Err(error) => return error.into(),
            }
            if !client.session.is_live() {
                return JoinOutcome::server_busy();
            }
            if within(&room) {
                return JoinOutcome::Again;
            }
            let now = Now::read(&**clock);
            hub.enter(&room, &visitor, now, welcome(false)).map(|membership| (membership, false))
        } else {
            if let Err(refused) = hub.may_make(person.id) {
                return refused.into();
            }
            match hasher.hash(password()).await {
                Ok(_) if !client.session.is_live() => return JoinOutcome::server_busy(),
                Ok(phc) => {
                    let now = Now::read(&**clock);
                    let made = hub.create(&join.room, join.kind, phc, &visitor, now, welcome(true));
                    made.map(|membership| (membership, true))
                }
                Err(error) => return error.into(),
            }
        };
        match entered {
            Ok((membership, created)) => {
                let (user, addr, room, kind) =
                    (person.name.clone(), client.addr, join.room.clone(), membership.kind());
                let event = if created {
                    Event::RoomCreated { user, addr, room, kind }
                } else {
                    Event::RoomJoined { user, addr, room }
                };
                audit.record(event).await;
                return JoinOutcome::In(membership);
            }
            Err(EnterError::Changed) => {}
            Err(error) => return error.into(),
        }
    }
    JoinOutcome::server_busy()
}

//! Joins a room. This is the only request that waits for a hash, so it runs beside the socket's reads and
//! writes.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::hash_pool::HashError;
use crate::audit::Event;
use crate::chat::{EnterError, JoinInfo, Joined, Joiner, RoomHandle, RoomProperties, Seat};
use crate::clock::Now;
use crate::limits::RoomAttempt;
use crate::types::{RoomCode, RoomKind, RoomLabel, RoomPassword};

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
    pub(super) label: Option<RoomLabel>,
    pub(super) create: Option<bool>,
}

/// Outcome of a join.
pub(super) enum JoinOutcome {
    /// The client is in and has its answer.
    In(Seat<JsonEncoder>),
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
            EnterError::TooManyMemberships => Self::TooManyRooms(RoomLimit::Session),
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

    fn refused(code: ErrorCode) -> Self {
        Self::Refused { code, retry: None }
    }
}

/// Client, request and services of one join.
struct JoinAttempt<'a> {
    services: &'a Services,
    client: &'a Client,
    out: &'a Arc<SendQueue>,
    join: &'a Join,
}

/// Joins or creates a room. Fails if the session ended while the password was hashed; the close frame
/// follows.
pub(super) async fn join(
    services: Arc<Services>,
    client: Arc<Client>,
    out: Arc<SendQueue>,
    join: &Join,
) -> JoinOutcome {
    let Services { hub, pauses, clock, .. } = &*services;
    // Only creates: the password of a room that exists is neither checked nor guessed.
    if join.create == Some(true) && hub.find(&join.room).is_some() {
        return JoinOutcome::refused(ErrorCode::RoomExists);
    }
    // One attempt at a time per user and room, to join as well as to create.
    let begun = match pauses.begin(client.session.person.id, &join.room, clock.monotonic()) {
        Ok(turn) => turn.wait().await,
        Err(wait) => Err(wait),
    };
    let turn = match begun {
        Ok(turn) => turn,
        Err(wait) => return JoinOutcome::Refused { code: ErrorCode::RateLimited, retry: Some(wait.retry) },
    };
    let attempt = JoinAttempt { services: &services, client: &client, out: &out, join };
    for _ in 0..MAX_ATTEMPTS {
        // Looked up after the wait: the room may have been replaced.
        let entered = match (hub.find(&join.room), join.create) {
            (Some(_), Some(true)) => return JoinOutcome::refused(ErrorCode::RoomExists),
            (Some(room), _) => attempt.enter(&room, &turn).await,
            (None, Some(false)) => return JoinOutcome::refused(ErrorCode::UnknownRoom),
            (None, _) => attempt.create().await,
        };
        match entered {
            Ok(Entry { joined, created }) => return attempt.complete(joined, created).await,
            Err(Failure::Retry) => {}
            Err(Failure::WrongPassword(room)) => {
                let pause = turn.record_failure(clock.monotonic());
                attempt.audit_failure(room).await;
                return JoinOutcome::Refused { code: ErrorCode::WrongPassword, retry: Some(pause) };
            }
            Err(Failure::Refused(refused)) => return refused,
        }
    }
    JoinOutcome::server_busy()
}

/// Room that the socket is in.
struct Entry {
    joined: Joined<JsonEncoder>,
    created: bool,
}

/// Reason for which one attempt did not lead into the room.
enum Failure {
    /// The room changed meanwhile.
    Retry,
    /// The password is wrong; the room's code as its maker wrote it.
    WrongPassword(RoomCode),
    Refused(JoinOutcome),
}

impl From<EnterError> for Failure {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Changed => Self::Retry,
            error => Self::Refused(error.into()),
        }
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Self::Refused(error.into())
    }
}

impl JoinAttempt<'_> {
    fn joiner(&self) -> Joiner<'_, JsonEncoder> {
        let session = &self.client.session;
        Joiner { session: session.digest, person: &session.person, mailbox: self.out }
    }

    fn password(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(self.join.password.expose().to_vec())
    }

    fn answer(&self, created: bool) -> impl FnOnce(&RoomCode, &JoinInfo) -> Frame + '_ {
        let reference = self.join.reference.as_deref();
        move |room, info| Frame::json(&joined_message(reference, room, info, created))
    }

    /// Checks the password and enters.
    async fn enter(&self, room: &RoomHandle<JsonEncoder>, turn: &RoomAttempt) -> Result<Entry, Failure> {
        let Services { hub, hasher, clock, .. } = self.services;
        if !hasher.verify(room.password(), self.password()).await?.right {
            return Err(Failure::WrongPassword(room.code().clone()));
        }
        turn.clear();
        self.check_session()?;
        let joined = hub.join(room, &self.joiner(), Now::read(&**clock), self.answer(false))?;
        Ok(Entry { joined, created: false })
    }

    async fn audit_failure(&self, room: RoomCode) {
        let user = self.client.session.person.name.clone();
        let event = Event::RoomWrongPassword { user, addr: self.client.addr, room };
        self.services.audit.record(event).await;
    }

    /// Creates the room.
    async fn create(&self) -> Result<Entry, Failure> {
        let Services { hub, hasher, clock, .. } = self.services;
        hub.may_make(self.client.session.person.id, Now::read(&**clock))?;
        let password = hasher.hash(self.password()).await?;
        self.check_session()?;
        let Join { room, kind, label, .. } = self.join;
        let room = RoomProperties {
            code: room.clone(),
            kind: *kind,
            label: label.clone(),
            password: password.into(),
        };
        let joined = hub.create(room, &self.joiner(), Now::read(&**clock), self.answer(true))?;
        Ok(Entry { joined, created: true })
    }

    /// Fails if the session has ended; the close frame follows.
    fn check_session(&self) -> Result<(), Failure> {
        let is_live = self.client.session.is_live();
        if is_live { Ok(()) } else { Err(Failure::Refused(JoinOutcome::server_busy())) }
    }

    async fn complete(&self, Joined { seat, is_new }: Joined<JsonEncoder>, created: bool) -> JoinOutcome {
        let session = &self.client.session;
        if !session.is_live() {
            // It ended after the last check, so its end may have missed this membership.
            self.services.hub.end_session(&session.digest, Now::read(&*self.services.clock));
            return JoinOutcome::server_busy();
        }
        let (user, addr, room) = (session.person.name.clone(), self.client.addr, seat.code().clone());
        if created {
            let kind = self.join.kind;
            self.services.audit.record(Event::RoomCreated { user, addr, room, kind }).await;
        } else if is_new {
            self.services.audit.record(Event::RoomJoined { user, addr, room }).await;
        }
        JoinOutcome::In(seat)
    }
}

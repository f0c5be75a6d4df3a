//! Joins a room, by its password or an invitation. This is the only request that waits for a hash, so it runs
//! beside the socket's reads and writes.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::hash_pool::HashError;
use crate::audit::Event;
use crate::chat::{EnterError, JoinInfo, Joined, Joiner, RoomHandle, RoomProperties, Seat};
use crate::clock::Now;
use crate::limits::RoomAttempt;
use crate::types::crypto::InvitationToken;
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
    pub(super) way: JoinWay,
}

/// Right by which a client joins.
pub(super) enum JoinWay {
    /// The room's password; creates the room if it may.
    Password(PasswordJoin),
    /// An invitation; `None` if the text is no token, which then is of no invitation.
    Invitation(Option<InvitationToken>),
}

/// Join by the room's password.
pub(super) struct PasswordJoin {
    pub(super) room: RoomCode,
    pub(super) password: RoomPassword,
    pub(super) kind: RoomKind,
    pub(super) label: Option<RoomLabel>,
    pub(super) create: Option<bool>,
}

impl PasswordJoin {
    fn password(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(self.password.expose().to_vec())
    }
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
            EnterError::InvitationOver => Self::refused(ErrorCode::InviteOver),
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
    reference: Option<&'a str>,
}

/// Joins or creates a room. Fails if the session ended while the password was hashed; the close frame
/// follows.
pub(super) async fn join(
    services: Arc<Services>,
    client: Arc<Client>,
    out: Arc<SendQueue>,
    join: &Join,
) -> JoinOutcome {
    let reference = join.reference.as_deref();
    let attempt = JoinAttempt { services: &services, client: &client, out: &out, reference };
    match &join.way {
        JoinWay::Password(join) => attempt.by_password(join).await,
        JoinWay::Invitation(token) => attempt.by_invitation(token.as_ref()).await,
    }
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

/// Means by which a session came into a room.
enum Means {
    Creation(RoomKind),
    Password,
    Invitation,
}

impl JoinAttempt<'_> {
    /// Joins or creates a room by its password.
    async fn by_password(&self, join: &PasswordJoin) -> JoinOutcome {
        let Services { hub, pauses, clock, .. } = self.services;
        // Only creates: the password of a room that exists is neither checked nor guessed.
        if join.create == Some(true) && hub.find(&join.room).is_some() {
            return JoinOutcome::refused(ErrorCode::RoomExists);
        }
        // One attempt at a time per user and room, to join as well as to create.
        let begun = match pauses.begin(self.client.session.person.id, &join.room, clock.monotonic()) {
            Ok(turn) => turn.wait().await,
            Err(wait) => Err(wait),
        };
        let turn = match begun {
            Ok(turn) => turn,
            Err(wait) => {
                return JoinOutcome::Refused { code: ErrorCode::RateLimited, retry: Some(wait.retry) };
            }
        };
        for _ in 0..MAX_ATTEMPTS {
            // Looked up after the wait: the room may have been replaced.
            let entered = match (hub.find(&join.room), join.create) {
                (Some(_), Some(true)) => return JoinOutcome::refused(ErrorCode::RoomExists),
                (Some(room), _) => self.enter(&room, join, &turn).await,
                (None, Some(false)) => return JoinOutcome::refused(ErrorCode::UnknownRoom),
                (None, _) => self.create(join).await,
            };
            match entered {
                Ok(Entry { joined, created }) => {
                    let means = if created { Means::Creation(join.kind) } else { Means::Password };
                    return self.complete(joined, means).await;
                }
                Err(Failure::Retry) => {}
                Err(Failure::WrongPassword(room)) => {
                    let pause = turn.record_failure(clock.monotonic());
                    self.audit_failure(room).await;
                    return JoinOutcome::Refused { code: ErrorCode::WrongPassword, retry: Some(pause) };
                }
                Err(Failure::Refused(refused)) => return refused,
            }
        }
        JoinOutcome::server_busy()
    }

    /// Joins the room of an invitation; no password is asked for, so nothing is hashed.
    async fn by_invitation(&self, token: Option<&InvitationToken>) -> JoinOutcome {
        let Services { hub, clock, audit, .. } = self.services;
        let now = Now::read(&**clock);
        let joined = match token {
            Some(token) => hub.join_by_invitation(token, &self.joiner(), now, self.answer(false)),
            None => Err(EnterError::InvitationOver),
        };
        match joined {
            Ok(joined) => self.complete(joined, Means::Invitation).await,
            Err(error) => {
                if error == EnterError::InvitationOver {
                    let user = self.client.session.person.name.clone();
                    audit.record(Event::RoomInvitationRefused { user, addr: self.client.addr }).await;
                }
                error.into()
            }
        }
    }

    fn joiner(&self) -> Joiner<'_, JsonEncoder> {
        let session = &self.client.session;
        Joiner { session: session.digest, person: &session.person, mailbox: self.out }
    }

    fn answer(&self, created: bool) -> impl FnOnce(&RoomCode, &JoinInfo) -> Frame + '_ {
        let reference = self.reference;
        move |room, info| Frame::json(&joined_message(reference, room, info, created))
    }

    /// Checks the password and enters.
    async fn enter(
        &self,
        room: &RoomHandle<JsonEncoder>,
        join: &PasswordJoin,
        turn: &RoomAttempt,
    ) -> Result<Entry, Failure> {
        let Services { hub, hasher, clock, .. } = self.services;
        if !hasher.verify(room.password(), join.password()).await?.right {
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
    async fn create(&self, join: &PasswordJoin) -> Result<Entry, Failure> {
        let Services { hub, hasher, clock, .. } = self.services;
        hub.may_make(self.client.session.person.id, Now::read(&**clock))?;
        let password = hasher.hash(join.password()).await?;
        self.check_session()?;
        let PasswordJoin { room, kind, label, .. } = join;
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

    async fn complete(&self, Joined { seat, is_new }: Joined<JsonEncoder>, means: Means) -> JoinOutcome {
        let session = &self.client.session;
        if !session.is_live() {
            // It ended after the last check, so its end may have missed this membership.
            self.services.hub.end_session(&session.digest, Now::read(&*self.services.clock));
            return JoinOutcome::server_busy();
        }
        let (user, addr, room) = (session.person.name.clone(), self.client.addr, seat.code().clone());
        let event = match means {
            Means::Creation(kind) => Event::RoomCreated { user, addr, room, kind },
            Means::Password => Event::RoomJoined { user, addr, room, means: "password" },
            Means::Invitation => Event::RoomJoined { user, addr, room, means: "invitation" },
        };
        if is_new {
            self.services.audit.record(event).await;
        }
        JoinOutcome::In(seat)
    }
}

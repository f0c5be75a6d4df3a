//! State of one socket, and the requests by which it comes into rooms.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::audit::Event;
use crate::chat::{Entered, Joiner, NotMember, Priority, Seat, Seq};
use crate::clock::Now;
use crate::limits::Flood;
use crate::types::crypto::InvitationToken;
use crate::types::{RoomCode, RoomKind, RoomLabel, RoomPassword};

use super::Services;
use crate::ws::audience::Subscription;
use crate::ws::client::Client;
use crate::ws::join::{Join, JoinOutcome, JoinWay, PasswordJoin, join};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{JsonEncoder, ServerMessage, joined_message, welcome_message};
use crate::ws::protocol::request_error::RequestError;
use crate::ws::registry::Registration;
use crate::ws::replay::Replays;
use crate::ws::seats::Seats;
use crate::ws::send::fanout::PendingFlush;

/// Join whose password is being hashed.
pub(super) type JoinFuture = Pin<Box<dyn Future<Output = (Join, JoinOutcome)> + Send>>;

/// State of a socket besides its connection.
pub(super) struct SocketState {
    pub(super) services: Arc<Services>,
    pub(super) client: Arc<Client>,
    pub(super) registration: Registration,
    /// Subscription to frames that belong to no room, from the welcome on.
    pub(super) subscription: Option<Subscription>,
    pub(super) seats: Seats,
    pub(super) replays: Replays,
    pub(super) flood: Flood,
    /// Receivers with queued frames that still need a flush.
    pub(super) pending: PendingFlush,
    pub(super) messages: u64,
}

/// Fields of `join` for a room to create.
#[derive(Clone, Copy)]
pub(super) struct NewRoom<'a> {
    pub(super) kind: RoomKind,
    pub(super) label: Option<&'a str>,
    pub(super) create: Option<bool>,
}

impl SocketState {
    pub(super) fn answer(&mut self, answer: &ServerMessage<'_>) {
        self.pending.enqueue_own(&self.registration.out, Frame::json(answer));
    }

    pub(super) fn refuse(&mut self, reference: Option<&str>, error: &RequestError) {
        let code = error.code;
        self.services.refusals.count("socket", code.as_str());
        self.answer(&ServerMessage::error(reference, error, self.client.lang));
        if error.counts && self.flood.hit(self.services.clock.monotonic()) {
            let (user, addr) = (self.client.session.person.name.clone(), self.client.addr);
            self.services.audit.try_record(Event::SocketFlooding { user, addr, reason: code.as_str() });
            self.registration.out.close(CloseCode::Flooding);
        }
    }

    pub(super) fn may_join(
        &self,
        reference: Option<&str>,
        room: RoomCode,
        password: &str,
        new: NewRoom<'_>,
    ) -> Result<Join, RequestError> {
        let NewRoom { kind, label, create } = new;
        let password = RoomPassword::parse(Zeroizing::new(password.to_owned()))?;
        let label = label.map(RoomLabel::parse).transpose()?.flatten();
        let user = self.client.session.person.id;
        self.services.rates.join(user).map_err(|wait| RequestError::rate_limited(wait.retry))?;
        self.services
            .pauses
            .check(user, &room, self.services.clock.monotonic())
            .map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let way = JoinWay::Password(PasswordJoin { room, password, kind, label, create });
        Ok(Join { reference: reference.map(str::to_owned), way })
    }

    /// Takes a token for a join before the invitation is looked at, so that guesses are bounded.
    pub(super) fn may_join_by_invitation(
        &self,
        reference: Option<&str>,
        token: &str,
    ) -> Result<Join, RequestError> {
        let user = self.client.session.person.id;
        self.services.rates.join(user).map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let way = JoinWay::Invitation(InvitationToken::parse(token));
        Ok(Join { reference: reference.map(str::to_owned), way })
    }

    pub(super) fn start(&self, asked: Join) -> JoinFuture {
        let (services, client, out) =
            (Arc::clone(&self.services), Arc::clone(&self.client), Arc::clone(&self.registration.out));
        Box::pin(async move {
            let joined = join(services, client, out, &asked).await;
            (asked, joined)
        })
    }

    pub(super) fn joined(&mut self, asked: &Join, joined: JoinOutcome) {
        let reference = asked.reference.as_deref();
        match joined {
            JoinOutcome::In(seat) => self.seats.add(seat, self.services.clock.monotonic()),
            JoinOutcome::TooManyRooms(limit) => {
                let error = RequestError::too_many_rooms(limit, &self.services.config.get());
                self.refuse(reference, &error);
            }
            JoinOutcome::Refused { code, retry } => {
                self.refuse(reference, &RequestError { retry, ..RequestError::new(code) });
            }
        }
    }

    /// Sends the rooms of the session.
    pub(super) fn welcome(&mut self) {
        let session = &self.client.session;
        let rooms = self.services.hub.rooms_of(&session.digest, session.person.id);
        let frame = Frame::json(&welcome_message(&session.person.name, &rooms, &self.services.boot));
        self.registration.out.push(frame, Priority::Message);
    }

    /// Enters a room as a member. The returned answer goes out before all queued frames, and the missed
    /// messages after it.
    pub(super) fn enter(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        since: Seq,
    ) -> Result<Frame, RequestError> {
        let session = &self.client.session;
        self.services
            .rates
            .enter(session.person.id)
            .map_err(|wait| RequestError::rate_limited_enter(wait.retry))?;
        let joiner =
            Joiner { session: session.digest, person: &session.person, mailbox: &self.registration.out };
        let now = Now::read(&*self.services.clock);
        let Entered { seat, info, missed } = self
            .services
            .hub
            .enter(room, &joiner, since, now)
            .map_err(|NotMember| RequestError::new(ErrorCode::UnknownRoom))?;
        let joined = Frame::json(&joined_message(reference, seat.code(), &info, false));
        self.replays.add(seat.code().clone(), missed);
        self.seats.add(seat, now.mono);
        Ok(joined)
    }

    pub(super) fn seat(&self, room: &RoomCode) -> Result<&Seat<JsonEncoder>, RequestError> {
        self.seats.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))
    }

    /// Drops the seat of a membership that ended elsewhere.
    pub(super) fn on_left(&mut self, room: &RoomCode) -> RequestError {
        if let Some(old) = self.seats.remove(room) {
            old.detach(self.services.clock.monotonic());
        }
        RequestError::new(ErrorCode::NotMember)
    }
}

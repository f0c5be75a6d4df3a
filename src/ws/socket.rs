//! Task of one socket: reads requests, answers them, keeps the memberships.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use zeroize::Zeroizing;

use crate::accounts::Sessions;
use crate::audit::Event;
use crate::chat::{Membership, Seq, SeqGap};
use crate::clock::Now;
use crate::limits::{Endpoints, Flood};
use crate::types::{MessageText, RoomCode, RoomKind, RoomPassword};

use super::Services;
use crate::ws::client::Client;
use crate::ws::conn::connection::{Inbound, PollMode, WsConnection};
use crate::ws::conn::transport::Transport;
use crate::ws::join::{Join, JoinOutcome, join};
use crate::ws::memberships::Memberships;
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{JsonEncoder, ServerMessage, joined_message, sent_message};
use crate::ws::protocol::request::{Action, InvalidRequest, Request};
use crate::ws::protocol::request_error::{RequestError, RoomLimit};
use crate::ws::registry::{Registration, TooManySockets};
use crate::ws::send::fanout::PendingFlush;

/// Permit to open a socket, acquired before the connection is upgraded.
pub struct SocketPermit {
    services: Arc<Services>,
    client: Arc<Client>,
    registration: Registration,
}

impl SocketPermit {
    /// Reserves a slot among the sockets of the client's session. At the limit, a dead socket is evicted.
    pub async fn take(services: &Arc<Services>, client: Client) -> Result<Self, TooManySockets> {
        let most = services.config.get().limits.sockets_per_session;
        let registration = services.registry.register_or_replace(client.session.digest, most).await?;
        Ok(Self { services: Arc::clone(services), client: Arc::new(client), registration })
    }

    /// Takes over an upgraded connection; `early` are bytes read beyond the request.
    pub fn open<T: Transport>(self, transport: T, early: &[u8]) -> ReadySocket<T::Stream> {
        let Self { services, client, registration } = self;
        let max_frame = services.config.get().limits.frame_bytes();
        let io = transport.into_stream(&registration.out);
        let connection = WsConnection::new(io, early, max_frame, Arc::clone(&registration.out));
        let (memberships, flood, pending) =
            (Memberships::default(), Flood::default(), PendingFlush::default());
        let state = SocketState { services, client, registration, memberships, flood, pending, messages: 0 };
        // Boxed: an async task is as large as the largest value held across an await.
        ReadySocket(Box::new(Socket { connection, state, joining: None }))
    }
}

/// Open socket, ready to run.
pub struct ReadySocket<S>(Box<Socket<S>>);

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin + Send> ReadySocket<S> {
    /// Runs the socket until it closes.
    pub async fn run(self, sessions: &Sessions) {
        let Self(mut socket) = self;
        let SocketState { services, client, registration, .. } = &socket.state;
        let (services, client) = (Arc::clone(services), Arc::clone(client));
        if let Some(reason) = sessions.end_of(&client.session, services.clock.monotonic()) {
            // The session ended between handshake and registration, so the listener for ends may have missed
            // this socket.
            registration.out.close(CloseCode::SessionEnded(reason));
        }
        let user = || client.session.person.name.clone();
        let id = || client.session.short_id();
        // Boxed as well, and only while it is recorded.
        Box::pin(services.audit.record(Event::SocketOpened {
            user: user(),
            addr: client.addr,
            session: id(),
        }))
        .await;
        let code = socket.serve().await;
        let messages = socket.state.messages;
        socket.state.memberships.disconnect(services.clock.monotonic());
        drop(socket);
        Box::pin(services.audit.record(Event::SocketClosed {
            user: user(),
            addr: client.addr,
            session: id(),
            code,
            messages,
        }))
        .await;
    }
}

type JoinFuture = Pin<Box<dyn Future<Output = (Join, JoinOutcome)> + Send>>;

struct Socket<S> {
    connection: WsConnection<S>,
    state: SocketState,
    /// Join whose password is being hashed; nothing is read until it is done.
    joining: Option<JoinFuture>,
}

/// State of a socket besides its connection.
struct SocketState {
    services: Arc<Services>,
    client: Arc<Client>,
    registration: Registration,
    memberships: Memberships,
    flood: Flood,
    /// Receivers with queued frames that still need a flush.
    pending: PendingFlush,
    messages: u64,
}

/// Event that the socket's task handles.
enum Wakeup {
    Inbound(Inbound),
    Joined(Join, JoinOutcome),
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin + Send> Socket<S> {
    /// Serves the socket until it closes; returns the close code.
    async fn serve(&mut self) -> u16 {
        loop {
            match poll_fn(|cx| self.poll_wakeup(cx)).await {
                Wakeup::Inbound(Inbound::Closed(code)) => return code,
                Wakeup::Inbound(Inbound::Text(text)) => self.request(&text),
                Wakeup::Joined(asked, joined) => self.state.joined(asked, joined),
            }
        }
    }

    fn poll_wakeup(&mut self, cx: &mut Context<'_>) -> Poll<Wakeup> {
        if let Some(joining) = &mut self.joining
            && let Poll::Ready((asked, joined)) = joining.as_mut().poll(cx)
        {
            self.joining = None;
            return Poll::Ready(Wakeup::Joined(asked, joined));
        }
        loop {
            // All texts of one read are published before any frame is flushed. Between flushes more is read,
            // up to the limit of a round. The socket's own answers go out together with the frames of others.
            let pending = &self.state.pending;
            let mode = PollMode {
                pause_reads: self.joining.is_some() || pending.must_flush_first(),
                leave_writes_to_caller: !pending.is_empty(),
            };
            match self.connection.poll(cx, mode) {
                Poll::Ready(inbound) => return Poll::Ready(Wakeup::Inbound(inbound)),
                Poll::Pending if self.state.pending.is_idle() => return Poll::Pending,
                Poll::Pending => {}
            }
            if !self.state.pending.flush_batch() && pin!(yield_now()).poll(cx).is_pending() {
                // Other tasks of this thread run first; then more input is read.
                return Poll::Pending;
            }
        }
    }

    fn request(&mut self, text: &str) {
        self.state.pending.note_inbound();
        if !self.state.client.session.is_live() {
            // The close frame follows within a second; until then requests are ignored.
            return;
        }
        self.state.client.session.touch(self.state.services.clock.monotonic());
        let Request { reference, room, action } = match Request::parse(text) {
            Ok(request) => request,
            Err(InvalidRequest { reference, fault }) => {
                return self.state.refuse(reference.as_deref(), &fault.into());
            }
        };
        let reference = reference.as_deref();
        let result = match action {
            Action::Join { password, kind } => {
                let asked = self.state.may_join(reference, room, &password, kind);
                asked.map(|asked| self.joining = Some(self.state.start(asked)))
            }
            Action::Resume { token, since } => {
                let replay = self.state.resume(reference, &room, &token, since);
                replay.map(|frames| self.connection.replay(frames))
            }
            Action::Send { text } => self.state.send(reference, &room, &text),
            Action::Leave => self.state.leave(reference, &room),
            Action::Typing => self.state.typing(&room),
        };
        if let Err(error) = result {
            self.state.refuse(reference, &error);
        }
    }
}

impl SocketState {
    fn answer(&mut self, answer: &ServerMessage<'_>) {
        self.pending.enqueue_own(&self.registration.out, Frame::json(answer));
    }

    fn refuse(&mut self, reference: Option<&str>, error: &RequestError) {
        let code = error.code;
        self.services.refusals.count("socket", code.as_str());
        self.answer(&ServerMessage::error(reference, error, self.client.lang));
        if error.counts && self.flood.hit(self.services.clock.monotonic()) {
            let (user, addr) = (self.client.session.person.name.clone(), self.client.addr);
            self.services.audit.try_record(Event::SocketFlooding { user, addr, reason: code.as_str() });
            self.registration.out.close(CloseCode::Flooding);
        }
    }

    fn may_join(
        &self,
        reference: Option<&str>,
        room: RoomCode,
        password: &str,
        kind: RoomKind,
    ) -> Result<Join, RequestError> {
        let password = RoomPassword::parse(Zeroizing::new(password.to_owned()))?;
        let user = self.client.session.person.id;
        self.services.rates.join(user).map_err(|wait| RequestError::rate_limited(wait.retry))?;
        self.check_room_limit(&room)?;
        self.services
            .pauses
            .check(user, &room, self.services.clock.monotonic())
            .map_err(|wait| RequestError::rate_limited(wait.retry))?;
        Ok(Join { reference: reference.map(str::to_owned), room, password, kind })
    }

    fn check_room_limit(&self, room: &RoomCode) -> Result<(), RequestError> {
        let config = self.services.config.get();
        if self.memberships.len() >= config.limits.rooms_per_socket && self.memberships.get(room).is_none() {
            return Err(RequestError::too_many_rooms(RoomLimit::Socket, &config));
        }
        Ok(())
    }

    fn start(&self, asked: Join) -> JoinFuture {
        let (services, client, out) =
            (Arc::clone(&self.services), Arc::clone(&self.client), Arc::clone(&self.registration.out));
        // The room handle tells whether this socket is in the room; the future must not borrow the state.
        let held = self.memberships.get(&asked.room).map(Membership::room);
        Box::pin(async move {
            let joined =
                join(services, client, out, &asked, |room| held.as_ref().is_some_and(|held| held.is(room)))
                    .await;
            (asked, joined)
        })
    }

    fn joined(&mut self, asked: Join, joined: JoinOutcome) {
        let Join { reference, room, .. } = asked;
        let reference = reference.as_deref();
        match joined {
            JoinOutcome::In(membership) => self.add_membership(&room, membership),
            JoinOutcome::Again => match self.memberships.get(&room).and_then(Membership::refresh) {
                Some(entered) => self.answer(&joined_message(reference, &room, &entered, false)),
                None => {
                    // A newer socket has taken the seat over since; the next attempt gets its own seat.
                    let _ = self.on_superseded(&room);
                    self.refuse(reference, &RequestError::rate_limited(Duration::from_secs(1)));
                }
            },
            JoinOutcome::TooManyRooms(limit) => {
                let error = RequestError::too_many_rooms(limit, &self.services.config.get());
                self.refuse(reference, &error);
            }
            JoinOutcome::Refused { code, retry } => {
                self.refuse(reference, &RequestError { retry, ..RequestError::new(code) });
            }
        }
    }

    fn add_membership(&mut self, room: &RoomCode, membership: Membership<JsonEncoder>) {
        if let Some(old) = self.memberships.remove(room) {
            old.replaced_by(&membership, self.services.clock.monotonic());
        }
        self.memberships.add(membership);
    }

    /// Takes a seat again. The returned frames go out before all queued ones.
    fn resume(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        token: &str,
        since: Seq,
    ) -> Result<Vec<Frame>, RequestError> {
        let person = &self.client.session.person;
        self.services.rates.enter(person.id).map_err(|wait| RequestError::rate_limited_enter(wait.retry))?;
        self.check_room_limit(room)?;
        let resumed =
            self.services.hub.resume(room, token, person, &self.registration.out, since).map_err(|_| {
                let (user, addr) = (person.name.clone(), self.client.addr);
                self.services.audit.try_record(Event::RoomResumeRefused { user, addr, room: room.clone() });
                RequestError::new(ErrorCode::UnknownRoom)
            })?;
        let mut frames = vec![Frame::json(&joined_message(reference, room, &resumed.entered, false))];
        if let Some(SeqGap { first: from, last: to }) = resumed.missed.gap {
            frames.push(Frame::json(&ServerMessage::Gap { room: room.as_str(), from, to }));
        }
        frames.extend(resumed.missed.messages);
        self.add_membership(room, resumed.membership);
        Ok(frames)
    }

    fn membership(&self, room: &RoomCode) -> Result<&Membership<JsonEncoder>, RequestError> {
        self.memberships.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))
    }

    fn send(&mut self, reference: Option<&str>, room: &RoomCode, text: &str) -> Result<(), RequestError> {
        let config = self.services.config.get();
        let membership = self.memberships.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let text = MessageText::parse(text, config.limits.message_chars)?;
        self.services
            .rates
            .message(self.client.session.person.id)
            .map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let at = self.services.clock.now();
        let Some(seq) = membership.publish(&text, at, self.pending.receivers()) else {
            return Err(self.on_superseded(room));
        };
        self.pending.enqueue_own(&self.registration.out, sent_message(reference, room, seq, at));
        self.messages += 1;
        Ok(())
    }

    fn leave(&mut self, reference: Option<&str>, room: &RoomCode) -> Result<(), RequestError> {
        let now = Now::read(&*self.services.clock);
        let left = self.memberships.remove(room).is_some_and(|membership| membership.leave(now));
        if !left {
            return Err(RequestError::new(ErrorCode::NotMember));
        }
        self.answer(&ServerMessage::Left { r#ref: reference, room: room.as_str() });
        Ok(())
    }

    fn typing(&mut self, room: &RoomCode) -> Result<(), RequestError> {
        let membership = self.membership(room)?;
        if self.services.rates.typing(self.client.session.person.id).is_ok() && membership.typing().is_none()
        {
            return Err(self.on_superseded(room));
        }
        Ok(())
    }

    /// Gives up a membership whose seat a newer socket of the same user has resumed.
    fn on_superseded(&mut self, room: &RoomCode) -> RequestError {
        if let Some(old) = self.memberships.remove(room) {
            old.disconnect(self.services.clock.monotonic());
        }
        RequestError::new(ErrorCode::NotMember)
    }
}

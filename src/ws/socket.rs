//! Task of one socket: reads requests, answers them, keeps the seats.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use zeroize::Zeroizing;

use crate::accounts::Sessions;
use crate::audit::Event;
use crate::chat::{EndError, Entered, Joiner, LeaveReason, NotMember, Priority, Seat, Seq};
use crate::clock::Now;
use crate::limits::{Endpoints, Flood};
use crate::types::{MessageText, RoomCode, RoomKind, RoomLabel, RoomPassword};

use super::Services;
use crate::ws::client::Client;
use crate::ws::conn::connection::{Inbound, PollMode, WsConnection};
use crate::ws::conn::transport::Transport;
use crate::ws::join::{Join, JoinOutcome, join};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::frame::Frame;
use crate::ws::protocol::messages::{
    JsonEncoder, ServerMessage, joined_message, leave_word, sent_message, welcome_message,
};
use crate::ws::protocol::request::{Action, InvalidRequest, Request};
use crate::ws::protocol::request_error::RequestError;
use crate::ws::registry::{Registration, TooManySockets};
use crate::ws::replay::Replays;
use crate::ws::seats::Seats;
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
        let state = SocketState {
            services,
            client,
            registration,
            seats: Seats::default(),
            replays: Replays::default(),
            flood: Flood::default(),
            pending: PendingFlush::default(),
            messages: 0,
        };
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
        socket.state.welcome();
        let code = socket.serve().await;
        let messages = socket.state.messages;
        socket.state.seats.detach(services.clock.monotonic());
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
    seats: Seats,
    replays: Replays,
    flood: Flood,
    /// Receivers with queued frames that still need a flush.
    pending: PendingFlush,
    messages: u64,
}

/// Fields of `join` for a room to create.
#[derive(Clone, Copy)]
struct NewRoom<'a> {
    kind: RoomKind,
    label: Option<&'a str>,
    create: Option<bool>,
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
                Wakeup::Joined(asked, joined) => self.state.joined(&asked, joined),
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
            if self.connection.is_replayed() && !self.state.replays.is_empty() {
                let frames = self.state.replays.next(&self.state.seats);
                self.connection.replay(frames);
            }
            // All texts of one read are published before any frame is flushed. Between flushes more is read,
            // up to the limit of a round. The socket's own answers go out together with the frames of others.
            let pending = &self.state.pending;
            let mode = PollMode {
                pause_reads: self.joining.is_some() || pending.must_flush_first(),
                leave_writes_to_caller: !pending.is_empty(),
            };
            match self.connection.poll(cx, mode) {
                Poll::Ready(inbound) => return Poll::Ready(Wakeup::Inbound(inbound)),
                Poll::Pending if self.connection.is_replayed() && !self.state.replays.is_empty() => continue,
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
            Action::Join { password, kind, label, create } => {
                let label = label.as_deref();
                let asked = self.state.may_join(reference, room, &password, NewRoom { kind, label, create });
                asked.map(|asked| self.joining = Some(self.state.start(asked)))
            }
            Action::Enter { since } => {
                let joined = self.state.enter(reference, &room, since);
                joined.map(|frame| self.connection.replay([frame]))
            }
            Action::Send { text } => self.state.send(reference, &room, &text),
            Action::Leave => self.state.leave(reference, &room),
            Action::Read { seq } => self.state.read(&room, seq),
            Action::End => self.state.end_room(reference, &room),
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
        Ok(Join { reference: reference.map(str::to_owned), room, password, kind, label, create })
    }

    fn start(&self, asked: Join) -> JoinFuture {
        let (services, client, out) =
            (Arc::clone(&self.services), Arc::clone(&self.client), Arc::clone(&self.registration.out));
        Box::pin(async move {
            let joined = join(services, client, out, &asked).await;
            (asked, joined)
        })
    }

    fn joined(&mut self, asked: &Join, joined: JoinOutcome) {
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
    fn welcome(&mut self) {
        let session = &self.client.session;
        let rooms = self.services.hub.rooms_of(&session.digest, session.person.id);
        let frame = Frame::json(&welcome_message(&session.person.name, &rooms, &self.services.boot));
        self.registration.out.push(frame, Priority::Message);
    }

    /// Enters a room as a member. The returned answer goes out before all queued frames, and the missed
    /// messages after it.
    fn enter(&mut self, reference: Option<&str>, room: &RoomCode, since: Seq) -> Result<Frame, RequestError> {
        let session = &self.client.session;
        self.services
            .rates
            .enter(session.person.id)
            .map_err(|wait| RequestError::rate_limited_enter(wait.retry))?;
        let joiner =
            Joiner { session: session.digest, person: &session.person, mailbox: &self.registration.out };
        let now = Now::read(&*self.services.clock);
        let Entered { seat, info, replay } = self
            .services
            .hub
            .enter(room, &joiner, since, now)
            .map_err(|NotMember| RequestError::new(ErrorCode::UnknownRoom))?;
        let joined = Frame::json(&joined_message(reference, seat.code(), &info, false));
        if let Some(since) = replay {
            self.replays.add(seat.code().clone(), since);
        }
        self.seats.add(seat, now.mono);
        Ok(joined)
    }

    fn seat(&self, room: &RoomCode) -> Result<&Seat<JsonEncoder>, RequestError> {
        self.seats.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))
    }

    fn send(&mut self, reference: Option<&str>, room: &RoomCode, text: &str) -> Result<(), RequestError> {
        let config = self.services.config.get();
        let seat = self.seats.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let text = MessageText::parse(text, config.limits.message_chars)?;
        self.services
            .rates
            .message(self.client.session.person.id)
            .map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let at = self.services.clock.now();
        let Some(seq) = seat.publish(&text, at, self.pending.receivers()) else {
            return Err(self.on_left(room));
        };
        let sent = sent_message(reference, seat.code(), seq, at);
        self.pending.enqueue_own(&self.registration.out, sent);
        self.messages += 1;
        Ok(())
    }

    fn leave(&mut self, reference: Option<&str>, room: &RoomCode) -> Result<(), RequestError> {
        let now = Now::read(&*self.services.clock);
        let seat = self.seats.remove(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let code = seat.code().clone();
        if !seat.leave(&self.registration.out, now) {
            return Err(RequestError::new(ErrorCode::NotMember));
        }
        self.answer_left(reference, &code, LeaveReason::Left);
        Ok(())
    }

    fn answer_left(&mut self, reference: Option<&str>, room: &RoomCode, reason: LeaveReason) {
        let (room, reason) = (room.as_str(), leave_word(reason));
        self.answer(&ServerMessage::Left { r#ref: reference, room, reason });
    }

    fn end_room(&mut self, reference: Option<&str>, room: &RoomCode) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        let code = seat.code().clone();
        match seat.end_room() {
            Ok(()) => {
                let _ = self.on_left(room);
                self.answer_left(reference, &code, LeaveReason::Ended);
                Ok(())
            }
            Err(EndError::NotMember) => Err(self.on_left(room)),
            Err(EndError::NotAllowed) => Err(RequestError::new(ErrorCode::NotModerator)),
        }
    }

    fn read(&mut self, room: &RoomCode, seq: Seq) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        // Past the limit the number is kept and not passed on.
        let tell = self.services.rates.read_mark(self.client.session.person.id).is_ok();
        if seat.read(seq, tell).is_none() {
            return Err(self.on_left(room));
        }
        Ok(())
    }

    fn typing(&mut self, room: &RoomCode) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        if self.services.rates.typing(self.client.session.person.id).is_ok() && seat.typing().is_none() {
            return Err(self.on_left(room));
        }
        Ok(())
    }

    /// Drops the seat of a membership that ended elsewhere.
    fn on_left(&mut self, room: &RoomCode) -> RequestError {
        if let Some(old) = self.seats.remove(room) {
            old.detach(self.services.clock.monotonic());
        }
        RequestError::new(ErrorCode::NotMember)
    }
}

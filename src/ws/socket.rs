//! Task of one socket: reads requests, answers them, keeps the memberships.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use zeroize::Zeroizing;

use crate::accounts::{Session, Sessions};
use crate::audit::Event;
use crate::chat::{Membership, Seq};
use crate::limits::{Endpoints, Flood};
use crate::types::{Lang, MessageText, RoomCode, RoomKind, RoomPassword};

use super::Services;
use super::close_code::CloseCode;
use super::connection::{Inbound, PollMode, WsConnection};
use super::fanout::PendingFlush;
use super::frame::Frame;
use super::join::{Join, JoinOutcome, join};
use super::memberships::Memberships;
use super::messages::{ErrorCode, JsonEncoder, ServerMessage, joined_message, sent_message};
use super::registry::{Registration, TooManySockets};
use super::request::Request;
use super::request_error::{Detail, RequestError, RoomLimit};
use super::transport::Transport;

/// Client of a socket.
pub struct Client {
    /// Session of the client.
    pub session: Arc<Session>,
    /// Address of the client.
    pub addr: IpAddr,
    /// Language of texts.
    pub lang: Lang,
}

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
    pub fn open<T: Transport>(self, connection: T, early: &[u8]) -> ReadySocket<T::Stream> {
        let Self { services, client, registration } = self;
        let max_frame = services.config.get().limits.frame_bytes();
        let io = connection.into_stream(&registration.out);
        let link = WsConnection::new(io, early, max_frame, Arc::clone(&registration.out));
        let (places, flood, due) = (Memberships::default(), Flood::default(), PendingFlush::default());
        let desk = SocketState { services, client, registration, places, flood, due, messages: 0 };
        // Boxed: an async task is as large as the largest value held across an await.
        ReadySocket(Box::new(Socket { link, desk, joining: None }))
    }
}

/// Open socket, ready to run.
pub struct ReadySocket<S>(Box<Socket<S>>);

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin + Send> ReadySocket<S> {
    /// Runs the socket until it closes.
    pub async fn run(self, sessions: &Sessions) {
        let Self(mut socket) = self;
        let SocketState { services, client, registration, .. } = &socket.desk;
        let (services, client) = (Arc::clone(services), Arc::clone(client));
        if let Some(reason) = sessions.end_of(&client.session, services.clock.monotonic()) {
            // The session ended between handshake and registration, so the listener for ends may have missed this socket.
            registration.out.close(CloseCode::SessionEnded(reason));
        }
        let user = || client.session.person.name.clone();
        let id = || client.session.short_id();
        // Boxed as well, and only while it is recorded.
        Box::pin(services.audit.record(Event::SocketOpened { user: user(), addr: client.addr, session: id() })).await;
        let code = socket.serve().await;
        let messages = socket.desk.messages;
        socket.desk.places.disconnect(services.clock.monotonic());
        drop(socket);
        Box::pin(services.audit.record(Event::SocketClosed { user: user(), addr: client.addr, session: id(), code, messages }))
            .await;
    }
}

type JoinFuture = Pin<Box<dyn Future<Output = (Join, JoinOutcome)> + Send>>;

struct Socket<S> {
    link: WsConnection<S>,
    desk: SocketState,
    /// Join whose password is being hashed; nothing is read until it is done.
    joining: Option<JoinFuture>,
}

/// State of a socket besides its connection.
struct SocketState {
    services: Arc<Services>,
    client: Arc<Client>,
    registration: Registration,
    places: Memberships,
    flood: Flood,
    /// Receivers with queued frames that still need a flush.
    due: PendingFlush,
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
                Wakeup::Joined(asked, joined) => self.desk.joined(asked, joined),
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
            // All texts of one read are published before any frame is flushed. Between flushes more is read, up to the limit of a
            // round. The socket's own answers go out together with the frames of others.
            let due = &self.desk.due;
            let turn = PollMode {
                pause_reads: self.joining.is_some() || due.must_flush_first(),
                leave_writes_to_caller: !due.is_empty(),
            };
            match self.link.poll(cx, turn) {
                Poll::Ready(inbound) => return Poll::Ready(Wakeup::Inbound(inbound)),
                Poll::Pending if self.desk.due.is_idle() => return Poll::Pending,
                Poll::Pending => {}
            }
            if !self.desk.due.flush_batch() && pin!(yield_now()).poll(cx).is_pending() {
                // Other tasks of this thread run first; then more input is read.
                return Poll::Pending;
            }
        }
    }

    fn request(&mut self, text: &str) {
        self.desk.due.note_inbound();
        if !self.desk.client.session.is_live() {
            // The close frame follows within a second; until then requests are ignored.
            return;
        }
        self.desk.client.session.touch(self.desk.services.clock.monotonic());
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err((reference, words)) => {
                let refusal = RequestError { detail: Some(Detail::Parser(words)), ..RequestError::new(ErrorCode::BadRequest) };
                return self.desk.refuse(reference.as_deref(), refusal);
            }
        };
        let reference = request.reference();
        let result = match &request {
            Request::Join { room, password, kind, .. } => {
                let asked = self.desk.may_join(reference, room, password, *kind);
                asked.map(|asked| self.joining = Some(self.desk.start(asked)))
            }
            Request::Resume { room, resume, since, .. } => {
                let replay = self.desk.resume(reference, room, resume, *since);
                replay.map(|frames| self.link.replay(frames))
            }
            Request::Send { room, text, .. } => self.desk.send(reference, room, text),
            Request::Leave { room, .. } => self.desk.leave(reference, room),
            Request::Typing { room } => self.desk.typing(room),
        };
        if let Err(refusal) = result {
            self.desk.refuse(reference, refusal);
        }
    }
}

impl SocketState {
    fn answer(&mut self, answer: &ServerMessage<'_>) {
        self.due.enqueue_own(&self.registration.out, Frame::json(answer));
    }

    fn refuse(&mut self, reference: Option<&str>, refusal: RequestError) {
        let code = refusal.code;
        self.services.refusals.count("socket", code.as_str());
        self.answer(&ServerMessage::error(reference, &refusal, self.client.lang));
        if refusal.counts && self.flood.hit(self.services.clock.monotonic()) {
            let (user, addr) = (self.client.session.person.name.clone(), self.client.addr);
            self.services.audit.try_record(Event::SocketFlooding { user, addr, reason: code.as_str() });
            self.registration.out.close(CloseCode::Flooding);
        }
    }

    fn may_join(&self, reference: Option<&str>, room: &str, password: &str, kind: RoomKind) -> Result<Join, RequestError> {
        let room = RoomCode::from_str(room)?;
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
        if self.places.len() >= config.limits.rooms_per_socket && self.places.get(room).is_none() {
            return Err(RequestError::too_many_rooms(RoomLimit::Socket, &config));
        }
        Ok(())
    }

    fn start(&self, asked: Join) -> JoinFuture {
        let (services, client, out) = (Arc::clone(&self.services), Arc::clone(&self.client), Arc::clone(&self.registration.out));
        // The room handle tells whether this socket is in the room; the future must not borrow the state.
        let held = self.places.get(&asked.room).map(Membership::room);
        Box::pin(async move {
            let joined = join(services, client, out, &asked, |room| held.as_ref().is_some_and(|held| held.is(room))).await;
            (asked, joined)
        })
    }

    fn joined(&mut self, asked: Join, joined: JoinOutcome) {
        let Join { reference, room, .. } = asked;
        let reference = reference.as_deref();
        match joined {
            JoinOutcome::In(membership) => self.add_membership(&room, membership),
            JoinOutcome::Again => match self.places.get(&room).and_then(Membership::refresh) {
                Some(entered) => self.answer(&joined_message(reference, &room, &entered, false)),
                None => {
                    // A newer socket has taken the seat over since; the next attempt gets its own seat.
                    let _ = self.on_superseded(room.as_str());
                    self.refuse(reference, RequestError::rate_limited(Duration::from_secs(1)));
                }
            },
            JoinOutcome::TooManyRooms(limit) => {
                let refusal = RequestError::too_many_rooms(limit, &self.services.config.get());
                self.refuse(reference, refusal);
            }
            JoinOutcome::Refused { code, retry } => self.refuse(reference, RequestError { retry, ..RequestError::new(code) }),
        }
    }

    fn add_membership(&mut self, room: &RoomCode, membership: Membership<JsonEncoder>) {
        if let Some(old) = self.places.remove(room) {
            old.replaced_by(&membership, self.services.clock.monotonic());
        }
        self.places.add(membership);
    }

    /// Takes a seat again. The returned frames go out before all queued ones.
    fn resume(&mut self, reference: Option<&str>, room: &str, token: &str, since: Seq) -> Result<Vec<Frame>, RequestError> {
        let room = RoomCode::from_str(room)?;
        let person = &self.client.session.person;
        self.services.rates.enter(person.id).map_err(|wait| RequestError::rate_limited_enter(wait.retry))?;
        self.check_room_limit(&room)?;
        let resumed = self.services.hub.resume(&room, token, person, &self.registration.out, since).map_err(|_| {
            let (user, addr) = (person.name.clone(), self.client.addr);
            self.services.audit.try_record(Event::RoomResumeRefused { user, addr, room: room.clone() });
            RequestError::new(ErrorCode::UnknownRoom)
        })?;
        let mut frames = vec![Frame::json(&joined_message(reference, &room, &resumed.entered, false))];
        if let Some((from, to)) = resumed.missed.gap {
            frames.push(Frame::json(&ServerMessage::Gap { room: room.as_str(), from, to }));
        }
        frames.extend(resumed.missed.messages);
        self.add_membership(&room, resumed.membership);
        Ok(frames)
    }

    fn membership(&self, room: &str) -> Result<&Membership<JsonEncoder>, RequestError> {
        self.places.get(&RoomCode::from_str(room)?).ok_or_else(|| RequestError::new(ErrorCode::NotMember))
    }

    fn send(&mut self, reference: Option<&str>, room: &str, text: &str) -> Result<(), RequestError> {
        let config = self.services.config.get();
        let code = RoomCode::from_str(room)?;
        let membership = self.places.get(&code).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let text = MessageText::parse(text, config.limits.message_chars)?;
        self.services.rates.message(self.client.session.person.id).map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let at = self.services.clock.now();
        let Some(seq) = membership.publish(&text, at, self.due.receivers()) else { return Err(self.on_superseded(room)) };
        self.due.enqueue_own(&self.registration.out, sent_message(reference, &code, seq, at));
        self.messages += 1;
        Ok(())
    }

    fn leave(&mut self, reference: Option<&str>, room: &str) -> Result<(), RequestError> {
        let code = RoomCode::from_str(room)?;
        let (at, now) = (self.services.clock.now(), self.services.clock.monotonic());
        let left = self.places.remove(&code).is_some_and(|membership| membership.leave(at, now));
        if !left {
            return Err(RequestError::new(ErrorCode::NotMember));
        }
        self.answer(&ServerMessage::Left { r#ref: reference, room });
        Ok(())
    }

    fn typing(&mut self, room: &str) -> Result<(), RequestError> {
        let membership = self.membership(room)?;
        if self.services.rates.typing(self.client.session.person.id).is_ok() && membership.typing().is_none() {
            return Err(self.on_superseded(room));
        }
        Ok(())
    }

    /// Gives up a membership whose seat a newer socket of the same user has resumed.
    fn on_superseded(&mut self, room: &str) -> RequestError {
        if let Ok(code) = RoomCode::from_str(room)
            && let Some(old) = self.places.remove(&code)
        {
            old.disconnect(self.services.clock.monotonic());
        }
        RequestError::new(ErrorCode::NotMember)
    }
}

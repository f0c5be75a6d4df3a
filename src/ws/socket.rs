//! One socket's task: reads requests, answers them, keeps the places in rooms.

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
use super::direct::Transport;
use super::due::Due;
use super::frame::Frame;
use super::join::{Join, Joined, join};
use super::link::{Inbound, Link, Turn};
use super::places::Places;
use super::refusal::{Detail, Refusal, RoomLimit};
use super::registry::{Registration, TooManySockets};
use super::request::Request;
use super::wire::{Answer, Code, JsonWire, joined_answer, sent_answer};

/// Who is at the other end.
pub struct Client {
    /// Whose socket it is.
    pub session: Arc<Session>,
    /// From where.
    pub addr: IpAddr,
    /// What texts are in.
    pub lang: Lang,
}

/// The right to open a socket, taken before the connection is upgraded.
pub struct Ticket {
    services: Arc<Services>,
    client: Arc<Client>,
    registration: Registration,
}

impl Ticket {
    /// Takes a place among the sockets of the client's session; where all are taken, that of a dead one.
    pub async fn take(services: &Arc<Services>, client: Client) -> Result<Self, TooManySockets> {
        let most = services.config.get().limits.sockets_per_session;
        let registration = services.registry.register_or_replace(client.session.digest, most).await?;
        Ok(Self { services: Arc::clone(services), client: Arc::new(client), registration })
    }

    /// Takes an upgraded connection over; `early` is what was read beyond the request.
    pub fn open<T: Transport>(self, connection: T, early: &[u8]) -> Opened<T::Stream> {
        let Self { services, client, registration } = self;
        let max_frame = services.config.get().limits.frame_bytes();
        let io = connection.open(&registration.out);
        let link = Link::new(io, early, max_frame, Arc::clone(&registration.out));
        let (places, flood, due) = (Places::default(), Flood::default(), Due::default());
        let desk = Desk { services, client, registration, places, flood, due, messages: 0 };
        // In a place of its own: a task is as large as all that is ever moved through it.
        Opened(Box::new(Socket { link, desk, joining: None }))
    }
}

/// An open socket, ready to run.
pub struct Opened<S>(Box<Socket<S>>);

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin + Send> Opened<S> {
    /// Runs the socket until it ends.
    pub async fn run(self, sessions: &Sessions) {
        let Self(mut socket) = self;
        let Desk { services, client, registration, .. } = &socket.desk;
        let (services, client) = (Arc::clone(services), Arc::clone(client));
        if let Some(reason) = sessions.end_of(&client.session, services.clock.monotonic()) {
            // It ended between the handshake and the registration: the listener of ends may not have seen this socket.
            registration.out.close(CloseCode::SessionEnded(reason));
        }
        let user = || client.session.person.name.clone();
        let id = || client.session.short_id();
        // Also in a place of its own, and only while it is being told.
        Box::pin(services.audit.record(Event::SocketOpened { user: user(), addr: client.addr, session: id() })).await;
        let code = socket.serve().await;
        let messages = socket.desk.messages;
        socket.desk.places.lose(services.clock.monotonic());
        drop(socket);
        Box::pin(services.audit.record(Event::SocketClosed { user: user(), addr: client.addr, session: id(), code, messages }))
            .await;
    }
}

type Joining = Pin<Box<dyn Future<Output = (Join, Joined)> + Send>>;

struct Socket<S> {
    link: Link<S>,
    desk: Desk,
    /// A join whose password is being hashed; nothing more is read until it is done.
    joining: Option<Joining>,
}

/// What a socket knows beside its connection.
struct Desk {
    services: Arc<Services>,
    client: Arc<Client>,
    registration: Registration,
    places: Places,
    flood: Flood,
    /// To whom something was said that is not on its way yet.
    due: Due,
    messages: u64,
}

/// What happens next on a socket.
enum Step {
    Inbound(Inbound),
    Joined(Join, Joined),
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin + Send> Socket<S> {
    /// Until the connection ends; returns the close code.
    async fn serve(&mut self) -> u16 {
        loop {
            match poll_fn(|cx| self.poll_step(cx)).await {
                Step::Inbound(Inbound::Gone(code)) => return code,
                Step::Inbound(Inbound::Text(text)) => self.request(&text),
                Step::Joined(asked, joined) => self.desk.joined(asked, joined),
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(joining) = &mut self.joining
            && let Poll::Ready((asked, joined)) = joining.as_mut().poll(cx)
        {
            self.joining = None;
            return Poll::Ready(Step::Joined(asked, joined));
        }
        loop {
            // All that one read brings is said before any of it goes out, and more is read between writes, up to what a round takes. What is for
            // this socket goes out with what is for the others.
            let due = &self.desk.due;
            let turn = Turn { paused: self.joining.is_some() || due.is_pressing(), hold: !due.is_empty() };
            match self.link.poll(cx, turn) {
                Poll::Ready(inbound) => return Poll::Ready(Step::Inbound(inbound)),
                Poll::Pending if self.desk.due.rests() => return Poll::Pending,
                Poll::Pending => {}
            }
            if !self.desk.due.flush_some() && pin!(yield_now()).poll(cx).is_pending() {
                // Others on this thread come first, and what has come in is looked at.
                return Poll::Pending;
            }
        }
    }

    fn request(&mut self, text: &str) {
        self.desk.due.heard();
        if !self.desk.client.session.is_live() {
            // Its close frame follows within a second; until then nothing is done for it.
            return;
        }
        self.desk.client.session.touch(self.desk.services.clock.monotonic());
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err((reference, words)) => {
                let refusal = Refusal { detail: Some(Detail::Parser(words)), ..Refusal::new(Code::BadRequest) };
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

impl Desk {
    fn answer(&mut self, answer: &Answer<'_>) {
        self.due.answer(&self.registration.out, Frame::json(answer));
    }

    fn refuse(&mut self, reference: Option<&str>, refusal: Refusal) {
        let code = refusal.code;
        self.services.refusals.count("socket", code.word());
        self.answer(&Answer::error(reference, &refusal, self.client.lang));
        if refusal.counts && self.flood.hit(self.services.clock.monotonic()) {
            let (user, addr) = (self.client.session.person.name.clone(), self.client.addr);
            self.services.audit.note(Event::SocketFlooding { user, addr, reason: code.word() });
            self.registration.out.close(CloseCode::Flooding);
        }
    }

    fn may_join(&self, reference: Option<&str>, room: &str, password: &str, kind: RoomKind) -> Result<Join, Refusal> {
        let room = RoomCode::from_str(room)?;
        let password = RoomPassword::parse(Zeroizing::new(password.to_owned()))?;
        let user = self.client.session.person.id;
        self.services.rates.join(user).map_err(|wait| Refusal::wait(wait.retry))?;
        self.room_for(&room)?;
        self.services.pauses.check(user, &room, self.services.clock.monotonic()).map_err(|wait| Refusal::wait(wait.retry))?;
        Ok(Join { reference: reference.map(str::to_owned), room, password, kind })
    }

    fn room_for(&self, room: &RoomCode) -> Result<(), Refusal> {
        let config = self.services.config.get();
        if self.places.len() >= config.limits.rooms_per_socket && self.places.get(room).is_none() {
            return Err(Refusal::too_many_rooms(RoomLimit::Socket, &config));
        }
        Ok(())
    }

    fn start(&self, asked: Join) -> Joining {
        let (services, client, out) = (Arc::clone(&self.services), Arc::clone(&self.client), Arc::clone(&self.registration.out));
        // Whether this socket is in the room is settled by the entry it holds; the future must not borrow the desk.
        let held = self.places.get(&asked.room).map(Membership::room);
        Box::pin(async move {
            let joined = join(services, client, out, &asked, |room| held.as_ref().is_some_and(|held| held.is(room))).await;
            (asked, joined)
        })
    }

    fn joined(&mut self, asked: Join, joined: Joined) {
        let Join { reference, room, .. } = asked;
        let reference = reference.as_deref();
        match joined {
            Joined::In(membership) => self.hold(&room, membership),
            Joined::Again => match self.places.get(&room).and_then(Membership::refresh) {
                Some(entered) => self.answer(&joined_answer(reference, &room, &entered, false)),
                None => {
                    // A newer socket has taken the place over since: the next try takes a place of its own.
                    let _ = self.taken_over(room.as_str());
                    self.refuse(reference, Refusal::wait(Duration::from_secs(1)));
                }
            },
            Joined::TooManyRooms(limit) => {
                let refusal = Refusal::too_many_rooms(limit, &self.services.config.get());
                self.refuse(reference, refusal);
            }
            Joined::Refused { code, retry } => self.refuse(reference, Refusal { retry, ..Refusal::new(code) }),
        }
    }

    fn hold(&mut self, room: &RoomCode, membership: Membership<JsonWire>) {
        if let Some(old) = self.places.remove(room) {
            old.supersede(&membership, self.services.clock.monotonic());
        }
        self.places.add(membership);
    }

    /// Takes a place again. What is returned goes out before all that waits.
    fn resume(&mut self, reference: Option<&str>, room: &str, token: &str, since: Seq) -> Result<Vec<Frame>, Refusal> {
        let room = RoomCode::from_str(room)?;
        let person = &self.client.session.person;
        self.services.rates.enter(person.id).map_err(|wait| Refusal::wait_to_enter(wait.retry))?;
        self.room_for(&room)?;
        let resumed = self.services.hub.resume(&room, token, person, &self.registration.out, since).map_err(|_| {
            let (user, addr) = (person.name.clone(), self.client.addr);
            self.services.audit.note(Event::RoomResumeRefused { user, addr, room: room.clone() });
            Refusal::new(Code::UnknownRoom)
        })?;
        let mut frames = vec![Frame::json(&joined_answer(reference, &room, &resumed.entered, false))];
        if let Some((from, to)) = resumed.missed.gap {
            frames.push(Frame::json(&Answer::Gap { room: room.as_str(), from, to }));
        }
        frames.extend(resumed.missed.messages);
        self.hold(&room, resumed.membership);
        Ok(frames)
    }

    fn membership(&self, room: &str) -> Result<&Membership<JsonWire>, Refusal> {
        self.places.get(&RoomCode::from_str(room)?).ok_or_else(|| Refusal::new(Code::NotMember))
    }

    fn send(&mut self, reference: Option<&str>, room: &str, text: &str) -> Result<(), Refusal> {
        let config = self.services.config.get();
        let code = RoomCode::from_str(room)?;
        let membership = self.places.get(&code).ok_or_else(|| Refusal::new(Code::NotMember))?;
        let text = MessageText::parse(text, config.limits.message_chars)?;
        self.services.rates.message(self.client.session.person.id).map_err(|wait| Refusal::wait(wait.retry))?;
        let at = self.services.clock.now();
        let Some(seq) = membership.speak(&text, at, self.due.receivers()) else { return Err(self.taken_over(room)) };
        self.due.answer(&self.registration.out, sent_answer(reference, &code, seq, at));
        self.messages += 1;
        Ok(())
    }

    fn leave(&mut self, reference: Option<&str>, room: &str) -> Result<(), Refusal> {
        let code = RoomCode::from_str(room)?;
        let (at, now) = (self.services.clock.now(), self.services.clock.monotonic());
        let left = self.places.remove(&code).is_some_and(|membership| membership.leave(at, now));
        if !left {
            return Err(Refusal::new(Code::NotMember));
        }
        self.answer(&Answer::Left { r#ref: reference, room });
        Ok(())
    }

    fn typing(&mut self, room: &str) -> Result<(), Refusal> {
        let membership = self.membership(room)?;
        if self.services.rates.typing(self.client.session.person.id).is_ok() && membership.typing().is_none() {
            return Err(self.taken_over(room));
        }
        Ok(())
    }

    /// A newer socket of the same person resumed this place: it is no longer this socket's.
    fn taken_over(&mut self, room: &str) -> Refusal {
        if let Ok(code) = RoomCode::from_str(room)
            && let Some(old) = self.places.remove(&code)
        {
            old.lose(self.services.clock.monotonic());
        }
        Refusal::new(Code::NotMember)
    }
}

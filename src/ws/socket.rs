//! Task of one socket: reads requests, answers them, keeps the seats.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;

use crate::accounts::Sessions;
use crate::audit::Event;
use crate::limits::{Endpoints, Flood};
use crate::types::RoomCode;

use super::Services;
use crate::ws::client::Client;
use crate::ws::conn::connection::{Inbound, PollMode, WsConnection};
use crate::ws::conn::transport::Transport;
use crate::ws::join::{Join, JoinOutcome};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::request::{Action, InvalidRequest, Operation, Request};
use crate::ws::protocol::request_error::RequestError;
use crate::ws::registry::{Registration, TooManySockets};
use crate::ws::replay::Replays;
use crate::ws::seats::Seats;
use crate::ws::send::fanout::PendingFlush;
use crate::ws::socket_state::{JoinFuture, NewRoom, SocketState};

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
            subscription: None,
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
        socket.state.subscribe();
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

struct Socket<S> {
    connection: WsConnection<S>,
    state: SocketState,
    /// Join whose password is being hashed; nothing is read until it is done.
    joining: Option<JoinFuture>,
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
        let Request { reference, operation } = match Request::parse(text) {
            Ok(request) => request,
            Err(InvalidRequest { reference, fault }) => {
                return self.state.refuse(reference.as_deref(), &fault.into());
            }
        };
        let reference = reference.as_deref();
        let result = match operation {
            Operation::InRoom(room, action) => self.in_room(reference, room, action),
            Operation::JoinByInvitation(token) => self
                .state
                .may_join_by_invitation(reference, &token)
                .map(|asked| self.joining = Some(self.state.start(asked))),
            Operation::Acknowledge(id) => {
                self.state.acknowledge(id);
                Ok(())
            }
        };
        if let Err(error) = result {
            self.state.refuse(reference, &error);
        }
    }

    fn in_room(
        &mut self,
        reference: Option<&str>,
        room: RoomCode,
        action: Action<'_>,
    ) -> Result<(), RequestError> {
        match action {
            Action::Join { password, kind, label, create } => {
                let label = label.as_deref();
                let asked = self.state.may_join(reference, room, &password, NewRoom { kind, label, create });
                asked.map(|asked| self.joining = Some(self.state.start(asked)))
            }
            Action::Enter { since } => {
                let joined = self.state.enter(reference, &room, since);
                joined.map(|frame| self.connection.replay([frame]))
            }
            Action::Send { text, reply } => self.state.send(reference, &room, &text, reply),
            Action::Edit { seq, text } => self.state.edit(reference, &room, seq, &text),
            Action::Remove { seq } => self.state.remove_message(reference, &room, seq),
            Action::React { seq, emoji } => self.state.react(reference, &room, seq, &emoji),
            Action::Leave => self.state.leave(reference, &room),
            Action::Read { seq } => self.state.read(&room, seq),
            Action::End => self.state.end_room(reference, &room),
            Action::Typing => self.state.typing(&room),
        }
    }
}

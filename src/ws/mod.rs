//! WebSockets: the upgrade, one task per socket, and the JSON messages. No other module uses tungstenite.

mod announcements;
mod audience;
mod client;
mod conn;
mod eviction;
mod join;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod protocol;
mod registry;
mod replay;
mod room_requests;
mod seats;
mod send;
mod socket;
mod socket_state;

use std::sync::Arc;

use crate::accounts::hash_pool::HashPool;
use crate::announcements::Announcements;
use crate::audit::Audit;
use crate::chat::Hub;
use crate::clock::Clock;
use crate::config::SharedConfig;
use crate::limits::{Counters, Rates, RoomPause};

pub use audience::Audience;
pub use client::Client;
pub use conn::probe::{ProbeReason, probe};
pub use conn::pulse::PROBE;
pub use conn::transport::{TcpTransport, Transport};
pub use protocol::close_code::CloseCode;
pub use protocol::frame::{Frame, FrameBuilder};
pub use protocol::handshake::{HandshakeError, accept};
pub use protocol::messages::JsonEncoder;
pub use protocol::request::{Action, InvalidRequest, Operation, Ref, Request, RequestFault};
pub use registry::{Registry, SendQueueStats, TooManySockets};
pub use send::queue_stats::DroppedFrames;
pub use send::send_queue::{SendQueue, TakeBudget};
pub use socket::{ReadySocket, SocketPermit};

/// Services shared by all socket tasks.
pub struct Services {
    /// Chat rooms.
    pub hub: Arc<Hub<JsonEncoder>>,
    /// Hash pool of room passwords, separate from that of sign-ins.
    pub hasher: HashPool,
    /// Rate limits of messages, joins and typing notices.
    pub rates: Arc<Rates>,
    /// Backoff after wrong room passwords.
    pub pauses: Arc<RoomPause>,
    /// Random word of this start of the server, by which a page recognizes a restart.
    pub boot: String,
    /// Open sockets by session.
    pub registry: Arc<Registry>,
    /// Open sockets by user, for frames that belong to no room.
    pub audience: Arc<Audience>,
    /// Announcements of administrators.
    pub announcements: Arc<Announcements>,
    /// Counts of refused requests.
    pub refusals: Counters,
    /// Settings in force.
    pub config: Arc<SharedConfig>,
    /// Audit log.
    pub audit: Audit,
    /// Wall and monotonic clock.
    pub clock: Arc<dyn Clock>,
}

//! WebSockets: the upgrade, one task per socket, and the JSON messages. No other module uses tungstenite.

mod batch;
mod client;
mod close_code;
mod connection;
mod error_code;
mod eviction;
mod fanout;
mod frame;
mod handshake;
mod join;
mod memberships;
mod memory_io;
mod messages;
mod probe;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod pulse;
mod registry;
mod request;
mod request_error;
mod send_queue;
mod socket;
mod transport;

use std::sync::Arc;

use crate::accounts::hash_pool::HashPool;
use crate::audit::Audit;
use crate::chat::Hub;
use crate::clock::Clock;
use crate::config::SharedConfig;
use crate::limits::{Counters, Rates, RoomPause};

pub use client::Client;
pub use close_code::CloseCode;
pub use frame::{Frame, FrameBuilder};
pub use handshake::{HandshakeError, accept};
pub use messages::JsonEncoder;
pub use probe::{ProbeReason, probe};
pub use pulse::PROBE;
pub use registry::{Registry, SendQueueStats, TooManySockets};
pub use request::{Action, InvalidRequest, Ref, Request, RequestFault};
pub use send_queue::{SendQueue, TakeBudget};
pub use socket::{ReadySocket, SocketPermit};
pub use transport::{TcpTransport, Transport};

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
    /// Open sockets by session.
    pub registry: Arc<Registry>,
    /// Counts of refused requests.
    pub refusals: Counters,
    /// Settings in force.
    pub config: Arc<SharedConfig>,
    /// Audit log.
    pub audit: Audit,
    /// Wall and monotonic clock.
    pub clock: Arc<dyn Clock>,
}

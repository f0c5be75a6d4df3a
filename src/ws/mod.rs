//! WebSockets: who may open one, one task a socket, and the JSON that goes over it. The only place that knows tungstenite.

mod batch;
mod close_code;
mod connection;
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

use crate::accounts::password::HashPool;
use crate::audit::Audit;
use crate::chat::Hub;
use crate::clock::Clock;
use crate::config::SharedConfig;
use crate::limits::{Counters, Rates, RoomPause};

pub use close_code::CloseCode;
pub use frame::{Frame, FrameBuilder};
pub use handshake::{HandshakeError, accept};
pub use messages::JsonEncoder;
pub use probe::{ProbeReason, probe};
pub use pulse::PROBE;
pub use registry::{Registry, SendQueueStats, TooManySockets};
pub use request::{Ref, Request};
pub use send_queue::{SendQueue, TakeBudget};
pub use socket::{Client, ReadySocket, SocketPermit};
pub use transport::{TcpTransport, Transport};

/// What every socket's task works with.
pub struct Services {
    /// The rooms.
    pub hub: Arc<Hub<JsonEncoder>>,
    /// Hashes room passwords; not the pool of the sign-ins.
    pub hasher: HashPool,
    /// Messages, joins, typing.
    pub rates: Arc<Rates>,
    /// Wrong room passwords.
    pub pauses: Arc<RoomPause>,
    /// Open sockets by session.
    pub registry: Arc<Registry>,
    /// What was refused.
    pub refusals: Counters,
    /// Settings in force.
    pub config: Arc<SharedConfig>,
    /// Where events go.
    pub audit: Audit,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
}

//! WebSockets: who may open one, one task a socket, and the JSON that goes over it. The only place that knows tungstenite.

mod batch;
mod check;
mod close_code;
mod direct;
mod due;
mod eviction;
mod frame;
mod handshake;
mod join;
mod link;
mod outbound;
mod pipe;
mod places;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod pulse;
mod refusal;
mod registry;
mod request;
mod socket;
mod wire;

use std::sync::Arc;

use crate::accounts::password::HashPool;
use crate::audit::Audit;
use crate::chat::Hub;
use crate::clock::Clock;
use crate::config::Live;
use crate::limits::{Rates, RoomPause, Tally};

pub use check::{Reason, close};
pub use close_code::CloseCode;
pub use direct::{Direct, Transport};
pub use frame::{Draft, Frame};
pub use handshake::{HandshakeError, accept};
pub use outbound::{Outbound, Share};
pub use pulse::PROBE;
pub use registry::{Backlog, Registry, TooManySockets};
pub use request::{Ref, Request};
pub use socket::{Client, Opened, Ticket};
pub use wire::JsonWire;

/// What every socket's task works with.
pub struct Services {
    /// The rooms.
    pub hub: Arc<Hub<JsonWire>>,
    /// Hashes room passwords; not the pool of the sign-ins.
    pub hasher: HashPool,
    /// Messages, joins, typing.
    pub rates: Arc<Rates>,
    /// Wrong room passwords.
    pub pauses: Arc<RoomPause>,
    /// Open sockets by session.
    pub registry: Arc<Registry>,
    /// What was refused.
    pub refusals: Tally,
    /// Settings in force.
    pub config: Arc<Live>,
    /// Where events go.
    pub audit: Audit,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
}

//! The HTTP face: one hyper service, a table of routes, and one thin file a resource.

mod io;
mod listener_kind;
mod onboarding;
mod percent;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod request;
mod response;
mod router;
mod routes;
mod service;

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::{Clock, Timestamp};
use crate::config::SharedConfig;
use crate::limits::{ConnectionCaps, Counters, Rates};
use crate::quarantine::Quarantine;
use crate::types::PositionKey;
use crate::ws;

pub use io::connection::{Connection, serve};
pub use listener_kind::ListenerKind;
pub use onboarding::trust::{CaDownload, HttpsInfo};
pub use request::own_names::OwnNames;
pub use response::pages::Pages;
pub use router::{Access, RouteSpec, Router};

/// All that answering a request takes.
pub struct AppState {
    /// People and sessions.
    pub accounts: Arc<Accounts>,
    /// Files.
    pub quarantine: Arc<Quarantine>,
    /// Sockets and rooms.
    pub sockets: Arc<ws::Services>,
    /// Rate limits.
    pub rates: Arc<Rates>,
    /// Open connections.
    pub connections: ConnectionCaps,
    /// Counters of refusals.
    pub refusals: Counters,
    /// When the server started, by the clock of that moment.
    pub started: Timestamp,
    /// Settings in force.
    pub config: Arc<SharedConfig>,
    /// Audit log.
    pub audit: Audit,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Pages, ready to send.
    pub pages: Pages,
    /// Seals positions in lists.
    pub positions: PositionKey,
    /// The table of routes.
    pub router: Router,
    /// True if PiChat itself speaks TLS; the scheme of a browser is a fact of its request.
    pub secure: bool,
    /// The port of the address where PiChat answers: HTTPS where there is any, else HTTP. Names of cookies
    /// carry it.
    pub port: u16,
    /// The way there from plain HTTP; none where there is only one of the two.
    pub https: Option<HttpsInfo>,
    /// Names by which browsers reach this device.
    pub own_names: OwnNames,
}

//! The HTTP face: one hyper service, a table of routes, and one thin file a resource.

mod arrival;
mod assets;
mod at_once;
mod auth;
mod body;
mod charset;
mod connection;
mod context;
mod cookies;
mod device_cookie;
mod disposition;
mod download;
mod encoded_word;
mod file_stream;
mod form;
mod forwarded;
mod framing;
mod headers;
mod language;
mod linger;
mod listener_kind;
mod metrics;
mod multipart;
mod origin;
mod own_names;
mod pace;
mod pages;
mod plain_http;
mod precondition;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod request_body;
mod request_guard;
mod router;
mod routes;
mod service;
mod tags;
mod timeout_stream;
mod transliterate;
mod trust;
mod trust_page;

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::{Clock, Timestamp};
use crate::config::SharedConfig;
use crate::limits::{ConnectionCaps, Counters, Rates};
use crate::quarantine::Quarantine;
use crate::types::PositionKey;
use crate::ws;

pub use connection::{Connection, serve};
pub use listener_kind::ListenerKind;
pub use own_names::OwnNames;
pub use pages::Pages;
pub use router::{Access, RouteSpec, Router};
pub use trust::{CaDownload, HttpsInfo};

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
    /// The port of the address where PiChat answers: HTTPS where there is any, else HTTP. Names of cookies carry it.
    pub port: u16,
    /// The way there from plain HTTP; none where there is only one of the two.
    pub https: Option<HttpsInfo>,
    /// Names by which browsers reach this device.
    pub own_names: OwnNames,
}

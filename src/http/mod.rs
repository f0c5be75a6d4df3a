//! The HTTP face: one hyper service, a table of routes, and one thin file a resource.

mod address;
mod auth;
mod body;
mod connection;
mod cookies;
mod download;
mod form;
mod headers;
mod heads;
mod multipart;
mod origin;
mod pages;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod router;
mod routes;
mod service;
mod timed;

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::Live;
use crate::limits::Rates;
use crate::quarantine::Quarantine;
use crate::ws;

pub use connection::{Connection, serve};
pub use pages::{Assets, Pages};
pub use router::{Access, Router, Row};

/// All that answering a request takes.
pub struct Site {
    /// People and sessions.
    pub accounts: Arc<Accounts>,
    /// Files.
    pub quarantine: Arc<Quarantine>,
    /// Sockets and rooms.
    pub sockets: Arc<ws::Services>,
    /// Rate limits.
    pub rates: Arc<Rates>,
    /// Settings in force.
    pub config: Arc<Live>,
    /// Where events go.
    pub audit: Audit,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Pages, ready to send.
    pub pages: Pages,
    /// Style sheets, scripts, pictures.
    pub assets: Assets,
    /// The table of routes.
    pub router: Router,
    /// Whether browsers come over TLS.
    pub secure: bool,
    /// This machine's own name, lower case.
    pub host_name: String,
}

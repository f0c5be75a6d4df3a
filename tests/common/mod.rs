//! Fixtures of process-level tests: the real binary on its own port, and clients that share no code with the
//! server.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "each test file uses its own part"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value, reason = "tests")]

pub mod archive;
pub mod card;
pub mod data;
pub mod http;
pub mod metrics;
pub mod proxy;
pub mod raw_http;
pub mod server;
pub mod socket;
pub mod tls;

/// Settings of a server that trusts a proxy on this machine.
pub const TRUSTING: &str = "[http]\ntrusted_proxies = [\"127.0.0.1\"]\n";

pub use http::{Client, Response};
pub use server::{Options, Server};
pub use socket::{Socket, here};

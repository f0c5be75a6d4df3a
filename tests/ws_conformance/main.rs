//! RFC 6455 as the fuzzing client of the Autobahn test suite asks for it, over the real binary. The suite itself runs on Python 2 alone,
//! so its cases are ported by their numbers; `docs/CONFORMANCE.md` has the table.
//!
//! The suite wants an echo and this server is a chat. What is echoed here is the `ref` of a request that is refused.

#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod fragments;
mod framing;
mod peer;
mod utf8;

//! Conformance with RFC 6455 by the cases of the Autobahn test suite, against the real binary. The suite runs
//! on Python 2 only, so its cases are ported by their numbers; `docs/CONFORMANCE.md` has the table.
//!
//! The suite expects an echo server. Here the `ref` of a refused request is the echo.

#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod closing;
mod fragments;
mod framing;
mod peer;
mod utf8;

//! What people do in a browser, done in one: a headless Chromium that chromedriver steers, against the real binary, at
//! `http://pichat.local`, a name that is not `localhost` over plain HTTP, as the device answers in an office without TLS.
//!
//! Every browser is handed in with [`browser::Browser::finish`], which reads its console: an error, a warning or a breach
//! of the content security policy that the test did not name fails it.

#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod accessibility;
mod browser;
mod claim;
mod connection;
mod ended;
mod layout;
mod loading;
mod network_cable;
mod password;
mod proxies;
mod quarantine_page;
mod screenshots;
mod story;
mod tls;
mod user_actions;

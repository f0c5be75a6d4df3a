//! Browser tests: headless Chromium, driven by chromedriver, and the main story in Firefox, against the real
//! binary at `http://pichat.local`. That name is not `localhost` and uses plain HTTP, like a device in an
//! office without TLS.
//!
//! Every Chromium ends with [`browser::Browser::finish`], which reads its console: any error, warning or
//! violation of the content security policy that the test did not name fails it.

#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod accessibility;
mod account;
mod announcements;
mod browser;
mod budget;
mod claim;
mod connection;
mod ended;
mod firefox;
mod invitations;
mod language;
mod layout;
mod liveness;
mod loading;
mod long_tasks;
mod markup;
mod mentions;
mod message_changes;
mod message_tools;
mod messages;
mod moving;
mod network_cable;
mod password;
mod proxies;
mod quarantine_page;
mod reading;
mod rooms;
mod short_screens;
mod story;
mod tabs;
mod tls;
mod tour;
mod user_actions;
mod webkit;

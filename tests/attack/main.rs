//! What an attacker does, one module a heading of the program that PiChat descends from (its table follows the OWASP Top 10 of 2021),
//! against the real binary on 127.0.0.1. What other tests try already is named in the module's first lines, and not tried again.
//!
//! `cargo test --test attack no_legacy_vulnerability` runs that program's own list of seventeen and says how many of them succeed.

#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod a01_access;
mod a01_csrf;
mod a02_crypto;
mod a03_injection;
mod a03_smuggling;
mod a05_configuration;
mod a06_components;
mod a07_identity;
mod audit;
mod dos;
mod dos_connections;
mod files;
mod legacy_vulnerabilities;
mod legacy_vulnerabilities_chat;
mod legacy_vulnerabilities_web;
mod raw_bytes;
mod route_access;
mod websocket;

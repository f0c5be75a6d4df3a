//! Attacks against the real binary on 127.0.0.1, one module for each heading of the OWASP Top 10 of 2021 in
//! the security model. Each module's first lines name attacks that other tests try already.
//!
//! `cargo test --test attack no_legacy_vulnerability` runs the seventeen vulnerabilities of the Python
//! program and counts those that succeed.

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

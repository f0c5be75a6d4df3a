//! One file per table of `pichat.toml`: raw, as parsed, and checked.

pub(super) mod accounts;
pub(super) mod argon2;
pub(super) mod audit;
pub(super) mod chat;
pub(super) mod claim;
pub(super) mod device;
pub(super) mod files;
pub(super) mod http;
pub(super) mod ip_range;
pub(super) mod limits;
pub(super) mod network;
pub(super) mod secrets;
pub(super) mod tls;
pub(super) mod wifi;

//! PiChat: the chat and file box of a local network.
//!
//! A module uses only what stands to its right (a test enforces it):
//!
//! ```text
//! main > cli > app > net > http > ws > { chat, accounts, quarantine } > { limits, audit, store } > config > { atomic_file, private_file } > { types, clock }
//! ```
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`cli`] | one file a command |
//! | [`app`] | wiring: settings in, running server out |
//! | [`net`] | listen, accept, TLS, drain |
//! | [`http`] | the hyper service, the table of routes, embedded pages |
//! | [`ws`] | one task a socket, the JSON on it, its outbound queue |
//! | [`chat`] | rooms as pure state machines, and the hub that finds them |
//! | [`accounts`] | people, passwords, sessions |
//! | [`quarantine`] | files: names, store on disk, quota, records |
//! | [`limits`] | rate limits, lockout, connection caps, all in bounded memory |
//! | [`audit`] | typed events to syslog |
//! | [`store`] | SQLite |
//! | [`config`] | `pichat.toml`, environment and flags, checked |
//! | [`atomic_file`], [`private_file`] | small files: replaced whole, opened without following links |
//! | [`types`], [`clock`] | the words of the domain; time as a value |

pub mod accounts;
pub mod app;
pub mod atomic_file;
pub mod audit;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(test)]
mod corpus;
pub mod http;
pub mod limits;
pub mod net;
pub mod private_file;
pub mod quarantine;
pub mod store;
pub mod types;
pub mod ws;

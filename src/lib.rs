//! PiChat: the chat and file box of a local network.
//!
//! A module may depend only on modules listed after it; modules in braces are independent of each other (a
//! test enforces it):
//!
//! ```text
//! main > cli > app > net > http > ws > { chat, accounts, quarantine, announcements } > { limits, audit, store } > config > { atomic_file, private_file } > { types, clock, locks, detached }
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`cli`] | one file a command |
//! | [`app`] | wiring: builds the server from the settings and runs it |
//! | [`net`] | listen, accept, TLS, drain |
//! | [`http`] | hyper service, routes, embedded pages |
//! | [`ws`] | one task per socket, its JSON messages, its send queue |
//! | [`chat`] | rooms as pure state machines, and the hub that finds them |
//! | [`accounts`] | accounts, passwords, sessions |
//! | [`quarantine`] | files: names, storage, quota, records |
//! | [`announcements`] | announcements to all users, and their acknowledgements |
//! | [`limits`] | rate limits, lockout, connection caps, all in bounded memory |
//! | [`audit`] | typed events to syslog |
//! | [`store`] | SQLite |
//! | [`config`] | `pichat.toml`, environment and flags, checked |
//! | [`atomic_file`], [`private_file`] | small files: replaced atomically, opened without following links |
//! | [`types`], [`clock`], [`locks`], [`detached`] | domain value types; time as a value; locks that go on after a panic; work that outlives its caller |

pub mod accounts;
pub mod announcements;
pub mod app;
pub mod atomic_file;
pub mod audit;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(test)]
mod corpus;
pub mod detached;
pub mod http;
pub mod limits;
pub mod locks;
pub mod net;
pub mod private_file;
pub mod quarantine;
pub mod store;
pub mod types;
pub mod ws;

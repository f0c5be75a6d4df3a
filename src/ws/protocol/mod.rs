//! Frames, requests and messages as they are on the wire, without I/O.

mod changes;
pub(super) mod close_code;
pub(super) mod error_code;
pub(super) mod frame;
pub(super) mod handshake;
pub(super) mod messages;
pub(super) mod request;
pub(super) mod request_error;
mod request_fields;

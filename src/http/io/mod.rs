//! Bytes of a connection: its time limits, the checks of each head before hyper reads it, and its end.

pub(super) mod at_once;
pub(super) mod connection;
pub(super) mod framing;
pub(super) mod linger;
pub(super) mod pace;
pub(super) mod request_guard;
pub(super) mod timeout_stream;

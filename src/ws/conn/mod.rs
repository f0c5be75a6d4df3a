//! Connection of one client: transport, reads, probes and signs of life.

pub(super) mod connection;
pub(super) mod memory_io;
pub(super) mod probe;
pub(super) mod pulse;
pub(super) mod transport;

//! Connection of one client: transport, reads, probes and signs of life.

pub(super) mod connection;
mod frame_position;
mod frame_reader;
mod memory_io;
pub(super) mod probe;
pub(super) mod pulse;
pub(super) mod transport;

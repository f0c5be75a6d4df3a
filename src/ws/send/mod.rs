//! Way of a frame to its client: send queue, batches and fan-out.

pub(super) mod batch;
pub(super) mod fanout;
pub(super) mod queue_stats;
pub(super) mod send_queue;

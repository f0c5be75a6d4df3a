//! Disk work off the network threads.

use std::io;

use crate::detached;

/// Runs disk work off the network threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    detached::blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("the disk thread ended early")))
}

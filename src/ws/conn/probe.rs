//! Connections that are closed right after the upgrade: the health probe, and sessions without a free slot.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::ws::protocol::frame::Frame;

/// Time for the peer to close the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reason for the close; the discriminant is the close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum ProbeReason {
    /// The health probe succeeded (RFC 6455 section 7.4.1).
    Checked = 1000,
    /// The session has its maximum number of live sockets. Sent after the upgrade, since a browser does not
    /// expose the response of a refused one.
    TooManySockets = 4008,
}

impl ProbeReason {
    const fn word(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::TooManySockets => "too_many_sockets",
        }
    }
}

/// Sends a close frame, shuts down writing and waits for the peer to close.
pub async fn probe<S: AsyncRead + AsyncWrite + Unpin>(mut io: S, reason: ProbeReason) {
    let frame = Frame::close(reason as u16, reason.word());
    let orderly = async {
        io.write_all(&frame).await?;
        io.shutdown().await?;
        // The peer's close frame has at most 131 bytes; a client that sends more than this is not closing.
        let mut rest = [0; 256];
        io.read(&mut rest).await
    };
    // Errors are ignored; the connection closes either way.
    let _ = timeout(CLOSE_TIMEOUT, orderly).await;
}

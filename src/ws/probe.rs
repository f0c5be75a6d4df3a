//! Sockets that close as soon as they are open: to show that sockets work, or to say why there is no place.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::frame::Frame;

/// How long the other side may take to hang up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reason for which such a socket closes; the number is the close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum ProbeReason {
    /// Nothing more was wanted (RFC 6455 section 7.4.1).
    Checked = 1000,
    /// The session has as many sockets as it may, and all of them live. A page learns nothing from a refused upgrade.
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

/// Closes an upgraded connection in good order.
pub async fn probe<S: AsyncRead + AsyncWrite + Unpin>(mut io: S, reason: ProbeReason) {
    let frame = Frame::close(reason as u16, reason.word());
    let orderly = async {
        io.write_all(&frame).await?;
        io.shutdown().await?;
        // Its own close frame has at most 131 bytes; more than this is no client that wants to hang up.
        let mut rest = [0; 256];
        io.read(&mut rest).await
    };
    // Errors are ignored; the connection closes either way.
    let _ = timeout(CLOSE_TIMEOUT, orderly).await;
}

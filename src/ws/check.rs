//! A socket that only shows that sockets work.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// A close frame with code 1000 (RFC 6455 sections 5.5.1 and 7.4.1).
const CLOSE: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];
/// How long the other side may take to hang up.
const LINGER: Duration = Duration::from_secs(2);

/// Closes an upgraded connection in good order.
pub async fn check<S: AsyncRead + AsyncWrite + Unpin>(mut io: S) {
    let orderly = async {
        io.write_all(&CLOSE).await?;
        io.shutdown().await?;
        // Its own close frame has at most 131 bytes; more than this is nobody who wants to hang up.
        let mut rest = [0; 256];
        io.read(&mut rest).await
    };
    // Whichever way it ends, it ends.
    let _ = timeout(LINGER, orderly).await;
}

use std::io::IoSlice;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use tungstenite::protocol::{Role, WebSocketContext};

use super::*;
use crate::audit::SessionEnd;
use crate::chat::Priority;
use crate::ws::conn::memory_io::MemoryIo;
use crate::ws::protocol::frame::PING;

/// Returns a masked client frame (RFC 6455 section 5.2) with a mask of zero.
fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(0x80 | u8::try_from(len).expect("at most 125")),
        Ok(len) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => panic!("no test sends that much"),
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn link(buffer: usize) -> (WsConnection<DuplexStream>, DuplexStream, Arc<SendQueue>) {
    let (near, far) = duplex(buffer);
    let out = Arc::new(SendQueue::default());
    (WsConnection::new(near, &[], 16 * 1024, Arc::clone(&out)), far, out)
}

async fn next<S: AsyncRead + AsyncWrite + Endpoints + Unpin>(link: &mut WsConnection<S>) -> Inbound {
    std::future::poll_fn(|cx| link.poll(cx, PollMode::default())).await
}

fn gone(event: Inbound) -> u16 {
    match event {
        Inbound::Closed(code) => code,
        Inbound::Text(text) => panic!("a text: {text}"),
    }
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_pinged_and_then_closed() {
    let (mut link, mut far, _out) = link(1024);
    let start = Instant::now();
    assert_eq!(gone(next(&mut link).await), 1006);
    assert_eq!(start.elapsed(), DEAD_AFTER);
    drop(link);
    let mut sent = Vec::new();
    far.read_to_end(&mut sent).await.expect("reads");
    assert_eq!(sent, [&PING, ALIVE, &PING, ALIVE].concat(), "after 25 s and 50 s");
}

#[tokio::test(start_paused = true)]
async fn answering_client_stays_connected() {
    let (mut link, mut far, _out) = link(1024);
    let start = Instant::now();
    let client = tokio::spawn(async move {
        let mut ping = [0; PING.len() + ALIVE.len()];
        for _ in 0..5 {
            far.read_exact(&mut ping).await.expect("a ping");
            far.write_all(&client_frame(10, &[])).await.expect("a pong");
        }
    });
    assert_eq!(gone(next(&mut link).await), 1006);
    client.await.expect("the client saw five pings");
    assert_eq!(start.elapsed(), PING_EVERY * 5, "and hung up after the fifth");
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_nothing_is_closed_after_ten_seconds() {
    let (mut link, mut far, out) = link(64);
    let start = Instant::now();
    for _ in 0..10 {
        out.push(Frame::json(&"x".repeat(50)), Priority::Message);
    }
    // The client sends, so it is not silent; it only does not read.
    let talk = tokio::spawn(async move {
        while far.write_all(&client_frame(10, &[])).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(gone(next(&mut link).await), 1006);
    assert_eq!(start.elapsed(), STALLED_AFTER);
    drop(link);
    talk.await.expect("ends");
}

#[tokio::test]
async fn texts_before_close_are_delivered() {
    let (mut link, mut far, _out) = link(1024);
    let bytes =
        [client_frame(1, b"uno"), client_frame(1, b"dos"), client_frame(8, &1000_u16.to_be_bytes())].concat();
    far.write_all(&bytes).await.expect("writes");
    assert!(matches!(next(&mut link).await, Inbound::Text(t) if t.as_str() == "uno"));
    assert!(matches!(next(&mut link).await, Inbound::Text(t) if t.as_str() == "dos"));
    let close = tokio::spawn(async move {
        let mut answer = [0; 4];
        far.read_exact(&mut answer).await.expect("a close frame");
        answer
    });
    assert_eq!(gone(next(&mut link).await), 1000);
    assert_eq!(close.await.expect("reads"), [0x88, 2, 3, 232]);
}

#[tokio::test]
async fn unread_texts_are_dropped_when_session_ends() {
    for last in [client_frame(1, b"tres"), client_frame(2, b"binary")] {
        let (mut link, mut far, out) = link(1024);
        far.write_all(&[client_frame(1, b"uno"), client_frame(1, b"dos"), last].concat())
            .await
            .expect("writes");
        assert!(matches!(next(&mut link).await, Inbound::Text(t) if t.as_str() == "uno"));
        out.close(CloseCode::SessionEnded(SessionEnd::Logout));
        let reading = tokio::spawn(async move { far.read_to_end(&mut Vec::new()).await });
        // Either close code is right; the text "dos" and a busy loop are wrong.
        assert!([4001, 1003].contains(&gone(next(&mut link).await)));
        drop(link);
        reading.await.expect("ends").expect("reads");
    }
}

#[tokio::test]
async fn protocol_violations_have_their_close_codes() {
    let too_big = client_frame(1, &[b'x'; 17 * 1024]);
    let cases: [(&[u8], u16); 5] = [
        (&client_frame(2, b"binary"), 1003),
        (&client_frame(1, &[0xff, 0xfe]), 1007),
        (&too_big, 1009),
        (&[0x81, 3, b'a', b'b', b'c'], 1002),
        (&client_frame(3, b""), 1002),
    ];
    for (bytes, code) in cases {
        let (mut link, mut far, _out) = link(64 * 1024);
        far.write_all(bytes).await.expect("writes");
        let reader = tokio::spawn(async move {
            let mut answer = [0; 4];
            far.read_exact(&mut answer).await.expect("a close frame");
            answer
        });
        assert_eq!(gone(next(&mut link).await), code);
        assert_eq!(reader.await.expect("reads")[2..], code.to_be_bytes(), "{code}");
    }
}

/// Stream that accepts everything and records the size of each write.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<Vec<usize>>>);

impl AsyncRead for Counting {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Endpoints for Counting {
    fn ends(&self) -> Option<crate::limits::Ends> {
        None
    }
}

impl AsyncWrite for Counting {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().expect("unpoisoned").push(buf.len());
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|b| b.len()).sum();
        self.0.lock().expect("unpoisoned").push(len);
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn queued_frames_go_out_in_one_write() {
    let stream = Counting::default();
    let out = Arc::new(SendQueue::default());
    let mut link = WsConnection::new(stream.clone(), &[], 1024, Arc::clone(&out));
    let frames: Vec<_> = (0..20).map(|n| Frame::json(&n)).collect();
    for frame in &frames {
        out.push(frame.clone(), Priority::Message);
    }
    let polled = std::future::poll_fn(|cx| Poll::Ready(link.poll(cx, PollMode::default()))).await;
    assert!(polled.is_pending());
    let all: usize = frames.iter().map(|f| f.as_bytes().len()).sum();
    assert_eq!(*stream.0.lock().expect("unpoisoned"), vec![all]);
}

#[tokio::test]
async fn replay_precedes_queue_across_partial_writes() {
    let (mut link, mut far, out) = link(7);
    out.push(Frame::json(&"live"), Priority::Message);
    link.replay((0..30).map(|n| Frame::json(&format!("missed {n}"))));
    let reader = tokio::spawn(async move {
        let mut ctx = WebSocketContext::new(Role::Client, None);
        let (mut seen, mut ignored) = (Vec::new(), Vec::new());
        while seen.len() < 31 {
            let mut byte = [0; 5];
            let n = far.read(&mut byte).await.expect("reads");
            let mut pipe = MemoryIo { input: &byte[..n], output: &mut ignored };
            while let Ok(message) = ctx.read(&mut pipe) {
                seen.push(message.into_text().expect("text").to_string());
            }
        }
        seen
    });
    assert_eq!(gone(next(&mut link).await), 1006);
    let seen = reader.await.expect("reads all");
    assert_eq!(seen[0], "\"missed 0\"");
    assert_eq!(seen[29..], ["\"missed 29\"".to_owned(), "\"live\"".to_owned()]);
}

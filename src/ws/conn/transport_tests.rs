//! Inline writes of producers and writes of the socket's task on one connection, over real TCP, read back by
//! tungstenite's client.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tungstenite::protocol::{Role, WebSocketContext};

use super::*;
use crate::audit::SessionEnd;
use crate::chat::Priority;
use crate::ws::conn::connection::{Inbound, PollMode, WsConnection};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::frame::Frame;
use crate::ws::send::batch::CoalescedBatch;
use crate::ws::send::fanout::PendingFlush;

/// Returns a connection with the smallest kernel buffers, so that they fill soon.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = TcpSocket::new_v4().expect("a socket");
    client.set_recv_buffer_size(1).expect("sets");
    let client = client.connect(listener.local_addr().expect("an address"));
    let (client, accepted) = tokio::join!(client, listener.accept());
    (accepted.expect("a client").0, client.expect("connects"))
}

fn link(stream: TcpStream) -> (WsConnection<TcpTransport<()>>, Arc<SendQueue>) {
    let out = Arc::new(SendQueue::default());
    let direct = TcpTransport::new(stream, &out, ());
    (WsConnection::new(direct, &[], 16 * 1024, Arc::clone(&out)), out)
}

/// Counts wake-ups of the socket's task.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Decodes whole frames; returns the texts, and the close code if there is one.
fn read_back(bytes: &[u8]) -> (Vec<String>, Option<u16>) {
    let mut client = WebSocketContext::new(Role::Client, None);
    let mut stream = std::io::Cursor::new(bytes.to_vec());
    let mut texts = Vec::new();
    loop {
        match client.read(&mut stream) {
            Ok(tungstenite::Message::Text(text)) => texts.push(serde_json::from_str(&text).expect("JSON")),
            Ok(tungstenite::Message::Close(frame)) => return (texts, frame.map(|f| f.code.into())),
            Ok(_) => {}
            Err(_) => return (texts, None),
        }
    }
}

/// Polls the socket's task once while nothing has happened.
fn idle(link: &mut WsConnection<TcpTransport<()>>, wakes: &Arc<Wakes>) {
    let waker = Arc::clone(wakes).into();
    assert!(link.poll(&mut Context::from_waker(&waker), PollMode::default()).is_pending());
}

#[tokio::test]
async fn producer_writes_to_idle_socket_without_wakeup() {
    let (server, mut client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    let wakes = Arc::new(Wakes::default());
    assert!(
        !out.enqueue(Frame::json(&"antes"), Priority::Message),
        "the task has not run: producers may not write yet"
    );
    idle(&mut link, &wakes);
    assert!(out.enqueue(Frame::json(&"uno"), Priority::Message), "the first producer must flush");
    assert!(!out.enqueue(Frame::json(&"dos"), Priority::Message), "the first producer writes both");
    out.flush(&mut CoalescedBatch::default());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    let mut bytes = vec![0; 64];
    let mut seen = Vec::new();
    while read_back(&seen).0.len() < 3 {
        let n = client.read(&mut bytes).await.expect("reads");
        seen.extend_from_slice(&bytes[..n]);
    }
    assert_eq!(read_back(&seen), (vec!["antes".into(), "uno".into(), "dos".into()], None));
}

#[tokio::test]
async fn flushed_queue_releases_memory() {
    let (server, _client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    idle(&mut link, &Arc::new(Wakes::default()));
    for _ in 0..60 {
        out.enqueue(Frame::json(&"x"), Priority::Message);
    }
    assert!(out.capacity() >= 60);
    out.flush(&mut CoalescedBatch::default());
    assert_eq!((out.waiting(), out.capacity()), (0, 0));
}

#[tokio::test]
async fn abandoned_flush_is_written_by_the_task() {
    let (server, mut client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    let wakes = Arc::new(Wakes::default());
    idle(&mut link, &wakes);
    let mut due = PendingFlush::default();
    due.enqueue_own(&out, Frame::json(&"uno"));
    assert_eq!((due.is_empty(), wakes.0.load(Ordering::SeqCst)), (false, 0), "the flush is pending");
    drop(due);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    idle(&mut link, &wakes);
    let mut bytes = [0; 7];
    client.read_exact(&mut bytes).await.expect("reads");
    assert_eq!(read_back(&bytes).0, ["uno"]);
}

/// Sends until the kernel accepts no more and a frame is partly written; returns the number of frames sent.
fn speak_until_full(out: &SendQueue, wakes: &Wakes) -> usize {
    let mut said = 0;
    while wakes.0.load(Ordering::SeqCst) == 0 {
        assert!(said < 100_000, "no kernel takes that much");
        if out.enqueue(Frame::json(&format!("{said}{}", "-".repeat(3000))), Priority::Message) {
            out.flush(&mut CoalescedBatch::default());
            // Woken now, not with the next message: there may be none.
            assert_eq!(
                out.waiting() > 0,
                wakes.0.load(Ordering::SeqCst) > 0,
                "the task is woken for the rest"
            );
        }
        said += 1;
    }
    said
}

#[tokio::test]
async fn partly_written_frame_is_finished_first() {
    let (server, mut client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    let wakes = Arc::new(Wakes::default());
    idle(&mut link, &wakes);
    let said = speak_until_full(&out, &wakes);
    out.push(Frame::json(&"última"), Priority::Message);
    // The pong is the task's own frame and must not split the partly written one either.
    client.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.expect("writes");
    let reading = tokio::spawn(async move {
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.expect("reads");
        seen
    });
    let closing = Arc::clone(&out);
    let serving = tokio::spawn(async move {
        let gone = poll_fn(|cx| {
            let polled = link.poll(cx, PollMode::default());
            if link.is_drained() {
                closing.close(CloseCode::Shutdown);
            }
            polled
        });
        assert!(matches!(gone.await, Inbound::Closed(1001)));
    });
    // The close timer is cut short: the client hangs up at the end of the stream.
    let seen = reading.await.expect("reads all");
    serving.await.expect("ends");
    let (texts, code) = read_back(&seen);
    assert_eq!((texts.len(), code), (said + 1, Some(1001)));
    assert!(
        texts[..said].iter().enumerate().all(|(i, text)| text.trim_end_matches('-') == i.to_string()),
        "in order"
    );
    assert_eq!(texts[said], "última");
}

/// Idle socket, its queue and its client.
type Receiver = (WsConnection<TcpTransport<()>>, Arc<SendQueue>, TcpStream);

async fn crowd(people: usize) -> Vec<Receiver> {
    let mut crowd = Vec::new();
    for _ in 0..people {
        let (server, client) = pair().await;
        server.writable().await.expect("is open");
        let (mut link, out) = link(server);
        idle(&mut link, &Arc::default());
        crowd.push((link, out, client));
    }
    crowd
}

#[tokio::test]
async fn messages_between_flushes_join_pending_writes() {
    const PEOPLE: usize = 20;
    let mut crowd = crowd(PEOPLE).await;
    let mut due = PendingFlush::default();
    let say = |due: &mut PendingFlush, crowd: &[Receiver], text: &str| {
        due.note_inbound();
        let frame = Frame::json(&text);
        let owed = crowd.iter().filter(|(_, out, _)| out.enqueue(frame.clone(), Priority::Message));
        due.receivers().extend(owed.map(|(_, out, _)| Arc::clone(out)));
    };
    ["uno", "dos"].iter().for_each(|text| say(&mut due, &crowd, text));
    assert!(!due.flush_batch());
    let had_theirs = PEOPLE - due.receivers().len();
    ["tres", "cuatro"].iter().for_each(|text| say(&mut due, &crowd, text));
    assert_eq!(due.receivers().len(), PEOPLE, "each receiver is pending once, flushed ones come last");
    while !due.flush_batch() {}
    for (n, (_, out, client)) in crowd.iter_mut().enumerate() {
        assert_eq!(out.waiting(), 0);
        let mut bytes = [0; 256];
        let read = client.read(&mut bytes).await.expect("reads");
        let texts = read_back(&bytes[..read]).0;
        // One read returns everything, regardless of the number of writes.
        assert_eq!(texts, ["uno", "dos", "tres", "cuatro"], "receiver {n} of {had_theirs} and others");
    }
}

#[tokio::test]
async fn queue_fills_only_when_peer_is_slow() {
    // More frames, or more bytes, than the queue holds; the kernel accepts the surplus at once.
    for (frames, size) in [(1000, 1), (30, 10_000)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let connecting = TcpStream::connect(listener.local_addr().expect("an address"));
        let (client, accepted) = tokio::join!(connecting, listener.accept());
        let (mut link, out) = link(accepted.expect("a client").0);
        let polled = poll_fn(|cx| Poll::Ready(link.poll(cx, PollMode::default()))).await;
        assert!(polled.is_pending());
        // The producer that owes the flush does not run while others enqueue.
        assert!(out.enqueue(Frame::json(&"x".repeat(size)), Priority::Message));
        (1..frames).for_each(|_| _ = out.enqueue(Frame::json(&"x".repeat(size)), Priority::Message));
        assert!(!out.is_closing(), "{frames} frames of {size} bytes");
        out.flush(&mut CoalescedBatch::default());
        let serving = tokio::spawn(async move { poll_fn(|cx| link.poll(cx, PollMode::default())).await });
        let mut client = client.expect("connects");
        let mut seen = Vec::new();
        while read_back(&seen).0.len() < frames {
            assert!(client.read_buf(&mut seen).await.expect("reads") > 0);
        }
        drop(client);
        assert!(matches!(serving.await.expect("ends"), Inbound::Closed(1006)));
    }
}

#[tokio::test]
async fn held_socket_leaves_only_inline_writes_to_caller() {
    let (server, mut client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    let wakes = Arc::new(Wakes::default());
    idle(&mut link, &wakes);
    let held = PollMode { pause_reads: false, leave_writes_to_caller: true };
    assert!(out.enqueue(Frame::json(&"uno"), Priority::Message));
    assert!(poll_fn(|cx| Poll::Ready(link.poll(cx, held))).await.is_pending());
    assert_eq!(out.waiting(), 1, "left to the producer");
    out.flush(&mut CoalescedBatch::default());
    assert!(out.enqueue(Frame::json(&"dos"), Priority::Message));
    client.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.expect("writes");
    let written = poll_fn(|cx| {
        assert!(link.poll(cx, held).is_pending());
        if out.waiting() > 0 { Poll::Pending } else { Poll::Ready(()) }
    });
    tokio::time::timeout(std::time::Duration::from_secs(60), written)
        .await
        .expect("the task writes its own frames, and all others with them");
    out.close(CloseCode::SessionEnded(SessionEnd::Logout));
    assert!(poll_fn(|cx| Poll::Ready(link.poll(cx, held))).await.is_pending());
    let mut seen = vec![0; 64];
    let read = client.read(&mut seen).await.expect("reads");
    assert!(seen[..read].windows(2).any(|at| at == [0x8a, 0]), "a pong");
    assert_eq!(read_back(&seen[..read]), (vec!["uno".to_owned(), "dos".to_owned()], Some(4001)));
}

#[tokio::test]
async fn close_finishes_partly_written_frame_and_ends_stream() {
    let (server, mut client) = pair().await;
    server.writable().await.expect("is open");
    let (mut link, out) = link(server);
    let wakes = Arc::new(Wakes::default());
    idle(&mut link, &wakes);
    speak_until_full(&out, &wakes);
    out.close(CloseCode::SessionEnded(SessionEnd::Logout));
    assert!(!out.enqueue(Frame::json(&"tarde"), Priority::Message));
    out.flush(&mut CoalescedBatch::default());
    let serving = tokio::spawn(async move { poll_fn(|cx| link.poll(cx, PollMode::default())).await });
    let mut seen = Vec::new();
    client.read_to_end(&mut seen).await.expect("reads");
    drop(client);
    assert!(matches!(serving.await.expect("ends"), Inbound::Closed(4001)));
    let (texts, code) = read_back(&seen);
    assert_eq!(code, Some(4001), "after {} texts", texts.len());
    assert!(!texts.iter().any(|text| text == "tarde"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_producers_lose_and_tear_no_frame() {
    const SPEAKERS: usize = 8;
    const EACH: usize = 400;
    let said = |who: usize, n: usize| Frame::json(&format!("{who} {n} {}", "-".repeat(n % 50)));
    let (server, mut client) = pair().await;
    let (mut link, out) = link(server);
    let serving = tokio::spawn(async move { poll_fn(|cx| link.poll(cx, PollMode::default())).await });
    let speakers: Vec<_> = (0..SPEAKERS)
        .map(|who| {
            let out = Arc::clone(&out);
            tokio::spawn(async move {
                for n in 0..EACH {
                    let frame = said(who, n);
                    if n % 3 == 0 {
                        out.push(frame, Priority::Message);
                    } else if out.enqueue(frame, Priority::Message) {
                        tokio::task::yield_now().await;
                        out.flush(&mut CoalescedBatch::default());
                    }
                    while out.waiting() > 100 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let reading = tokio::spawn(async move {
        let all = (0..SPEAKERS).flat_map(|who| (0..EACH).map(move |n| said(who, n).as_bytes().len())).sum();
        let mut seen = vec![0; all];
        client.read_exact(&mut seen).await.expect("all of it");
        read_back(&seen).0
    });
    for speaker in speakers {
        speaker.await.expect("speaks");
    }
    let texts = reading.await.expect("reads all");
    serving.abort();
    let mut next = [0; SPEAKERS];
    for text in &texts {
        let mut words = text.split(' ').map(|word| word.parse::<usize>());
        let (Some(Ok(who)), Some(Ok(n))) = (words.next(), words.next()) else { panic!("torn: {text}") };
        assert_eq!(n, next[who], "of speaker {who}, in order");
        next[who] += 1;
    }
    assert_eq!(next, [EACH; SPEAKERS]);
}

/// Paused time and a real connection: the client reads a little every second, and the kernel reports the
/// socket writable only at long intervals.
#[tokio::test(start_paused = true)]
async fn slow_reader_with_progress_is_kept() {
    let (server, mut client) = pair().await;
    let (mut link, out) = link(server);
    let frame = Frame::json(&"x".repeat(2000));
    let reader = tokio::spawn(async move {
        let mut chunk = [0; 1024];
        for _ in 0..40 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            client.read_exact(&mut chunk).await.expect("more to read");
        }
        // The client stops reading.
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        drop(client);
    });
    let start = tokio::time::Instant::now();
    let end = poll_fn(|cx| {
        // Keeps the queue filled, so that the socket always waits for the reader.
        while out.waiting() < 64 {
            out.push(frame.clone(), Priority::Message);
        }
        link.poll(cx, PollMode::default())
    });
    assert!(matches!(end.await, Inbound::Closed(1006)));
    let lived = start.elapsed().as_secs();
    // The kernel's timers run in real time, so its last acknowledgement may seem late. A silent client is
    // dead after 60 s.
    assert!((45..=60).contains(&lived), "ten seconds after its last byte: {lived}");
    reader.abort();
}

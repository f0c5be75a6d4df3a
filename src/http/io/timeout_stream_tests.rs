use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

#[tokio::test(start_paused = true)]
async fn a_head_has_ten_seconds_and_dribbling_does_not_help() {
    let (near, mut far) = duplex(64);
    let mut timed = TimeoutStream::new(near, ConnPhase::default());
    let start = Instant::now();
    let dribble = tokio::spawn(async move {
        while far.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    });
    let mut buf = [0; 8];
    let error = loop {
        match timed.read(&mut buf).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), HEAD.as_secs());
    drop(timed);
    let _ = dribble.await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_has_75_seconds_and_a_busy_one_all_it_needs() {
    let (near, _far) = duplex(64);
    let phase = ConnPhase::default();
    let mut timed = TimeoutStream::new(near, phase.clone());
    let busy = phase.busy();
    let mut buf = [0; 8];
    let long = tokio::time::timeout(Duration::from_secs(500), timed.read(&mut buf)).await;
    assert!(long.is_err(), "no limit of the stream's own while a request is answered");
    drop(busy);
    let start = Instant::now();
    let error = timed.read(&mut buf).await.expect_err("idle");
    assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, IDLE.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let (near, _far) = duplex(4);
    let mut timed = TimeoutStream::new(near, ConnPhase::default());
    let start = Instant::now();
    let error = timed.write_all(&[0; 64]).await.expect_err("stalled");
    assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, STALLED_WRITE.as_secs()));
}

#[tokio::test(start_paused = true)]
async fn stalled_download_has_two_minutes() {
    let (near, _far) = duplex(4);
    let phase = ConnPhase::default();
    let mut timed = TimeoutStream::new(near, phase.clone());
    let busy = phase.busy();
    busy.downloads();
    drop(busy);
    let start = Instant::now();
    let error = timed.write_all(&[0; 64]).await.expect_err("stalled");
    assert_eq!((error.kind(), start.elapsed()), (io::ErrorKind::TimedOut, STALLED_DOWNLOAD));
}

/// Paused time and a real connection. The reader takes 4 KiB a second of buffers of megabytes, which the
/// kernel calls writable again only when a third of them is free.
#[tokio::test(start_paused = true)]
async fn slow_download_that_goes_on_is_kept() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = tokio::net::TcpStream::connect(listener.local_addr().expect("bound"));
    let (client, accepted) = tokio::join!(client, listener.accept());
    let (mut client, server) = (client.expect("connects"), accepted.expect("a client").0);
    let reader = tokio::spawn(async move {
        let mut chunk = vec![0; 64 * 1024];
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            client.read_exact(&mut chunk).await.expect("more to read");
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
    });
    let phase = ConnPhase::default();
    let mut timed = TimeoutStream::new(server, phase.clone());
    let busy = phase.busy();
    busy.downloads();
    let start = Instant::now();
    let error = timed.write_all(&vec![0; 64 << 20]).await.expect_err("it stops at last");
    let lived = start.elapsed().as_secs();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // The kernel's own timers run in real time, so its last acknowledgement may seem late.
    assert!((5000..=5600).contains(&lived), "two minutes after its last byte: {lived}");
    reader.abort();
}

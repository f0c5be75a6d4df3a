use http::Uri;
use proptest::prelude::*;

use super::*;
use crate::http::io::framing::{MAX_FIELDS, is_plain_path};

fn of(head: &str) -> Result<Next, u16> {
    let mut scanned = 0;
    match find_head_end(head.as_bytes(), &mut scanned) {
        HeadEnd::At(end) if end == head.len() => framing(head.as_bytes()).map_err(|status| status.as_u16()),
        HeadEnd::At(_) | HeadEnd::Missing => Err(0),
        HeadEnd::Malformed => Err(400),
    }
}

fn with(fields: &str) -> Result<Next, u16> {
    of(&format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

#[test]
fn one_framing_or_none() {
    assert_eq!(with(""), Ok(Next::Body(0)));
    assert_eq!(with("Content-Length: 12\r\n"), Ok(Next::Body(12)));
    assert_eq!(with("content-length: \t0007 \r\n"), Ok(Next::Body(7)));
    assert_eq!(with("Transfer-Encoding: Chunked\r\n"), Ok(Next::Unchecked));
    assert_eq!(with("Upgrade: websocket\r\n"), Ok(Next::Unchecked));
    for bad in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3 3\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: a\nContent-Length: 3\r\n",
        "X: a\rContent-Length: 3\r\n",
        "X: a\0\r\n",
    ] {
        assert_eq!(with(bad), Err(400), "{bad:?}");
    }
    assert_eq!(of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(400));
}

#[test]
fn lines_end_with_both_characters() {
    for bad in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\r\n\r\n",
        "\n",
        "\x16\x03\x01",
    ] {
        assert_eq!(of(bad), Err(400), "{bad:?}");
    }
    for bad in [
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET /[ HTTP/1.1 \r\n\r\n",
    ] {
        assert_eq!(of(bad), Err(400), "{bad:?}");
    }
}

#[test]
fn so_many_fields() {
    let fields = |n: usize| (1..n).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    assert_eq!(with(&fields(MAX_FIELDS)), Ok(Next::Body(0)));
    assert_eq!(with(&fields(MAX_FIELDS + 1)), Err(431));
}

/// Sizes of a reader's buffer: smaller than a head, as large as hyper's at first, and as it may become.
const BUFFERS: [usize; 3] = [100, 8192, 2 * DIRECT];

/// Returns the output of `RequestGuard` into a buffer of `room` bytes for `bytes` in reads of `piece`, and
/// the client's answer.
async fn through(bytes: Vec<u8>, piece: usize, room: usize) -> (Vec<u8>, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (near, far) = tokio::io::duplex(1 << 20);
    let (mut from, mut to) = tokio::io::split(far);
    let client = tokio::spawn(async move {
        for piece in bytes.chunks(piece) {
            let _ = to.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        to.shutdown().await.expect("ends");
        let mut answer = String::new();
        let _ = from.read_to_string(&mut answer).await;
        answer
    });
    let phase = ConnPhase::default();
    let mut heads = RequestGuard::new(TimeoutStream::new(near, phase.clone()), phase, false);
    let mut seen = Vec::new();
    let mut buf = vec![0; room];
    while let Ok(read) = heads.read(&mut buf).await {
        if read == 0 {
            break;
        }
        seen.extend_from_slice(&buf[..read]);
    }
    drop(heads);
    (seen, client.await.expect("ends"))
}

#[tokio::test(start_paused = true)]
async fn what_is_good_comes_through_whole_however_it_is_cut() {
    let good = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n\n\0body\r\n\r\nGET /b HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\n\0x";
    for (piece, room) in [1, 2, 7, 4000].into_iter().flat_map(|piece| BUFFERS.map(|room| (piece, room))) {
        let (seen, answer) = through(good.into(), piece, room).await;
        assert_eq!(
            (String::from_utf8_lossy(&seen).into_owned(), answer.as_str()),
            (good[2..].to_owned(), ""),
            "{piece} {room}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_bad_head_is_never_read() {
    let first = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    for bad in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        for (piece, room) in
            [1, first.len(), 4000].into_iter().flat_map(|piece| BUFFERS.map(|room| (piece, room)))
        {
            let (seen, answer) =
                through(format!("{first}{bad}GET /secret HTTP/1.1\r\n\r\n").into_bytes(), piece, room).await;
            assert_eq!(String::from_utf8_lossy(&seen), first);
            assert!(
                answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.ends_with("\r\n\r\n"),
                "{answer}"
            );
            assert!(answer.contains("\r\ncontent-security-policy: default-src 'none'"), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_is_bounded_to_the_byte() {
    let sized = |len: usize| {
        let shell = "GET / HTTP/1.1\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(len - shell)).into_bytes()
    };
    for (piece, room) in [999, 8 * MAX_HEAD].into_iter().flat_map(|piece| BUFFERS.map(|room| (piece, room))) {
        let (seen, answer) = through(sized(MAX_HEAD), piece, room).await;
        assert_eq!((seen.len(), answer.as_str()), (MAX_HEAD, ""));
        for len in [MAX_HEAD + 1, MAX_HEAD + CHUNK, 8 * MAX_HEAD] {
            let (seen, answer) = through(sized(len), piece, room).await;
            assert_eq!(seen.len(), 0, "{len} {piece} {room}");
            assert!(answer.starts_with("HTTP/1.1 431 "), "{len}: {answer}");
        }
    }
}

/// The rule of [`end`], byte by byte: each line ends with CR LF, and there is no other control character than
/// the tab.
fn end_slowly(buf: &[u8]) -> HeadEnd {
    for (at, &byte) in buf.iter().enumerate() {
        let before = &buf[..at];
        match byte {
            b'\n' if before.ends_with(b"\r\n\r") => return HeadEnd::At(at + 1),
            b'\n' if before.ends_with(b"\r") => {}
            b'\n' | 0x7f => return HeadEnd::Malformed,
            _ if before.ends_with(b"\r") => return HeadEnd::Malformed,
            0..b' ' if byte != b'\r' && byte != b'\t' => return HeadEnd::Malformed,
            _ => {}
        }
    }
    HeadEnd::Missing
}

proptest! {
    #[test]
    fn end_of_a_head_is_found_in_any_pieces(text in "[ a~\t\u{e9}\r\n\u{1}\u{7f}]{0,8}([a-z]{0,40}(\r\n){0,2}){0,4}", cut in 0..100_usize) {
        let (bytes, mut scanned) = (text.as_bytes(), 0);
        let first = find_head_end(&bytes[..cut.min(bytes.len())], &mut scanned);
        let found = if first == HeadEnd::Missing { find_head_end(bytes, &mut scanned) } else { first };
        prop_assert_eq!(found, end_slowly(bytes));
    }

    #[test]
    fn plain_path_is_one_that_hyper_reads(path in "/[a-zA-Z0-9/._=&?%# -]{0,30}") {
        prop_assert!(!is_plain_path(&path) || Uri::try_from(path.as_str()).is_ok_and(|uri| uri.to_string() == path));
    }
}

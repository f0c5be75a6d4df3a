//! Properties of every head and body of a request, checked by the fuzzers in `fuzz/` and the tests below.
#![allow(clippy::expect_used, reason = "a property that does not hold says so by panicking")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use http_body::Frame;

use crate::http::request::cookies::CookieScope;
use crate::http::request::form::field;
use crate::http::request::forwarded;
use crate::http::request::multipart::{Announced, MAX_READ_AHEAD, MultipartUpload};
use crate::http::request::origin::{authority, is_own, is_same};
use crate::http::request::own_names::OwnNames;
use crate::http::response::problem::ProblemCode;
use crate::types::crypto::Token;
use crate::types::{HostPort, Lang};

/// Lines of a header, as hyper hands them on: what may not stand in a header never comes this far.
fn lines(data: &[u8], name: &HeaderName) -> HeaderMap {
    let lines = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    lines.map(|line| (name.clone(), line)).collect()
}

/// The token in a cookie header is one that stands in it under our name; what we set comes back, whatever
/// stands beside it.
pub fn cookie(data: &[u8]) {
    let sent = Token::parse(&"0123456789abcdef".repeat(4)).expect("64 digits");
    for secure in [false, true] {
        let (name, cookies) =
            (if secure { "__Host-pichat-443" } else { "pichat-443" }, CookieScope::new(443, secure));
        let mut headers = lines(data, &header::COOKIE);
        let read = cookies.tokens(&headers).next().map(|token| token.reveal());
        if let Some(text) = &read {
            let pair = format!("{name}={text}");
            let mut sent = headers.values().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
            assert!(sent.any(|sent| sent.trim_ascii() == pair.as_bytes()), "{pair} was not sent");
            assert!(Token::parse(text).is_some_and(|again| again.reveal() == *text));
        }
        let set = cookies.set(&sent, None);
        let pair = set.to_str().ok().and_then(|set| set.split(';').next()).expect("a pair").to_owned();
        headers.append(header::COOKIE, pair.parse().expect("a value"));
        let after = cookies.tokens(&headers).next().map(|token| token.reveal());
        assert_eq!(after, Some(read.unwrap_or_else(|| sent.reveal())), "the first counts, else ours");
    }
}

/// Reads client address, host and language from any head; only names of this device are accepted.
pub fn head(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lang = Lang::from_accept_language(&text);
    assert!(lang == Lang::default() || text.to_ascii_lowercase().contains(lang.tag()), "{text:?}");

    let proxy = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"] {
        let sent = lines(data, &HeaderName::from_static(name));
        for trusted in [false, true] {
            let Ok(side) = forwarded::read(proxy, &sent, |addr| trusted || addr == proxy) else { continue };
            assert!(side == forwarded::BrowserSide::default() || !sent.is_empty());
            assert!(side.authority.is_none_or(|own| {
                let text = own.to_string();
                text.bytes().all(|b| !b.is_ascii_uppercase()) && HostPort::parse(&text) == Some(own)
            }));
            assert!(side.addr.is_none_or(|addr| addr == addr.to_canonical()));
        }
    }

    let (hosts, names) = (lines(data, &header::HOST), OwnNames::new("mi-pi"));
    match authority(&hosts, &Uri::from_static("/login")) {
        Err(problem) => assert_eq!(problem.code, ProblemCode::BadRequest),
        Ok(None) => assert!(hosts.is_empty()),
        Ok(Some(own)) => {
            assert_eq!(hosts.len(), 1);
            let text = own.to_string();
            assert_eq!(HostPort::parse(&text).as_ref(), Some(&own));
            if !text.contains([':', '['])
                && let Some(foreign) = HostPort::parse(&format!("{text}.evil.example"))
            {
                assert!(!is_own(&foreign, &names, &[]), "{own:?}");
            }
            if is_own(&own, &names, &[]) {
                assert!(
                    text.contains(['.', ':']) || text.contains("localhost") || text.contains("mi-pi"),
                    "{own:?}"
                );
            }
            let origin = |origin: &str| {
                HeaderMap::from_iter([(
                    header::ORIGIN,
                    HeaderValue::from_bytes(origin.as_bytes()).expect("text"),
                )])
            };
            assert!(
                !is_same(&origin("null"), Some(&own), false, &[])
                    && !is_same(&origin("https://x.example"), Some(&own), false, &[]),
                "{own:?}"
            );
        }
    }
}

/// A field of a form: what is encoded comes back, and what is decoded is no longer than what was sent.
pub fn form(data: &[u8]) {
    for name in ["usuario", "clave", ""] {
        if let Some(value) = field(data, name) {
            // A byte that is no UTF-8 becomes the three of U+FFFD.
            assert!(value.len() <= 3 * data.len());
        }
    }
    let encoded: Vec<u8> = data.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect();
    let body = [b"a=b&clave=", &*encoded, b"&usuario=x"].concat();
    assert_eq!(field(&body, "clave").as_deref(), Some(&String::from_utf8_lossy(data).into_owned()));
    assert_eq!(field(&body, "usuario").as_deref().map(String::as_str), Some("x"));
}

/// The form of an upload gives the same name and bytes, or the same refusal, however it is cut into packets,
/// and little is read before the file begins. Up to the first line end stands the content type, then one byte
/// that says how it is cut, then the body.
pub fn multipart(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Some((cut, body)) = data.get(at + 1..).and_then(<[u8]>::split_first) else { return };
    let headers = lines(&data[..at], &header::CONTENT_TYPE);
    let whole = read(&headers, body, LARGEST_READ);
    assert_eq!(
        read(&headers, body, usize::from(*cut) + 1),
        whole,
        "in pieces of {} bytes",
        usize::from(*cut) + 1
    );
    if let Ok((name, content)) = whole {
        assert!(!name.is_empty() && !name.contains(['/', '\\']));
        assert!(
            content.is_empty() || body.windows(content.len()).any(|part| part == content),
            "bytes that no client sent"
        );
    }
}

/// Largest read of hyper.
const LARGEST_READ: usize = 32 * 1024;
const MAX_FILE: u64 = 256 * 1024;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));

/// Name and content of the file, or the code of the refusal.
fn read(headers: &HeaderMap, body: &[u8], cut: usize) -> Result<(String, Vec<u8>), ProblemCode> {
    let pulled = Arc::new(AtomicUsize::new(0));
    let pieces = body.chunks(cut).map(Bytes::copy_from_slice).collect();
    let source = MultipartUpload::new(Pieces { pieces, waited: false, pulled: Arc::clone(&pulled) });
    let result = RUNTIME.block_on(async {
        let opened = source.open(Announced::read(headers, MAX_FILE)?).await;
        let before = pulled.load(Ordering::Relaxed);
        assert!(before <= MAX_READ_AHEAD + LARGEST_READ, "{before} bytes are read before the file");
        let mut part = opened?;
        let mut content = Vec::new();
        while let Some(chunk) = part.chunk().await? {
            content.extend_from_slice(&chunk);
        }
        Ok((part.end().await?.0.to_string(), content))
    });
    result.map_err(|problem: crate::http::response::problem::Problem| problem.code)
}

/// Body in pieces, one for each poll.
struct Pieces {
    pieces: VecDeque<Bytes>,
    waited: bool,
    pulled: Arc<AtomicUsize>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = self.pieces.pop_front();
        self.pulled.fetch_add(piece.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::replay;
    use proptest::prelude::*;

    #[test]
    fn the_corpus_holds() {
        replay("cookie", cookie);
        replay("head", head);
        replay("form", form);
        replay("multipart", multipart);
    }

    #[test]
    fn a_plain_form_is_read() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"a.txt\"\r\n\r\nhola\r\n--x--\r\n";
        let headers = lines(b"multipart/form-data; boundary=x", &header::CONTENT_TYPE);
        for cut in [1, 3, 1000] {
            assert_eq!(read(&headers, body, cut), Ok(("a.txt".to_owned(), b"hola".to_vec())), "{cut}");
        }
        assert_eq!(
            read(&headers, &body[..body.len() - 4], 1000),
            Err(ProblemCode::BadRequest),
            "without its end"
        );
        let other = b"--x\r\nContent-Disposition: form-data; name=\"nota\"\r\n\r\nuna\r\n";
        let among = [&other.repeat(8), &body[..body.len() - 7], &other.repeat(8), b"--x--\r\n"].concat();
        for cut in [1, 7, 10_000] {
            assert_eq!(read(&headers, &among, cut), Ok(("a.txt".to_owned(), b"hola".to_vec())), "{cut}");
        }
        let many = [&other.repeat(17), &body[..]].concat();
        assert_eq!(read(&headers, &many, 1000), Err(ProblemCode::BadRequest), "seventeen other fields");
        let large = [&other[..other.len() - 2], &vec![b'x'; MAX_READ_AHEAD / 2], b"\r\n", &body[..]].concat();
        assert_eq!(
            read(&headers, &large, 1000),
            Err(ProblemCode::BadRequest),
            "another field of more than 64 KiB"
        );
        let endless = [&body[..20], &vec![b'x'; 3 * MAX_READ_AHEAD]].concat();
        assert_eq!(
            read(&headers, &endless, LARGEST_READ),
            Err(ProblemCode::BadRequest),
            "a head without an end"
        );
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "--x(--)?( |\t)*(\r\n|\n|)",
            "Content-Disposition: form-data; [nN]ame=\"?(archivo|otro)\"?(; filename\\*?=(\"?|UTF-8'')\\PC{0,8}\"?)?\r\n",
            "(Content-Type: [a-z/]{0,9}|Content-Transfer-Encoding: (base64|binary)|X-[a-z]: \\PC{0,9}|\\PC{0,9})\r\n",
            "\r\n|\r|\n|-|--|\r\n--",
            "\\PC{0,30}",
        ]
    }

    proptest! {
        #[test]
        fn any_cookie_holds(parts in proptest::collection::vec("(__Host-)?pichat=[0-9a-f]{64}|(__Host-)?pichat=[0-9a-fA-F]{0,70}|[; =\n]|\\PC{0,9}", 0..8)) {
            cookie(parts.join(";").as_bytes());
        }

        #[test]
        fn any_head_holds(text in "((en|es|fr)(-[A-Z]{2})?(;q=[0-9.]{0,4})?,?){0,5}|([0-9a-f.:\\[\\], ]{0,30}\n?){0,3}|\\PC{0,30}") {
            head(text.as_bytes());
        }

        #[test]
        fn any_form_holds(body in "((usuario|clave|%63lave)?=?[a-z+%0-9A-F&]{0,20}&?){0,4}", junk in proptest::collection::vec(any::<u8>(), 0..60)) {
            form(body.as_bytes());
            form(&junk);
        }

        #[test]
        fn any_multipart_holds(cut: u8, whole in any::<bool>(), parts in proptest::collection::vec(part(), 0..12)) {
            let start = "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"a\"\r\n\r\n";
            let body = format!("{}{}", if whole { start } else { "" }, parts.concat());
            multipart(&[b"multipart/form-data; boundary=x\n", &[cut][..], body.as_bytes()].concat());
        }
    }
}

//! Minimal HTTP and WebSocket client for the own server, plain or over TLS: signs in, opens a socket, encodes
//! frames, and splits the received ones.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::net::TlsClient;

/// Time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum bytes of an answer's head and body.
const MAX_ANSWER: u64 = 64 * 1024;
/// Masking key of client frames (RFC 6455 section 5.3). On loopback it need not be unpredictable.
pub(in crate::cli) const MASK: [u8; 4] = [7, 29, 113, 5];

/// Connection, plain or TLS.
pub(in crate::cli) trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// Server that requests go to.
pub(in crate::cli) struct Target {
    pub(in crate::cli) addr: SocketAddr,
    /// Host name and port for its requests.
    host: String,
    /// Trust in its authority; `None` for plain HTTP.
    tls: Option<TlsClient>,
}

impl Target {
    /// Returns the server once it answers. `secure` is its HTTPS address beside `plain`.
    pub(super) fn find(plain: SocketAddr, secure: Option<SocketAddr>) -> Option<Self> {
        let mut target = Self { addr: plain, host: plain.to_string(), tls: None };
        if let Some(addr) = secure {
            let answer = target.ask("GET /pichat.crt HTTP/1.1", "").ok()?;
            let tls = TlsClient::trusting(&answer)?;
            target = Self { addr, host: format!("{}:{}", TlsClient::HOST, addr.port()), tls: Some(tls) };
        }
        let health = target.ask("GET /api/health HTTP/1.1", "").ok()?;
        health.starts_with("HTTP/1.1 200").then_some(target)
    }

    /// Opens a connection.
    pub(in crate::cli) fn open(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect_timeout(&self.addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => Ok(Box::new(tls.over(stream)?)),
        }
    }

    /// Sends a request and reads its answer up to the end of the connection.
    fn ask(&self, head: &str, body: &str) -> io::Result<String> {
        let mut stream = self.open()?;
        let (host, length) = (&self.host, body.len());
        let request =
            format!("{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        match stream.take(MAX_ANSWER).read_to_end(&mut answer) {
            // The server may end TLS without a farewell.
            Err(error) if answer.is_empty() => Err(error),
            _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
        }
    }

    /// Signs in as a browser that calls itself `agent`; returns the cookie.
    pub(in crate::cli) fn sign_in(&self, name: &str, password: &str, agent: &str) -> io::Result<String> {
        let body = format!("{{\"username\":\"{name}\",\"password\":\"{password}\"}}");
        let head =
            format!("POST /api/session HTTP/1.1\r\nContent-Type: application/json\r\nUser-Agent: {agent}");
        let answer = self.ask(&head, &body)?;
        // A device cookie precedes the session's.
        let mut cookies =
            answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let cookie = cookies.find(|cookie| !cookie.contains("-device-"));
        cookie.map(str::to_owned).ok_or_else(|| io::Error::other("no session"))
    }

    /// Signs out.
    pub(in crate::cli) fn sign_out(&self, cookie: &str) -> io::Result<()> {
        let answer = self.ask(&format!("DELETE /api/session HTTP/1.1\r\nCookie: {cookie}"), "")?;
        answer.starts_with("HTTP/1.1 204").then_some(()).ok_or_else(|| io::Error::other("no sign-out"))
    }

    /// Returns the handshake of a socket.
    pub(in crate::cli) fn handshake(&self, cookie: &str) -> String {
        format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.host
        )
    }
}

/// Opcodes with their final bit (RFC 6455 section 5.2).
const TEXT: u8 = 0x81;
/// First frame of a text in two.
const TEXT_BEGINS: u8 = 0x01;
/// Second frame of a text in two.
const TEXT_ENDS: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8a;

/// Returns a masked text frame; `text` has under 64 KiB.
pub(in crate::cli) fn frame(text: &str) -> Vec<u8> {
    masked(TEXT, text.as_bytes())
}

/// Returns a text as two masked frames, divided at byte `at`.
pub(in crate::cli) fn fragments(text: &str, at: usize) -> Vec<u8> {
    let (begin, end) = text.as_bytes().split_at(at);
    [masked(TEXT_BEGINS, begin), masked(TEXT_ENDS, end)].concat()
}

/// Returns a masked pong.
pub(in crate::cli) fn pong() -> Vec<u8> {
    masked(PONG, b"")
}

/// Returns a masked close frame without a code.
pub(in crate::cli) fn close() -> Vec<u8> {
    masked(CLOSE, b"")
}

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Takes the first whole frame off `buf` and passes its payload to `see`. Returns false if there is none yet.
pub(in crate::cli) fn take(buf: &mut &[u8], see: &mut impl FnMut(&[u8])) -> bool {
    let (head, len) = match **buf {
        [_, len @ 0..=125, ..] => (2, usize::from(len)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return false,
    };
    let Some(payload) = buf.get(head..head + len) else { return false };
    see(payload);
    *buf = &buf[head + len..];
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_split_at_any_cut() {
        let long = "x".repeat(300);
        let mut bytes = vec![0x81, 2, b'a', b'b', 0x89, 0, 0x81, 126, 1, 44];
        bytes.extend(long.as_bytes());
        for cut in 0..=bytes.len() {
            let mut seen = Vec::new();
            let mut see = |payload: &[u8]| seen.push(String::from_utf8_lossy(payload).into_owned());
            let mut rest = &bytes[..cut];
            while take(&mut rest, &mut see) {}
            let whole = [rest, &bytes[cut..]].concat();
            let mut rest = &*whole;
            while take(&mut rest, &mut see) {}
            assert!(rest.is_empty());
            assert_eq!(seen, ["ab", "", &long], "cut at {cut}");
        }
    }
}

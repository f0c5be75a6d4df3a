//! Minimal HTTP and WebSocket client for the own server: signs in, opens a socket, sends messages, and splits
//! the received frames.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum bytes of an answer's head and body.
const MAX_ANSWER: u64 = 64 * 1024;
/// Masking key of client frames (RFC 6455 section 5.3). On loopback it need not be unpredictable.
const MASK: [u8; 4] = [7, 29, 113, 5];

/// Sends a request and reads its answer up to the end of the connection.
fn ask(addr: SocketAddr, head: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(stream, "{head}\r\nHost: {addr}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Returns true if the server answers.
pub(super) fn is_up(addr: SocketAddr) -> bool {
    ask(addr, "GET /api/health HTTP/1.1", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Signs in and returns the cookie.
pub(super) fn sign_in(addr: SocketAddr, name: &str, password: &str) -> io::Result<String> {
    let body = format!("{{\"username\":\"{name}\",\"password\":\"{password}\"}}");
    let answer = ask(addr, "POST /api/session HTTP/1.1\r\nContent-Type: application/json", &body)?;
    // A device cookie precedes the session's.
    let mut cookies = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let cookie = cookies.find(|cookie| !cookie.contains("-device-"));
    cookie.map(str::to_owned).ok_or_else(|| io::Error::other("no session"))
}

/// Returns the handshake of a socket.
pub(super) fn handshake(addr: SocketAddr, cookie: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nCookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Returns a masked text frame; `text` has under 64 KiB.
pub(super) fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((text.len() as u16).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(text.bytes().zip(MASK.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Takes the first whole frame off `buf` and passes its payload to `see`. Returns false if there is none yet.
pub(super) fn take(buf: &mut &[u8], see: &mut impl FnMut(&[u8])) -> bool {
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

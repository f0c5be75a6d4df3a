//! WebSocket client on the library's client side; invalid frames are written raw.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocketContext};
use tungstenite::{Error, Message};

use super::http::{Client, Response, read_response};

/// Bound on the arrival of a frame.
const PATIENCE: Duration = Duration::from_secs(30);
/// Silence after which a test assumes that nothing arrives. A slower server may hide a fault, but never fails
/// a correct test.
const QUIET: Duration = Duration::from_millis(300);

/// Open socket.
pub struct Socket {
    pub stream: TcpStream,
    /// Bound on the arrival of a frame.
    pub patience: Duration,
    /// First frame, once it was read.
    welcome: Value,
    ctx: WebSocketContext,
    next_ref: u32,
}

impl Client {
    /// Returns the answer to a handshake, and the stream after it.
    pub fn handshake(&self, extra: &[(&str, &str)]) -> (Response, TcpStream) {
        let mut stream = self.connect();
        let mut head = self.head("GET", "/ws", extra);
        head.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("writes");
        // Reads byte by byte, so that no following frame is consumed.
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).expect("reads") == 0 {
                break;
            }
            bytes.push(byte[0]);
        }
        let upgraded = bytes.starts_with(b"HTTP/1.1 101");
        let response = if upgraded {
            read_response(&mut bytes.as_slice(), false)
        } else {
            read_response(&mut bytes.as_slice().chain(&mut stream), false)
        };
        (response.expect("an answer"), stream)
    }

    /// Opens a socket of this client's session.
    pub fn socket(&self) -> Socket {
        self.try_socket().unwrap_or_else(|refused| panic!("{}: {}", refused.status, refused.text()))
    }

    /// Opens a socket of this client's session, or returns the answer that refused it.
    pub fn try_socket(&self) -> Result<Socket, Response> {
        let (response, stream) = self.handshake(&[]);
        if response.status != 101 {
            return Err(response);
        }
        // RFC 6455 section 1.3.
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        let ctx = WebSocketContext::new(Role::Client, None);
        Ok(Socket { stream, patience: PATIENCE, ctx, next_ref: 0, welcome: Value::Null })
    }
}

impl Socket {
    /// Returns the `welcome` frame, the first of the socket.
    pub fn welcome(&mut self) -> &Value {
        if self.welcome.is_null() {
            self.request(json!({"type": "leave", "room": "ajena"}));
        }
        &self.welcome
    }

    /// Sends a JSON frame.
    pub fn send(&mut self, value: &Value) {
        self.send_text(&value.to_string());
    }

    pub fn send_text(&mut self, text: &str) {
        self.ctx.write(&mut self.stream, Message::text(text)).expect("writes");
        self.ctx.flush(&mut self.stream).expect("flushes");
    }

    pub fn send_raw(&mut self, message: Message) {
        self.ctx.write(&mut self.stream, message).expect("writes");
        self.ctx.flush(&mut self.stream).expect("flushes");
    }

    /// Sends a text in two fragments.
    pub fn send_fragments(&mut self, text: &str) {
        let (first, rest) = text.as_bytes().split_at(text.len() / 2);
        let data = |part: &[u8], opcode, last| {
            Message::Frame(Frame::message(part.to_vec(), OpCode::Data(opcode), last))
        };
        self.send_raw(data(first, Data::Text, false));
        self.send_raw(data(rest, Data::Continue, true));
    }

    fn next(&mut self) -> Result<Message, Error> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.ctx.read(&mut self.stream)? {
                // Pings would extend the wait forever.
                Message::Ping(_) | Message::Pong(_) if Instant::now() < deadline => {}
                Message::Ping(_) | Message::Pong(_) => return Err(Error::Io(io::ErrorKind::TimedOut.into())),
                Message::Text(text) if text.as_str() == r#"{"type":"alive"}"# => {}
                Message::Text(text) if text.starts_with(r#"{"type":"welcome""#) => {
                    self.welcome = serde_json::from_str(&text).expect("JSON");
                }
                Message::Text(text) if self.welcome.is_null() => panic!("no welcome came before {text}"),
                other => return Ok(other),
            }
        }
    }

    /// Waits for a ping without answering it before the next read or write.
    pub fn recv_ping(&mut self) {
        while !matches!(self.ctx.read(&mut self.stream).expect("a frame"), Message::Ping(_)) {}
    }

    /// Returns the next JSON frame.
    pub fn recv(&mut self) -> Value {
        match self.next() {
            Ok(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// Returns the next JSON frame, or the code of the close frame that ends this socket; 1006 without one.
    pub fn try_recv(&mut self) -> Result<Value, u16> {
        match self.next() {
            Ok(Message::Text(text)) => Ok(serde_json::from_str(&text).expect("JSON")),
            Ok(Message::Close(frame)) => Err(frame.map_or(1005, |frame| frame.code.into())),
            Err(Error::Io(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("nothing came and it stays open")
            }
            Ok(other) => panic!("no JSON: {other:?}"),
            Err(_) => Err(1006),
        }
    }

    /// Returns the next frame of that type and skips others.
    pub fn recv_type(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.recv();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Returns the code of the close frame that ends this socket and skips frames before it; 1006 without
    /// one.
    pub fn close_code(&mut self) -> u16 {
        self.close_frame().0
    }

    /// Returns code and reason of the close frame, like [`close_code`](Self::close_code).
    pub fn close_frame(&mut self) -> (u16, String) {
        loop {
            match self.next() {
                Ok(Message::Close(Some(frame))) => {
                    return (frame.code.into(), frame.reason.as_str().to_owned());
                }
                Ok(Message::Close(None)) => return (1005, String::new()),
                Ok(_) => {}
                Err(Error::Io(e))
                    if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
                {
                    panic!("it stays open")
                }
                Err(_) => return (1006, String::new()),
            }
        }
    }

    /// Asserts that nothing arrives.
    pub fn assert_quiet(&mut self) {
        self.stream.set_read_timeout(Some(QUIET)).expect("sets");
        match self.next() {
            Err(Error::Io(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            other => panic!("something came: {other:?}"),
        }
        self.stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    }

    /// Sends a request with a `ref` and returns its answer; earlier frames are skipped.
    pub fn request(&mut self, mut request: Value) -> Value {
        self.next_ref += 1;
        let reference = format!("r{}", self.next_ref);
        request["ref"] = json!(reference);
        self.send(&request);
        loop {
            let frame = self.recv();
            if frame["ref"] == json!(reference) {
                return frame;
            }
        }
    }

    pub fn join(&mut self, room: &str, password: &str, kind: &str) -> Value {
        self.request(json!({"type": "join", "room": room, "password": password, "kind": kind}))
    }

    /// Joins a group room with the usual password, which must succeed.
    pub fn join_default(&mut self, room: &str) -> Value {
        let joined = self.join(room, "secreta", "group");
        assert_eq!(joined["type"], "joined", "{joined}");
        joined
    }

    pub fn send_message(&mut self, room: &str, text: &str) -> Value {
        self.request(json!({"type": "send", "room": room, "text": text}))
    }

    /// Closes the socket and waits for the end.
    pub fn close(mut self) {
        let _ = self.ctx.close(&mut self.stream, None);
        while self.next().is_ok() {}
    }

    /// Disconnects without a close frame, as a dead network does.
    pub fn abort(self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Answers pings in the background, as a browser does, until the socket ends.
pub fn kept_alive(mut socket: Socket) -> std::thread::JoinHandle<u16> {
    std::thread::spawn(move || socket.close_code())
}

/// Returns `members` of a `joined` frame with these people, all of them here.
pub fn here(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"user": name, "state": "here"})).collect()
}

//! A WebSocket client on the library's client side; frames that the library would not send are written raw.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocketContext};
use tungstenite::{Error, Message};

use super::http::{Client, Response, read_response};

/// A frame that takes longer has failed to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must come for a test to believe that nothing comes. A server that is slower than this lets a wrong
/// program pass, never a right one fail.
const QUIET: Duration = Duration::from_millis(300);

/// An open socket.
pub struct Socket {
    pub stream: TcpStream,
    /// A frame that takes longer has failed to come.
    pub patience: Duration,
    ctx: WebSocketContext,
    next_ref: u32,
}

impl Client {
    /// The answer to a handshake, and the stream behind it.
    pub fn handshake(&self, extra: &[(&str, &str)]) -> (Response, TcpStream) {
        let mut stream = self.connect();
        let mut head = self.head("GET", "/ws", extra);
        head.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("writes");
        // Byte by byte, so that no frame that follows is swallowed.
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

    /// An open socket of this client's session.
    pub fn socket(&self) -> Socket {
        self.try_socket().unwrap_or_else(|refused| panic!("{}: {}", refused.status, refused.text()))
    }

    /// An open socket of this client's session, or the answer that refused it.
    pub fn try_socket(&self) -> Result<Socket, Response> {
        let (response, stream) = self.handshake(&[]);
        if response.status != 101 {
            return Err(response);
        }
        // RFC 6455 section 1.3.
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        Ok(Socket { stream, patience: PATIENCE, ctx: WebSocketContext::new(Role::Client, None), next_ref: 0 })
    }
}

impl Socket {
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
        let data = |part: &[u8], opcode, last| Message::Frame(Frame::message(part.to_vec(), OpCode::Data(opcode), last));
        self.send_raw(data(first, Data::Text, false));
        self.send_raw(data(rest, Data::Continue, true));
    }

    fn next(&mut self) -> Result<Message, Error> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.ctx.read(&mut self.stream)? {
                // Pings would keep a wait for something else alive for ever.
                Message::Ping(_) | Message::Pong(_) if Instant::now() < deadline => {}
                Message::Ping(_) | Message::Pong(_) => return Err(Error::Io(io::ErrorKind::TimedOut.into())),
                other => return Ok(other),
            }
        }
    }

    /// Waits for a ping, and leaves it unanswered until more is read or written.
    pub fn recv_ping(&mut self) {
        while !matches!(self.ctx.read(&mut self.stream).expect("a frame"), Message::Ping(_)) {}
    }

    /// The next JSON frame.
    pub fn recv(&mut self) -> Value {
        match self.next() {
            Ok(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The next JSON frame, or the code of the close frame that ends this socket; 1006 when there is none.
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

    /// Skips frames until one of that type comes.
    pub fn recv_type(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.recv();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code of the close frame that ends this socket; frames before it are skipped. 1006 when there is none.
    pub fn close_code(&mut self) -> u16 {
        self.close_frame().0
    }

    /// Code and reason of the close frame that ends this socket, as [`close_code`](Self::close_code).
    pub fn close_frame(&mut self) -> (u16, String) {
        loop {
            match self.next() {
                Ok(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.as_str().to_owned()),
                Ok(Message::Close(None)) => return (1005, String::new()),
                Ok(_) => {}
                Err(Error::Io(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("it stays open")
                }
                Err(_) => return (1006, String::new()),
            }
        }
    }

    /// Asserts that nothing comes.
    pub fn assert_quiet(&mut self) {
        self.stream.set_read_timeout(Some(QUIET)).expect("sets");
        match self.next() {
            Err(Error::Io(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            other => panic!("something came: {other:?}"),
        }
        self.stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    }

    /// Sends a request with a `ref` and returns the answer to it; what comes before is skipped.
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

    /// Joins and is in.
    pub fn join_default(&mut self, room: &str) -> Value {
        let joined = self.join(room, "secreta", "group");
        assert_eq!(joined["type"], "joined", "{joined}");
        joined
    }

    pub fn send_message(&mut self, room: &str, text: &str) -> Value {
        self.request(json!({"type": "send", "room": room, "text": text}))
    }

    /// Closes orderly and waits for the end.
    pub fn close(mut self) {
        let _ = self.ctx.close(&mut self.stream, None);
        while self.next().is_ok() {}
    }

    /// Hangs up without a word, as a dead network does at last.
    pub fn abort(self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Answers pings in the background, as a browser does, until the socket ends.
pub fn kept_alive(mut socket: Socket) -> std::thread::JoinHandle<u16> {
    std::thread::spawn(move || socket.close_code())
}

//! Client that sends the octets of a case and records the server's events.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::common::{Client, Options, Server};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Returns a masked frame (RFC 6455 section 5.2) with the given first octet.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let (key, payload) = ([0x37, 0xfa, 0x21, 0x3d], payload.as_ref());
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | u8::try_from(short).expect("fits")),
        Ok(medium) => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Returns a request without effect whose answer echoes `text`.
pub(crate) fn request(text: &str) -> String {
    json!({"type": "leave", "ref": text, "room": "ajena"}).to_string()
}

/// Returns that request as one frame.
pub(crate) fn hello(text: &str) -> Vec<u8> {
    frame(FIN | TEXT, request(text))
}

/// Division of the octets of a case into writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chops {
    /// All at once.
    Whole,
    /// Each frame on its own.
    Frames,
    /// Each octet on its own.
    Octets,
}

pub(crate) const EVERY: [Chops; 3] = [Chops::Whole, Chops::Frames, Chops::Octets];

/// Event from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Answer to a request: its `ref`, or the error code without one.
    Answer(String),
    Pong(Vec<u8>),
    /// Close frame with this code.
    Close(Option<u16>),
    /// End of the connection.
    End,
}

/// Returns the answer that echoes `text`.
pub(crate) fn echo(text: &str) -> Event {
    Event::Answer(text.to_owned())
}

pub(crate) struct Peer(TcpStream);

impl Peer {
    fn open(client: &Client) -> Self {
        let (answer, stream) = client.handshake(&[]);
        assert_eq!(answer.status, 101, "{}", answer.text());
        stream.set_nodelay(true).expect("sets");
        let mut peer = Self(stream);
        let (first, payload) = peer.frame().expect("a first frame");
        assert!(first == 0x81 && payload.starts_with(br#"{"type":"welcome""#));
        peer
    }

    /// Returns the first octet and the payload of the next frame; `None` at the end.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        match self.0.read_exact(&mut head) {
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return None;
            }
            result => result.expect("a frame or an end, in time"),
        }
        let mut length = usize::from(head[1]);
        assert!(length <= 126, "a server masks nothing, and no answer here is that long");
        if length == 126 {
            let mut long = [0; 2];
            self.0.read_exact(&mut long).expect("a length");
            length = u16::from_be_bytes(long).into();
        }
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).expect("a payload");
        Some((head[0], payload))
    }

    /// Sends octets; a server that has closed takes none.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    fn send_in(&mut self, chops: Chops, frames: &[Vec<u8>]) {
        match chops {
            Chops::Whole => self.send(&frames.concat()),
            Chops::Frames => frames.iter().for_each(|frame| self.send(frame)),
            Chops::Octets => frames.concat().iter().for_each(|octet| self.send(&[*octet])),
        }
    }

    pub(crate) fn next(&mut self) -> Event {
        let Some((first, payload)) = self.frame() else { return Event::End };
        match first {
            0x81 => {
                let answer: Value = serde_json::from_slice(&payload).expect("JSON");
                assert_eq!(answer["type"], "error", "{answer}");
                Event::Answer(answer["ref"].as_str().or(answer["code"].as_str()).expect("a text").to_owned())
            }
            0x88 => Event::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            0x8a => Event::Pong(payload),
            first => panic!("a frame that begins with {first:#04x}"),
        }
    }
}

/// Server for one group of cases, with a signed-in client.
pub(crate) struct Stage {
    _server: Server,
    client: Client,
}

impl Stage {
    pub(crate) fn new() -> Self {
        // Each case has its own socket. Texts of 4000 characters allow messages of 49,024 bytes.
        let server = Server::start(Options::config(
            "[limits]\nsockets_per_session = 1000\nconnections_per_address = 1000\nrequests_per_minute = 100000\nrequest_burst = 10000\n\
             message_chars = 4000\n",
        ));
        let client = Client::cliente(&server);
        Self { _server: server, client }
    }

    pub(crate) fn open(&self) -> Peer {
        Peer::open(&self.client)
    }

    /// Checks that exactly `want` comes back, the socket stays open and then closes with 1000.
    #[track_caller]
    pub(crate) fn answers(&self, id: &str, chops: Chops, frames: &[Vec<u8>], want: &[Event]) {
        let mut peer = self.open();
        peer.send_in(chops, frames);
        peer.send(&hello("fin"));
        for (n, want) in want.iter().enumerate() {
            assert_eq!(&peer.next(), want, "case {id}, {chops:?}, event {n}");
        }
        assert_eq!(peer.next(), echo("fin"), "case {id}, {chops:?}: it stays open");
        peer.send(&frame(FIN | CLOSE, 1000_u16.to_be_bytes()));
        assert_eq!(
            (peer.next(), peer.next()),
            (Event::Close(Some(1000)), Event::End),
            "case {id}, {chops:?}"
        );
    }

    /// Checks that the server closes with `code` and hangs up; earlier valid requests may be answered or not.
    #[track_caller]
    pub(crate) fn closes(&self, id: &str, chops: Chops, frames: &[Vec<u8>], code: Option<u16>) {
        let mut peer = self.open();
        peer.send_in(chops, frames);
        peer.ends(id, code);
    }
}

impl Peer {
    #[track_caller]
    pub(crate) fn ends(&mut self, id: &str, code: Option<u16>) {
        let mut event = self.next();
        if event == echo("antes") {
            event = self.next();
        }
        assert_eq!((event, self.next()), (Event::Close(code), Event::End), "case {id}");
    }

    #[track_caller]
    pub(crate) fn ends_with_one_of(&mut self, id: &str, codes: &[u16]) {
        match self.next() {
            Event::Close(Some(code)) if codes.contains(&code) => {}
            other => panic!("case {id}: {other:?}"),
        }
        assert_eq!(self.next(), Event::End, "case {id}");
    }
}

//! Client of the chat: one socket that joins rooms, sends texts and waits for the answers.

use std::io::{self, Read as _, Write as _};

use serde_json::json;

use crate::cli::child_server::client::{Stream, Target, close, fragments, frame, pong, take};

/// Bytes read from a connection at once.
const CHUNK: usize = 16 * 1024;
/// Maximum frames before an answer.
const MOST_FRAMES: usize = 10_000;

/// Open socket.
pub(super) struct Talker {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
}

impl Talker {
    /// Opens a socket in the session of a cookie.
    pub(super) fn open(target: &Target, cookie: &str) -> io::Result<Self> {
        let mut stream = target.open()?;
        stream.write_all(target.handshake(cookie).as_bytes())?;
        let mut talker = Self { stream, received: Vec::new() };
        let end = b"\r\n\r\n";
        loop {
            if let Some(at) = memchr::memmem::find(&talker.received, end) {
                talker.received.drain(..at + end.len());
                break;
            }
            talker.fill()?;
        }
        talker.wait_for("welcome")?;
        Ok(talker)
    }

    /// Joins a room, or makes it.
    pub(super) fn join(&mut self, room: &str, password: &str) -> io::Result<()> {
        self.ask_to_join(room, password)?;
        self.wait_for("joined")
    }

    /// Asks to join with a wrong password.
    pub(super) fn join_in_vain(&mut self, room: &str, password: &str) -> io::Result<()> {
        self.ask_to_join(room, password)?;
        self.wait_for("error")
    }

    fn ask_to_join(&mut self, room: &str, password: &str) -> io::Result<()> {
        self.say(&json!({"type": "join", "room": room, "password": password, "kind": "private"}).to_string())
    }

    /// Leaves a room.
    pub(super) fn leave(&mut self, room: &str) -> io::Result<()> {
        self.say(&json!({"type": "leave", "room": room}).to_string())?;
        self.wait_for("left")
    }

    /// Ends a room as its maker, alone in it.
    pub(super) fn end(&mut self, room: &str) -> io::Result<()> {
        self.say(&json!({"type": "moderate", "room": room, "do": "end"}).to_string())?;
        self.wait_for("left")
    }

    /// Sends a text.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(&frame(text))?;
        self.stream.flush()
    }

    /// Sends a text in two frames.
    pub(super) fn say_in_fragments(&mut self, text: &str) -> io::Result<()> {
        // The texts of a run end with a number, so the middle of the last 20 bytes divides its mark.
        self.stream.write_all(&fragments(text, text.len().saturating_sub(10)))?;
        self.stream.flush()
    }

    /// Reads up to a message of this type.
    pub(super) fn wait_for(&mut self, kind: &str) -> io::Result<()> {
        self.wait_for_either(kind, kind).map(drop)
    }

    /// Reads up to a message of one of two types; returns true for the first one.
    pub(super) fn wait_for_either(&mut self, first: &str, second: &str) -> io::Result<bool> {
        let [one, other] = [first, second].map(|kind| format!("{{\"type\":\"{kind}\"").into_bytes());
        for _ in 0..MOST_FRAMES {
            let mut found = None;
            let mut see = |payload: &[u8]| {
                found = payload.starts_with(&one).then_some(true);
                found = found.or(payload.starts_with(&other).then_some(false));
            };
            let mut rest = &*self.received;
            if take(&mut rest, &mut see) {
                let used = self.received.len() - rest.len();
                self.received.drain(..used);
                if let Some(is_first) = found {
                    return Ok(is_first);
                }
            } else {
                self.fill()?;
            }
        }
        Err(io::Error::other(format!("no {first} came")))
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.received.extend_from_slice(&chunk[..n]);
                Ok(())
            }
        }
    }

    /// Gives a sign of life.
    pub(super) fn keep_alive(&mut self) -> io::Result<()> {
        self.stream.write_all(&pong())?;
        self.stream.flush()
    }

    /// Closes the socket in order.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.stream.write_all(&close())?;
        self.stream.flush()?;
        // Up to the end of the stream; an error ends it as well.
        let _ = io::copy(&mut self.stream.take(u64::from(u16::MAX)), &mut io::sink());
        Ok(())
    }
}

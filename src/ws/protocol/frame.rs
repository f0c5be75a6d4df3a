//! Encoded text frames (RFC 6455 section 5.2). Server frames are not masked, so one encoding serves all
//! receivers.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroize as _;

use crate::clock::Timestamp;

/// FIN and opcode 1.
const TEXT: u8 = 0x81;
/// FIN and opcode 8.
const CLOSE: u8 = 0x88;
/// FIN, opcode 9, no payload.
pub(crate) const PING: [u8; 2] = [0x89, 0];
/// `{"type":"alive"}`, the sign of life for pages, as a text frame.
pub(crate) const ALIVE: &[u8] = b"\x81\x10{\"type\":\"alive\"}";
/// Longest reason of a close frame in bytes: a control frame has 125, its code takes two.
const MAX_REASON: usize = 123;
/// Longest header of an unmasked frame: 2 bytes and a 64-bit length.
const HEAD: usize = 10;

/// Finished frame, header and payload. Clones share the bytes; the last owner zeroizes them.
#[derive(Clone)]
pub struct Frame(Arc<WipedBytes>);

struct WipedBytes {
    /// Space for the longest header, then the payload.
    bytes: Vec<u8>,
    /// Offset of the header.
    start: usize,
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Frame {
    /// Returns header and payload.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes[self.0.start..]
    }

    /// Returns the payload.
    pub(crate) fn payload(&self) -> &[u8] {
        let bytes = self.as_bytes();
        let header = match bytes.get(1) {
            Some(126) => 4,
            Some(127) => HEAD,
            _ => 2,
        };
        bytes.get(header..).unwrap_or_default()
    }

    /// Returns the memory of its bytes, spare capacity included.
    pub(crate) fn capacity(&self) -> usize {
        self.0.bytes.capacity()
    }

    /// Returns true if both share their bytes.
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Wraps bytes that already are a frame.
    pub(crate) fn raw(bytes: Vec<u8>) -> Self {
        Self(Arc::new(WipedBytes { bytes, start: 0 }))
    }

    /// Encodes a message as JSON.
    pub(crate) fn json(answer: &impl Serialize) -> Self {
        let mut draft = FrameBuilder::with_capacity(192);
        draft.value(answer);
        draft.finish()
    }

    /// Encodes a close frame; truncates the reason to fit (RFC 6455 section 5.5).
    pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
        let reason = &reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON)];
        let length = u8::try_from(2 + reason.len()).unwrap_or(2);
        let mut frame = vec![CLOSE, length];
        frame.extend_from_slice(&code.to_be_bytes());
        frame.extend_from_slice(reason);
        frame
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.as_bytes().len())
    }
}

/// Builder of a text frame.
pub struct FrameBuilder(Vec<u8>);

impl FrameBuilder {
    pub(crate) fn with_capacity(payload: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + payload);
        bytes.extend_from_slice(&[0; HEAD]);
        Self(bytes)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Appends a JSON value.
    pub(crate) fn value(&mut self, value: &impl Serialize) -> &mut Self {
        // Writing to a Vec does not fail, and no encoded type has a map with keys other than strings.
        let _ = serde_json::to_writer(&mut self.0, value);
        self
    }

    /// Appends a JSON string that needs no escapes.
    pub(crate) fn push_ascii(&mut self, text: &str) -> &mut Self {
        debug_assert!(text.bytes().all(|b| b >= b' ' && !matches!(b, b'"' | b'\\')), "{text:?}");
        self.text("\"").text(text).text("\"")
    }

    /// Appends a time as a JSON string.
    pub(crate) fn time(&mut self, at: Timestamp) -> &mut Self {
        self.text("\"");
        // Writing to a Vec does not fail.
        let _ = at.write(&mut self.0);
        self.text("\"")
    }

    pub(crate) fn finish(mut self) -> Frame {
        let len = self.0.len() - HEAD;
        let start = if let Ok(short @ 0..=125) = u8::try_from(len) {
            self.0[HEAD - 1] = short;
            HEAD - 2
        } else if let Ok(medium) = u16::try_from(len) {
            self.0[HEAD - 3] = 126;
            self.0[HEAD - 2..HEAD].copy_from_slice(&medium.to_be_bytes());
            HEAD - 4
        } else {
            self.0[1] = 127;
            self.0[2..HEAD].copy_from_slice(&(len as u64).to_be_bytes());
            0
        };
        self.0[start] = TEXT;
        Frame(Arc::new(WipedBytes { bytes: self.0, start }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tungstenite::protocol::{Role, WebSocketContext};

    /// Decodes a frame with tungstenite's client.
    fn decode(bytes: &[u8]) -> Option<String> {
        let mut client = WebSocketContext::new(Role::Client, None);
        let mut stream = std::io::Cursor::new(bytes.to_vec());
        client.read(&mut stream).ok()?.into_text().ok().map(|t| t.as_str().to_owned())
    }

    #[test]
    fn every_header_length_is_readable() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let text = "x".repeat(len);
            let mut draft = FrameBuilder::with_capacity(0);
            draft.text(&text);
            assert_eq!(decode(draft.finish().as_bytes()).as_deref(), Some(&*text), "{len}");
        }
    }

    #[test]
    fn close_frame_carries_code_and_reason() {
        let long = "ñ".repeat(80);
        for (reason, read) in [("", ""), ("idle", "idle"), (&*long, &long[..122])] {
            let mut client = WebSocketContext::new(Role::Client, None);
            let mut stream = std::io::Cursor::new(Frame::close(4001, reason));
            let Ok(tungstenite::Message::Close(Some(close))) = client.read(&mut stream) else {
                panic!("{reason}")
            };
            assert_eq!((u16::from(close.code), close.reason.as_str()), (4001, read));
        }
    }

    proptest! {
        #[test]
        fn json_text_round_trips(text in any::<String>()) {
            let read = decode(Frame::json(&text).as_bytes()).expect("a text frame");
            prop_assert_eq!(serde_json::from_str::<String>(&read).expect("JSON"), text);
        }
    }
}

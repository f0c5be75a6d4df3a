//! Parser of a client's frames: tungstenite over [`MemoryIo`], whose buffer never outlives the texts in it.

use std::collections::VecDeque;
use std::io;

use tungstenite::error::CapacityError;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message, Utf8Bytes};

use crate::ws::conn::frame_position::FramePosition;
use crate::ws::conn::memory_io::MemoryIo;
use crate::ws::protocol::close_code::CloseCode;

/// Initial size of tungstenite's own buffer, which holds the incomplete frame of a socket.
const READ_BUFFER: usize = 128;

/// Parser with the state of one connection.
pub(super) struct FrameReader {
    ctx: WebSocketContext,
    position: FramePosition,
}

/// Result of one read, beside its texts.
pub(super) struct ReadOutcome {
    /// Pongs and the answer to a close.
    pub(super) output: Vec<u8>,
    /// End of the stream: the client's code, or the reason to close.
    pub(super) end: Option<Result<u16, CloseCode>>,
}

impl FrameReader {
    /// Returns a parser of messages up to `max_frame` bytes.
    pub(super) fn new(max_frame: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(READ_BUFFER)
            .max_message_size(Some(max_frame))
            .max_frame_size(Some(max_frame));
        Self { ctx: WebSocketContext::new(Role::Server, Some(config)), position: FramePosition::default() }
    }

    /// Parses input; adds its texts to `inbox`.
    pub(super) fn read(&mut self, input: &[u8], inbox: &mut VecDeque<Utf8Bytes>) -> ReadOutcome {
        let mut output = Vec::new();
        let mut pipe = MemoryIo { input, output: &mut output };
        let end = loop {
            match self.ctx.read(&mut pipe) {
                Ok(Message::Text(text)) => inbox.push_back(text),
                Ok(Message::Binary(_)) => break Some(Err(CloseCode::Unsupported)),
                // The flush below writes its answer.
                Ok(Message::Close(frame)) => break Some(Ok(frame.map_or(1005, |f| f.code.into()))),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                    break Some(Err(CloseCode::TooBig));
                }
                Err(Error::Utf8(_)) => break Some(Err(CloseCode::BadUtf8)),
                Err(_) => break Some(Err(CloseCode::Protocol)),
            }
        };
        // Writes pongs and the answer to a close; `end` tells if the stream is over.
        let _ = self.ctx.flush(&mut pipe);
        if self.position.advance(input) && end.is_none() && self.position.is_between_messages() {
            // The buffer holds the texts of this read. With a new one it goes with the last of them, and the
            // allocator clears it.
            self.ctx = WebSocketContext::new(Role::Server, Some(*self.ctx.get_config()));
        }
        ReadOutcome { output, end }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Returns a short client frame with a mask of zero.
    fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn last_text_of_a_read_is_the_only_owner_of_its_buffer() {
        let (mut reader, mut inbox) = (FrameReader::new(1024), VecDeque::new());
        for parts in [
            vec![client_frame(0x81, b"uno")],
            vec![[client_frame(0x81, b"uno"), client_frame(0x81, b"dos")].concat()],
            // The first read ends within a message, in several ways.
            vec![vec![0x81], client_frame(0x81, b"uno")[1..].to_vec()],
            vec![client_frame(0x81, b"uno")[..8].to_vec(), b"o".to_vec()],
            vec![client_frame(0x01, b"u"), client_frame(0x80, b"no")],
        ] {
            for part in &parts {
                assert!(reader.read(part, &mut inbox).end.is_none(), "{parts:?}");
            }
            let last = inbox.pop_back().expect("a text");
            inbox.clear();
            assert!(Bytes::from(last).is_unique(), "{parts:?}");
        }
    }
}

//! Position in a client's stream of frames (RFC 6455 section 5.2): inside a message, or between two. Pure.

/// Longest frame header.
const LONGEST_HEAD: usize = 14;
/// Bit of the last frame of a message.
const FINAL: u8 = 0x80;
/// Bit of a masked payload, in the second byte.
const MASKED: u8 = 0x80;
/// Opcode bit of control frames, which may come between the frames of a message.
const CONTROL: u8 = 0x08;

/// Position in the stream.
#[derive(Debug, Default)]
pub(super) struct FramePosition {
    /// Bytes of an incomplete header.
    head: heapless::Vec<u8, LONGEST_HEAD>,
    /// Bytes of the payload that are still to come.
    payload: u64,
    /// More frames of the message follow.
    continued: bool,
}

impl FramePosition {
    /// Moves on by the bytes of one read. Returns true if a payload was among them.
    pub(super) fn advance(&mut self, mut input: &[u8]) -> bool {
        let mut any_payload = false;
        while !input.is_empty() {
            let missing = if self.payload > 0 { self.payload } else { self.missing_head() as u64 };
            let (part, rest) =
                input.split_at(usize::try_from(missing).map_or(input.len(), |n| n.min(input.len())));
            input = rest;
            if self.payload > 0 {
                any_payload = true;
                self.payload -= part.len() as u64;
            } else if self.head.extend_from_slice(part).is_ok() && self.missing_head() == 0 {
                self.begin_payload();
            }
        }
        any_payload
    }

    /// Returns true between two messages: no byte of an incomplete one has come.
    pub(super) fn is_between_messages(&self) -> bool {
        self.head.is_empty() && self.payload == 0 && !self.continued
    }

    /// Returns the number of bytes that complete the header, as far as known.
    fn missing_head(&self) -> usize {
        let length = match *self.head {
            [] | [_] => 2,
            [_, second, ..] => {
                let extended = match second & !MASKED {
                    126 => 2,
                    127 => 8,
                    _ => 0,
                };
                2 + extended + if second & MASKED == 0 { 0 } else { 4 }
            }
        };
        length - self.head.len()
    }

    fn begin_payload(&mut self) {
        self.payload = match *self.head {
            [_, second, high, low, ..] if second & !MASKED == 126 => {
                u64::from(u16::from_be_bytes([high, low]))
            }
            [_, second, a, b, c, d, e, f, g, h, ..] if second & !MASKED == 127 => {
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            [_, second, ..] => u64::from(second & !MASKED),
            _ => 0,
        };
        if let Some(first) = self.head.first().filter(|first| *first & CONTROL == 0) {
            self.continued = first & FINAL == 0;
        }
        self.head.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns a masked frame.
    fn frame(first: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match len {
            0..=125 => frame.push(MASKED | len as u8),
            126..=0xffff => {
                frame.push(MASKED | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            _ => {
                frame.push(MASKED | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[7, 29, 113, 5]);
        frame.resize(frame.len() + len, 0xff);
        frame
    }

    proptest! {
        /// The position is between messages exactly where a message ends, whatever the reads.
        #[test]
        fn boundaries_are_found_at_any_cut(
            frames in prop::collection::vec((prop::sample::select(vec![0x81_u8, 0x01, 0x80, 0x00, 0x89, 0x8a]),
                prop::sample::select(vec![0_usize, 1, 20, 125, 126, 300, 70_000])), 1..6),
            cuts in prop::collection::vec(1..400_usize, 1..6),
        ) {
            let (mut bytes, mut ends, mut continued) = (Vec::new(), vec![0], false);
            for (first, len) in frames {
                bytes.extend(frame(first, len));
                if first & CONTROL == 0 {
                    continued = first & FINAL == 0;
                }
                if !continued {
                    ends.push(bytes.len());
                }
            }
            let (mut position, mut at) = (FramePosition::default(), 0);
            let cuts = cuts.iter().cycle();
            for cut in cuts {
                prop_assert_eq!(position.is_between_messages(), ends.contains(&at), "at {}", at);
                if at == bytes.len() {
                    break;
                }
                let next = bytes.len().min(at + cut);
                position.advance(&bytes[at..next]);
                at = next;
            }
        }
    }

    #[test]
    fn payload_is_told_from_empty_frames() {
        let mut position = FramePosition::default();
        assert!(!position.advance(&frame(0x8a, 0)));
        assert!(position.advance(&frame(0x81, 1)));
    }
}

//! Frames of a cheap client: written by hand, and counted by their headers without reading the payload.

#![allow(dead_code, reason = "each program uses its own part")]

/// Clients mask their frames (RFC 6455 section 5.3). On loopback the key need not be secret.
const MASK: [u8; 4] = [7, 29, 113, 5];
/// Empty pong.
pub const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// Returns a masked text frame; `text` has under 64 KiB.
pub fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(text.len()).expect("under 64 KiB").to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(text.bytes().zip(MASK.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Counts frames of a server; a read may end anywhere within one.
#[derive(Default)]
pub struct Counter {
    /// Complete text frames, without the signs of life.
    pub texts: usize,
    pub pings: usize,
    /// Code of the close frame.
    pub close: Option<u16>,
    /// State of the current frame: header so far, payload bytes still to come, opcode.
    head: Vec<u8>,
    left: usize,
    length: usize,
    opcode: u8,
    code: Vec<u8>,
}

/// Sign of life of the server, every 25 s.
const ALIVE: &str = r#"{"type":"alive"}"#;

impl Counter {
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (now, later) = bytes.split_at(self.left.min(bytes.len()));
                if self.opcode == 8 && self.code.len() < 2 {
                    self.code.extend_from_slice(now);
                }
                self.left -= now.len();
                bytes = later;
                if self.left == 0 {
                    self.ended();
                }
                continue;
            }
            let (&first, rest) = bytes.split_first().expect("is not empty");
            self.head.push(first);
            bytes = rest;
            let length = match *self.head {
                [_, length @ 0..=125] => usize::from(length),
                [_, 126, high, low] => usize::from(u16::from_be_bytes([high, low])),
                [_, 127, _, _, _, _, _, _, _, _] => panic!("no frame of ours is that long"),
                _ => continue,
            };
            self.opcode = self.head[0] & 15;
            self.head.clear();
            (self.left, self.length) = (length, length);
            if length == 0 {
                self.ended();
            }
        }
    }

    fn ended(&mut self) {
        match self.opcode {
            // No other frame is as short.
            1 if self.length == ALIVE.len() => {}
            1 => self.texts += 1,
            8 => {
                self.close =
                    Some(self.code.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]])));
            }
            9 => self.pings += 1,
            _ => {}
        }
    }
}

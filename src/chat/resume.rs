//! Token with which a disconnected socket takes its seat again.

use subtle::ConstantTimeEq as _;

use crate::types::crypto::{MacKey, hex, unhex};
use crate::types::{RoomCode, UserId};

/// Names a seat and proves that this server issued it to this user: seat, generation, and a tag over both,
/// the user and the room. A new generation invalidates older tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// Seat number.
    pub seat: u64,
    /// Number of times the seat was handed over.
    pub generation: u32,
}

/// 8 bytes of seat, 4 of generation, 16 of tag.
const BYTES: usize = 8 + 4 + 16;

impl ResumeToken {
    /// Encodes the token as 56 hexadecimal digits.
    pub fn encode(self, key: &MacKey, instance: u64, user: UserId, room: &RoomCode) -> String {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.seat.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.generation.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tag(key, instance, user, room));
        hex(&bytes)
    }

    /// Decodes a token; `None` unless it was made with `key` for this room instance, user and room.
    pub fn parse(text: &str, key: &MacKey, instance: u64, user: UserId, room: &RoomCode) -> Option<Self> {
        let bytes: [u8; BYTES] = unhex(text)?;
        let token = Self {
            seat: u64::from_be_bytes(bytes[..8].try_into().ok()?),
            generation: u32::from_be_bytes(bytes[8..12].try_into().ok()?),
        };
        bool::from(token.tag(key, instance, user, room).ct_eq(&bytes[12..])).then_some(token)
    }

    fn tag(self, key: &MacKey, instance: u64, user: UserId, room: &RoomCode) -> [u8; 16] {
        let mut data = Vec::with_capacity(64);
        data.extend_from_slice(b"pichat resume v1");
        data.extend_from_slice(&instance.to_be_bytes());
        data.extend_from_slice(&self.seat.to_be_bytes());
        data.extend_from_slice(&self.generation.to_be_bytes());
        data.extend_from_slice(&user.0.to_be_bytes());
        data.extend_from_slice(room.as_str().as_bytes());
        key.tag(&data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_bound_to_user_room_and_generation() {
        let key = MacKey::new(&[1; 32]).expect("32 bytes");
        let other_key = MacKey::new(&[2; 32]).expect("32 bytes");
        let room: RoomCode = "sala".parse().expect("valid");
        let other: RoomCode = "otra".parse().expect("valid");
        let token = ResumeToken { seat: 7, generation: 3 };
        let text = token.encode(&key, 9, UserId(1), &room);
        assert_eq!(ResumeToken::parse(&text, &key, 9, UserId(1), &room), Some(token));
        assert_eq!(ResumeToken::parse(&text, &key, 9, UserId(2), &room), None);
        assert_eq!(ResumeToken::parse(&text, &key, 9, UserId(1), &other), None);
        assert_eq!(ResumeToken::parse(&text, &key, 8, UserId(1), &room), None);
        assert_eq!(ResumeToken::parse(&text, &other_key, 9, UserId(1), &room), None);
        let newer = ResumeToken { generation: 4, ..token }.encode(&key, 9, UserId(1), &room);
        let forged = format!("{}{}", &newer[..24], &text[24..]);
        assert_eq!(ResumeToken::parse(&forged, &key, 9, UserId(1), &room), None);
        assert_eq!(ResumeToken::parse("", &key, 9, UserId(1), &room), None);
    }
}

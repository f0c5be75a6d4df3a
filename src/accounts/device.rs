//! Device cookies: proof that a browser has signed in to an account before.
//!
//! A device cookie grants no access. With it a person can still sign in while strangers use up the limits of
//! their name or address. The server stores none: it recognizes its own by an HMAC over the account's number,
//! the day, 16 random bytes and the account's number of resets. A reset by an administrator therefore
//! invalidates all device cookies of an account; a change of one's own password does not.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use crate::clock::Timestamp;
use crate::limits::DeviceId;
use crate::store::UserRow;
use crate::types::UserId;
use crate::types::crypto::{MacKey, hex, unhex};

use super::session::Session;

/// Accounts that one browser keeps: a family or a shift at one computer. The oldest is dropped first.
pub const NAMES_PER_DEVICE: usize = 8;
/// Validity of a device cookie in days.
pub const DEVICE_DAYS: u32 = 365;

/// Domain separation from other uses of the key.
const DOMAIN: &[u8] = b"pichat device cookie v1\0";
const SEPARATOR: char = '.';
/// Account, day, resets, random bytes.
const BODY_BYTES: usize = 8 + 4 + 8 + 16;
const TAG_BYTES: usize = 16;
const ENTRY_BYTES: usize = BODY_BYTES + TAG_BYTES;
/// Hexadecimal digits of [`NAMES_PER_DEVICE`] entries with their separators: 839 characters. Browsers keep
/// 4096.
const MAX_CHARS: usize = NAMES_PER_DEVICE * (2 * ENTRY_BYTES + 1) - 1;

const MILLIS_PER_DAY: i64 = 24 * 3600 * 1000;

/// Accounts to which a browser has signed in, as verified by this server.
#[derive(Clone, Debug, Default)]
pub struct DeviceCookie {
    entries: Vec<DeviceEntry>,
    /// Entries without a valid tag.
    pub forged: usize,
}

/// One account, with a valid tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DeviceEntry {
    user: UserId,
    day: u32,
    resets: i64,
    id: DeviceId,
}

fn day(now: Timestamp) -> u32 {
    u32::try_from(now.0.div_euclid(MILLIS_PER_DAY)).unwrap_or(0)
}

impl DeviceEntry {
    fn body(&self) -> [u8; BODY_BYTES] {
        let mut bytes = [0; BODY_BYTES];
        bytes[..8].copy_from_slice(&self.user.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.day.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.resets.to_be_bytes());
        bytes[20..].copy_from_slice(&self.id.0);
        bytes
    }

    fn of_body(bytes: &[u8; BODY_BYTES]) -> Self {
        let part = |at: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[at..at + 8]);
            i64::from_be_bytes(part)
        };
        let (mut day, mut id) = ([0; 4], [0; 16]);
        day.copy_from_slice(&bytes[8..12]);
        id.copy_from_slice(&bytes[20..]);
        Self { user: UserId(part(0)), day: u32::from_be_bytes(day), resets: part(12), id: DeviceId(id) }
    }

    /// Returns true if it is valid for this account today. A date after tomorrow is invalid.
    fn counts_for(&self, user: &UserRow, today: u32) -> bool {
        let age = today.checked_sub(self.day).or((self.day == today.saturating_add(1)).then_some(0));
        self.user == user.id && self.resets == user.resets && age.is_some_and(|age| age <= DEVICE_DAYS)
    }
}

impl DeviceCookie {
    /// Returns the device id of this browser for `user`.
    pub(super) fn device_of(&self, user: &UserRow, now: Timestamp) -> Option<DeviceId> {
        let today = day(now);
        self.entries.iter().find(|entry| entry.counts_for(user, today)).map(|entry| entry.id)
    }
}

/// Returns the device id that a live session stands for when its person authenticates again.
pub(super) fn device_of_session(session: &Session) -> DeviceId {
    let mut id = [0; 16];
    id.copy_from_slice(&session.digest.0[..16]);
    DeviceId(id)
}

/// Issues and verifies device cookies.
pub struct Devices {
    key: Arc<MacKey>,
}

impl Devices {
    /// Creates an issuer with the server's key.
    pub fn new(key: Arc<MacKey>) -> Self {
        Self { key }
    }

    fn tag(&self, body: &[u8; BODY_BYTES]) -> [u8; TAG_BYTES] {
        self.key.tag(&[DOMAIN, body].concat())
    }

    /// Parses a cookie's value. A longer one than this server writes has no entries; invalid entries are
    /// skipped.
    pub fn read(&self, value: &str) -> DeviceCookie {
        let mut cookie = DeviceCookie::default();
        if value.len() > MAX_CHARS {
            cookie.forged = 1;
            return cookie;
        }
        for text in value.split(SEPARATOR).filter(|text| !text.is_empty()) {
            let entry = unhex::<ENTRY_BYTES>(text).and_then(|bytes| {
                let (body, tag) = bytes.split_first_chunk::<BODY_BYTES>()?;
                bool::from(self.tag(body).as_slice().ct_eq(tag)).then(|| DeviceEntry::of_body(body))
            });
            match entry {
                Some(entry) => cookie.entries.push(entry),
                None => cookie.forged += 1,
            }
        }
        cookie
    }

    /// Returns the cookie's value after a sign-in to `user` as device `id`, with the other accounts of `old`.
    pub(super) fn write(&self, user: &UserRow, id: DeviceId, old: &DeviceCookie, now: Timestamp) -> String {
        let fresh = DeviceEntry { user: user.id, day: day(now), resets: user.resets, id };
        let others = old.entries.iter().filter(|entry| entry.user != user.id).copied();
        let entries = std::iter::once(fresh).chain(others).take(NAMES_PER_DEVICE);
        let texts: Vec<_> = entries
            .map(|entry| {
                let body = entry.body();
                format!("{}{}", hex(&body), hex(&self.tag(&body)))
            })
            .collect();
        texts.join(SEPARATOR.to_string().as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::types::Role;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn devices() -> Devices {
        Devices::new(Arc::new(MacKey::new(&[7; 32]).unwrap()))
    }

    fn user(id: i64, resets: i64) -> UserRow {
        UserRow {
            id: UserId(id),
            name: format!("u{id}").parse().unwrap(),
            role: Role::Member,
            password: String::new(),
            locked: false,
            must_change: false,
            must_change_by: None,
            generation: 0,
            resets,
        }
    }

    fn later(days: i64) -> Timestamp {
        Timestamp(NOW.0 + days * MILLIS_PER_DAY)
    }

    #[test]
    fn cookie_names_the_device_of_its_user_alone() {
        let (devices, id) = (devices(), DeviceId([5; 16]));
        let text = devices.write(&user(1, 0), id, &DeviceCookie::default(), NOW);
        let cookie = devices.read(&text);
        assert_eq!(cookie.device_of(&user(1, 0), NOW), Some(id));
        assert_eq!(cookie.device_of(&user(2, 0), NOW), None);
        assert_eq!(cookie.device_of(&user(1, 1), NOW), None, "a reset ends it");
        assert_eq!(cookie.device_of(&user(1, 0), later(365)), Some(id));
        assert_eq!(cookie.device_of(&user(1, 0), later(366)), None);
        assert_eq!(cookie.device_of(&user(1, 0), later(-1)), Some(id), "a clock a day behind");
        assert_eq!(cookie.device_of(&user(1, 0), later(-2)), None);
        assert_eq!(cookie.forged, 0);
    }

    #[test]
    fn cookie_keeps_the_latest_eight_accounts() {
        let (devices, mut cookie) = (devices(), DeviceCookie::default());
        for n in 1..=20 {
            let text = devices.write(&user(n, 0), DeviceId([u8::try_from(n).unwrap(); 16]), &cookie, NOW);
            assert!(text.len() <= MAX_CHARS);
            cookie = devices.read(&text);
        }
        let known = |n| cookie.device_of(&user(n, 0), NOW).is_some();
        assert_eq!((1..=20).filter(|&n| known(n)).collect::<Vec<_>>(), [13, 14, 15, 16, 17, 18, 19, 20]);
        let again = devices.read(&devices.write(&user(15, 0), DeviceId([15; 16]), &cookie, NOW));
        assert_eq!(again.entries.len(), NAMES_PER_DEVICE, "a name stands there once");
    }

    #[test]
    fn cookie_of_another_key_is_forged() {
        let other = Devices::new(Arc::new(MacKey::new(&[8; 32]).unwrap()));
        let text = other.write(&user(1, 0), DeviceId([5; 16]), &DeviceCookie::default(), NOW);
        let cookie = devices().read(&text);
        assert_eq!((cookie.entries.len(), cookie.forged), (0, 1));
        assert_eq!(devices().read(&"a".repeat(MAX_CHARS + 1)).entries, []);
    }

    proptest! {
        #[test]
        fn changed_digit_is_forged(at in 0usize..2 * ENTRY_BYTES, digit in "[0-9a-f]") {
            let devices = devices();
            let text = devices.write(&user(1, 0), DeviceId([5; 16]), &DeviceCookie::default(), NOW);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &digit);
            let cookie = devices.read(&changed);
            prop_assert_eq!(cookie.device_of(&user(1, 0), NOW).is_some(), changed == text);
            prop_assert_eq!(cookie.forged, usize::from(changed != text));
        }

        #[test]
        fn cookie_parser_never_panics(text in "[0-9a-f.=;ñ ]{0,900}") {
            let cookie = devices().read(&text);
            prop_assert!(cookie.entries.is_empty());
        }
    }
}

//! Password as typed: normalized, zeroized, checked before it is set.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::types::{OneTimePassword, UserName};

use super::blocklist::Blocklist;
use super::weak_password::WeakPassword;

/// Accounts of `pichat demo`; each password is the name and `123`.
const DEMO_ACCOUNTS: [&str; 3] = ["admin", "cliente", "usuario"];

/// Password as typed, in NFC so that all keyboards' `ñ` are equal; zeroized on drop, never displayed.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Minimum characters of a new password (NIST SP 800-63B section 5.1.1); the pages recommend 15.
    pub const MIN_CHARS: usize = 8;
    /// Maximum characters of a new password.
    pub const MAX_CHARS: usize = 128;

    /// Wraps a typed text of any form, to be checked.
    pub fn typed(text: &str) -> Self {
        let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
        normal.extend(text.nfc());
        Self(normal)
    }

    /// Brings a possible one-time password into its displayed form, so that it can be typed in any form. Both
    /// the hash and the check of a password that must be changed use this.
    pub fn as_one_time(self) -> Self {
        OneTimePassword::parse_lenient(&self.0).map_or(self, |code| Self(Zeroizing::new(code.to_string())))
    }

    /// Returns true if both are one password; `one_time`: compared as one-time passwords, in any typed form.
    pub(super) fn is(&self, other: &Self, one_time: bool) -> bool {
        let shown = |p: &Self| Self(p.0.clone()).as_one_time();
        *self.0 == *other.0 || one_time && *shown(self).0 == *shown(other).0
    }

    /// Returns true for the demonstration's password of that account, which the README prints.
    pub(super) fn is_public(&self, user: &UserName) -> bool {
        let user = user.key();
        DEMO_ACCOUNTS.contains(&user.as_str()) && self.0.strip_prefix(&user) == Some("123")
    }

    /// Checks that it is acceptable as the new password of `user`. No rule but length concerns its
    /// characters.
    pub fn check_new(&self, user: &str, blocklist: &Blocklist) -> Result<(), WeakPassword> {
        match self.0.chars().count() {
            0..Self::MIN_CHARS => Err(WeakPassword::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => blocklist.check(&self.0, user),
            _ => Err(WeakPassword::TooLong),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl AsRef<[u8]> for Password {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_password_has_8_to_128_characters_and_is_not_common() {
        let blocklist = Blocklist::of_host("caja");
        let check = |s: &str| Password::typed(s).check_new("recepcion", &blocklist);
        assert_eq!(check("1234567"), Err(WeakPassword::TooShort));
        assert_eq!(check("ñañañaña"), Ok(()));
        assert_eq!(check("nin\u{303}as n"), Err(WeakPassword::TooShort), "counted after NFC");
        assert_eq!(check(&"x".repeat(128)), Ok(()));
        assert_eq!(check(&"x".repeat(129)), Err(WeakPassword::TooLong));
        assert_eq!(check("Recepcion"), Err(WeakPassword::KnownWord));
        assert_eq!(check("Password1"), Err(WeakPassword::Common));
        assert_eq!(check("pichat-2024"), Err(WeakPassword::KnownWord));
    }

    #[test]
    fn one_time_password_matches_in_any_typed_form() {
        let bytes = |s: &str| Password::typed(s).as_one_time().as_ref().to_vec();
        for same in ["ABCD-EFGH-JK01", "abcd efgh jkoi", "abcdefghjk01"] {
            assert_eq!(bytes(same), b"ABCD-EFGH-JK01", "{same}");
        }
        for other in ["ABCD-EFGH-JK0", "una clave cualquiera", ""] {
            assert_eq!(bytes(other), other.as_bytes());
        }
    }
}

//! Identity of an announcement.

use std::fmt;

use serde::{Serialize, Serializer};

/// Maximum number of characters of an announcement, after sanitizing.
pub const MAX_ANNOUNCEMENT_CHARS: usize = 1000;

/// Row number of an announcement in the store; never reused. In JSON it is a string, as every id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnnouncementId(pub i64);

impl AnnouncementId {
    /// Parses the text of [`Display`](fmt::Display): decimal digits alone.
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for AnnouncementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for AnnouncementId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_id_is_digits_alone() {
        assert_eq!(AnnouncementId::parse("7").map(|id| id.to_string()).as_deref(), Some("7"));
        for bad in ["", "-1", "+1", " 1", "x", "1.csv", "9223372036854775808"] {
            assert_eq!(AnnouncementId::parse(bad), None, "{bad:?}");
        }
    }
}

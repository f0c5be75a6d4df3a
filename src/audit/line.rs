//! Builds a line of logfmt: `event=login.failed result=failed user="ana" addr=192.168.1.5 …`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::reason::{LoginFailure, SessionEnd};
use crate::clock::Timestamp;
use crate::types::{ClaimKind, Role, RoomCode, RoomKind, UserName};

/// Maximum characters of a value; a longer one ends in `…`. A file name has at most 255 bytes on ext4, so it
/// fits.
const MAX_VALUE_CHARS: usize = 256;

/// Value of a user without an account. An unknown name is never written: people type their password into the
/// name field. User names are always in quotes, so an account called "unknown" reads `user="unknown"`.
const NOBODY: &str = "unknown";

/// Builder of a line. Any values give one line without control characters.
pub(super) struct Line(String);

impl Line {
    /// Starts an empty line.
    pub(super) fn new() -> Self {
        // 200 bytes hold the usual line with its time stamps.
        Self(String::with_capacity(200))
    }

    /// Appends the time by the wall clock and after boot, and returns the line.
    pub(super) fn finish(mut self, at: Timestamp, mono: Duration) -> String {
        let _ = write!(self.0, " at={at} mono={}.{:03}", mono.as_secs(), mono.subsec_millis());
        self.0
    }

    /// Appends one field.
    pub(super) fn field(&mut self, key: &str, value: &impl Field) {
        value.put(key, self);
    }

    fn key(&mut self, key: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(key);
        self.0.push('=');
    }

    /// Appends a value that is a fixed word or a number.
    pub(super) fn bare(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        let _ = write!(self.0, "{value}");
    }

    /// Appends any text, in quotes if it would not parse as one value without them.
    fn text(&mut self, key: &str, value: &str) {
        if value.is_empty() || value.chars().any(needs_quotes) {
            self.quoted(key, value);
        } else {
            self.key(key);
            self.cut(value, |line, c| line.push(c));
        }
    }

    /// Appends any text, always in quotes.
    fn quoted(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push('"');
        self.cut(value, escape);
        self.0.push('"');
    }

    fn cut(&mut self, value: &str, put: fn(&mut String, char)) {
        for (i, c) in value.chars().enumerate() {
            if i == MAX_VALUE_CHARS {
                self.0.push('…');
                break;
            }
            put(&mut self.0, c);
        }
    }
}

fn escape(line: &mut String, c: char) {
    match c {
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        '"' => line.push_str("\\\""),
        '\\' => line.push_str("\\\\"),
        _ if deceives(c) => {
            let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
        }
        _ => line.push(c),
    }
}

/// Returns true for characters that break a line, control a terminal or change a text's reading order:
/// control characters, line and paragraph separators, and Unicode's property `Bidi_Control` (UAX #9).
/// Messages lose fewer characters.
fn deceives(c: char) -> bool {
    c.is_control()
        || crate::types::is_bidi_control(c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
}

fn needs_quotes(c: char) -> bool {
    matches!(c, '"' | '=' | '\\') || c.is_whitespace() || deceives(c)
}

/// Type of a field of an event.
pub(super) trait Field {
    /// Appends `key=value`.
    fn put(&self, key: &str, line: &mut Line);
}

impl Field for UserName {
    fn put(&self, key: &str, line: &mut Line) {
        line.quoted(key, self.as_str());
    }
}

impl Field for Option<UserName> {
    fn put(&self, key: &str, line: &mut Line) {
        match self {
            Some(name) => name.put(key, line),
            None => line.bare(key, NOBODY),
        }
    }
}

impl Field for String {
    fn put(&self, key: &str, line: &mut Line) {
        line.text(key, self);
    }
}

impl Field for &'static str {
    fn put(&self, key: &str, line: &mut Line) {
        line.text(key, self);
    }
}

/// Implements [`Field`] for types whose text never needs quotes.
macro_rules! bare_fields {
    ($($type:ty => $text:expr;)*) => {
        $(impl Field for $type {
            fn put(&self, key: &str, line: &mut Line) {
                let text: fn(&Self) -> _ = $text;
                line.bare(key, text(self));
            }
        })*
    };
}

bare_fields! {
    u64 => |n| *n;
    u16 => |n| *n;
    // An IPv4-mapped address is shown as its IPv4 address, so that one search finds a device.
    IpAddr => |addr| addr.to_canonical();
    Role => |role| role.as_str();
    RoomKind => |kind| kind.as_str();
    RoomCode => |code| code.to_string();
    ClaimKind => |kind| kind.as_str();
    LoginFailure => |reason| reason.as_str();
    SessionEnd => |reason| reason.as_str();
}

//! One event as one line of logfmt: `event=login.failed result=failed user="ana" addr=192.168.1.5 …`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::event::{Event, LoginFailure, SessionEnd};
use crate::clock::Timestamp;
use crate::types::{ClaimKind, Role, RoomCode, RoomKind, UserName};

/// Longest value, in characters; what is longer ends in `…`. A file name has at most 255 bytes on ext4, so it fits.
const MAX_VALUE_CHARS: usize = 256;

/// What stands for a user who is not one of ours. A name that no account has is never written: people type their password
/// into the name field. Names of users are always in quotes, so an account called "unknown" reads `user="unknown"`.
const NOBODY: &str = "unknown";

/// A line that grows field by field. Whatever the values hold, it stays one line without control characters.
pub(super) struct Line(String);

impl Line {
    /// The whole line of `event`, recorded at `at` of the wall clock and `mono` after boot.
    pub(super) fn of(event: &Event, at: Timestamp, mono: Duration) -> String {
        // 200 bytes hold the usual line with its time stamps.
        let mut line = Self(String::with_capacity(200));
        line.bare("event", event.name());
        line.bare("result", event.outcome().as_str());
        event.fields_into(&mut line);
        let _ = write!(line.0, " at={at} mono={}.{:03}", mono.as_secs(), mono.subsec_millis());
        line.0
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

    /// A value that is one of our own words or a number.
    fn bare(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        let _ = write!(self.0, "{value}");
    }

    /// Any text: in quotes where it would not be read back as one value without them.
    fn text(&mut self, key: &str, value: &str) {
        if value.is_empty() || value.chars().any(needs_quotes) {
            self.quoted(key, value);
        } else {
            self.key(key);
            self.cut(value, |line, c| line.push(c));
        }
    }

    /// Any text, always in quotes.
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

/// Characters that break a line, steer a terminal or make a text read as another: control characters, the line and paragraph
/// separators, and all of Unicode's property `Bidi_Control` (UAX #9; this is wider than what a message loses).
fn deceives(c: char) -> bool {
    c.is_control()
        || crate::types::is_bidi_control(c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
}

fn needs_quotes(c: char) -> bool {
    matches!(c, '"' | '=' | '\\') || c.is_whitespace() || deceives(c)
}

/// A type that may stand in an event.
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

/// Types whose text never needs quotes.
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
    // An IPv4-mapped address is shown as the IPv4 address it is, so that one grep finds a device.
    IpAddr => |addr| addr.to_canonical();
    Role => |role| role.as_str();
    RoomKind => |kind| kind.as_str();
    RoomCode => |code| code.to_string();
    ClaimKind => |kind| kind.as_str();
    LoginFailure => |reason| reason.as_str();
    SessionEnd => |reason| reason.as_str();
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;

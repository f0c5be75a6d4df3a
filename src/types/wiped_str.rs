//! Borrowed-or-owned user text that is zeroized on drop.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use zeroize::Zeroize as _;

/// Text of a client. Borrowed from the input, or owned if it had to be unescaped; an owned text is wiped on
/// drop.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct ZeroizingCow<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> ZeroizingCow<'a> {
    /// Borrows the input.
    pub const fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Takes an owned text.
    pub const fn owned(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for ZeroizingCow<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for ZeroizingCow<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_escaped_strings_are_copied() {
        let said = |json| serde_json::from_str::<ZeroizingCow<'_>>(json).expect("a string");
        assert!(matches!(&said(r#""ñandú""#).0, Cow::Borrowed("ñandú")));
        assert!(matches!(&said(r#""\u00f1andú""#).0, Cow::Owned(text) if text == "ñandú"));
    }
}

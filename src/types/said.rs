//! Strings of people that are not copied without need.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use zeroize::Zeroize as _;

/// What somebody sent, as it lies where it came in; where it had to be written anew, its bytes are wiped when it is dropped.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Said<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Said<'a> {
    /// As it came in.
    pub const fn as_it_is(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Written anew.
    pub const fn anew(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Said<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Said<'_> {
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
    fn only_what_is_escaped_is_written_anew() {
        let said = |json| serde_json::from_str::<Said<'_>>(json).expect("a string");
        assert!(matches!(&said(r#""ñandú""#).0, Cow::Borrowed("ñandú")));
        assert!(matches!(&said(r#""\u00f1andú""#).0, Cow::Owned(text) if text == "ñandú"));
    }
}

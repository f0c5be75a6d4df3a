//! Texts that people read, from the files in `assets/texts`: one file a language, checked by `build.rs`.

use std::fmt::{self, Write as _};

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A text in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u16);

impl Key {
    /// Returns the text with this name.
    pub fn named(name: &str) -> Option<Self> {
        let at = NAMES.binary_search(&name).ok()?;
        u16::try_from(at).ok().map(Self)
    }

    /// Returns the text in `lang`.
    pub fn get(self, lang: Lang) -> &'static str {
        TEXTS.get(lang as usize).and_then(|texts| texts.get(usize::from(self.0))).copied().unwrap_or_default()
    }

    /// Returns the text in `lang` with each `{name}` filled in. Values are not read again, so a `{name}` in one
    /// of them stays.
    pub fn fill(self, lang: Lang, values: &[(&str, &dyn fmt::Display)]) -> String {
        let mut text = String::new();
        let mut pieces = self.get(lang).split('{');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            match values.iter().find(|(known, _)| *known == name) {
                // Writing to a `String` cannot fail.
                Some((_, value)) => drop(write!(text, "{value}")),
                None => debug_assert!(false, "nothing is given for {{{name}}}: {text}"),
            }
            text.push_str(rest);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_give_their_text_in_each_language() {
        for (at, name) in NAMES.iter().enumerate() {
            let key = Key::named(name).unwrap_or_else(|| panic!("{name} is not found"));
            assert_eq!(usize::from(key.0), at);
            for lang in Lang::ALL {
                assert!(!key.get(*lang).is_empty(), "{name} in {}", lang.tag());
            }
        }
        assert_eq!(Key::named("no.such.key"), None);
        assert_eq!(key::WAIT_MINUTES.fill(Lang::En, &[("n", &7)]), "7 minutes");
    }

    #[test]
    fn values_are_filled_in_once() {
        let text = key::CONFIG_PROBLEM_FORM.fill(Lang::En, &[("value", &"{wanted}"), ("wanted", &"x")]);
        assert_eq!(text, "\"{wanted}\" is not valid. Use x");
    }
}

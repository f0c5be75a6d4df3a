//! Languages that a person may read. Each is one file of texts, which `build.rs` makes this type of.

pub use super::texts::Lang;
use super::texts::{Key, key};

impl Lang {
    /// Returns the supported language with the highest weight of an `Accept-Language` header (RFC 9110
    /// section 12.5.4), the first of equals; the default language if none is named.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (Self::default(), 0.0_f32);
        for item in header.split(',').take(16) {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|p| p.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if let Some(lang) = Self::from_tag(tag)
                && weight > best.1
            {
                best = (lang, weight);
            }
        }
        best.0
    }

    /// Returns the language of the terminal: `LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set. `C` and
    /// `POSIX` name none.
    pub fn from_env() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .and_then(|value| Self::from_tag(&value))
            .unwrap_or_default()
    }

    /// Parses a tag such as `es-CO`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.get(..2)?;
        Self::ALL.iter().copied().find(|lang| lang.tag().eq_ignore_ascii_case(language))
    }

    /// The name of the language in itself, for a switch of languages.
    pub fn name(self) -> &'static str {
        key::LANG_NAME.get(self)
    }

    /// A wait in words: seconds up to 89, minutes up to 59, then hours.
    pub fn wait(self, seconds: u64) -> String {
        let minutes = seconds.div_ceil(60);
        let (count, one, many) = match (seconds, minutes) {
            (..90, _) => (seconds.max(1), key::WAIT_SECONDS_ONE, key::WAIT_SECONDS),
            (_, ..60) => (minutes, key::WAIT_MINUTES_ONE, key::WAIT_MINUTES),
            _ => (minutes.div_ceil(60), key::WAIT_HOURS_ONE, key::WAIT_HOURS),
        };
        self.count(count, one, many)
    }

    /// Returns the text for one or, with `{n}`, for another number.
    pub fn count(self, count: u64, one: Key, many: Key) -> String {
        if count == 1 { one.get(self).to_owned() } else { many.fill(self, &[("n", &count)]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_weight_wins_and_spanish_is_the_default() {
        assert_eq!(Lang::from_accept_language("en-GB,en;q=0.9,es;q=0.8"), Lang::En);
        assert_eq!(Lang::from_accept_language("en;q=0.4, es-CO;q=0.9"), Lang::Es);
        assert_eq!(Lang::from_accept_language("xx, yy;q=0.5"), Lang::Es);
        assert_eq!(Lang::from_accept_language("xx, en;q=0.1"), Lang::En);
        assert_eq!(Lang::from_accept_language("en;q=x"), Lang::Es);
        assert_eq!(Lang::from_accept_language(""), Lang::Es);
    }

    #[test]
    fn waits_are_said_in_words() {
        for (seconds, es, en) in [
            (0, "1 segundo", "1 second"),
            (1, "1 segundo", "1 second"),
            (89, "89 segundos", "89 seconds"),
            (90, "2 minutos", "2 minutes"),
            (900, "15 minutos", "15 minutes"),
            (3540, "59 minutos", "59 minutes"),
            (3541, "1 hora", "1 hour"),
            (7200, "2 horas", "2 hours"),
        ] {
            assert_eq!(
                (Lang::Es.wait(seconds).as_str(), Lang::En.wait(seconds).as_str()),
                (es, en),
                "{seconds}"
            );
        }
    }
}

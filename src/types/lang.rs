//! Languages of the product: Spanish first, English second.

/// Language of the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// Spanish, as spoken in Colombian offices. The default.
    #[default]
    Es,
    /// English.
    En,
}

/// Localized in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Localized {
    /// Spanish.
    pub es: &'static str,
    /// English.
    pub en: &'static str,
}

impl Localized {
    /// Creates a text from both languages.
    pub const fn new(es: &'static str, en: &'static str) -> Self {
        Self { es, en }
    }

    /// Returns the text in `lang`.
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Es => self.es,
            Lang::En => self.en,
        }
    }
}

impl Lang {
    /// Returns the supported language with the highest weight of an `Accept-Language` header (RFC 9110
    /// section 12.5.4), the first of equals; Spanish if neither is named.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (Self::Es, 0.0_f32);
        for item in header.split(',').take(16) {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts.find_map(|p| p.trim().strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
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

    /// Returns the tag for the `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    /// Parses a tag such as `es-CO`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.get(..2)?.to_ascii_lowercase().as_str() {
            "es" => Some(Self::Es),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_weight_wins_and_spanish_is_the_default() {
        assert_eq!(Lang::from_accept_language("en-GB,en;q=0.9,es;q=0.8"), Lang::En);
        assert_eq!(Lang::from_accept_language("en;q=0.4, es-CO;q=0.9"), Lang::Es);
        assert_eq!(Lang::from_accept_language("de, fr;q=0.5"), Lang::Es);
        assert_eq!(Lang::from_accept_language("de, en;q=0.1"), Lang::En);
        assert_eq!(Lang::from_accept_language("en;q=x"), Lang::Es);
        assert_eq!(Lang::from_accept_language(""), Lang::Es);
    }
}

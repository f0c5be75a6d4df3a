//! Page to which a sign-in leads back: `?volver=` of the sign-in page.

use http::Uri;

use super::form;
use crate::http::percent::percent_encode;

/// Name of the field, in a query and in a form.
pub(crate) const FIELD: &str = "volver";
/// Longest path that is led back to: the longest of this server's own, with a room or a search, has half.
const MAX_CHARS: usize = 200;

/// Path on this server with its query. It leads to no other server: `//host` and `\` do in browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// Parses a path. `None` for what is no path of this server, or longer than 200 characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_own = text.starts_with('/') && !text[1..].starts_with('/');
        let is_clean = !text.contains(|c: char| c == '\\' || c.is_control());
        let is_short = text.chars().nth(MAX_CHARS).is_none();
        (is_own && is_clean && is_short).then(|| Self(text.to_owned()))
    }

    /// Returns the path that a request asked for.
    pub(crate) fn asked(uri: &Uri) -> Option<Self> {
        Self::parse(uri.path_and_query()?.as_str())
    }

    /// Returns the path that a request's query names.
    pub(crate) fn in_query(uri: &Uri) -> Option<Self> {
        Self::parse(&form::field(uri.query()?.as_bytes(), FIELD)?)
    }

    /// Returns the path as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path for a `Location`: what may not stand in an address is percent-encoded.
    pub(crate) fn location(&self) -> String {
        percent_encode(&self.0, |b| b.is_ascii_graphic() && !b"\"<>^`{|}".contains(&b))
    }

    /// Returns `page` with this path in its query.
    pub(crate) fn behind(&self, page: &str) -> String {
        let value = percent_encode(&self.0, |b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b));
        format!("{page}?{FIELD}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_own_paths_are_led_back_to() {
        let long = format!("/{}", "a".repeat(200));
        for foreign in [
            "",
            "chat",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "/a\nb",
            "/a\u{7f}",
            "https://evil.example",
            &long,
        ] {
            assert_eq!(ReturnPath::parse(foreign), None, "{foreign:?}");
        }
        for own in ["/", "/chat", "/chat#sala=VENTAS", "/listar?q=a/b", "/a//b", &long[..200]] {
            assert_eq!(ReturnPath::parse(own).expect("an own path").location(), own);
        }
    }

    #[test]
    fn path_in_a_query_comes_back() {
        let path = ReturnPath::parse("/listar?q=acta junio&x=ñ%2F").expect("an own path");
        let page = path.behind("/login");
        assert_eq!(page, "/login?volver=/listar%3Fq%3Dacta%20junio%26x%3D%C3%B1%252F");
        assert_eq!(ReturnPath::in_query(&page.parse().expect("an address")), Some(path.clone()));
        assert_eq!(path.location(), "/listar?q=acta%20junio&x=%C3%B1%2F");
        assert_eq!(ReturnPath::in_query(&"/login?volver=//a".parse().expect("an address")), None);
    }

    proptest! {
        #[test]
        fn location_never_leaves_this_server(text in "[/\\\\a-z.:@%?# \\t\\n]{0,12}") {
            if let Some(path) = ReturnPath::parse(&text) {
                let location = path.location();
                prop_assert!(location.starts_with('/') && !location.starts_with("//"));
                prop_assert!(location.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'));
            }
        }
    }
}

//! The language in which a person reads: the one chosen with the switch of languages, else the browser's.

use cookie::SameSite;
use cookie::time::Duration;
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::types::{HostPort, Lang};

use crate::http::request::cookies::{CookieScope, header_value};

const BASE: &str = "pichat-lang";
/// A choice is kept this long; browsers keep no cookie much longer (RFC 6265bis section 5.5).
const KEPT: Duration = Duration::days(365);
/// Address of the switch.
pub(crate) const SWITCH: &str = "/idioma";

/// Returns the language of the cookie, else of `Accept-Language`, else the default.
pub(crate) fn of_request(headers: &HeaderMap, cookies: CookieScope) -> Lang {
    chosen(headers, cookies).unwrap_or_else(|| preferred(headers))
}

/// Returns the language that the browser prefers.
pub(crate) fn preferred(headers: &HeaderMap) -> Lang {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|v| v.to_str().ok())
        .map_or(Lang::default(), Lang::from_accept_language)
}

fn chosen(headers: &HeaderMap, cookies: CookieScope) -> Option<Lang> {
    let mut lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).peekable();
    lines.peek()?;
    let name = cookies.name(BASE);
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| if key == name { Lang::from_tag(value) } else { None })
}

/// Returns the cookie that keeps a choice. Another site may lead here with it: it says nothing but a
/// language.
pub(crate) fn cookie(lang: Lang, cookies: CookieScope) -> HeaderValue {
    let cookie = cookies.build(BASE, lang.tag().to_owned()).max_age(KEPT).same_site(SameSite::Lax);
    header_value(&cookie.build())
}

/// Returns the place on this server that the browser comes from, to go back there; `/` where it does not say
/// so.
pub(crate) fn origin_place(headers: &HeaderMap, own: Option<&HostPort>) -> HeaderValue {
    let place = || {
        let from: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
        let is_own = own.is_some() && from.authority().and_then(HostPort::from_authority).as_ref() == own;
        let place = from.path_and_query()?.as_str();
        // `//host` and `/\\host` lead browsers away from here.
        let is_path = place.starts_with('/') && !place[1..].starts_with(['/', '\\']);
        (is_own && is_path && from.path() != SWITCH).then(|| HeaderValue::from_str(place).ok())?
    };
    place().unwrap_or(const { HeaderValue::from_static("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: CookieScope = CookieScope::new(8080, false);

    fn headers(fields: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn choice_comes_before_the_browsers_preference() {
        for (cookie, accepts, lang) in [
            ("pichat-lang-8080=en", "es", Lang::En),
            ("a=b; pichat-lang-8080=es", "en", Lang::Es),
            ("pichat-lang-8080=xx", "en", Lang::En),
            ("pichat-lang-8081=es", "en", Lang::En),
            ("", "en", Lang::En),
            ("", "", Lang::Es),
        ] {
            let headers = headers(&[(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, accepts)]);
            assert_eq!(of_request(&headers, PLAIN), lang, "{cookie} {accepts}");
        }
        assert_eq!(of_request(&HeaderMap::new(), PLAIN), Lang::default());
    }

    #[test]
    fn only_places_of_this_server_are_gone_back_to() {
        for (from, place) in [
            ("http://pichat.local:8080/chat", "/chat"),
            ("http://PICHAT.local:8080/listar?a=b", "/listar?a=b"),
            ("http://pichat.local:8080", "/"),
            ("http://pichat.local:8080/idioma", "/"),
            ("http://pichat.local/chat", "/"),
            ("http://evil.example/chat", "/"),
            ("http://pichat.local:8080//evil.example/", "/"),
            ("http://pichat.local:8080/\\evil.example/", "/"),
            ("http://pichat.local:8080@evil.example/chat", "/"),
            ("/chat", "/"),
            ("", "/"),
        ] {
            assert_eq!(
                origin_place(
                    &headers(&[(header::REFERER, from)]),
                    HostPort::parse("pichat.local:8080").as_ref()
                ),
                place,
                "{from}"
            );
        }
        assert_eq!(origin_place(&HeaderMap::new(), None), "/");
    }

    #[test]
    fn cookie_has_the_servers_port_and_a_year() {
        let text = cookie(Lang::En, PLAIN).to_str().expect("text").to_owned();
        assert!(text.starts_with("pichat-lang-8080=en; ") && text.contains("Max-Age=31536000"), "{text}");
        assert!(text.contains("SameSite=Lax") && text.contains("HttpOnly"), "{text}");
    }
}

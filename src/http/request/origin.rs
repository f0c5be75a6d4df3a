//! Which host names this device answers to, and from which web sites it takes orders (`docs/API.md`).

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use crate::http::request::own_names::OwnNames;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::types::{HostPort, WebOrigin};

/// Returns the host that a request names; `None` where HTTP/1.0 names none.
pub(crate) fn authority(headers: &HeaderMap, uri: &Uri) -> Result<Option<HostPort>, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let bad = || Problem::new(ProblemCode::BadRequest).about("Host");
    if second.is_some() {
        return Err(bad());
    }
    let from_header = first.map(|v| v.to_str().map_err(|_| bad())).transpose()?;
    // An absolute-form target overrides the header (RFC 9112 section 3.2.2).
    let named = match uri.authority() {
        Some(target) => Some(HostPort::from_authority(target)),
        None => from_header.map(HostPort::parse),
    };
    named.map(|host| host.ok_or_else(bad)).transpose()
}

/// Returns true if this device answers to that name: an address, `localhost`, one of its own names or of the
/// settings'. Any other name may be an attacker's that was made to point here (DNS rebinding).
pub(crate) fn is_own(authority: &HostPort, names: &OwnNames, hosts: &[String]) -> bool {
    authority
        .host
        .name()
        .is_none_or(|name| name == "localhost" || names.contains(name) || hosts.iter().any(|own| own == name))
}

/// Returns true if a request may change state or open a socket. Browsers say where it comes from, by
/// `Sec-Fetch-Site`, by `Origin` or by both, and then both have to be right. A request with neither comes
/// from no browser.
pub(crate) fn is_same(
    headers: &HeaderMap,
    authority: Option<&HostPort>,
    secure: bool,
    allowed: &[WebOrigin],
) -> bool {
    let is_own_site =
        headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin" || site == "none");
    let mut origins = headers.get_all(header::ORIGIN).iter().map(origin).peekable();
    if origins.peek().is_none() {
        return is_own_site;
    }
    let own = authority.map(|at| WebOrigin::new(secure, at.host.clone(), at.port_or_default(secure)));
    // An allowed origin is another site, and its `Sec-Fetch-Site` says so.
    origins.all(|origin| {
        origin.is_some_and(|origin| allowed.contains(&origin) || (Some(origin) == own && is_own_site))
    })
}

/// Parses the value of an `Origin` header; `None` for `null` and the like.
pub(crate) fn origin(value: &HeaderValue) -> Option<WebOrigin> {
    value.to_str().ok().and_then(WebOrigin::parse)
}

/// Returns true for a safe method (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> HostPort {
        HostPort::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn names_of_this_device() {
        let hosts = ["chat.oficina".to_owned()];
        for own in [
            "127.0.0.1:8080",
            "192.168.1.7",
            "[::1]:80",
            "[fe80::1]",
            "localhost:1",
            "pichat.local",
            "mi-pi:80",
            "mi-pi.local.:443",
            "chat.oficina",
            "pichat.local.",
        ] {
            assert!(is_own(&at(own), &OwnNames::new("mi-pi"), &hosts), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            ".local",
            "127.0.0.1.evil.example:80",
            "",
            "local",
            "otro.local",
            "evil.mi-pi.local",
            "x.localhost",
            "chat.oficina.local",
        ] {
            assert!(!is_own(&at(foreign), &OwnNames::new("mi-pi"), &hosts), "{foreign}");
        }
        assert!(!is_own(&at(""), &OwnNames::new(""), &[]));
    }

    #[test]
    fn browsers_of_other_sites_are_refused() {
        let same = |pairs: &[(&'static str, &str)]| {
            let headers = pairs
                .iter()
                .map(|(k, v)| (http::HeaderName::from_static(k), v.parse().expect("value")))
                .collect();
            is_same(
                &headers,
                Some(&at("pi.local:8080")),
                false,
                &WebOrigin::parse("http://ok.example").into_iter().collect::<Vec<_>>(),
            )
        };
        assert!(same(&[]), "no browser");
        assert!(same(&[("origin", "http://pi.local:8080")]));
        assert!(same(&[("origin", "http://ok.example")]));
        assert!(same(&[("sec-fetch-site", "same-origin"), ("origin", "http://pi.local:8080")]));
        assert!(same(&[("sec-fetch-site", "none")]));
        assert!(
            same(&[("sec-fetch-site", "same-origin")]),
            "a GET of a browser, and a socket's handshake in Firefox"
        );
        assert!(same(&[("sec-fetch-site", "same-site"), ("origin", "http://ok.example")]));
        assert!(same(&[("sec-fetch-site", "cross-site"), ("origin", "http://ok.example")]));
        assert!(!same(&[("origin", "http://evil.example")]));
        assert!(!same(&[("origin", "null")]));
        assert!(!same(&[("origin", "https://pi.local:8080")]), "another scheme");
        assert!(!same(&[("origin", "http://pi.local")]), "another port");
        assert!(!same(&[("sec-fetch-site", "cross-site")]));
        assert!(!same(&[("sec-fetch-site", "same-site"), ("origin", "http://pi.local:8080")]));
        assert!(
            !same(&[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")]),
            "both have to be right"
        );
        assert!(!same(&[("sec-fetch-site", "none"), ("origin", "null")]));
        assert!(
            !same(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]),
            "one line of two"
        );
        assert!(!same(&[("origin", "http://pi.local:8080"), ("origin", "http://evil.example")]));
        assert!(!same(&[("sec-fetch-site", "Same-Origin")]), "a browser writes it in small letters");
    }

    #[test]
    fn the_default_port_may_be_left_out() {
        let headers = HeaderMap::from_iter([(header::ORIGIN, "http://pi.local".parse().expect("value"))]);
        assert!(is_same(&headers, Some(&at("pi.local:80")), false, &[]));
    }
}

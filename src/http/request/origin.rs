//! Which host names this device answers to, and from which web sites it takes orders (`docs/API.md`).

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, Method, Uri, header};

use crate::http::request::own_names::OwnNames;
use crate::http::response::problem::{Problem, ProblemCode};

/// The authority that a request names: `host[:port]`, lower case. HTTP/1.0 may name none.
pub(crate) fn authority(headers: &HeaderMap, uri: &Uri) -> Result<Option<String>, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let bad = || Problem::new(ProblemCode::BadRequest).about("Host");
    if second.is_some() {
        return Err(bad());
    }
    let from_header = first.map(|v| v.to_str().map_err(|_| bad())).transpose()?;
    // An absolute-form target overrides the header (RFC 9112 section 3.2.2).
    let host = uri.authority().map(|a| a.as_str()).or(from_header);
    if host.is_some_and(|host| !is_authority(host)) {
        return Err(bad());
    }
    Ok(host.map(str::to_ascii_lowercase))
}

/// `host[:port]` of RFC 9110 section 7.2: no user, no path, nothing behind an address' brackets, and of a
/// name only what names have. May be empty.
pub(crate) fn is_authority(text: &str) -> bool {
    let (sound, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            inner.split_once(']').map_or((false, ""), |(addr, rest)| (addr.parse::<Ipv6Addr>().is_ok(), rest))
        }
        None => {
            let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), rest)
        }
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    sound
        && rest.is_empty() == (rest.len() == port.len())
        && port.len() <= 5
        && port.bytes().all(|b| b.is_ascii_digit())
}

/// The host without its port; an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Returns true if this device answers to that name: an address, `localhost`, one of its own names or of the
/// settings'. Any other name may be an attacker's that was made to point here (DNS rebinding).
pub(crate) fn is_own(authority: &str, names: &OwnNames, hosts: &[String]) -> bool {
    let host = host_of(authority).trim_end_matches('.');
    host.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || names.contains(host)
        || hosts.iter().any(|own| own == host)
}

/// Returns true if a request may change state or open a socket. Browsers say where it comes from, by
/// `Sec-Fetch-Site`, by `Origin` or by both, and then both have to be right. A request with neither comes
/// from no browser.
pub(crate) fn is_same(headers: &HeaderMap, authority: &str, secure: bool, allowed: &[String]) -> bool {
    let is_own_site =
        headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin" || site == "none");
    let mut origins = headers
        .get_all(header::ORIGIN)
        .iter()
        .map(|v| v.to_str().unwrap_or("null").to_ascii_lowercase())
        .peekable();
    if origins.peek().is_none() {
        return is_own_site;
    }
    let scheme = if secure { "https" } else { "http" };
    let own = format!("{scheme}://{}", without_default_port(authority, secure));
    // An allowed origin is another site, and its `Sec-Fetch-Site` says so.
    origins.all(|origin| allowed.contains(&origin) || (origin == own && is_own_site))
}

/// Browsers leave the scheme's own port out of `Origin`; a `Host` may name it.
fn without_default_port(authority: &str, secure: bool) -> &str {
    authority.strip_suffix(if secure { ":443" } else { ":80" }).unwrap_or(authority)
}

/// Returns true for a safe method (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(is_own(own, &OwnNames::new("mi-pi"), &hosts), "{own}");
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
            assert!(!is_own(foreign, &OwnNames::new("mi-pi"), &hosts), "{foreign}");
        }
        assert!(!is_own("", &OwnNames::new(""), &[]));
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for sound in [
            "",
            "localhost",
            "localhost:",
            "pichat.local.:8080",
            "192.168.1.7:80",
            "[::1]",
            "[fe80::1]:443",
            "mi_pi",
        ] {
            assert!(is_authority(sound), "{sound}");
        }
        for bad in [
            "[::1]evil",
            "[::1",
            "[::1]:80.evil.example",
            "127.0.0.1:evil",
            "a@localhost",
            "localhost/x",
            "localhost:80:80",
            "local host",
            "%6cocalhost",
            "localhost:123456",
            "[evil.example]",
            "localhost, localhost",
            "::1",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn browsers_of_other_sites_are_refused() {
        let same = |pairs: &[(&'static str, &str)]| {
            let headers = pairs
                .iter()
                .map(|(k, v)| (http::HeaderName::from_static(k), v.parse().expect("value")))
                .collect();
            is_same(&headers, "pi.local:8080", false, &["http://ok.example".to_owned()])
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
        assert!(is_same(&headers, "pi.local:80", false, &[]));
    }
}

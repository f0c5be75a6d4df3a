//! Which host names this device answers to, and from which web sites it takes orders (DESIGN section 4).

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, Method, Uri, header};

use super::problem::{Code, Problem};

/// The authority that a request names: `host[:port]`, lower case. HTTP/1.0 may name none.
pub(super) fn authority(headers: &HeaderMap, uri: &Uri) -> Result<Option<String>, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let bad = || Problem::new(Code::BadRequest).naming("Host");
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

/// `host[:port]` of RFC 9110 section 7.2: no user, no path, nothing behind an address' brackets, and of a name only what names
/// have. May be empty.
fn is_authority(text: &str) -> bool {
    let (sound, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').map_or((false, ""), |(addr, rest)| (addr.parse::<Ipv6Addr>().is_ok(), rest)),
        None => {
            let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), rest)
        }
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    sound && rest.is_empty() == (rest.len() == port.len()) && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
}

/// The host without its port; an IPv6 address without its brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Whether this device answers to that name: an address, `localhost`, a `.local` name, its own name, or one of the settings'.
/// Any other name may be an attacker's that was made to point here (DNS rebinding).
pub(super) fn is_own(authority: &str, own_name: &str, hosts: &[String]) -> bool {
    let host = host_of(authority).trim_end_matches('.');
    host.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || (host.len() > ".local".len() && host.ends_with(".local"))
        || (!own_name.is_empty() && host == own_name)
        || hosts.iter().any(|own| own == host)
}

/// Whether a request was made out to this machine by a name that it has for itself alone.
pub(super) fn names_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|addr| addr.to_canonical().is_loopback())
}

/// Whether a request may change state or open a socket. Browsers say where it comes from; what says nothing is no browser.
pub(super) fn is_same(headers: &HeaderMap, authority: &str, secure: bool, allowed: &[String]) -> bool {
    let origin = headers.get(header::ORIGIN).map(|v| v.to_str().unwrap_or("null").to_ascii_lowercase());
    if origin.as_ref().is_some_and(|origin| allowed.contains(origin)) {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let scheme = if secure { "https" } else { "http" };
    origin.is_none_or(|origin| origin == format!("{scheme}://{}", without_default_port(authority, secure)))
}

/// Browsers leave the scheme's own port out of `Origin`; a `Host` may name it.
fn without_default_port(authority: &str, secure: bool) -> &str {
    authority.strip_suffix(if secure { ":443" } else { ":80" }).unwrap_or(authority)
}

/// Whether a method changes nothing (RFC 9110 section 9.2.1).
pub(super) fn is_safe(method: &Method) -> bool {
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
            "chat.oficina",
            "pichat.local.",
        ] {
            assert!(is_own(own, "mi-pi", &hosts), "{own}");
        }
        for foreign in ["evil.example", "localhost.evil.example", ".local", "127.0.0.1.evil.example:80", "", "local"] {
            assert!(!is_own(foreign, "mi-pi", &hosts), "{foreign}");
        }
        assert!(!is_own("", "", &[]));
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for sound in ["", "localhost", "localhost:", "pichat.local.:8080", "192.168.1.7:80", "[::1]", "[fe80::1]:443", "mi_pi"] {
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
            let headers = pairs.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().expect("value"))).collect();
            is_same(&headers, "pi.local:8080", false, &["http://ok.example".to_owned()])
        };
        assert!(same(&[]), "no browser");
        assert!(same(&[("origin", "http://pi.local:8080")]));
        assert!(same(&[("origin", "http://ok.example")]));
        assert!(same(&[("sec-fetch-site", "same-origin"), ("origin", "http://pi.local:8080")]));
        assert!(same(&[("sec-fetch-site", "none")]));
        assert!(same(&[("sec-fetch-site", "cross-site"), ("origin", "http://ok.example")]));
        assert!(!same(&[("origin", "http://evil.example")]));
        assert!(!same(&[("origin", "null")]));
        assert!(!same(&[("origin", "https://pi.local:8080")]), "another scheme");
        assert!(!same(&[("origin", "http://pi.local")]), "another port");
        assert!(!same(&[("sec-fetch-site", "cross-site")]));
        assert!(!same(&[("sec-fetch-site", "same-site"), ("origin", "http://pi.local:8080")]));
    }

    #[test]
    fn the_default_port_may_be_left_out() {
        let headers = HeaderMap::from_iter([(header::ORIGIN, "http://pi.local".parse().expect("value"))]);
        assert!(is_same(&headers, "pi.local:80", false, &[]));
    }
}

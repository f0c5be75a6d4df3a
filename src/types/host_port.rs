//! Hosts of requests, web origins and settings. This is the only parser of `host[:port]`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::uri::Authority;

/// Maximum characters of a name: RFC 1035 section 2.3.4 without the length bytes.
const MAX_NAME: usize = 253;
/// Maximum digits of a port.
const MAX_PORT: usize = 5;

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Host without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Name or IPv4 address as sent, in lower case: letters, digits, `-`, `.` and `_`. May be empty.
    Name(String),
    /// IPv6 address, in brackets as text.
    V6(Ipv6Addr),
}

/// `host[:port]` of RFC 9110 section 7.2, without user information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port; `None` stands for the scheme's own.
    pub port: Option<u16>,
}

/// Scheme, host and port of a web page (RFC 6454), without the scheme's own port, as browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: String,
    site: HostPort,
}

impl Host {
    /// Returns the name without trailing dots; `None` for an address.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => {
                Some(name.trim_end_matches('.')).filter(|name| name.parse::<Ipv4Addr>().is_err())
            }
            Self::V6(_) => None,
        }
    }

    /// Returns true if there is no host.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Name(name) if name.is_empty())
    }

    /// Returns true for an address, and for a name without an empty label.
    pub fn has_whole_labels(&self) -> bool {
        match self {
            Self::Name(name) => name.split('.').all(|label| !label.is_empty()),
            Self::V6(_) => true,
        }
    }
}

impl HostPort {
    /// Parses `host[:port]`; `None` if it is malformed. The empty text is an empty host.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self { host: Host::Name(String::new()), port: None });
        }
        Self::from_authority(&text.parse().ok()?)
    }

    /// Returns host and port of an authority; `None` if it has user information or anything else that neither
    /// is.
    pub fn from_authority(authority: &Authority) -> Option<Self> {
        let host = authority.host();
        let rest = authority.as_str().strip_prefix(host)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => Host::V6(inner.strip_suffix(']')?.parse().ok()?),
            None => Host::Name(lower_case_name(host)?),
        };
        let port = match rest.strip_prefix(':') {
            // A colon alone (RFC 3986 section 3.2.3).
            Some("") => None,
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { host, port })
    }

    /// Returns the port, or that of HTTPS (`secure`) or HTTP.
    pub fn port_or_default(&self, secure: bool) -> u16 {
        self.port.unwrap_or(if secure { HTTPS_PORT } else { HTTP_PORT })
    }
}

impl WebOrigin {
    /// Returns the origin of pages at this place over HTTPS (`secure`) or HTTP.
    pub fn new(secure: bool, host: Host, port: u16) -> Self {
        let scheme = if secure { "https" } else { "http" };
        Self::normalized(scheme.to_owned(), HostPort { host, port: Some(port) })
    }

    /// Parses `scheme://host[:port]`; `None` for anything else, such as `null` or a path.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, site) = text.split_once("://")?;
        // RFC 3986 section 3.1.
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        let site = HostPort::parse(site).filter(|_| is_scheme)?;
        Some(Self::normalized(scheme.to_ascii_lowercase(), site))
    }

    fn normalized(scheme: String, mut site: HostPort) -> Self {
        let default = match scheme.as_str() {
            "http" => Some(HTTP_PORT),
            "https" => Some(HTTPS_PORT),
            _ => None,
        };
        site.port = site.port.filter(|port| Some(*port) != default);
        Self { scheme, site }
    }

    /// Returns the host.
    pub fn host(&self) -> &Host {
        &self.site.host
    }
}

/// Checks the characters that names have: an [`Authority`] may hold more.
fn lower_case_name(text: &str) -> Option<String> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (text.len() <= MAX_NAME && text.bytes().all(is_name)).then(|| text.to_ascii_lowercase())
}

/// Parses a port. `u16::from_str` also accepts a sign.
fn port(digits: &str) -> Option<u16> {
    let is_number = digits.len() <= MAX_PORT && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V6(addr) => write!(f, "[{addr}]"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.site)
    }
}

/// Returns the URL of a server, without the port that the scheme implies. IPv6 `host`s are in brackets.
pub fn base_url(scheme: &str, host: &str, port: u16) -> String {
    match (scheme, port) {
        ("http", 80) | ("https", 443) => format!("{scheme}://{host}"),
        _ => format!("{scheme}://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_and_port_are_read_in_lower_case() {
        for (text, host, port) in [
            ("", "", None),
            ("LocalHost", "localhost", None),
            ("localhost:", "localhost", None),
            ("pichat.local.:8080", "pichat.local.", Some(8080)),
            ("192.168.1.7:80", "192.168.1.7", Some(80)),
            ("[::1]", "[::1]", None),
            ("[FD00::0:20]:00443", "[fd00::20]", Some(443)),
            ("mi_pi", "mi_pi", None),
            (":65535", "", Some(65535)),
        ] {
            let read = HostPort::parse(text).map(|at| (at.host.to_string(), at.port));
            assert_eq!(read, Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn malformed_host_is_refused() {
        for bad in [
            "[::1]evil",
            "[::1",
            "[::1]:80.evil.example",
            "127.0.0.1:evil",
            "a@localhost",
            "a@a",
            "@localhost",
            "localhost@",
            "localhost/x",
            "localhost:80:80",
            "local host",
            "%6cocalhost",
            "localhost:123456",
            "localhost:65536",
            "localhost:000080",
            "localhost:+80",
            "[evil.example]",
            "[127.0.0.1]",
            "[x]",
            "[]",
            "[::1%eth0]",
            "[::1%25eth0]",
            "localhost, localhost",
            "::1",
            "a:b",
            "a;script-src *.local",
            "a'b",
            "\"",
            "ñ.es",
            &"a".repeat(MAX_NAME + 1),
        ] {
            assert_eq!(HostPort::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn name_has_no_trailing_dots_and_address_has_no_name() {
        for (text, name) in [
            ("pichat.local", Some("pichat.local")),
            ("pichat.local..", Some("pichat.local")),
            ("", Some("")),
            ("192.168.1.7", None),
            ("192.168.1.7.", None),
            ("[::1]", None),
            ("127.0.0.1.evil.example", Some("127.0.0.1.evil.example")),
        ] {
            let at = HostPort::parse(text).expect("a host");
            assert_eq!(at.host.name(), name, "{text}");
        }
    }

    #[test]
    fn origins_are_equal_however_they_are_written() {
        let origin = |text: &str| WebOrigin::parse(text).unwrap_or_else(|| panic!("{text}"));
        for (one, other) in [
            ("HTTPS://A.b:443", "https://a.b"),
            ("http://a.b:80", "http://a.b"),
            ("http://[::ffff:1.2.3.4]:8080", "http://[::ffff:102:304]:8080"),
        ] {
            assert_eq!(origin(one), origin(other));
        }
        for (one, other) in [
            ("http://a.b", "https://a.b"),
            ("http://a.b:443", "https://a.b"),
            ("http://a.b", "http://a.b."),
            ("http://a.b:8080", "http://a.b"),
            ("ws://a.b:80", "ws://a.b"),
        ] {
            assert_ne!(origin(one), origin(other));
        }
        for bad in
            ["", "null", "*", "a.b", "://a", "1://a", "http://a/b", "http://u@a", "a b://c", "http://a://b"]
        {
            assert_eq!(WebOrigin::parse(bad), None, "{bad}");
        }
        let host = |text| HostPort::parse(text).expect("a host").host;
        assert_eq!(WebOrigin::new(true, host("pichat.local"), 443).to_string(), "https://pichat.local");
        assert_eq!(WebOrigin::new(true, host("[::1]"), 8443).to_string(), "https://[::1]:8443");
        assert_eq!(WebOrigin::new(false, host("a.b"), 443), origin("http://a.b:443"));
    }

    /// Texts near those that are hosts.
    fn near_hosts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-zA-Z0-9._-]{0,12}(:[0-9]{0,6})?",
            "\\[[0-9a-fA-F:.%]{0,20}\\](:[0-9]{0,6})?",
            any::<u128>().prop_map(|bits| format!("[{}]:{}", Ipv6Addr::from(bits), bits as u16)),
            "[a-z@:/%\\[\\]. ]{0,12}",
            "\\PC{0,20}",
        ]
    }

    proptest! {
        #[test]
        fn parsed_host_is_plain_and_comes_back(text in near_hosts()) {
            if let Some(at) = HostPort::parse(&text) {
                let written = at.to_string();
                let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
                prop_assert!(written.bytes().all(is_plain), "{}", written);
                prop_assert_eq!(HostPort::parse(&written), Some(at));
            }
        }

        #[test]
        fn parsed_origin_comes_back(text in near_hosts(), scheme in "https?|HTTP|ws|moz-extension|[a-z:/]{0,5}") {
            if let Some(origin) = WebOrigin::parse(&format!("{scheme}://{text}")) {
                prop_assert_eq!(WebOrigin::parse(&origin.to_string()), Some(origin));
            }
        }

        #[test]
        fn every_address_and_port_is_read(bits: u128, port: u16) {
            let (v6, v4) = (Ipv6Addr::from(bits), Ipv4Addr::from(bits as u32));
            prop_assert_eq!(
                HostPort::parse(&format!("[{v6}]:{port}")),
                Some(HostPort { host: Host::V6(v6), port: Some(port) })
            );
            let at = HostPort::parse(&format!("{v4}:{port}")).expect("an address");
            prop_assert!(at.host.name().is_none() && at.port == Some(port));
        }
    }
}

//! `[http]`: listen address, host names and trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::sections::ip_range;
use crate::config::sections::ip_range::IpRange;
use crate::config::source::setting_source::SettingSource;
use crate::types::Localized;

/// Settings of `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Listen address; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Further names of this server, lower-case, without port.
    pub hosts: Vec<String>,
    /// Origins of other sites as browsers write them: lower-case, without a default port.
    pub allowed_origins: Vec<String>,
    /// Proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<IpRange>,
}

impl HttpSettings {
    /// Returns true if the address is a trusted proxy's.
    pub fn trusts(&self, addr: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(addr))
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// `[http]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawHttp {
    listen: Option<Spanned<String>>,
    hosts: Option<Spanned<Vec<Spanned<String>>>>,
    allowed_origins: Option<Spanned<Vec<Spanned<String>>>>,
    trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>,
}

const LISTEN: Localized = Localized::new(
    "una dirección IP y un puerto, como \"0.0.0.0:8080\" o \"[::]:8080\"",
    "an IP address and a port, such as \"0.0.0.0:8080\" or \"[::]:8080\"",
);
const HOST: Localized = Localized::new(
    "un nombre sin esquema ni puerto, como \"chat.oficina.lan\"",
    "a name without scheme or port, such as \"chat.oficina.lan\"",
);
const ORIGIN: Localized = Localized::new(
    "esquema://nombre o esquema://nombre:puerto, sin ruta, como \"https://intranet.example\"",
    "scheme://host or scheme://host:port, without a path, such as \"https://intranet.example\"",
);
/// Allowed values of an address, in a list or in `HOST`.
pub(in crate::config) const ADDRESS: Localized =
    Localized::new("una dirección IP, como \"192.168.1.10\"", "an IP address, such as \"192.168.1.10\"");

impl RawHttp {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<HttpSettings, ConfigError> {
        let listen = self.listen.as_ref();
        let default = HttpSettings::default().listen;
        Ok(HttpSettings {
            listen: origin.parsed("http.listen", listen, default, LISTEN, |s| s.parse().ok())?,
            hosts: origin.list("http.hosts", self.hosts.as_ref(), HOST, host_name)?,
            allowed_origins: origin.list(
                "http.allowed_origins",
                self.allowed_origins.as_ref(),
                ORIGIN,
                web_origin,
            )?,
            trusted_proxies: origin.list(
                "http.trusted_proxies",
                self.trusted_proxies.as_ref(),
                ip_range::ALLOWED,
                |s| s.parse().ok(),
            )?,
        })
    }
}

/// Parses a DNS name or IPv4 address, lower-cased. Maximum of 253 characters: RFC 1035 section 2.3.4 without
/// the length bytes.
fn host_name(text: &str) -> Option<String> {
    let good = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (text.len() <= 253 && text.split('.').all(good)).then(|| text.to_ascii_lowercase())
}

/// Parses an origin and serializes it as RFC 6454 section 6.2 does, so that it compares equal to a browser's.
fn web_origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let known = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
            (host_name(host)?, port)
        }
    };
    let port = match port.strip_prefix(':') {
        // `u16::from_str` also accepts a sign.
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse::<u16>().ok()?),
        None if port.is_empty() => None,
        _ => return None,
    };
    let port = match (scheme.as_str(), port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    known.then(|| format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        let origin = |s: &str| web_origin(s);
        assert_eq!(origin("https://Intranet.Example").as_deref(), Some("https://intranet.example"));
        assert_eq!(origin("https://a.b:443").as_deref(), Some("https://a.b"));
        assert_eq!(origin("http://a.b:443").as_deref(), Some("http://a.b:443"));
        assert_eq!(origin("http://[::0:1]:8080").as_deref(), Some("http://[::1]:8080"));
        let bad = [
            "",
            "*",
            "null",
            "a.b",
            "https://",
            "https://a.b/",
            "https://a.b/x",
            "https://u@a.b",
            "https://a.b:",
            "https://a.b:+1",
            "https://a.b:99999",
            "https://a..b",
            "://a",
            "https://[::1",
            "https://ñ.es",
            "1://a",
        ];
        for bad in bad {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn host_name_with_scheme_or_port_is_rejected() {
        assert_eq!(host_name("Chat.Oficina.lan").as_deref(), Some("chat.oficina.lan"));
        for bad in ["", "a:80", "http://a", "a/b", "a..b", ".", "a b", &"a".repeat(254)] {
            assert_eq!(host_name(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn origin_parsing_is_idempotent(text in "https?://[a-z.\\[\\]:0-9/]{0,20}|.{0,20}") {
            if let Some(once) = web_origin(&text) {
                prop_assert_eq!(web_origin(&once), Some(once));
            }
        }
    }
}

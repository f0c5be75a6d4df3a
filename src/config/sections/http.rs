//! `[http]`: listen address, host names and trusted proxies.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::sections::ip_range;
use crate::config::sections::ip_range::IpRange;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};
use crate::types::{Host, HostPort, WebOrigin};

/// Settings of `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Listen address; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Further names of this server, lower-case, without port.
    pub hosts: Vec<String>,
    /// Origins of other sites.
    pub allowed_origins: Vec<WebOrigin>,
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

const LISTEN: Key = key::CONFIG_ALLOWED_HTTP_LISTEN;
const HOST: Key = key::CONFIG_ALLOWED_HOST;
const ORIGIN: Key = key::CONFIG_ALLOWED_ORIGIN;
/// Allowed values of an address, in a list or in `HOST`.
pub(in crate::config) const ADDRESS: Key = key::CONFIG_ALLOWED_ADDRESS;

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

/// Parses a DNS name or IPv4 address, lower-cased.
fn host_name(text: &str) -> Option<String> {
    match HostPort::parse(text).filter(|_| !text.contains(':'))?.host {
        host @ Host::Name(_) if host.has_whole_labels() => Some(host.to_string()),
        Host::Name(_) | Host::V6(_) => None,
    }
}

/// Parses an origin of other pages.
fn web_origin(text: &str) -> Option<WebOrigin> {
    WebOrigin::parse(text).filter(|origin| origin.host().has_whole_labels() && !text.ends_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        let origin = |s: &str| web_origin(s).map(|origin| origin.to_string());
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
                prop_assert_eq!(web_origin(&once.to_string()), Some(once));
            }
        }
    }
}

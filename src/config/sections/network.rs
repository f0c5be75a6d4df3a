//! `[network]`: fixed address of the card, for networks without DHCP.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::sections::http::ADDRESS;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};

/// Settings of `[network]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Fixed address; `None`: DHCP, and neither `gateway` nor `dns` is set.
    pub address: Option<InterfaceAddress>,
    /// Default gateway, of the same family as the address.
    pub gateway: Option<IpAddr>,
    /// Addresses of the name servers.
    pub dns: Vec<IpAddr>,
}

/// Address of an interface and the length of its network prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Address of the device.
    pub ip: IpAddr,
    /// 1 to 32, or to 128 for IPv6.
    pub prefix: u8,
}

impl InterfaceAddress {
    fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/')?;
        let ip: IpAddr = ip.parse().ok()?;
        // `u8::from_str` also accepts a sign.
        let digits = prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|_| digits)?;
        let (widest, of_a_device) = match ip {
            IpAddr::V4(v4) => {
                let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
                let host = v4.to_bits() & hosts;
                // First and last address of a network are its name and its broadcast (RFC 1122 section
                // 3.2.1.3). Networks of two (RFC 3021) and of one have neither.
                (32, prefix > 30 || (host != 0 && host != hosts && !v4.is_broadcast()))
            }
            IpAddr::V6(_) => (128, true),
        };
        let unicast = !ip.is_unspecified() && !ip.is_multicast() && !ip.is_loopback();
        ((1..=widest).contains(&prefix) && of_a_device && unicast).then_some(Self { ip, prefix })
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// `[network]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawNetwork {
    address: Option<Spanned<String>>,
    gateway: Option<Spanned<String>>,
    dns: Option<Spanned<Vec<Spanned<String>>>>,
}

const FIXED: Key = key::CONFIG_ALLOWED_NETWORK_ADDRESS;
const NEEDED: Key = key::CONFIG_ALLOWED_NETWORK_NEEDED;
const GATEWAY: Key = key::CONFIG_ALLOWED_GATEWAY;

impl RawNetwork {
    pub(in crate::config) fn check(
        &self,
        origin: &SettingSource<'_>,
    ) -> Result<NetworkSettings, ConfigError> {
        let fixed =
            |text: &str| if text.is_empty() { Some(None) } else { InterfaceAddress::parse(text).map(Some) };
        let address = origin.parsed("network.address", self.address.as_ref(), None, FIXED, fixed)?;
        let alone = |key, span| {
            // The missing value has no position, so the error points at the value that requires it.
            let (place, problem) = (origin.place(key, span), SettingProblem::Missing(NEEDED));
            ConfigError::Value { place, key: "network.address", problem }
        };
        let given = self.gateway.as_ref().filter(|given| !given.get_ref().is_empty());
        let gateway = match (given, address) {
            (None, _) => None,
            (Some(given), None) => return Err(alone("network.gateway", &given.span())),
            (Some(_), Some(address)) => {
                let family = |ip: &IpAddr| {
                    ip.is_ipv4() == address.ip.is_ipv4() && !ip.is_unspecified() && !ip.is_multicast()
                };
                origin.parsed("network.gateway", given, None, GATEWAY, |s| {
                    s.parse().ok().filter(family).map(Some)
                })?
            }
        };
        let dns = origin.list("network.dns", self.dns.as_ref(), ADDRESS, |s| s.parse().ok())?;
        match &self.dns {
            Some(given) if !dns.is_empty() && address.is_none() => Err(alone("network.dns", &given.span())),
            _ => Ok(NetworkSettings { address, gateway, dns }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_address_is_a_host_address() {
        for good in
            ["192.168.1.20/24", "10.0.0.0/31", "10.0.0.1/32", "fd00::20/64", "2001:db8::1/128", "1.2.3.4/1"]
        {
            assert_eq!(InterfaceAddress::parse(good).map(|a| a.to_string()).as_deref(), Some(good));
        }
        let bad = [
            "192.168.1.20",
            "192.168.1.20/",
            "192.168.1.20/0",
            "192.168.1.20/33",
            "192.168.1.20/+24",
            "192.168.1.20/24/24",
            "192.168.1.0/24",
            "192.168.1.255/24",
            "192.168.001.20/24",
            "127.0.0.1/8",
            "0.0.0.0/8",
            "224.0.0.1/24",
            "fd00::20/129",
            "fd00::20/0",
            "::1/128",
            "ff02::1/64",
            "fe80::1%eth0/64",
            "pichat/24",
            "/24",
        ];
        for bad in bad {
            assert_eq!(InterfaceAddress::parse(bad), None, "{bad}");
        }
    }
}

//! Keys under which a client's address is counted.

use crate::locks;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, RwLock};

/// Prefixes kept at most. A machine with a few interfaces has under ten; 64 of 32 bytes are 2 KiB.
pub const LOCAL_PREFIXES: usize = 64;

/// Shorter prefixes are no local network but a route to a large part of the Internet, as a tunnel has it. RFC
/// 6177 gives a site /48.
const SHORTEST_PREFIX: u8 = 48;

/// Keys of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressKeys {
    /// The client: its IPv4 address, its IPv6 address on a local network, else its /64.
    pub own: IpAddr,
    /// The /64 around an IPv6 client of a local network. It has a total of its own: one device may take any
    /// address of its /64 (RFC 8981 makes new ones daily).
    pub network: Option<IpAddr>,
}

/// An IPv6 prefix that is on-link at one of this machine's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Prefix {
    bits: u128,
    length: u8,
}

impl Ipv6Prefix {
    /// Returns the prefix of `length` bits around `addr`, or `None` where it is too short to be a local
    /// network.
    pub fn new(addr: Ipv6Addr, length: u8) -> Option<Self> {
        (SHORTEST_PREFIX..=128)
            .contains(&length)
            .then(|| Self { bits: addr.to_bits() & mask(length), length })
    }

    fn contains(self, addr: Ipv6Addr) -> bool {
        addr.to_bits() & mask(self.length) == self.bits
    }
}

/// Prefixes of the local networks, as the interfaces have them now. A clone is a handle to the same list.
#[derive(Clone, Debug, Default)]
pub struct LocalPrefixes(Arc<RwLock<Vec<Ipv6Prefix>>>);

impl LocalPrefixes {
    /// Replaces the list; past [`LOCAL_PREFIXES`] the rest is dropped.
    pub fn set(&self, mut prefixes: Vec<Ipv6Prefix>) {
        prefixes.truncate(LOCAL_PREFIXES);
        *locks::write(&self.0) = prefixes;
    }

    /// Returns the keys of `addr`.
    ///
    /// - IPv4, also mapped into IPv6, counts as it is. 127.0.0.0/8 is one client: any program of this machine
    ///   may take each of its addresses.
    /// - IPv6 of a local network (link-local, fc00::/7, an on-link prefix) counts whole, with a total for the
    ///   /64: there the /64 is everyone's, so that one device could use up what all have.
    /// - Other IPv6 counts by its /64, which is one household's.
    pub fn keys(&self, addr: IpAddr) -> AddressKeys {
        match addr.to_canonical() {
            IpAddr::V4(v4) if v4.is_loopback() => {
                AddressKeys { own: Ipv4Addr::LOCALHOST.into(), network: None }
            }
            IpAddr::V6(v6) if !v6.is_loopback() => {
                let network = IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask(64)));
                if self.is_local(v6) {
                    AddressKeys { own: v6.into(), network: Some(network) }
                } else {
                    AddressKeys { own: network, network: None }
                }
            }
            own => AddressKeys { own, network: None },
        }
    }

    fn is_local(&self, addr: Ipv6Addr) -> bool {
        let on_link = || locks::read(&self.0).iter().any(|prefix| prefix.contains(addr));
        addr.is_unicast_link_local() || addr.is_unique_local() || on_link()
    }
}

const fn mask(length: u8) -> u128 {
    // A shift by all 128 bits is none.
    if length == 0 { 0 } else { u128::MAX << (128 - length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(addr: &str) -> (String, Option<String>) {
        let local = LocalPrefixes::default();
        local.set(vec![Ipv6Prefix::new("2001:db8:5:6::1".parse().unwrap(), 64).unwrap()]);
        let AddressKeys { own, network } = local.keys(addr.parse().unwrap());
        (own.to_string(), network.map(|network| network.to_string()))
    }

    #[test]
    fn keys_by_kind_of_address() {
        for (addr, own, network) in [
            ("192.168.1.5", "192.168.1.5", None),
            ("::ffff:192.168.1.5", "192.168.1.5", None),
            ("127.0.0.1", "127.0.0.1", None),
            ("127.8.9.10", "127.0.0.1", None),
            ("::ffff:127.8.9.10", "127.0.0.1", None),
            ("::1", "::1", None),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", None),
            ("2001:db8:5:6:3:4:5:6", "2001:db8:5:6:3:4:5:6", Some("2001:db8:5:6::")),
            ("2001:db8:5:7::1", "2001:db8:5:7::", None),
            ("fd00::aaaa:1", "fd00::aaaa:1", Some("fd00::")),
            ("fe80::1:2", "fe80::1:2", Some("fe80::")),
        ] {
            assert_eq!(keys(addr), (own.to_owned(), network.map(str::to_owned)), "{addr}");
        }
    }

    #[test]
    fn prefix_shorter_than_a_site_is_no_local_network() {
        assert_eq!(Ipv6Prefix::new("2001:db8::1".parse().unwrap(), 3), None);
        assert_eq!(Ipv6Prefix::new("::".parse().unwrap(), 0), None);
        assert_eq!(Ipv6Prefix::new("::".parse().unwrap(), 129), None);
        assert!(Ipv6Prefix::new("2001:db8::1".parse().unwrap(), 128).is_some());
    }

    #[test]
    fn prefix_list_is_bounded() {
        let local = LocalPrefixes::default();
        local.set(vec![Ipv6Prefix::new(Ipv6Addr::UNSPECIFIED, 64).unwrap(); 1000]);
        assert_eq!(local.0.read().unwrap().len(), LOCAL_PREFIXES);
    }

    proptest! {
        #[test]
        fn networks_hold_their_clients(bits: u128, length in SHORTEST_PREFIX..=128) {
            let addr = Ipv6Addr::from_bits(bits);
            let local = LocalPrefixes::default();
            local.set(Ipv6Prefix::new(addr, length).into_iter().collect());
            let AddressKeys { own, network } = local.keys(addr.into());
            if addr.to_ipv4_mapped().is_none() && !addr.is_loopback() {
                prop_assert_eq!(own, IpAddr::V6(addr));
                prop_assert_eq!(network, Some(IpAddr::V6(Ipv6Addr::from_bits(bits >> 64 << 64))));
            }
        }
    }
}

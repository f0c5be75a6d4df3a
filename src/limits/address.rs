//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr};

/// What an address counts as: IPv4 as it is, also when it comes mapped into IPv6; IPv6 by its /64, because one device may
/// take any address of its /64 (RFC 8981 makes new ones daily). A link-local address counts whole: its /64 is the same
/// for every device of the network, so one device could use up what all of them have.
pub fn address_key(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) if !v6.is_unicast_link_local() && !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(addr: &str) -> String {
        address_key(addr.parse().unwrap()).to_string()
    }

    #[test]
    fn v4_is_whole_v6_counts_by_64() {
        assert_eq!(key("192.168.1.5"), "192.168.1.5");
        assert_eq!(key("::ffff:192.168.1.5"), "192.168.1.5");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(key("fd00::aaaa:1"), key("fd00::bbbb:2"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("fe80::1:2"), "fe80::1:2");
        assert_eq!(key("::1"), "::1");
    }
}

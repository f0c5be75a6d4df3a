//! The addresses by which others reach this machine.

use std::net::IpAddr;

/// The addresses of all interfaces that are up, without loopback: IPv4 first, then IPv6, link-local ones last.
pub fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces.iter().filter(|i| !i.is_loopback()).map(if_addrs::Interface::ip).collect();
    addresses.sort_unstable_by_key(|addr| (is_link_local(addr), addr.is_ipv6(), *addr));
    addresses.dedup();
    addresses
}

/// Whether an address holds on one cable only, so that a browser cannot use it without naming an interface.
pub fn is_link_local(addr: &IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.is_link_local(),
        IpAddr::V6(addr) => addr.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_known() {
        for (text, local) in [("169.254.7.1", true), ("192.168.1.20", false), ("fe80::1", true), ("fd00::1", false)] {
            assert_eq!(text.parse().map(|addr| is_link_local(&addr)), Ok(local), "{text}");
        }
    }

    #[test]
    fn loopback_is_never_among_them() {
        assert!(own_addresses().iter().all(|addr| !addr.is_loopback()));
    }
}

//! Addresses of this machine, read from procfs: netlink would be one more kind of socket that the hardened
//! service has to allow.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::Ipv6Prefix;

/// Read limit; the routing table of a machine with a few interfaces has some KiB.
const MOST_BYTES: u64 = 1024 * 1024;
/// `if_inet6` flags of unusable addresses (linux/if_addr.h): tentative, and duplicate of another machine's.
const TENTATIVE: u8 = 0x40;
const DUPLICATE: u8 = 0x08;

/// Returns the addresses of all active interfaces without loopback: IPv4 first, then IPv6, link-local ones
/// last. Two small reads from memory.
pub fn own_addresses() -> Vec<IpAddr> {
    let v4 = v4(&read("/proc/self/net/fib_trie"));
    let v6 = v6(&read("/proc/self/net/if_inet6"));
    let all = v4.into_iter().map(IpAddr::V4).chain(v6.into_iter().map(IpAddr::V6));
    let mut addresses: Vec<_> = all.filter(|addr| !addr.is_loopback()).collect();
    addresses.sort_unstable_by_key(|addr| (is_link_local(addr), addr.is_ipv6(), *addr));
    addresses.dedup();
    addresses
}

/// Returns the IPv6 prefixes of the networks at this machine's interfaces. One small read from memory.
pub fn local_prefixes() -> Vec<Ipv6Prefix> {
    let table = read("/proc/self/net/if_inet6");
    let entries = v6_entries(&table).filter(|entry| !entry.address.is_loopback());
    entries.filter_map(|entry| Ipv6Prefix::new(entry.address, entry.prefix_length)).collect()
}

/// Reads a file; without it (no IPv6, for example) there are no such addresses.
fn read(file: &str) -> String {
    let mut text = String::new();
    let _ = File::open(file).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    text
}

/// Parses the routing trie: an address is followed by the routes that begin there; `host LOCAL` marks this
/// machine's own.
fn v4(table: &str) -> Vec<Ipv4Addr> {
    let mut addresses = Vec::new();
    let mut current: Option<Ipv4Addr> = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            current = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            addresses.extend(current);
        }
    }
    addresses
}

/// Usable address and the prefix length of its network.
struct V6Entry {
    address: Ipv6Addr,
    prefix_length: u8,
}

/// Parses one address a line: 32 hexadecimal digits, interface number, prefix length, scope, flags, interface
/// name.
fn v6_entries(table: &str) -> impl Iterator<Item = V6Entry> {
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let digits = words.next().filter(|digits| digits.len() == 32)?;
        let prefix_length = u8::from_str_radix(words.nth(1)?, 16).ok()?;
        let flags = u8::from_str_radix(words.nth(1)?, 16).ok()?;
        let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
        (flags & (TENTATIVE | DUPLICATE) == 0).then_some(V6Entry { address, prefix_length })
    };
    table.lines().filter_map(entry)
}

fn v6(table: &str) -> Vec<Ipv6Addr> {
    v6_entries(table).map(|entry| entry.address).collect()
}

/// Returns true for link-local addresses, which browsers cannot use without naming an interface.
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
    fn link_local_addresses_are_recognized() {
        for (text, local) in
            [("169.254.7.1", true), ("192.168.1.20", false), ("fe80::1", true), ("fd00::1", false)]
        {
            assert_eq!(text.parse().map(|addr| is_link_local(&addr)), Ok(local), "{text}");
        }
    }

    #[test]
    fn procfs_tables_are_parsed() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 192.168.1.0\n        \
                     /24 link UNICAST\nLocal:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 127.0.0.0\n        /8 host LOCAL\n     \
                     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 127.255.255.255\n        /32 link BROADCAST\n     \
                     |-- 192.168.1.20\n        /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
        assert_eq!(v4(table), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 168, 1, 20)]);
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fd000000000000000000000000000002 04 40 00 82     eth0\n\
                     fd000000000000000000000000000003 04 40 00 c0     eth0\n\
                     fd000000000000000000000000000004 04 40 00 88     eth0\n\
                     fe8000000000000000fc00fffe000001 04 40 20 80     eth0\nshort 1 2 3 4\n";
        let want: Vec<Ipv6Addr> =
            ["::1", "fd00::2", "fe80::fc:ff:fe00:1"].iter().filter_map(|a| a.parse().ok()).collect();
        assert_eq!(v6(table), want);
        let lengths: Vec<_> = v6_entries(table).map(|entry| entry.prefix_length).collect();
        assert_eq!(lengths, [128, 64, 64]);
        assert!(v4("").is_empty() && v4("/32 host LOCAL").is_empty() && v6("").is_empty());
    }

    #[test]
    fn own_addresses_exclude_loopback() {
        assert!(own_addresses().iter().all(|addr| !addr.is_loopback()));
        assert!(read("/proc/self/net/fib_trie").contains("127.0.0.1"), "this machine has the file");
    }
}

//! IP addresses and CIDR ranges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::types::texts::{Key, key};

/// Shortest prefixes: 10.0.0.0/8 and fc00::/7 are the widest private ranges. A wider range would trust public
/// addresses.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 7;

/// Allowed values of the setting.
pub(super) const ALLOWED: Key = key::CONFIG_ALLOWED_IP_RANGE;

/// IP address, or range in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
///
/// A range must begin at its first address: `10.1.2.3/8` is more often a mistake than a request to trust a
/// whole network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    first: IpAddr,
    prefix: u8,
}

/// The text is neither an address nor a range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no IP address and no range")]
pub struct NoRange;

impl IpRange {
    /// Returns true if the range contains the address. An IPv4-mapped IPv6 address counts as the IPv4
    /// address.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let mask = |addr: IpAddr| bits(addr) >> (width(addr) - self.prefix);
        let addr = addr.to_canonical();
        addr.is_ipv4() == self.first.is_ipv4() && mask(addr) == mask(self.first)
    }
}

impl From<IpAddr> for IpRange {
    fn from(addr: IpAddr) -> Self {
        let first = addr.to_canonical();
        Self { first, prefix: width(first) }
    }
}

impl FromStr for IpRange {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let Some((first, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| NoRange);
        };
        let first: IpAddr = first.parse().map_err(|_| NoRange)?;
        // `u8::from_str` also accepts a sign.
        let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| digits).ok_or(NoRange)?;
        let (width, least) = (width(first), if first.is_ipv4() { MIN_PREFIX_V4 } else { MIN_PREFIX_V6 });
        let first = bits(first);
        let host_bits = width.checked_sub(prefix).ok_or(NoRange)?;
        if prefix < least || first.trailing_zeros() < u32::from(host_bits) {
            return Err(NoRange);
        }
        let first = address(first, width).to_canonical();
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        let prefix =
            if first.is_ipv4() && width == 128 { prefix.checked_sub(96).ok_or(NoRange)? } else { prefix };
        if prefix < if first.is_ipv4() { MIN_PREFIX_V4 } else { MIN_PREFIX_V6 } {
            return Err(NoRange);
        }
        Ok(Self { first, prefix })
    }
}

/// Returns the address as a number.
fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u32::from(addr).into(),
        IpAddr::V6(addr) => addr.into(),
    }
}

/// Returns the bits of an address of this family.
fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

fn address(bits: u128, width: u8) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if width == 32 => Ipv4Addr::from(bits).into(),
        _ => Ipv6Addr::from(bits).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn has(range: &str, addr: &str) -> bool {
        range.parse::<IpRange>().expect("a range").contains(addr.parse().expect("an address"))
    }

    #[test]
    fn range_contains_its_prefix_only() {
        for (range, inside, outside) in [
            ("172.16.0.0/12", "172.16.0.0", "172.15.255.255"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
            ("10.0.0.0/8", "::ffff:10.9.9.9", "11.0.0.0"),
            ("fd00::/8", "fdff:1::1", "fe00::"),
            ("::ffff:10.0.0.0/104", "10.200.0.1", "::10.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("192.168.1.10/32", "192.168.1.10", "192.168.1.11"),
            ("::1", "::1", "::2"),
            ("fc00::/7", "fdff::", "127.0.0.1"),
        ] {
            assert!(has(range, inside) && !has(range, outside), "{range}");
        }
    }

    #[test]
    fn malformed_ranges_are_rejected() {
        for bad in [
            "",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08x",
            "10.0.0.1/8",
            "172.16.0.0/11",
            "fd00::1/8",
            "fd00::/129",
            "0.0.0.0/0",
            "::/0",
            "::ffff:0.0.0.0/96",
            "::ffff:10.0.0.0/99",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "localhost",
            "10.0.0.0-10.0.0.9",
        ] {
            assert_eq!(bad.parse::<IpRange>(), Err(NoRange), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn random_range_contains_exactly_its_addresses(first: u32, prefix in 8_u8..=32, other: u32) {
            let mask = u32::MAX << (32 - u32::from(prefix));
            let network = Ipv4Addr::from(first & mask);
            let range: IpRange = format!("{network}/{prefix}").parse().expect("a range");
            prop_assert!(range.contains(Ipv4Addr::from(first).into()));
            prop_assert_eq!(range.contains(Ipv4Addr::from(other).into()), other & mask == first & mask);
        }

        #[test]
        fn range_parser_never_panics(text in "[0-9a-f:./]{0,30}|.{0,20}") {
            let _ = text.parse::<IpRange>();
        }
    }
}

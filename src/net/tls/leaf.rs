//! Contents of the device's certificate: names, validity and renewal. No clock, no I/O.
//!
//! Browsers judge the validity by their own clock, while the server dates it by its own. A Pi without a
//! battery starts with an old date, and without a time server it stays behind by all the time that it was
//! switched off. A certificate therefore reaches a little into the past and far into the future. Both
//! together stay under the 825 days that Apple allows for an authority that the user installed (the 398 days
//! apply to authorities of the system).

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Days for browsers whose clock is behind.
const BACKWARDS: u32 = 90;
/// Days for browsers whose clock is ahead.
const FORWARDS: u32 = 730;
/// Days between the clock and the issue date after which a certificate is renewed, either because they have
/// passed or because the clock was set. Only two years without power then lead to an expired certificate.
const KEPT: u32 = 30;
/// Addresses in a certificate; a small machine has fewer interfaces.
const MOST_ADDRESSES: usize = 32;

/// Earliest plausible date, 2026-11-01; a clock before it is wrong.
const WRITTEN: Timestamp = Timestamp(1_793_491_200_000);

/// Name by which every device can be reached at first.
pub(super) const DEFAULT_NAME: &str = "pichat.local";

/// Private networks (RFC 1918, 3927, 4193, 4291) and loopback.
pub(super) const PRIVATE: [(&str, u8); 8] = [
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("169.254.0.0", 16),
    ("127.0.0.0", 8),
    ("fc00::", 7),
    ("fe80::", 10),
    ("::1", 128),
];

/// Names and addresses that a certificate must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafSpec {
    pub(super) host_name: String,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
}

impl LeafSpec {
    /// Returns the specification for this host name and these addresses. Names that the authority may not
    /// sign are left out, since browsers would refuse the whole certificate, and so are link-local IPv6
    /// addresses, which browsers cannot use.
    pub fn new(host_name: &str, addresses: &[IpAddr]) -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
        let usable =
            |addr: &IpAddr| is_private(addr) && !matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let mut own: Vec<_> =
            addresses.iter().copied().filter(usable).take(MOST_ADDRESSES).chain(loopback).collect();
        own.sort_unstable();
        own.dedup();
        Self { host_name: host_name.to_owned(), names: names(host_name), addresses: own }
    }
}

/// Returns `pichat.local`, the host name as multicast DNS announces it, and the host name itself if it has a
/// dot. Never a single label: `dev` or `bogota` are also domains of the internet.
pub(super) fn names(host_name: &str) -> Vec<String> {
    let mut names = names_with_label(host_name);
    // The authority excludes the names below each of these, so none may lie below another.
    let all = names.clone();
    let above =
        |name: &str| all.iter().any(|other| other.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    names.retain(|name| name.contains('.') && !above(name));
    names
}

/// Returns the same names plus a single-label host name, as versions up to 0.1.0 had it.
pub(super) fn names_with_label(host_name: &str) -> Vec<String> {
    let host_name = host_name.trim_end_matches('.').to_ascii_lowercase();
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let mut names = vec![DEFAULT_NAME.to_owned()];
    let first = host_name.split('.').next().unwrap_or_default();
    // Machines without a name are called `localhost`; signing for it would affect every machine.
    if host_name.len() <= 253 && host_name.split('.').all(fits) && first != "localhost" {
        names.extend([format!("{first}.local"), host_name]);
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns true if the authority may sign for this address.
fn is_private(addr: &IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Reason for a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalReason {
    /// The machine has an address that the last certificate lacks.
    Address,
    /// The date differs from the last certificate's issue date.
    Date,
}

impl RenewalReason {
    /// Returns the value for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Date => "date",
        }
    }
}

/// Contents of one certificate.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) wanted: LeafSpec,
    made: Timestamp,
}

impl Leaf {
    pub(super) fn of(wanted: LeafSpec, now: Timestamp) -> Self {
        Self { wanted, made: plausible(now) }
    }

    /// Returns the reason to replace it by one for `wanted`, if any. A disappeared address is none: the key
    /// stays on the device.
    pub(super) fn needs_renewal(&self, wanted: &LeafSpec, now: Timestamp) -> Option<RenewalReason> {
        let kept = i64::try_from((DAY * KEPT).as_millis()).unwrap_or(i64::MAX);
        if wanted.addresses.iter().any(|addr| !self.wanted.addresses.contains(addr)) {
            Some(RenewalReason::Address)
        } else if plausible(now).0.abs_diff(self.made.0) > kept.unsigned_abs() {
            Some(RenewalReason::Date)
        } else {
            None
        }
    }

    pub(super) fn not_before(&self) -> Timestamp {
        Timestamp(self.made.0 - i64::try_from((DAY * BACKWARDS).as_millis()).unwrap_or(0))
    }

    pub(super) fn not_after(&self) -> Timestamp {
        self.made.plus(DAY * FORWARDS)
    }
}

/// Returns `now`, at least this program's date and at most 9000-01-01, the limit of certificate dates.
fn plausible(now: Timestamp) -> Timestamp {
    now.clamp(built(), Timestamp(221_845_392_000_000))
}

/// Returns this program's build date, as reproducible builds define it.
fn built() -> Timestamp {
    let said = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse::<i64>().ok());
    said.and_then(|seconds| seconds.checked_mul(1000)).map_or(WRITTEN, |built| Timestamp(built).max(WRITTEN))
}

#[cfg(test)]
#[path = "leaf_tests.rs"]
mod tests;

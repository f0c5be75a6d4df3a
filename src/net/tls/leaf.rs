//! What a certificate of this device must name, how long it holds, and when it wants a successor. No clock and no I/O.
//!
//! It is the browser's clock that judges a certificate, and only ours that dates it. A Pi without a battery starts with an old date,
//! and where there is no time server it stays behind by all the time that the device was ever switched off. So a certificate holds
//! a little into the past and far into the future. Together they stay under the 825 days that Apple's systems allow a certificate
//! of an authority that a person installed (the 398 days are for authorities that systems ship).

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// For browsers whose clock is behind ours.
const BACKWARDS: u32 = 90;
/// For browsers whose clock is ahead of ours.
const FORWARDS: u32 = 730;
/// A certificate is made anew when the clock says another date than that it was made at, by so many days: because they have passed,
/// or because the clock was set. Two years without power are then needed before a browser sees one that has ended.
const KEPT: u32 = 30;
/// Addresses in a certificate: more interfaces than a small machine has.
const MOST_ADDRESSES: usize = 32;

/// 2026-11-01, when this was written. A clock that says less is wrong.
const WRITTEN: Timestamp = Timestamp(1_793_491_200_000);

/// The name under which every device can be reached at first.
pub(super) const DEFAULT_NAME: &str = "pichat.local";

/// The networks that are nobody's in particular (RFC 1918, 3927, 4193, 4291), and the machine itself.
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

/// What a certificate must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub(super) host_name: String,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
}

impl Wanted {
    /// For a machine of this host name that has these addresses. What the authority may not sign is left out, since one such name
    /// would make browsers refuse the whole certificate; so are link-local IPv6 addresses, which no browser can name.
    pub fn new(host_name: &str, addresses: &[IpAddr]) -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
        let usable = |addr: &IpAddr| is_private(addr) && !matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let mut own: Vec<_> = addresses.iter().copied().filter(usable).take(MOST_ADDRESSES).chain(loopback).collect();
        own.sort_unstable();
        own.dedup();
        Self { host_name: host_name.to_owned(), names: names(host_name), addresses: own }
    }
}

/// `pichat.local`, the host name as multicast DNS announces it, and the host name itself where it has a dot. Never a single label: the
/// host name `dev` or `bogota` is a domain of the internet too.
pub(super) fn names(host_name: &str) -> Vec<String> {
    let mut names = names_with_label(host_name);
    // Authorities exclude what is below each name, so a name above another of them cannot be among them.
    let all = names.clone();
    let above = |name: &str| all.iter().any(|other| other.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    names.retain(|name| name.contains('.') && !above(name));
    names
}

/// The same with the host name also where it is a single label, as versions up to 0.1.0 had it.
pub(super) fn names_with_label(host_name: &str) -> Vec<String> {
    let host_name = host_name.trim_end_matches('.').to_ascii_lowercase();
    let fits = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let mut names = vec![DEFAULT_NAME.to_owned()];
    let first = host_name.split('.').next().unwrap_or_default();
    // `localhost` is what a machine is called that nobody gave a name; signing for it would concern every machine.
    if host_name.len() <= 253 && host_name.split('.').all(fits) && first != "localhost" {
        names.extend([format!("{first}.local"), host_name]);
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the authority may sign for this address.
fn is_private(addr: &IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// Why a certificate was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The machine has an address that the last one does not name.
    Address,
    /// The date is another one than when the last one was made.
    Date,
}

impl Reason {
    /// As it stands in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Date => "date",
        }
    }
}

/// One certificate's content.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) wanted: Wanted,
    made: Timestamp,
}

impl Leaf {
    pub(super) fn of(wanted: Wanted, now: Timestamp) -> Self {
        Self { wanted, made: plausible(now) }
    }

    /// Why it does not do any more for a machine that wants this. An address that is gone does no harm: the key stays here.
    pub(super) fn outlived(&self, wanted: &Wanted, now: Timestamp) -> Option<Reason> {
        let kept = i64::try_from((DAY * KEPT).as_millis()).unwrap_or(i64::MAX);
        if wanted.addresses.iter().any(|addr| !self.wanted.addresses.contains(addr)) {
            Some(Reason::Address)
        } else if plausible(now).0.abs_diff(self.made.0) > kept.unsigned_abs() {
            Some(Reason::Date)
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

/// The date, or that of this program where the clock says that it was not written yet. 9000-01-01 bounds the other end: what follows
/// cannot be said in a certificate.
fn plausible(now: Timestamp) -> Timestamp {
    now.clamp(built(), Timestamp(221_845_392_000_000))
}

/// When this program was built, as reproducible builds say it, or written.
fn built() -> Timestamp {
    let said = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse::<i64>().ok());
    said.and_then(|seconds| seconds.checked_mul(1000)).map_or(WRITTEN, |built| Timestamp(built).max(WRITTEN))
}

#[cfg(test)]
#[path = "leaf_tests.rs"]
mod tests;

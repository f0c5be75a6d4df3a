//! Raw requests that no client would send.

use std::net::Ipv4Addr;

pub(crate) use crate::common::raw_http::raw;
use crate::common::{Client, Server};

/// Returns the statuses of all answers in `answers`.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    answers
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, _)| answers.get(at + 9..at + 12)?.parse().ok())
        .collect()
}

/// Returns the `n`th of many client addresses.
pub(crate) fn address(n: usize) -> Ipv4Addr {
    let n = u32::try_from(n).expect("small");
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + n)
}

/// Returns a client with its own address.
pub(crate) fn client_at(server: &Server, n: usize) -> Client {
    Client { from: Some(address(n)), ..Client::new(server) }
}

/// Returns a client with its own address behind a trusted proxy ([`crate::common::TRUSTING`]).
pub(crate) fn client_behind(server: &Server, n: usize) -> Client {
    Client::new(server).with("X-Forwarded-For", &format!("10.0.{}.{}", n / 250, n % 250 + 1))
}

/// Limits that no test reaches with its own requests.
pub(crate) const GENEROUS: &str = "[limits]\nrequests_per_minute = 1000000\nrequest_burst = 1000000\nuploads_per_minute = 100000\nupload_burst = 100000\ndownload_burst = 100000\ndelete_burst = 100000\n\
    downloads_per_minute = 100000\ndeletes_per_minute = 100000\nlogins_per_minute = 100000\nlogin_failures = 100000\n";

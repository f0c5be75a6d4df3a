//! Whose request it is: the peer, unless the peer is a proxy that the settings trust.

use std::net::IpAddr;

use http::HeaderMap;

/// The client's address. `X-Forwarded-For` counts only when `peer` is a trusted proxy, and then its last entry that is none:
/// what stands before it was written by somebody unknown.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    let trusts = |addr: &IpAddr| trusted.iter().any(|t| t.to_canonical() == *addr);
    if !trusts(&peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops.map(str::trim) {
        match hop.parse::<IpAddr>().map(|a| a.to_canonical()) {
            Ok(addr) if trusts(&addr) => {}
            Ok(addr) => return addr,
            Err(_) => break,
        }
    }
    peer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("header"));
        }
        let trusted: Vec<_> = trusted.iter().map(|t| t.parse().expect("address")).collect();
        client_address(peer.parse().expect("address"), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_may_lie_about_where_they_are() {
        assert_eq!(seen("10.0.0.5", &["9.9.9.9"], &[]), "10.0.0.5");
        assert_eq!(seen("10.0.0.1", &["9.9.9.9"], &["10.0.0.1"]), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 9.9.9.9"], &["10.0.0.1"]), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "9.9.9.9, 10.0.0.1"], &["10.0.0.1"]), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, nonsense"], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(seen("::ffff:10.0.0.1", &[], &[]), "10.0.0.1");
    }
}

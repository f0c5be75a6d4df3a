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

/// What proxies add to a request that they hand on.
const HANDED_ON: [&str; 4] = ["x-forwarded-for", "forwarded", "via", "x-real-ip"];

/// Whether a request was made on this machine. What a proxy here hands on comes from here too; it counts only where the proxy is
/// trusted and every address that it names is this machine's own.
pub(super) fn is_local(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> bool {
    let is_loopback = |addr: &str| addr.trim().parse::<IpAddr>().is_ok_and(|a| a.to_canonical().is_loopback());
    let named = |v: &http::HeaderValue| v.to_str().is_ok_and(|hops| hops.split(',').all(is_loopback));
    let direct = || !HANDED_ON.iter().any(|name| headers.contains_key(*name));
    let through_ours = || {
        let mut forwarded = headers.get_all("x-forwarded-for").iter().peekable();
        trusted.iter().any(|t| t.to_canonical() == peer.to_canonical())
            && !headers.contains_key("forwarded")
            && forwarded.peek().is_some()
            && forwarded.all(named)
    };
    peer.to_canonical().is_loopback() && (direct() || through_ours())
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

    #[test]
    fn a_proxy_on_this_machine_does_not_make_its_clients_local() {
        let local = |peer: &str, fields: &[(&'static str, &'static str)], trusted: &[&str]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, http::HeaderValue::from_static(value));
            }
            let trusted: Vec<_> = trusted.iter().map(|t| t.parse().expect("address")).collect();
            is_local(peer.parse().expect("address"), &headers, &trusted)
        };
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(local(peer, &[], &[]), "{peer}");
            for name in HANDED_ON {
                assert!(!local(peer, &[(name, "127.0.0.1")], &[]), "{peer} {name}");
            }
        }
        for peer in ["192.168.1.7", "::", "0.0.0.0", "fe80::1", "128.0.0.1"] {
            assert!(!local(peer, &[], &[]) && !local(peer, &[("x-forwarded-for", "127.0.0.1")], &[peer]), "{peer}");
        }
        let through = |forwarded| local("127.0.0.1", &[("x-forwarded-for", forwarded)], &["127.0.0.1", "::1"]);
        assert!(through("127.0.0.1") && through("::1, 127.0.0.1"));
        for other in ["9.9.9.9", "127.0.0.1, 9.9.9.9", "9.9.9.9, 127.0.0.1", "unknown", "127.0.0.1:80", "", "127.0.0.1,"] {
            assert!(!through(other), "{other}");
        }
        let twice = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "9.9.9.9")];
        assert!(!local("127.0.0.1", &twice, &["127.0.0.1"]));
        assert!(!local("127.0.0.1", &[twice[0], ("forwarded", "for=9.9.9.9")], &["127.0.0.1"]));
    }
}

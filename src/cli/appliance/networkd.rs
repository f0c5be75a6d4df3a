//! networkd configuration of a fixed address.

use std::fmt::Write as _;

use crate::config::NetworkSettings;

/// Returns the .network file for a fixed address; `None` for DHCP, which the image's own file does. It
/// differs from that file in the address only.
pub(super) fn configuration(network: &NetworkSettings) -> Option<String> {
    let address = network.address?;
    // IPv4 stays on DHCP beside a fixed IPv6 address. Router advertisements are ignored: this device must not
    // get an address that the internet can reach.
    let dhcp = if address.ip.is_ipv4() { "no" } else { "ipv4" };
    let mut text = format!(
        "[Match]\nType=ether wlan\nKind=!*\n\n[Link]\nRequiredForOnline=routable\n\n[Network]\nDHCP={dhcp}\nAddress={address}\n"
    );
    let lines =
        network.gateway.iter().map(|ip| ("Gateway", ip)).chain(network.dns.iter().map(|ip| ("DNS", ip)));
    for (key, ip) in lines {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{key}={ip}");
    }
    text.push_str("IPv6AcceptRA=no\nLinkLocalAddressing=yes\nMulticastDNS=yes\nLLMNR=no\n\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=yes\n");
    Some(text)
}

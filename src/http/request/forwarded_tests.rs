use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &[u8])| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
    };
    lines.iter().map(line).collect()
}

/// Reads with 10.0.0.0/8 and fd00::/8 trusted; as text `ADDRESS SCHEME HOST`, with `-` for what is not said.
fn seen(lines: &[(&'static str, &str)]) -> String {
    let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let trusts = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => addr.octets()[0] == 10,
        IpAddr::V6(addr) => addr.octets()[0] == 0xfd,
    };
    match read(PROXY, &headers(&lines), trusts) {
        Ok(BrowserSide { addr, secure, authority }) => {
            let scheme = secure.map_or("-", |secure| if secure { "https" } else { "http" });
            format!(
                "{} {scheme} {}",
                addr.map_or("-".to_owned(), |addr| addr.to_string()),
                authority.map_or("-".to_owned(), |at| at.to_string())
            )
        }
        Err(BadForwarded(header)) => format!("!{header}"),
    }
}

#[test]
fn x_forwarded_for_gives_the_last_untrusted_hop() {
    for (lines, want) in [
        (&["9.9.9.9"][..], "9.9.9.9"),
        (&["1.1.1.1, 9.9.9.9"], "9.9.9.9"),
        (&["1.1.1.1", "9.9.9.9, 10.0.0.1"], "9.9.9.9"),
        (&["9.9.9.9,10.0.0.7,\t10.0.0.1"], "9.9.9.9"),
        (&["10.0.0.9, 10.0.0.1"], "10.0.0.9"),
        (&["9.9.9.9:4711"], "9.9.9.9"),
        (&["[2001:db8::1]:4711, fd00::1"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["::ffff:9.9.9.9"], "9.9.9.9"),
        (&["[::ffff:9.9.9.9]:1"], "9.9.9.9"),
        (&["fe80::1%eth0"], "fe80::1"),
        (&["9.9.9.9, unknown"], "10.0.0.1"),
        (&["9.9.9.9, _hidden, 10.0.0.5"], "10.0.0.5"),
        (&[", 9.9.9.9 , ,"], "9.9.9.9"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| (FOR, *line)).collect();
        assert_eq!(seen(&lines), format!("{want} - -"), "{lines:?}");
    }
    assert_eq!(seen(&[(FOR, "")]), "- - -");
    for bad in [
        "nonsense",
        "1.1.1.1, nonsense, 9.9.9.9",
        "9.9.9.9:",
        "9.9.9.9:123456",
        "9.9.9.9:http",
        "[9.9.9.9]",
        "[2001:db8::1",
        "[2001:db8::1]x",
        "[2001:db8::1]:",
        "2001:db8::g",
        "\"9.9.9.9\"",
        "9.9.9.9 8.8.8.8",
        "009.9.9.9",
        "unknown:x",
        "_",
        "9.9.9.9; 8.8.8.8",
    ] {
        assert_eq!(seen(&[(FOR, bad)]), "!X-Forwarded-For", "{bad}");
    }
    let bytes = headers(&[(FOR, b"9.9.9.9, \xff")]);
    assert_eq!(
        read(PROXY, &bytes, |_| false),
        Err(BadForwarded("X-Forwarded-For")),
        "no line is passed over"
    );
}

#[test]
fn scheme_and_host_are_of_the_clients_hop() {
    for (lines, want) in [
        (&[(PROTO, "https"), (HOST, "Chat.Example:8443")][..], "- https chat.example:8443"),
        (&[(PROTO, "HTTP")], "- http -"),
        (&[(PROTO, "wss")], "- https -"),
        (
            &[(FOR, "9.9.9.9, 10.0.0.2"), (PROTO, "https, http"), (HOST, "chat.example, inner")],
            "9.9.9.9 https chat.example",
        ),
        (
            &[(FOR, "9.9.9.9, 10.0.0.2"), (PROTO, "https"), (HOST, "chat.example")],
            "9.9.9.9 https chat.example",
        ),
        // What a client wrote before its proxy appended counts for nothing.
        (
            &[(FOR, "1.1.1.1, 9.9.9.9"), (PROTO, "https, http"), (HOST, "evil.example, chat.example")],
            "9.9.9.9 http chat.example",
        ),
        (&[(FOR, "9.9.9.9"), (HOST, "evil.example"), (HOST, "[fd00::7]:1")], "9.9.9.9 - [fd00::7]:1"),
    ] {
        assert_eq!(seen(lines), want, "{lines:?}");
    }
    for (name, shown, bad) in [
        (PROTO, "X-Forwarded-Proto", "gopher"),
        (PROTO, "X-Forwarded-Proto", "https; http"),
        (PROTO, "X-Forwarded-Proto", "https https"),
        (HOST, "X-Forwarded-Host", "a/b"),
        (HOST, "X-Forwarded-Host", "user@a"),
        (HOST, "X-Forwarded-Host", "a b"),
        (HOST, "X-Forwarded-Host", "a:80:80"),
    ] {
        assert_eq!(seen(&[(name, bad)]), format!("!{shown}"), "{bad}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    for (line, want) in [
        ("for=9.9.9.9", "9.9.9.9 - -"),
        ("For=9.9.9.9;Proto=https;Host=Chat.Example", "9.9.9.9 https chat.example"),
        ("for=\"9.9.9.9:4711\" ; proto=https", "9.9.9.9 https -"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17 - -"),
        ("for=\"[2001:db8::1]\";host=\"chat.example:8443\"", "2001:db8::1 - chat.example:8443"),
        ("for=9.9.9.9;by=203.0.113.43;proto=http", "9.9.9.9 http -"),
        ("for=1.1.1.1;proto=https, for=9.9.9.9;proto=http", "9.9.9.9 http -"),
        ("for=9.9.9.9;proto=https;host=a, for=10.0.0.2;proto=http;host=b", "9.9.9.9 https a"),
        ("for=9.9.9.9;proto=https, for=unknown;proto=http", "10.0.0.1 http -"),
        ("for=\"_gazonk\"", "10.0.0.1 - -"),
        ("for=_a:_b", "10.0.0.1 - -"),
        ("for=9.9.9.9;secret=\"a,b;c=\\\"d\"", "9.9.9.9 - -"),
        ("proto=https", "- https -"),
        (", ;for=9.9.9.9;, ", "9.9.9.9 - -"),
        ("", "- - -"),
        ("for=9.9.9.9:80", "9.9.9.9 - -"),
    ] {
        assert_eq!(seen(&[(FORWARDED, line)]), want, "{line}");
    }
    assert_eq!(
        seen(&[(FORWARDED, "for=9.9.9.9;proto=https"), (FORWARDED, "for=10.0.0.3")]),
        "9.9.9.9 https -"
    );
    for bad in [
        "9.9.9.9",
        "for",
        "for=",
        "for=\"",
        "for=\"9.9.9.9",
        "for=\"9.9.9.9\"x",
        "for=nonsense",
        "for=9.9.9.9;for=8.8.8.8",
        "for=9.9.9.9;proto=gopher",
        "for=9.9.9.9;host=a/b",
        "for=9.9.9.9;host=\"\"",
        "fo r=9.9.9.9",
        "=9.9.9.9",
        "for=9.9.9.9 proto=https",
        "for=a=b",
        "for=\"9.9.9.9\\",
    ] {
        assert_eq!(seen(&[(FORWARDED, bad)]), "!Forwarded", "{bad}");
    }
}

#[test]
fn both_kinds_of_header_have_to_agree() {
    assert_eq!(seen(&[(FOR, "9.9.9.9"), (FORWARDED, "for=9.9.9.9;proto=https")]), "9.9.9.9 https -");
    assert_eq!(seen(&[(PROTO, "https"), (FORWARDED, "for=9.9.9.9;proto=https;host=a")]), "9.9.9.9 https a");
    for other in ["for=8.8.8.8", "for=9.9.9.9;proto=http", "for=9.9.9.9;host=b"] {
        let lines = [(FOR, "9.9.9.9"), (PROTO, "https"), (HOST, "a"), (FORWARDED, other)];
        assert_eq!(seen(&lines), "!Forwarded", "{other}");
    }
}

fn hop() -> impl Strategy<Value = (String, IpAddr)> {
    let v4 = any::<u32>().prop_map(|bits| IpAddr::V4(bits.into()));
    let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(bits.into()));
    (prop_oneof![v4, v6], 0_u8..3, any::<u16>()).prop_map(|(addr, shape, port)| {
        let text = match (addr, shape) {
            (_, 0) => addr.to_string(),
            (IpAddr::V4(_), _) => format!("{addr}:{port}"),
            (IpAddr::V6(_), 1) => format!("[{addr}]"),
            (IpAddr::V6(_), _) => format!("[{addr}]:{port}"),
        };
        (text, addr.to_canonical())
    })
}

proptest! {
    #[test]
    fn the_last_hop_counts_however_it_is_written(
        hops in proptest::collection::vec(hop(), 1..6),
        cuts in proptest::collection::vec(any::<bool>(), 5),
    ) {
        let want = hops.last().map(|(_, addr)| *addr);
        let (mut lines, mut elements) = (vec![String::new()], Vec::new());
        for (index, (text, _)) in hops.iter().enumerate() {
            if index > 0 {
                if cuts[index - 1] { lines.push(String::new()) } else { lines.last_mut().expect("one").push_str(", ") }
            }
            lines.last_mut().expect("one").push_str(text);
            elements.push(format!("for=\"{text}\""));
        }
        let lines: Vec<_> = lines.iter().map(|line| (FOR, line.as_bytes())).collect();
        prop_assert_eq!(read(PROXY, &headers(&lines), |_| false).map(|side| side.addr), Ok(want));
        let element = elements.join(",");
        prop_assert_eq!(read(PROXY, &headers(&[(FORWARDED, element.as_bytes())]), |_| false).map(|side| side.addr), Ok(want));
    }

    #[test]
    fn any_line_is_read_or_refused(text in "[ -~]{0,40}|(for|proto|host|=|;|,|\"|\\\\|\\[|\\]|:|1|a| ){0,20}") {
        for name in [FOR, PROTO, HOST, FORWARDED] {
            if let Ok(side) = read(PROXY, &headers(&[(name, text.as_bytes())]), |_| true) {
                prop_assert!(side.authority.is_none_or(|own| HostPort::parse(&own.to_string()) == Some(own)));
            }
        }
    }
}

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const HOUR: i64 = 3_600_000;

fn wanted(addresses: &[&str]) -> LeafSpec {
    LeafSpec::new("pichat", &addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>())
}

#[test]
fn spec_has_own_names_and_private_addresses() {
    let wanted = wanted(&[
        "192.168.1.20",
        "8.8.8.8",
        "fd00::1",
        "fe80::1",
        "169.254.7.7",
        "2001:db8::1",
        "192.168.1.20",
    ]);
    assert_eq!(wanted.names, ["pichat.local"]);
    let texts: Vec<_> = wanted.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["127.0.0.1", "169.254.7.7", "192.168.1.20", "::1", "fd00::1"]);
    assert_eq!(names("Recepcion.oficina.lan."), ["pichat.local", "recepcion.local", "recepcion.oficina.lan"]);
    assert_eq!(names("dev"), ["dev.local", "pichat.local"], "never the label alone");
    assert_eq!(names("x.pichat.local"), ["x.local", "x.pichat.local"], "no name above another");
    assert_eq!(names("casa.local"), ["casa.local", "pichat.local"]);
    for nameless in ["", "localhost", "localhost.localdomain", "ñandú", "a..b", "a b", &"x".repeat(64)] {
        assert_eq!(names(nameless), ["pichat.local"], "{nameless}");
    }
    let many: Vec<IpAddr> = (0..200).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    assert_eq!(LeafSpec::new("x", &many).addresses.len(), MOST_ADDRESSES + 2);
}

#[test]
fn signable_addresses_match_the_constraints() {
    for (text, prefix) in PRIVATE {
        let first: IpAddr = text.parse().unwrap();
        assert!(is_private(&first), "{text}/{prefix}");
    }
    for outside in [
        "9.255.255.255",
        "11.0.0.0",
        "172.15.0.0",
        "172.32.0.0",
        "100.64.0.1",
        "169.253.0.1",
        "::",
        "::2",
        "fec0::1",
        "2000::",
    ] {
        assert!(!is_private(&outside.parse().unwrap()), "{outside}");
    }
}

#[test]
fn new_address_or_date_needs_renewal() {
    let now = Timestamp(WRITTEN.0 + 1000 * HOUR);
    let leaf = Leaf::of(wanted(&["10.0.0.1", "10.0.0.2"]), now);
    let at = |hours: i64| Timestamp(now.0 + hours * HOUR);
    assert_eq!(leaf.needs_renewal(&leaf.wanted, now), None);
    assert_eq!(leaf.needs_renewal(&wanted(&["10.0.0.1"]), now), None, "one is gone");
    assert_eq!(leaf.needs_renewal(&wanted(&["10.0.0.1", "10.0.0.3"]), now), Some(RenewalReason::Address));
    assert_eq!(leaf.needs_renewal(&wanted(&["8.8.8.8"]), now), None, "cannot be named anyway");
    assert_eq!(leaf.needs_renewal(&leaf.wanted, at(30 * 24)), None);
    assert_eq!(
        leaf.needs_renewal(&leaf.wanted, at(30 * 24 + 1)),
        Some(RenewalReason::Date),
        "time has passed"
    );
    assert_eq!(
        leaf.needs_renewal(&leaf.wanted, at(8 * 365 * 24)),
        Some(RenewalReason::Date),
        "the clock was set forward"
    );
    assert_eq!(leaf.needs_renewal(&leaf.wanted, at(-31 * 24)), Some(RenewalReason::Date), "and back");
}

#[test]
fn certificate_is_valid_under_any_server_clock() {
    let day = |t: Timestamp| t.0.div_euclid(24 * HOUR);
    for now in [i64::MIN, 0, WRITTEN.0, WRITTEN.0 + 1, WRITTEN.0 + 100_000 * HOUR] {
        let leaf = Leaf::of(wanted(&[]), Timestamp(now));
        assert!(day(leaf.not_after()) - day(leaf.not_before()) < 825, "Apple's bound");
        assert!(leaf.not_before().0 <= WRITTEN.0.max(now) - 90 * 24 * HOUR || now > WRITTEN.0);
        assert!(leaf.not_after().0 >= built().0 + 730 * 24 * HOUR, "a clock of 1970 is not believed");
    }
    let stuck = Leaf::of(wanted(&[]), Timestamp(0));
    assert_eq!(stuck.needs_renewal(&stuck.wanted, Timestamp(5 * HOUR)), None);
    assert!(Leaf::of(wanted(&[]), Timestamp(i64::MAX)).not_after().to_string().starts_with("9002-01-01"));
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};

use super::super::leaf::Wanted;
use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Whether rustls' verifier, which is not the one that signs, takes a certificate of `authority` for `name` on that day.
fn holds(authority: &Authority, leaf: &Leaf, name: &str, at: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(shown::provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain = authority.issue(leaf).unwrap().cert;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0.try_into().unwrap()));
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], at).is_ok()
}

fn leaf(host_name: &str, addresses: &[&str]) -> Leaf {
    let addresses: Vec<_> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Leaf::of(Wanted::new(host_name, &addresses), NOW)
}

#[test]
fn a_certificate_holds_for_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), "recepcion").unwrap();
    let leaf = leaf("recepcion", &["192.168.1.20", "fd00::20", "169.254.3.4"]);
    for name in ["pichat.local", "recepcion", "recepcion.local", "192.168.1.20", "fd00::20", "169.254.3.4", "127.0.0.1", "::1"] {
        assert!(holds(&authority, &leaf, name, NOW), "{name}");
    }
    for name in ["otro.local", "example.com", "192.168.1.21"] {
        assert!(!holds(&authority, &leaf, name, NOW), "{name}");
    }
    let day = 24 * 3_600_000;
    for (days, good) in [(-89, true), (729, true), (-91, false), (731, false)] {
        assert_eq!(holds(&authority, &leaf, "pichat.local", Timestamp(NOW.0 + days * day)), good, "{days} days");
    }
}

#[test]
fn what_a_thief_of_the_key_signs_for_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), "pichat").unwrap();
    for name in ["example.com", "otro.local", "local", "pichat.example.com", "localhost"] {
        let mut forged = leaf("pichat", &[]);
        forged.wanted.names = vec![name.to_owned()];
        forged.wanted.addresses.clear();
        assert!(!holds(&authority, &forged, name, NOW), "{name}");
        forged.wanted.names.push("pichat.local".to_owned());
        assert!(!holds(&authority, &forged, "pichat.local", NOW), "one foreign name spoils all: {name}");
    }
    for addr in ["8.8.8.8", "100.64.0.1", "172.32.0.1", "2001:db8::1", "::2"] {
        let mut forged = leaf("pichat", &[]);
        forged.wanted.addresses = vec![addr.parse().unwrap()];
        assert!(!holds(&authority, &forged, addr, NOW), "{addr}");
    }
}

#[test]
fn it_is_kept_with_its_key_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    let mode = || file.metadata().unwrap().permissions().mode() & 0o777;
    let first = Authority::open(folder.path(), "pichat").unwrap();
    assert_eq!((first.origin(), mode()), (Origin::First, 0o600));
    assert!(!first.pem().contains("PRIVATE"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let again = Authority::open(folder.path(), "pichat").unwrap();
    assert_eq!((again.origin(), mode()), (Origin::Kept, 0o600));
    assert_eq!((again.der(), again.pem()), (first.der(), first.pem()));
    assert!(holds(&first, &leaf("pichat", &[]), "pichat.local", NOW));

    let other = Authority::open(folder.path(), "bodega").unwrap();
    assert_eq!(other.origin(), Origin::HostName);
    assert_ne!(other.der(), first.der());
    assert!(holds(&other, &leaf("bodega", &[]), "bodega.local", NOW));
    assert!(!holds(&first, &leaf("bodega", &[]), "bodega.local", NOW), "the old one was not made for it");

    for damaged in ["", "x", &fs::read_to_string(&file).unwrap()[..300]] {
        fs::write(&file, damaged).unwrap();
        assert_eq!(Authority::open(folder.path(), "bodega").unwrap().origin(), Origin::Damaged);
        assert_eq!(Authority::open(folder.path(), "bodega").unwrap().origin(), Origin::Kept);
    }
    // A power cut in the middle of a write, then a command that makes a new one.
    fs::write(folder.path().join("local-ca.pem.new"), "half").unwrap();
    let asked = renew(folder.path(), "bodega").unwrap();
    assert_eq!(asked.origin(), Origin::Asked);
    assert_eq!(Authority::open(folder.path(), "bodega").unwrap().fingerprint(), asked.fingerprint());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(Authority::open(folder.path(), "bodega").is_err(), "what cannot be read is not replaced");
}

#[test]
fn every_device_has_another_one() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (Authority::open(a.path(), "pichat").unwrap(), Authority::open(b.path(), "pichat").unwrap());
    let subject = |of: &Authority| anchor(&of.certificate).unwrap().subject.to_vec();
    assert_ne!(a.fingerprint(), b.fingerprint());
    assert_ne!(subject(&a), subject(&b), "two in one list can be told apart");
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};

use super::super::leaf::LeafSpec;
use super::*;
use crate::private_file::Untrusted;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Returns true if rustls' verifier, independent of the signer, accepts a certificate of `authority` for
/// `name` on that day.
fn holds(authority: &Authority, leaf: &Leaf, name: &str, at: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(cert_resolver::provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain = authority.issue(leaf).unwrap().cert;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0.try_into().unwrap()));
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], at).is_ok()
}

fn leaf(host_name: &str, addresses: &[&str]) -> Leaf {
    let addresses: Vec<_> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Leaf::of(LeafSpec::new(host_name, &addresses), NOW)
}

#[test]
fn certificate_is_valid_for_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), "recepcion").unwrap();
    let leaf = leaf("recepcion", &["192.168.1.20", "fd00::20", "169.254.3.4"]);
    for name in
        ["pichat.local", "recepcion.local", "192.168.1.20", "fd00::20", "169.254.3.4", "127.0.0.1", "::1"]
    {
        assert!(holds(&authority, &leaf, name, NOW), "{name}");
    }
    for name in ["recepcion", "otro.local", "example.com", "192.168.1.21"] {
        assert!(!holds(&authority, &leaf, name, NOW), "{name}");
    }
    let day = 24 * 3_600_000;
    for (days, good) in [(-89, true), (729, true), (-91, false), (731, false)] {
        assert_eq!(
            holds(&authority, &leaf, "pichat.local", Timestamp(NOW.0 + days * day)),
            good,
            "{days} days"
        );
    }
}

#[test]
fn stolen_key_cannot_sign_for_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), "pichat").unwrap();
    for name in
        ["example.com", "otro.local", "local", "pichat.example.com", "localhost", "pichat", "x.pichat.local"]
    {
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

/// Host names that are domains of the internet, and one whose authority permits a name below another one.
#[test]
fn domain_as_host_name_signs_for_one_name_only() {
    let sign = |authority: &Authority, host_name: &str, name: &str| {
        let mut forged = leaf(host_name, &[]);
        forged.wanted.names = vec![name.to_owned()];
        forged.wanted.addresses.clear();
        let verifier = name.replace('*', "w");
        (holds(authority, &forged, &verifier, NOW), openssl_accepts(authority, &forged, &verifier))
    };
    for host_name in ["dev", "bogota", "com", "x.pichat.local", "chat.oficina.lan", "local"] {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path(), host_name).unwrap();
        let own = names(host_name);
        assert!(own.iter().all(|name| name.contains('.')), "{own:?}");
        for name in &own {
            assert_eq!(sign(&authority, host_name, name), (true, true), "{host_name}: {name}");
            for below in [format!("x.{name}"), format!("google.{name}"), format!("*.{name}")] {
                assert_eq!(sign(&authority, host_name, &below), (false, false), "{host_name}: {below}");
            }
        }
        for foreign in [
            format!("google.{host_name}"),
            format!("www.google.{host_name}"),
            "google.com".to_owned(),
            "otro.local".to_owned(),
        ] {
            assert_eq!(sign(&authority, host_name, &foreign), (false, false), "{host_name}: {foreign}");
        }
        if !host_name.contains('.') {
            assert!(!openssl_accepts(
                &authority,
                &{
                    let mut l = leaf(host_name, &[]);
                    l.wanted.names = vec![host_name.to_owned()];
                    l
                },
                host_name
            ));
        }
    }
}

/// Returns true if openssl accepts a certificate of `authority` for `name`.
fn openssl_accepts(authority: &Authority, leaf: &Leaf, name: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (ca, file) = (folder.path().join("ca.pem"), folder.path().join("leaf.der"));
    fs::write(&ca, authority.pem()).unwrap();
    fs::write(&file, &authority.issue(leaf).unwrap().cert[0]).unwrap();
    let mut verify = Command::new("openssl");
    verify.args([
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-attime",
        "1800000000",
        "-verify_hostname",
        name,
        "-CAfile",
    ]);
    verify.arg(ca).arg(file).output().unwrap().status.success()
}

fn file(folder: &Path, host_name: &str) -> PathBuf {
    folder.join(format!("local-ca.{host_name}.pem"))
}

fn write_private(path: &Path, text: impl AsRef<[u8]>) {
    let _ = fs::remove_file(path);
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap()
        .write_all(text.as_ref())
        .unwrap();
}

/// The names of the folder's files, sorted.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn authorities_are_kept_by_name_and_return() {
    let folder = tempfile::tempdir().unwrap();
    let open = |host_name| Authority::open(folder.path(), host_name).unwrap();
    let first = open("pichat");
    assert_eq!(first.origin(), AuthorityOrigin::First);
    assert_eq!(file(folder.path(), "pichat").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!first.pem().contains("PRIVATE"));
    let again = open("pichat");
    assert_eq!((again.origin(), again.der(), again.pem()), (AuthorityOrigin::Kept, first.der(), first.pem()));
    assert!(holds(&again, &leaf("pichat", &[]), "pichat.local", NOW));

    let other = open("bodega");
    assert_eq!(other.origin(), AuthorityOrigin::HostName);
    assert_ne!(other.der(), first.der());
    assert!(holds(&other, &leaf("bodega", &[]), "bodega.local", NOW));
    assert!(!holds(&first, &leaf("bodega", &[]), "bodega.local", NOW), "the old one was not made for it");
    let back = open("pichat");
    assert_eq!((back.origin(), back.der()), (AuthorityOrigin::Returned, first.der()));
    assert_eq!(open("pichat").origin(), AuthorityOrigin::Kept);
    assert_eq!(open("bodega").der(), other.der());
    assert_eq!(listed(folder.path()), ["local-ca.bodega.pem", "local-ca.current", "local-ca.pichat.pem"]);
}

#[test]
fn damaged_authority_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let good = Authority::open(folder.path(), "pichat").unwrap();
    let path = file(folder.path(), "pichat");
    let text = fs::read_to_string(&path).unwrap();
    for (n, damaged) in ["", "x", &text[..300]].into_iter().enumerate() {
        write_private(&path, damaged);
        let new = Authority::open(folder.path(), "pichat").unwrap();
        let aside = folder.path().join(format!("local-ca.pichat.pem.damaged-{}", n + 1));
        assert_eq!((new.origin(), new.aside()), (AuthorityOrigin::Damaged, Some(aside.as_path())));
        assert_eq!(fs::read_to_string(&aside).unwrap(), damaged);
        assert_eq!(Authority::open(folder.path(), "pichat").unwrap().origin(), AuthorityOrigin::Kept);
    }
    // Restored by hand, it is trusted again.
    write_private(&path, text);
    assert_eq!(Authority::open(folder.path(), "pichat").unwrap().der(), good.der());
}

#[test]
fn renewal_keeps_the_old_authority() {
    let folder = tempfile::tempdir().unwrap();
    let old = Authority::open(folder.path(), "pichat").unwrap();
    // A power cut in the middle of a write.
    fs::write(folder.path().join("local-ca.pichat.pem.NEW"), "half").unwrap();
    for n in 1..=2 {
        let before = fs::read(file(folder.path(), "pichat")).unwrap();
        let new = renew(folder.path(), "pichat").unwrap();
        let aside = folder.path().join(format!("local-ca.pichat.pem.replaced-{n}"));
        assert_eq!((new.origin(), new.aside()), (AuthorityOrigin::Asked, Some(aside.as_path())));
        assert_eq!(fs::read(aside).unwrap(), before);
        assert_eq!(Authority::open(folder.path(), "pichat").unwrap().fingerprint(), new.fingerprint());
    }
    assert_ne!(load_existing(folder.path(), "pichat").unwrap().unwrap().fingerprint, old.fingerprint());
    assert_eq!(listed(folder.path()).len(), 4);
}

/// Creates the authority that an earlier version left for this host name.
fn earlier(folder: &Path, host_name: &str) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let made = params_of_earlier_version(&key, host_name).unwrap().self_signed(&key).unwrap();
    write_private(&folder.join("local-ca.pem"), format!("{}{}", key.serialize_pem(), made.pem()));
    made.der().to_vec()
}

#[test]
fn authority_of_an_earlier_version_is_adopted() {
    for (host_name, single_label) in [("pichat", true), ("bogota", true), ("chat.oficina.lan", false)] {
        let folder = tempfile::tempdir().unwrap();
        let der = earlier(folder.path(), host_name);
        assert_eq!(load_existing(folder.path(), host_name).unwrap().unwrap().fingerprint, Sha256::of(&der));
        // The name changed, then it returns.
        let other = Authority::open(folder.path(), "bodega").unwrap();
        assert_eq!((other.origin(), other.signs_single_label()), (AuthorityOrigin::HostName, false));
        let taken = Authority::open(folder.path(), host_name).unwrap();
        assert_eq!((taken.der(), taken.origin()), (der.as_slice(), AuthorityOrigin::Returned));
        assert_eq!(taken.signs_single_label(), single_label);
        assert!(!folder.path().join("local-ca.pem").exists());
        // Its certificates contain full names only.
        let leaf = leaf(host_name, &[]);
        assert!(
            holds(&taken, &leaf, names(host_name).last().unwrap(), NOW)
                && openssl_accepts(&taken, &leaf, &names(host_name)[0])
        );
        assert!(!holds(&taken, &leaf, "bogota", NOW));
        let new = renew(folder.path(), host_name).unwrap();
        assert!(!new.signs_single_label() && new.der() != der);
    }
    // An unreadable file, and one for a name that already has an authority.
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("local-ca.pem"), "noise");
    assert_eq!(Authority::open(folder.path(), "pichat").unwrap().origin(), AuthorityOrigin::Damaged);
    earlier(folder.path(), "pichat");
    assert_eq!(Authority::open(folder.path(), "pichat").unwrap().origin(), AuthorityOrigin::Kept);
    assert_eq!(
        listed(folder.path()),
        [
            "local-ca.current",
            "local-ca.pichat.pem",
            "local-ca.pichat.pem.damaged-1",
            "local-ca.pichat.pem.replaced-1"
        ]
    );
}

#[test]
fn authority_that_others_can_read_is_refused() {
    for name in ["local-ca.pem", "local-ca.pichat.pem"] {
        let folder = tempfile::tempdir().unwrap();
        let der = earlier(folder.path(), "pichat");
        let path = folder.path().join(name);
        fs::rename(folder.path().join("local-ca.pem"), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Authority::open(folder.path(), "pichat").err().unwrap();
        assert!(
            matches!(refused, TlsError::KeyFile(Untrusted::OpenToOthers { mode: 0o640, .. })),
            "{refused}"
        );
        assert_eq!(
            (listed(folder.path()), path.metadata().unwrap().permissions().mode() & 0o777),
            (vec![name.to_owned()], 0o640)
        );
        // Both remedies that the message names.
        assert_ne!(renew(folder.path(), "pichat").unwrap().der(), der);
        let aside = folder.path().join("local-ca.pichat.pem.replaced-1");
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&aside, file(folder.path(), "pichat")).unwrap();
        assert_eq!(Authority::open(folder.path(), "pichat").unwrap().der(), der);
    }
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("elsewhere"), "x");
    let path = file(folder.path(), "pichat");
    symlink(folder.path().join("elsewhere"), &path).unwrap();
    let open = || Authority::open(folder.path(), "pichat");
    assert!(matches!(open().err(), Some(TlsError::KeyFile(Untrusted::NotRegular { .. }))));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(open().is_err() && path.is_dir(), "what cannot be read is not replaced");
    assert!(renew(folder.path(), "pichat").is_ok());
}

#[test]
fn every_device_has_its_own_authority() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (Authority::open(a.path(), "pichat").unwrap(), Authority::open(b.path(), "pichat").unwrap());
    let subject = |of: &Authority| trust_anchor(&of.certificate).unwrap().subject.to_vec();
    assert_ne!(a.fingerprint(), b.fingerprint());
    assert_ne!(subject(&a), subject(&b), "two in one list can be told apart");
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;

/// 2027-01-15.
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const DAY: i64 = 24 * 3_600_000;

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn local(folder: &Path, own: &[&str], now: Timestamp) -> Tls {
    Tls::open(&TlsMode::LocalCa, folder, || LeafSpec::new("pichat", &addresses(own)), now).unwrap().unwrap()
}

/// Returns true if a browser that trusts the authority accepts the current certificate for this name on that
/// day.
fn taken(tls: &Tls, name: &str, at: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(tls.authority().unwrap().der().to_vec())).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(cert_resolver::provider()))
            .build()
            .unwrap();
    let chain = tls.shown.current().cert.clone();
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0.try_into().unwrap()));
    verifier
        .verify_server_cert(&chain[0], &[], &ServerName::try_from(name.to_owned()).unwrap(), &[], at)
        .is_ok()
}

#[test]
fn new_address_renews_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let tls = local(folder.path(), &["10.0.0.1"], NOW);
    assert!(taken(&tls, "10.0.0.1", NOW) && !taken(&tls, "10.0.0.2", NOW));
    assert_eq!(tls.renew(&addresses(&["10.0.0.1"]), NOW).unwrap(), None);
    let renewal = tls.renew(&addresses(&["10.0.0.2"]), NOW).unwrap().unwrap();
    assert_eq!((renewal.reason, renewal.until), (RenewalReason::Address, Timestamp(NOW.0 + 730 * DAY)));
    assert!(taken(&tls, "10.0.0.2", NOW) && taken(&tls, "pichat.local", NOW));
    assert_eq!(tls.renew(&addresses(&["10.0.0.2"]), NOW).unwrap(), None, "once");
    assert_eq!(tls.renew(&[], NOW).unwrap(), None, "a cable that is pulled out changes nothing");
}

#[test]
fn clock_change_renews_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    // A Pi whose clock starts in 1970.
    let tls = local(folder.path(), &[], Timestamp(0));
    assert!(taken(&tls, "pichat.local", NOW), "the browser's clock is right all the same");
    assert_eq!(tls.renew(&[], Timestamp(3_600_000)).unwrap(), None);
    // The time server answers, years ahead.
    let later = Timestamp(NOW.0 + 3 * 365 * DAY);
    assert!(!taken(&tls, "pichat.local", later));
    assert_eq!(tls.renew(&[], later).unwrap().unwrap().reason, RenewalReason::Date);
    assert!(taken(&tls, "pichat.local", later));
    // Time passes: a renewal comes long before the end.
    let mut at = later;
    for _ in 0..24 {
        at = Timestamp(at.0 + 31 * DAY);
        assert_eq!(tls.renew(&[], at).unwrap().map(|renewal| renewal.reason), Some(RenewalReason::Date));
        assert!(taken(&tls, "pichat.local", at) && taken(&tls, "pichat.local", Timestamp(at.0 + 700 * DAY)));
    }
    // A clock that was wrong is set back.
    assert_eq!(tls.renew(&[], NOW).unwrap().map(|renewal| renewal.reason), Some(RenewalReason::Date));
    assert!(taken(&tls, "pichat.local", NOW));
}

#[test]
fn files_and_plain_http_are_not_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = || LeafSpec::new("pichat", &[]);
    assert!(Tls::open(&TlsMode::Off, folder.path(), wanted, NOW).unwrap().is_none());
    let made = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("c"), folder.path().join("k"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = Tls::open(&TlsMode::Files { certificate, key: key.clone() }, folder.path(), wanted, NOW)
        .unwrap()
        .unwrap();
    assert!(files.authority().is_none() && files.reload().unwrap());
    assert_eq!(files.renew(&addresses(&["10.0.0.9"]), NOW).unwrap(), None);
    std::fs::write(&key, "").unwrap();
    assert!(files.reload().is_err());
    assert!(!folder.path().join("local-ca.pichat.pem").exists());
    assert!(!local(folder.path(), &[], NOW).reload().unwrap(), "there is no file to read");
}

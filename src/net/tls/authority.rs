//! Certificate authority of this one device. Name constraints limit its key to the device's full names and
//! private addresses: trusting it means trusting this device and no internet site, even if the key is stolen.
//!
//! Key and certificate share one file, mode 0600, so that a power cut leaves both or none. Apart from its
//! signature the certificate follows from the key and the host name, so a file is checked by generating it
//! again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, TrustAnchor};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::types::crypto::{Sha256, hex, random};

use super::authority_files::AuthorityFiles;
use super::leaf::{Leaf, PRIVATE, names, names_with_label};
use super::{TlsError, cert_resolver};

/// Delimiters of a certificate in a PEM file (RFC 7468 section 5.1).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Characters of the host name in a common name (RFC 5280, `ub-common-name`).
const MOST_OF_NAME: usize = 64 - "PiChat  12345678".len();

/// Origin of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityOrigin {
    /// Loaded from its file.
    Kept,
    /// Created; there was none.
    First,
    /// Created for a new host name.
    HostName,
    /// Loaded for an earlier host name that returned.
    Returned,
    /// Created; the file of this name was unusable and was put aside.
    Damaged,
    /// Created on request.
    Asked,
}

impl AuthorityOrigin {
    /// Returns the value for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::First => "first",
            Self::HostName => "host_name",
            Self::Returned => "returned",
            Self::Damaged => "damaged",
            Self::Asked => "asked",
        }
    }
}

/// A certificate authority and its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    origin: AuthorityOrigin,
    aside: Option<PathBuf>,
    single_label: bool,
}

impl Authority {
    /// Loads the authority in `data_dir` for this host name, or creates one. Blocks.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that others can read. Nothing is replaced then.
    pub fn open(data_dir: &Path, host_name: &str) -> Result<Self, TlsError> {
        let files = AuthorityFiles::new(data_dir, host_name);
        files.take_over(|content| Stored::parse(content)?.host_name(host_name))?;
        let Some(content) = files.read()? else {
            let origin = if files.has_others() { AuthorityOrigin::HostName } else { AuthorityOrigin::First };
            return Self::make(&files, host_name, origin);
        };
        let Some(mut kept) = Stored::parse(&content).and_then(|stored| stored.into_authority_for(host_name))
        else {
            return Self::make(&files, host_name, AuthorityOrigin::Damaged);
        };
        if files.make_current()? {
            kept.origin = AuthorityOrigin::Returned;
        }
        Ok(kept)
    }

    fn make(files: &AuthorityFiles<'_>, host_name: &str, origin: AuthorityOrigin) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let params = params(&key, host_name)?;
        let made = params.self_signed(&key)?;
        let text = Zeroizing::new(format!("{}{}", *Zeroizing::new(key.serialize_pem()), made.pem()));
        let aside = files
            .write(text.as_bytes(), if origin == AuthorityOrigin::Asked { "replaced" } else { "damaged" })?;
        files.make_current()?;
        let (certificate, pem) = (made.der().clone(), made.pem());
        Ok(Self { issuer: Issuer::new(params, key), certificate, pem, origin, aside, single_label: false })
    }

    /// Returns its origin.
    pub fn origin(&self) -> AuthorityOrigin {
        self.origin
    }

    /// Returns the path to which a damaged or replaced authority was moved.
    pub fn aside(&self) -> Option<&Path> {
        self.aside.as_deref()
    }

    /// Returns true if it may sign for a single label, as older versions' could; that may be a top-level
    /// domain.
    pub fn signs_single_label(&self) -> bool {
        self.single_label
    }

    /// Returns its certificate as PEM, for people to install.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns its certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Returns the SHA-256 of its certificate, by which people recognize it.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.certificate)
    }

    /// Issues a certificate with a new key.
    pub(super) fn issue(&self, leaf: &Leaf) -> Result<CertifiedKey, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        let names = leaf.wanted.names.iter().map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)));
        let addresses = leaf.wanted.addresses.iter().map(|addr| Ok(SanType::IpAddress(*addr)));
        params.subject_alt_names = names.chain(addresses).collect::<Result<_, rcgen::Error>>()?;
        params.distinguished_name = common_name("PiChat");
        let date = |at: Timestamp| {
            date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
        };
        (params.not_before, params.not_after) = (date(leaf.not_before()), date(leaf.not_after()));
        // 127 random bits, positive.
        let mut serial = random::<16>();
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let made = params.signed_by(&key, &self.issuer)?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(CertifiedKey::from_der(vec![made.der().clone()], secret, &cert_resolver::provider())?)
    }
}

/// Parameters that yield a stored certificate.
struct MatchingParams {
    params: CertificateParams,
    of_earlier_version: bool,
}

/// Key and certificate of one file.
struct Stored {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Stored {
    fn parse(text: &[u8]) -> Option<Self> {
        let PrivateKeyDer::Pkcs8(key) = PrivateKeyDer::from_pem_slice(text).ok()? else { return None };
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256).ok()?;
        let certificate = CertificateDer::from_pem_slice(text).ok()?;
        let text = std::str::from_utf8(text).ok()?;
        let pem = text.get(text.find(BEGIN)?..text.find(END)? + END.len())?;
        Some(Self { key, certificate, pem: format!("{pem}\n") })
    }

    /// Returns the authority if this or an earlier version creates it from this key and host name.
    fn into_authority_for(self, host_name: &str) -> Option<Authority> {
        let MatchingParams { params, of_earlier_version } = self.params_of(host_name)?;
        let Self { key, certificate, pem } = self;
        let single_label = of_earlier_version && !host_name.trim_end_matches('.').contains('.');
        let issuer = Issuer::new(params, key);
        Some(Authority { issuer, certificate, pem, origin: AuthorityOrigin::Kept, aside: None, single_label })
    }

    /// Returns the parameters for this host name that yield this certificate.
    fn params_of(&self, host_name: &str) -> Option<MatchingParams> {
        let there = trust_anchor(&self.certificate)?;
        let same = |params: &CertificateParams| {
            Some(trust_anchor(params.self_signed(&self.key).ok()?.der())? == there)
        };
        let now = params(&self.key, host_name).ok()?;
        if same(&now)? {
            return Some(MatchingParams { params: now, of_earlier_version: false });
        }
        let earlier = params_of_earlier_version(&self.key, host_name).ok()?;
        same(&earlier)?.then_some(MatchingParams { params: earlier, of_earlier_version: true })
    }

    /// Returns the host name that it was created for: `present`, or the one in its subject.
    fn host_name(&self, present: &str) -> Option<String> {
        let subject = trust_anchor(&self.certificate)?.subject.to_vec();
        let text = String::from_utf8_lossy(&subject);
        let named =
            text.rsplit_once("PiChat ").and_then(|(_, rest)| rest.rsplit_once(' ')).map(|(name, _)| name);
        [Some(present), named]
            .into_iter()
            .flatten()
            .find(|name| self.params_of(name).is_some())
            .map(str::to_owned)
    }
}

/// Certificate of an authority, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCertificate {
    /// PEM.
    pub pem: String,
    /// SHA-256 of the DER form.
    pub fingerprint: Sha256,
}

/// Reads the authority's certificate for this host name; `None` without a valid file.
///
/// # Errors
/// A file that cannot be read, or that others can read.
pub fn load_existing(data_dir: &Path, host_name: &str) -> Result<Option<AuthorityCertificate>, TlsError> {
    let files = AuthorityFiles::new(data_dir, host_name);
    let content = match files.read()? {
        Some(content) => Some(content),
        None => files.read_legacy()?,
    };
    let stored = content.and_then(|content| Stored::parse(&content));
    Ok(stored
        .map(|stored| AuthorityCertificate { fingerprint: Sha256::of(&stored.certificate), pem: stored.pem }))
}

/// Creates a new authority in `data_dir` and puts the old one aside: every client must trust the device anew.
/// A running server keeps the old one until it restarts.
///
/// # Errors
/// A file that cannot be written.
pub fn renew(data_dir: &Path, host_name: &str) -> Result<Authority, TlsError> {
    let files = AuthorityFiles::new(data_dir, host_name);
    // A file that others can read, or no regular file, is a reason for a new one.
    if files.take_over(|content| Stored::parse(content)?.host_name(host_name)).is_err() {
        files.set_legacy_aside()?;
    }
    Authority::make(&files, host_name, AuthorityOrigin::Asked)
}

/// Returns the parameters of the authority's certificate. Its dates come from no clock, since a Pi may start
/// without one.
///
/// A permitted name includes all names below it (RFC 5280 section 4.2.1.10), so those are excluded: a
/// constraint with a leading dot means the names below, without the name itself.
fn params(key: &KeyPair, host_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let names = names(host_name);
    let below = names.iter().map(|name| GeneralSubtree::DnsName(format!(".{name}"))).collect();
    constrained(key, host_name, names, below)
}

/// Returns the parameters of versions up to 0.1.0: with a single-label host name and without exclusions.
fn params_of_earlier_version(key: &KeyPair, host_name: &str) -> Result<CertificateParams, rcgen::Error> {
    constrained(key, host_name, names_with_label(host_name), Vec::new())
}

fn constrained(
    key: &KeyPair,
    host_name: &str,
    names: Vec<String>,
    excluded_subtrees: Vec<GeneralSubtree>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    let id = hex(&Sha256::of(key.der_bytes()).0[..4]).to_uppercase();
    let name: String = host_name.chars().filter(|c| c.is_ascii_graphic()).take(MOST_OF_NAME).collect();
    params.distinguished_name = common_name(&format!("PiChat {name} {id}"));
    params.not_before = date_time_ymd(2020, 1, 1);
    // The last year of UTCTime, the shorter date form (RFC 5280 section 4.1.2.5).
    params.not_after = date_time_ymd(2049, 12, 31);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // It must not vouch for programs, mail or personal certificates.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let names = names.into_iter().map(GeneralSubtree::DnsName);
    let networks = PRIVATE.iter().filter_map(|(first, bits)| {
        let first = first.parse().ok()?;
        Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(first, *bits)))
    });
    let permitted_subtrees = names.chain(networks).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
    Ok(params)
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// Returns the trust anchor that verifiers derive: name, key and constraints.
fn trust_anchor(certificate: &CertificateDer<'static>) -> Option<TrustAnchor<'static>> {
    let mut store = RootCertStore::empty();
    store.add(certificate.clone()).ok()?;
    store.roots.pop()
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;

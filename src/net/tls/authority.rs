//! The certificate authority of this one device. Its key may sign for `pichat.local`, the host name and private addresses only, so
//! that a person who trusts it trusts this device and no site of the internet, even if somebody steals the key.
//!
//! Key and certificate lie in one file, mode 0600, so that a power cut leaves both or none. The certificate is a function of the key
//! and the host name, but for its signature: whether the file fits the machine's name is found out by making it again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData as _, SanType, SerialNumber, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, TrustAnchor};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::types::crypto::{Sha256, hex, random};

use super::leaf::{Leaf, PRIVATE, names};
use super::{TlsError, shown};

/// The file in the data folder.
const FILE: &str = "local-ca.pem";
/// Key and certificate have some 1200 bytes.
const MOST_BYTES: u64 = 16 * 1024;
/// Around a certificate in a PEM file (RFC 7468 section 5.1).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// Characters of a common name (RFC 5280, `ub-common-name`), less what stands around the host name.
const MOST_OF_NAME: usize = 64 - "PiChat  12345678".len();

/// Where an authority comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Kept,
    /// There was none.
    First,
    /// The one that was there may not sign for the name that the machine has now.
    HostName,
    /// What was there could not be understood.
    Damaged,
    /// Somebody asked for a new one.
    Asked,
}

impl Origin {
    /// As it stands in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::First => "first",
            Self::HostName => "host_name",
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
    origin: Origin,
}

impl Authority {
    /// The authority in `data_dir` for a machine of this name; made where there is none that fits. Blocks.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn open(data_dir: &Path, host_name: &str) -> Result<Self, TlsError> {
        let file = data_dir.join(FILE);
        let wrong = |cause| TlsError::Authority { file: file.clone(), cause };
        let origin = match read(&file).map_err(wrong)? {
            None => Origin::First,
            Some(text) => match Stored::parse(&text) {
                None => Origin::Damaged,
                Some(there) => match there.fitting(host_name) {
                    Some(kept) => return Ok(kept),
                    None => Origin::HostName,
                },
            },
        };
        Self::make(&file, host_name, origin)
    }

    fn make(file: &Path, host_name: &str, origin: Origin) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let params = params(&key, host_name)?;
        let made = params.self_signed(&key)?;
        let text = Zeroizing::new(format!("{}{}", *Zeroizing::new(key.serialize_pem()), made.pem()));
        write(file, text.as_bytes()).map_err(|cause| TlsError::Authority { file: file.to_owned(), cause })?;
        Ok(Self { issuer: Issuer::new(params, key), certificate: made.der().clone(), pem: made.pem(), origin })
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Its certificate as PEM, for people to install.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The SHA-256 of its certificate, by which people recognise it.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.certificate)
    }

    /// A certificate with a fresh key.
    pub(super) fn issue(&self, leaf: &Leaf) -> Result<CertifiedKey, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        let names = leaf.wanted.names.iter().map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)));
        let addresses = leaf.wanted.addresses.iter().map(|addr| Ok(SanType::IpAddress(*addr)));
        params.subject_alt_names = names.chain(addresses).collect::<Result<_, rcgen::Error>>()?;
        params.distinguished_name = common_name("PiChat");
        let date = |at: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(at.0).unwrap_or(0));
        (params.not_before, params.not_after) = (date(leaf.not_before()), date(leaf.not_after()));
        // 127 random bits, and no sign.
        let mut serial = random::<16>();
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let made = params.signed_by(&key, &self.issuer)?;
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(CertifiedKey::from_der(vec![made.der().clone()], secret, &shown::provider())?)
    }
}

/// Key and certificate of a file.
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

    /// The authority, when it is the one that would be made of this key for this host name.
    fn fitting(self, host_name: &str) -> Option<Authority> {
        let params = params(&self.key, host_name).ok()?;
        let again = params.self_signed(&self.key).ok()?;
        let same = anchor(&self.certificate)? == anchor(again.der())?;
        let Self { key, certificate, pem } = self;
        same.then(|| Authority { issuer: Issuer::new(params, key), certificate, pem, origin: Origin::Kept })
    }
}

/// The certificate of the authority in `data_dir`, as PEM, and its fingerprint; none where there is no file that can be understood.
///
/// # Errors
/// A file that cannot be read.
pub fn kept(data_dir: &Path) -> Result<Option<(String, Sha256)>, TlsError> {
    let file = data_dir.join(FILE);
    let text = read(&file).map_err(|cause| TlsError::Authority { file, cause })?;
    let stored = text.and_then(|text| Stored::parse(&text));
    Ok(stored.map(|stored| (stored.pem, Sha256::of(&stored.certificate))))
}

/// Replaces the authority in `data_dir`: everybody must trust the device anew. A server that runs keeps the old one until it starts
/// again.
///
/// # Errors
/// A file that cannot be written.
pub fn renew(data_dir: &Path, host_name: &str) -> Result<Authority, TlsError> {
    Authority::make(&data_dir.join(FILE), host_name, Origin::Asked)
}

/// The authority's certificate before it is signed. Its dates do not come from a clock: a Pi may start without one.
fn params(key: &KeyPair, host_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    let id = hex(&Sha256::of(key.der_bytes()).0[..4]).to_uppercase();
    let name: String = host_name.chars().filter(|c| c.is_ascii_graphic()).take(MOST_OF_NAME).collect();
    params.distinguished_name = common_name(&format!("PiChat {name} {id}"));
    params.not_before = date_time_ymd(2020, 1, 1);
    // The last year that the shorter of the two forms of dates can say (RFC 5280 section 4.1.2.5).
    params.not_after = date_time_ymd(2049, 12, 31);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Programs, mail and people's own certificates are nothing that it may vouch for.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let names = names(host_name).into_iter().map(GeneralSubtree::DnsName);
    let networks = PRIVATE.iter().filter_map(|(first, bits)| {
        let first = first.parse().ok()?;
        Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(first, *bits)))
    });
    let permitted_subtrees = names.chain(networks).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    Ok(params)
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// What a verifier keeps of an authority: its name, its key, what it may sign for.
fn anchor(certificate: &CertificateDer<'static>) -> Option<TrustAnchor<'static>> {
    let mut store = RootCertStore::empty();
    store.add(certificate.clone()).ok()?;
    store.roots.pop()
}

fn read(file: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let open = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // Whatever was done to it: the key is for the server's user alone.
    if open.metadata()?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    let mut text = Zeroizing::new(Vec::new());
    open.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// A reader sees the old file or the new one, also after a power cut.
fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let fresh: PathBuf = file.with_extension("pem.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    open.write_all(content)?;
    // A command that root runs must not leave a key that the server cannot read.
    let owner = file.parent().map_or_else(|| open.metadata(), fs::metadata)?;
    if owner.uid() != open.metadata()?.uid() {
        fchown(&open, Some(owner.uid()), Some(owner.gid()))?;
    }
    open.sync_all()?;
    fs::rename(&fresh, file)?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
#[path = "authority_tests.rs"]
mod tests;

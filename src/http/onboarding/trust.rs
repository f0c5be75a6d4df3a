//! Downloads that make a browser trust this device: the authority's certificate, as a file and as a profile
//! for iPhone and iPad, and its fingerprint. Built once at the start.

use bytes::Bytes;

use crate::types::Lang;
use crate::types::crypto::{Sha256, hex};
use crate::types::texts::key;

/// The way from plain HTTP to HTTPS.
pub struct HttpsInfo {
    /// Port of plain HTTP.
    pub http_port: u16,
    /// Port of HTTPS.
    pub https_port: u16,
    /// Authority to trust; `None` if another one signed the certificate.
    pub offer: Option<CaDownload>,
}

/// An authority's certificate, ready to hand out.
pub struct CaDownload {
    /// PEM.
    pub(crate) certificate: Bytes,
    /// A configuration profile that holds it.
    pub(crate) profile: Bytes,
    /// Two lines of eight groups.
    pub(crate) fingerprint: [String; 2],
}

impl CaDownload {
    /// For the certificate `pem`, which has this fingerprint, of a device of this name.
    pub fn new(pem: &str, fingerprint: &Sha256, host_name: &str) -> Self {
        Self {
            certificate: Bytes::from(pem.to_owned()),
            profile: profile(pem, fingerprint, host_name).into(),
            fingerprint: fingerprint.groups(),
        }
    }
}

/// Paths of the downloads.
pub(crate) const CERTIFICATE: &str = "/pichat.crt";
pub(crate) const PROFILE: &str = "/pichat.mobileconfig";

/// Apple's *Configuration Profile Reference*: a certificate payload. Its identity follows from the
/// certificate, so that installing it twice replaces it.
fn profile(pem: &str, fingerprint: &Sha256, host_name: &str) -> String {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let name: String =
        host_name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
    let id = hex(&fingerprint.0[..4]);
    let descriptions: Vec<_> = Lang::ALL.iter().map(|lang| key::PROFILE_DESCRIPTION.get(*lang)).collect();
    let description = descriptions.join(" ");
    let (outer, inner) = (uuid(&fingerprint.0[..16]), uuid(&fingerprint.0[16..]));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>local.pichat.{id}</string>
<key>PayloadUUID</key><string>{outer}</string>
<key>PayloadDisplayName</key><string>PiChat {name}</string>
<key>PayloadDescription</key><string>{description}</string>
<key>PayloadContent</key>
<array>
<dict>
<key>PayloadType</key><string>com.apple.security.root</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>local.pichat.{id}.ca</string>
<key>PayloadUUID</key><string>{inner}</string>
<key>PayloadDisplayName</key><string>PiChat {name}</string>
<key>PayloadCertificateFileName</key><string>pichat.crt</string>
<key>PayloadContent</key><data>{base64}</data>
</dict>
</array>
</dict>
</plist>
"#
    )
}

/// 16 bytes as a UUID of version 8 (RFC 9562 section 5.8).
fn uuid(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes).to_uppercase();
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_holds_the_certificate_and_is_recognised_again() {
        let pem = "-----BEGIN CERTIFICATE-----\r\nQUJD\r\nREVG\r\n-----END CERTIFICATE-----\r\n";
        let of = |name| {
            String::from_utf8(CaDownload::new(pem, &Sha256::of(b"x"), name).profile.to_vec()).expect("UTF-8")
        };
        let text = of("pi<b>&");
        assert!(text.contains("<data>QUJDREVG</data>"), "{text}");
        assert!(text.contains("<string>PiChat pib</string>"), "{text}");
        assert!(text.contains("2D711642-B726-8044-8162-7CA9FBAC32F5"), "{text}");
        assert_eq!(text, of("pi<b>&"));
    }
}

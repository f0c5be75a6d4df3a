//! `[wifi]`: wireless network of the card.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::source::setting_source::SettingSource;
use crate::types::texts::{Key, key};

/// Settings of `[wifi]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WifiSettings {
    /// Name of the network, 1 to 32 bytes; `None`: no Wi-Fi.
    pub ssid: Option<String>,
    /// Password; `None`: an open network. Set only with an `ssid`.
    pub password: Option<WifiPassword>,
    /// Country code of two capital letters, ISO 3166: sets the channels and powers that the law allows.
    pub country: Option<String>,
}

/// WPA passphrase, or the key derived from one. Wiped on drop; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WifiPassword(Zeroizing<String>);

/// Maximum of IEEE 802.11-2020 section 9.4.2.2.
const SSID_BYTES: usize = 32;
/// Range of IEEE 802.11-2020 section J.4.1.
const PASSPHRASE_CHARS: std::ops::RangeInclusive<usize> = 8..=63;
/// Digits of 256 bits.
const KEY_DIGITS: usize = 64;

impl WifiPassword {
    fn parse(text: &str) -> Option<Self> {
        let passphrase =
            PASSPHRASE_CHARS.contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        (passphrase || is_key(text)).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the password as written: 8 to 63 printable ASCII characters, or 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if it is the 64 digits of a key. WPA3 has no such keys.
    pub fn is_key(&self) -> bool {
        is_key(&self.0)
    }
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl fmt::Debug for WifiPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WifiPassword(…)")
    }
}

/// `[wifi]` before its values are checked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawWifi {
    ssid: Option<Spanned<String>>,
    password: Option<Spanned<Zeroizing<String>>>,
    country: Option<Spanned<String>>,
}

const SSID: Key = key::CONFIG_ALLOWED_SSID;
const SSID_NEEDED: Key = key::CONFIG_ALLOWED_SSID_NEEDED;
const PASSWORD: Key = key::CONFIG_ALLOWED_WIFI_PASSWORD;
const COUNTRY: Key = key::CONFIG_ALLOWED_COUNTRY;

impl RawWifi {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<WifiSettings, ConfigError> {
        let ssid = |text: &str| match text.len() {
            0 => Some(None),
            1..=SSID_BYTES => Some(Some(text.to_owned())),
            _ => None,
        };
        let country = |text: &str| match text.as_bytes() {
            [] => Some(None),
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Some(text.to_ascii_uppercase()))
            }
            _ => None,
        };
        let ssid = origin.parsed("wifi.ssid", self.ssid.as_ref(), None, SSID, ssid)?;
        let password = match self.password.as_ref().filter(|given| !given.get_ref().is_empty()) {
            None => None,
            Some(given) if ssid.is_none() => {
                let place = origin.place("wifi.password", &given.span());
                return Err(ConfigError::Value {
                    place,
                    key: "wifi.ssid",
                    problem: SettingProblem::Missing(SSID_NEEDED),
                });
            }
            Some(given) => Some(WifiPassword::parse(given.get_ref()).ok_or_else(|| {
                origin.error("wifi.password", &given.span(), SettingProblem::Secret { wanted: PASSWORD })
            })?),
        };
        let country = origin.parsed("wifi.country", self.country.as_ref(), None, COUNTRY, country)?;
        Ok(WifiSettings { ssid, password, country })
    }
}

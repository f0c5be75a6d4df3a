//! `[device]`: host name, language and time zone of the appliance.

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::source::setting_source::SettingSource;
use crate::types::Lang;
use crate::types::texts::{Key, key};

/// Settings of `[device]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// Host name: one lower-case label. The card is reached as `NAME.local`.
    pub hostname: String,
    /// Language of the texts that the device shows outside a browser.
    pub language: Lang,
    /// IANA name such as `America/Bogota`. Only its form is checked here; the appliance checks it against
    /// zoneinfo.
    pub time_zone: String,
}

/// Maximum of RFC 1035 section 2.3.4.
const LABEL_CHARS: usize = 63;
/// Maximum length of a zone name. The longest IANA name, `America/Argentina/ComodRivadavia`, has 32
/// characters.
const ZONE_CHARS: usize = 64;

impl Default for DeviceSettings {
    fn default() -> Self {
        Self { hostname: "pichat".into(), language: Lang::default(), time_zone: "UTC".into() }
    }
}

/// `[device]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawDevice {
    hostname: Option<Spanned<String>>,
    language: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
}

const HOSTNAME: Key = key::CONFIG_ALLOWED_HOSTNAME;
const LANGUAGE: Key = key::CONFIG_ALLOWED_LANGUAGE;
const TIME_ZONE: Key = key::CONFIG_ALLOWED_TIME_ZONE;

impl RawDevice {
    pub(in crate::config) fn check(&self, origin: &SettingSource<'_>) -> Result<DeviceSettings, ConfigError> {
        let default = DeviceSettings::default();
        let language = |word: &str| Lang::ALL.iter().copied().find(|lang| lang.tag() == word);
        Ok(DeviceSettings {
            hostname: origin.parsed(
                "device.hostname",
                self.hostname.as_ref(),
                default.hostname,
                HOSTNAME,
                label,
            )?,
            language: origin.parsed(
                "device.language",
                self.language.as_ref(),
                default.language,
                LANGUAGE,
                language,
            )?,
            time_zone: origin.parsed(
                "device.time_zone",
                self.time_zone.as_ref(),
                default.time_zone,
                TIME_ZONE,
                zone,
            )?,
        })
    }
}

/// Parses one label of RFC 1123 section 2.1, lower-cased.
fn label(text: &str) -> Option<String> {
    let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let ends = text.starts_with('-') || text.ends_with('-');
    (good && !ends && (1..=LABEL_CHARS).contains(&text.len())).then(|| text.to_ascii_lowercase())
}

/// Checks the form of an IANA name. Without dots it cannot leave the zoneinfo folder.
fn zone(text: &str) -> Option<String> {
    let good = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    (text.len() <= ZONE_CHARS && text.split('/').all(good)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_name_is_one_label() {
        assert_eq!(label("PiChat-2").as_deref(), Some("pichat-2"));
        assert!(label(&"a".repeat(63)).is_some());
        for bad in ["", "-a", "a-", "a.b", "a b", "a_b", "ñandú", &"a".repeat(64)] {
            assert_eq!(label(bad), None, "{bad}");
        }
    }

    #[test]
    fn zone_name_cannot_leave_zoneinfo() {
        for good in
            ["UTC", "America/Bogota", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"]
        {
            assert_eq!(zone(good).as_deref(), Some(good));
        }
        for bad in ["", "/etc/passwd", "..", "../x", "America/", "a//b", "a b", "Bogotá", &"a".repeat(65)] {
            assert_eq!(zone(bad), None, "{bad}");
        }
    }
}

//! Settings that only the card's own system and its first start use.

use crate::config::kind::SettingKind;
use crate::config::setting::{Reload, Setting};
use crate::types::texts::key;

/// Rows of `[device]`, `[wifi]`, `[network]` and `[claim]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "device.hostname",
        kind: SettingKind::Text,
        default: r#""pichat""#,
        reload: Reload::Restart,
        doc: key::SETTING_DEVICE_HOSTNAME,
        same: |a, b| a.device.hostname == b.device.hostname,
    },
    Setting {
        path: "device.language",
        kind: SettingKind::Text,
        default: r#""es""#,
        reload: Reload::Restart,
        doc: key::SETTING_DEVICE_LANGUAGE,
        same: |a, b| a.device.language == b.device.language,
    },
    Setting {
        path: "device.time_zone",
        kind: SettingKind::Text,
        default: r#""UTC""#,
        reload: Reload::Restart,
        doc: key::SETTING_DEVICE_TIME_ZONE,
        same: |a, b| a.device.time_zone == b.device.time_zone,
    },
    Setting {
        path: "wifi.ssid",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_WIFI_SSID,
        same: |a, b| a.wifi.ssid == b.wifi.ssid,
    },
    Setting {
        path: "wifi.password",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_WIFI_PASSWORD,
        same: |a, b| a.wifi.password == b.wifi.password,
    },
    Setting {
        path: "wifi.country",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_WIFI_COUNTRY,
        same: |a, b| a.wifi.country == b.wifi.country,
    },
    Setting {
        path: "network.address",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_NETWORK_ADDRESS,
        same: |a, b| a.network.address == b.network.address,
    },
    Setting {
        path: "network.gateway",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_NETWORK_GATEWAY,
        same: |a, b| a.network.gateway == b.network.gateway,
    },
    Setting {
        path: "network.dns",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Restart,
        doc: key::SETTING_NETWORK_DNS,
        same: |a, b| a.network.dns == b.network.dns,
    },
    Setting {
        path: "claim.admin_name",
        kind: SettingKind::Text,
        default: r#""admin""#,
        reload: Reload::Restart,
        doc: key::SETTING_CLAIM_ADMIN_NAME,
        same: |a, b| a.claim.admin_name == b.claim.admin_name,
    },
    Setting {
        path: "claim.admin_password_hash",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_CLAIM_ADMIN_PASSWORD_HASH,
        same: |a, b| a.claim.admin_password_hash == b.claim.admin_password_hash,
    },
];

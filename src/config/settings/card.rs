//! Settings that only the card's own system and its first start use.

use crate::config::kind::SettingKind;
use crate::config::setting::{Reload, Setting};
use crate::types::Localized;

/// Rows of `[device]`, `[wifi]`, `[network]` and `[claim]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "device.hostname",
        kind: SettingKind::Text,
        default: r#""pichat""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Nombre de este equipo: su dirección es http://pichat.local. Hasta 63 letras (sin tildes ni ñ), números o guiones.",
            "Name of this device: its address is http://pichat.local. Up to 63 letters, digits or hyphens.",
        ),
        same: |a, b| a.device.hostname == b.device.hostname,
    },
    Setting {
        path: "device.language",
        kind: SettingKind::Text,
        default: r#""es""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Idioma de su pantalla: \"es\" o \"en\". Las páginas siguen el idioma del navegador.",
            "Language of its screen: \"es\" or \"en\". The pages follow the browser's language.",
        ),
        same: |a, b| a.device.language == b.device.language,
    },
    Setting {
        path: "device.time_zone",
        kind: SettingKind::Text,
        default: r#""UTC""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Zona horaria, como \"America/Bogota\".",
            "Time zone, such as \"America/Bogota\".",
        ),
        same: |a, b| a.device.time_zone == b.device.time_zone,
    },
    Setting {
        path: "wifi.ssid",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Nombre de la red inalámbrica. Vacío: sin Wi-Fi.",
            "Name of the wireless network. Empty: no Wi-Fi.",
        ),
        same: |a, b| a.wifi.ssid == b.wifi.ssid,
    },
    Setting {
        path: "wifi.password",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Su contraseña: de 8 a 63 caracteres, o los 64 dígitos hexadecimales de la llave. El equipo la guarda en el primer arranque y la borra de este archivo. Vacía: la guardada para esa red o, si no hay, red abierta.",
            "Its password: 8 to 63 characters, or the 64 hexadecimal digits of the key. The device keeps it at the first boot and clears it here. Empty: the one kept for that network or, where there is none, an open network.",
        ),
        same: |a, b| a.wifi.password == b.wifi.password,
    },
    Setting {
        path: "wifi.country",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "País donde está el equipo, dos letras (ISO 3166), como \"CO\": de él dependen los canales permitidos.",
            "Country where the device is, two letters (ISO 3166), such as \"CO\": the channels allowed depend on it.",
        ),
        same: |a, b| a.wifi.country == b.wifi.country,
    },
    Setting {
        path: "network.address",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Dirección fija de este equipo con el largo de la red, como \"192.168.1.20/24\". Vacía: DHCP.",
            "Fixed address of this device with the network's length, such as \"192.168.1.20/24\". Empty: DHCP.",
        ),
        same: |a, b| a.network.address == b.network.address,
    },
    Setting {
        path: "network.gateway",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Dirección del router; va con address.",
            "The router's address; goes with address.",
        ),
        same: |a, b| a.network.gateway == b.network.gateway,
    },
    Setting {
        path: "network.dns",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Restart,
        doc: Localized::new(
            "Direcciones de los servidores de nombres; van con address.",
            "Addresses of the name servers; they go with address.",
        ),
        same: |a, b| a.network.dns == b.network.dns,
    },
    Setting {
        path: "claim.admin_name",
        kind: SettingKind::Text,
        default: r#""admin""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Nombre de la primera cuenta de administrador.",
            "Name of the first administrator's account.",
        ),
        same: |a, b| a.claim.admin_name == b.claim.admin_name,
    },
    Setting {
        path: "claim.admin_password_hash",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Hash de Argon2id de su contraseña, \"$argon2id$v=19$m=19456,t=2,p=1$…\": si aún no hay cuentas, PiChat la crea al arrancar. El equipo guarda el hash en el primer arranque y lo borra de este archivo. Vacío: PiChat se activa en el navegador, con el código de su pantalla.",
            "Argon2id hash of its password, \"$argon2id$v=19$m=19456,t=2,p=1$…\": if there are no accounts yet, PiChat creates it at start. The device keeps the hash at the first boot and clears it here. Empty: PiChat is set up in a browser, with the code on its screen.",
        ),
        same: |a, b| a.claim.admin_password_hash == b.claim.admin_password_hash,
    },
];

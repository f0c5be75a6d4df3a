//! Every key as data. The names of the environment, the check for unknown keys, the annotated example and the
//! comparison at SIGHUP come from it. A new setting is one row here (a limit: one row in
//! `sections/limits.rs`; of the card: in `settings/card.rs`) and one field in its table's raw and checked
//! half.

mod card;
mod limits;

use crate::config::kind::SettingKind;
use crate::config::setting::{Reload, Setting};
use crate::types::texts::{Key, key};

/// Returns all settings, table by table, in the order of the annotated example.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    let tables = [SETTINGS, limits::SETTINGS, card::SETTINGS];
    tables.into_iter().flatten()
}

/// Finds the setting of a path.
pub(super) fn find(path: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.path == path)
}

/// Table of `pichat.toml`.
pub(super) struct SettingTable {
    pub(super) name: &'static str,
    /// Documentation for the annotated example.
    pub(super) doc: Key,
}

impl SettingTable {
    const fn new(name: &'static str, doc: Key) -> Self {
        Self { name, doc }
    }
}

/// All tables, in the same order.
pub(super) const TABLES: &[SettingTable] = &[
    SettingTable::new("http", key::SETTING_TABLE_HTTP),
    SettingTable::new("tls", key::SETTING_TABLE_TLS),
    SettingTable::new("accounts", key::SETTING_TABLE_ACCOUNTS),
    SettingTable::new("chat", key::SETTING_TABLE_CHAT),
    SettingTable::new("files", key::SETTING_TABLE_FILES),
    SettingTable::new("audit", key::SETTING_TABLE_AUDIT),
    SettingTable::new("limits", key::SETTING_TABLE_LIMITS),
    SettingTable::new("device", key::SETTING_TABLE_DEVICE),
    SettingTable::new("wifi", key::SETTING_TABLE_WIFI),
    SettingTable::new("network", key::SETTING_TABLE_NETWORK),
    SettingTable::new("claim", key::SETTING_TABLE_CLAIM),
];

const SETTINGS: &[Setting] = &[
    Setting {
        path: "data_dir",
        kind: SettingKind::Text,
        default: r#"".""#,
        reload: Reload::Restart,
        doc: key::SETTING_DATA_DIR,
        same: |a, b| a.data_dir == b.data_dir,
    },
    Setting {
        path: "http.listen",
        kind: SettingKind::Text,
        default: r#""0.0.0.0:8080""#,
        reload: Reload::Restart,
        doc: key::SETTING_HTTP_LISTEN,
        same: |a, b| a.http.listen == b.http.listen,
    },
    Setting {
        path: "http.hosts",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: key::SETTING_HTTP_HOSTS,
        same: |a, b| a.http.hosts == b.http.hosts,
    },
    Setting {
        path: "http.allowed_origins",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: key::SETTING_HTTP_ALLOWED_ORIGINS,
        same: |a, b| a.http.allowed_origins == b.http.allowed_origins,
    },
    Setting {
        path: "http.trusted_proxies",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: key::SETTING_HTTP_TRUSTED_PROXIES,
        same: |a, b| a.http.trusted_proxies == b.http.trusted_proxies,
    },
    Setting {
        path: "tls.mode",
        kind: SettingKind::Text,
        default: r#""local-ca""#,
        reload: Reload::Restart,
        doc: key::SETTING_TLS_MODE,
        same: |a, b| a.tls.mode.word() == b.tls.mode.word(),
    },
    Setting {
        path: "tls.listen",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_TLS_LISTEN,
        same: |a, b| a.tls.listen == b.tls.listen,
    },
    Setting {
        path: "tls.certificate",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_TLS_CERTIFICATE,
        same: |a, b| a.tls.mode.certificate() == b.tls.mode.certificate(),
    },
    Setting {
        path: "tls.key",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: key::SETTING_TLS_KEY,
        same: |a, b| a.tls.mode.key() == b.tls.mode.key(),
    },
    Setting {
        path: "accounts.argon2",
        kind: SettingKind::Text,
        default: r#""m=19456,t=2,p=1""#,
        reload: Reload::Restart,
        doc: key::SETTING_ACCOUNTS_ARGON2,
        same: |a, b| a.accounts.argon2 == b.accounts.argon2,
    },
    Setting {
        path: "accounts.session_idle_minutes",
        kind: SettingKind::Number,
        default: "120",
        reload: Reload::Live,
        doc: key::SETTING_ACCOUNTS_SESSION_IDLE_MINUTES,
        same: |a, b| a.accounts.session_idle == b.accounts.session_idle,
    },
    Setting {
        path: "accounts.session_hours",
        kind: SettingKind::Number,
        default: "12",
        reload: Reload::Live,
        doc: key::SETTING_ACCOUNTS_SESSION_HOURS,
        same: |a, b| a.accounts.session_life == b.accounts.session_life,
    },
    Setting {
        path: "accounts.remember_days",
        kind: SettingKind::Number,
        default: "30",
        reload: Reload::Live,
        doc: key::SETTING_ACCOUNTS_REMEMBER_DAYS,
        same: |a, b| a.accounts.remembered_life == b.accounts.remembered_life,
    },
    Setting {
        path: "chat.wipe_minutes",
        kind: SettingKind::Number,
        default: "60",
        reload: Reload::Live,
        doc: key::SETTING_CHAT_WIPE_MINUTES,
        same: |a, b| a.chat.wipe == b.chat.wipe,
    },
    Setting {
        path: "chat.empty_room_hours",
        kind: SettingKind::Number,
        default: "72",
        reload: Reload::Live,
        doc: key::SETTING_CHAT_EMPTY_ROOM_HOURS,
        same: |a, b| a.chat.empty_room == b.chat.empty_room,
    },
    Setting {
        path: "chat.chat_memory_mib",
        kind: SettingKind::Number,
        default: "16",
        reload: Reload::Live,
        doc: key::SETTING_CHAT_CHAT_MEMORY_MIB,
        same: |a, b| a.chat.memory == b.chat.memory,
    },
    Setting {
        path: "files.dir",
        kind: SettingKind::Text,
        default: r#""cuarentena""#,
        reload: Reload::Restart,
        doc: key::SETTING_FILES_DIR,
        same: |a, b| a.files.below(&a.data_dir) == b.files.below(&b.data_dir),
    },
    Setting {
        path: "files.max_file_mib",
        kind: SettingKind::Number,
        default: "16",
        reload: Reload::Live,
        doc: key::SETTING_FILES_MAX_FILE_MIB,
        same: |a, b| a.files.max_file == b.files.max_file,
    },
    Setting {
        path: "files.max_total_mib",
        kind: SettingKind::Number,
        default: "2048",
        reload: Reload::Live,
        doc: key::SETTING_FILES_MAX_TOTAL_MIB,
        same: |a, b| a.files.max_total == b.files.max_total,
    },
    Setting {
        path: "files.keep_free_percent",
        kind: SettingKind::Number,
        default: "5",
        reload: Reload::Live,
        doc: key::SETTING_FILES_KEEP_FREE_PERCENT,
        same: |a, b| a.files.keep_free_percent == b.files.keep_free_percent,
    },
    Setting {
        path: "files.user_mib",
        kind: SettingKind::Number,
        default: "0",
        reload: Reload::Live,
        doc: key::SETTING_FILES_USER_MIB,
        same: |a, b| a.files.user_bytes == b.files.user_bytes,
    },
    Setting {
        path: "files.user_files",
        kind: SettingKind::Number,
        default: "0",
        reload: Reload::Live,
        doc: key::SETTING_FILES_USER_FILES,
        same: |a, b| a.files.user_files == b.files.user_files,
    },
    Setting {
        path: "audit.syslog",
        kind: SettingKind::Text,
        default: r#""/dev/log""#,
        reload: Reload::Restart,
        doc: key::SETTING_AUDIT_SYSLOG,
        same: |a, b| a.audit.syslog == b.audit.syslog,
    },
    Setting {
        path: "audit.level",
        kind: SettingKind::Text,
        default: r#""info""#,
        reload: Reload::Restart,
        doc: key::SETTING_AUDIT_LEVEL,
        same: |a, b| a.audit.level == b.audit.level,
    },
];

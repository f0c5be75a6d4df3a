//! Every key as data. The names of the environment, the check for unknown keys, the annotated example and the
//! comparison at SIGHUP come from it. A new setting is one row here (a limit: one row in
//! `sections/limits.rs`; of the card: in `settings/card.rs`) and one field in its table's raw and checked
//! half.

mod card;
mod limits;

use crate::config::kind::SettingKind;
use crate::config::setting::{Reload, Setting};
use crate::types::Localized;

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
    pub(super) doc: Localized,
}

impl SettingTable {
    const fn new(name: &'static str, doc: Localized) -> Self {
        Self { name, doc }
    }
}

/// All tables, in the same order.
pub(super) const TABLES: &[SettingTable] = &[
    SettingTable::new(
        "http",
        Localized::new(
            "Dirección y nombres del servidor, y proxies de confianza.",
            "Address and names of the server, and trusted proxies.",
        ),
    ),
    SettingTable::new(
        "tls",
        Localized::new("HTTPS servido por el propio PiChat.", "HTTPS served by PiChat itself."),
    ),
    SettingTable::new("accounts", Localized::new("Contraseñas y sesiones.", "Passwords and sessions.")),
    SettingTable::new("chat", Localized::new("Salas.", "Rooms.")),
    SettingTable::new(
        "files",
        Localized::new(
            "La cuarentena: la carpeta de los archivos subidos.",
            "The quarantine: the folder of the uploads.",
        ),
    ),
    SettingTable::new("audit", Localized::new("Registro de auditoría.", "The audit log.")),
    SettingTable::new(
        "limits",
        Localized::new(
            "Todo tiene un límite. Cada uno se puede bajar, o subir hasta el máximo que dice su comentario.",
            "Everything has a limit. Each can be lowered, or raised to the maximum in its comment.",
        ),
    ),
    SettingTable::new(
        "device",
        Localized::new(
            "El equipo. Esta tabla y las dos siguientes solo tienen efecto en la tarjeta; en otro sistema solo cuenta language.",
            "The device. This table and the next two have an effect on the card only; on another system only language counts.",
        ),
    ),
    SettingTable::new(
        "wifi",
        Localized::new("Red inalámbrica, en la tarjeta.", "The wireless network, on the card."),
    ),
    SettingTable::new(
        "network",
        Localized::new(
            "Dirección fija, en la tarjeta. Vacía: DHCP.",
            "A fixed address, on the card. Empty: DHCP.",
        ),
    ),
    SettingTable::new("claim", Localized::new("La primera cuenta.", "The first account.")),
];

const SETTINGS: &[Setting] = &[
    Setting {
        path: "data_dir",
        kind: SettingKind::Text,
        default: r#"".""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Carpeta de la base de datos y de las llaves propias del servidor. \".\" es la carpeta de trabajo.",
            "Folder of the database and of the server's own keys. \".\" is the working directory.",
        ),
        same: |a, b| a.data_dir == b.data_dir,
    },
    Setting {
        path: "http.listen",
        kind: SettingKind::Text,
        default: r#""0.0.0.0:8080""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Dirección IP y puerto donde escucha HTTP. Con [tls] activo solo lleva a HTTPS.",
            "IP address and port on which HTTP listens. With [tls] on it only leads to HTTPS.",
        ),
        same: |a, b| a.http.listen == b.http.listen,
    },
    Setting {
        path: "http.hosts",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: Localized::new(
            "Otros nombres de este servidor, por ejemplo \"chat.oficina.lan\". Las direcciones IP, localhost, pichat.local y el nombre del equipo, solo o con .local, ya funcionan.",
            "Further names of this server, such as \"chat.oficina.lan\". IP addresses, localhost, pichat.local and the machine's own name, alone or with .local, are always valid.",
        ),
        same: |a, b| a.http.hosts == b.http.hosts,
    },
    Setting {
        path: "http.allowed_origins",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: Localized::new(
            "Páginas de otros sitios que pueden usar este servidor, como \"https://intranet.example\" (sin ruta). Vacía: solo las propias.",
            "Pages of other sites that may use this server, as \"https://intranet.example\" (no path). Empty: only its own.",
        ),
        same: |a, b| a.http.allowed_origins == b.http.allowed_origins,
    },
    Setting {
        path: "http.trusted_proxies",
        kind: SettingKind::List,
        default: "[]",
        reload: Reload::Live,
        doc: Localized::new(
            "Direcciones IP o redes, como \"172.16.0.0/12\", de los proxies de confianza. De ellos se aceptan la dirección del cliente, el nombre pedido y si fue por HTTPS (X-Forwarded-For, -Host y -Proto, o Forwarded). Vacía: ninguno.",
            "IP addresses or ranges, such as \"172.16.0.0/12\", of trusted proxies. Their word is taken for the client's address, the requested name and the use of HTTPS (X-Forwarded-For, -Host and -Proto, or Forwarded). Empty: none.",
        ),
        same: |a, b| a.http.trusted_proxies == b.http.trusted_proxies,
    },
    Setting {
        path: "tls.mode",
        kind: SettingKind::Text,
        default: r#""local-ca""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "\"local-ca\": HTTPS con un certificado que este equipo se hace; la dirección de [http] explica entonces cómo confiar en él y lleva a HTTPS. \"files\": HTTPS con los dos archivos de abajo. \"off\": solo HTTP, como hace pichat demo sin esta opción.",
            "\"local-ca\": HTTPS with a certificate that this device makes for itself; the address of [http] then explains how to trust it and leads to HTTPS. \"files\": HTTPS with the two files below. \"off\": HTTP only, as pichat demo does without this setting.",
        ),
        same: |a, b| a.tls.mode.word() == b.tls.mode.word(),
    },
    Setting {
        path: "tls.listen",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Dirección IP y puerto de HTTPS. Vacía: la dirección de [http] listen, con el puerto 443 junto al 80 y con el 8443 junto a cualquier otro.",
            "IP address and port of HTTPS. Empty: the address of [http] listen, with port 443 beside 80 and with 8443 beside any other.",
        ),
        same: |a, b| a.tls.listen == b.tls.listen,
    },
    Setting {
        path: "tls.certificate",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Certificado y su cadena, PEM. Una ruta relativa empieza en data_dir. SIGHUP lee los dos archivos de nuevo.",
            "Certificate and its chain, PEM. A relative path is below data_dir. SIGHUP reads both files again.",
        ),
        same: |a, b| a.tls.mode.certificate() == b.tls.mode.certificate(),
    },
    Setting {
        path: "tls.key",
        kind: SettingKind::Text,
        default: r#""""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Clave privada del certificado, PEM. Una ruta relativa empieza en data_dir.",
            "The certificate's private key, PEM. A relative path is below data_dir.",
        ),
        same: |a, b| a.tls.mode.key() == b.tls.mode.key(),
    },
    Setting {
        path: "accounts.argon2",
        kind: SettingKind::Text,
        default: r#""m=19456,t=2,p=1""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Costo de Argon2id: memoria en KiB, pasadas, carriles; o \"auto\", que lo mide en esta máquina. Menos que las filas de OWASP (m=19456,t=2 · m=12288,t=3 · m=9216,t=4 · m=7168,t=5) se rechaza; máximo: m=262144,t=16,p=4.",
            "Cost of Argon2id: memory in KiB, passes, lanes; or \"auto\", which measures this machine. Less than OWASP's rows (m=19456,t=2 · m=12288,t=3 · m=9216,t=4 · m=7168,t=5) is rejected; maximum: m=262144,t=16,p=4.",
        ),
        same: |a, b| a.accounts.argon2 == b.accounts.argon2,
    },
    Setting {
        path: "accounts.session_idle_minutes",
        kind: SettingKind::Number,
        default: "120",
        reload: Reload::Live,
        doc: Localized::new(
            "Minutos sin uso tras los que termina una sesión: de 1 a 43200 (30 días).",
            "Minutes without use after which a session ends: 1 to 43200 (30 days).",
        ),
        same: |a, b| a.accounts.session_idle == b.accounts.session_idle,
    },
    Setting {
        path: "accounts.session_hours",
        kind: SettingKind::Number,
        default: "12",
        reload: Reload::Live,
        doc: Localized::new(
            "Duración máxima de una sesión, en horas: de 1 a 720 (30 días).",
            "Longest session, in hours: 1 to 720 (30 days).",
        ),
        same: |a, b| a.accounts.session_life == b.accounts.session_life,
    },
    Setting {
        path: "chat.empty_room_minutes",
        kind: SettingKind::Number,
        default: "10",
        reload: Reload::Live,
        doc: Localized::new(
            "Minutos que una sala vacía guarda su código y su contraseña: de 0 a 1440. Sus mensajes se borran cuando queda vacía.",
            "Minutes that an empty room keeps its code and password: 0 to 1440. Its messages are wiped when it becomes empty.",
        ),
        same: |a, b| a.chat.empty_room == b.chat.empty_room,
    },
    Setting {
        path: "chat.resume_grace_seconds",
        kind: SettingKind::Number,
        default: "30",
        reload: Reload::Live,
        doc: Localized::new(
            "Segundos que una conexión perdida conserva su lugar en la sala: de 0 a 300.",
            "Seconds that a lost connection keeps its place in the room: 0 to 300.",
        ),
        same: |a, b| a.chat.resume_grace == b.chat.resume_grace,
    },
    Setting {
        path: "files.dir",
        kind: SettingKind::Text,
        default: r#""cuarentena""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Carpeta de los archivos subidos. Una ruta relativa empieza en data_dir.",
            "Folder of the uploads. A relative path is below data_dir.",
        ),
        same: |a, b| a.files.below(&a.data_dir) == b.files.below(&b.data_dir),
    },
    Setting {
        path: "files.max_file_mib",
        kind: SettingKind::Number,
        default: "16",
        reload: Reload::Live,
        doc: Localized::new(
            "Tamaño máximo de un archivo, en MiB: de 1 a 1048576.",
            "Largest file, in MiB: 1 to 1048576.",
        ),
        same: |a, b| a.files.max_file == b.files.max_file,
    },
    Setting {
        path: "files.max_total_mib",
        kind: SettingKind::Number,
        default: "2048",
        reload: Reload::Live,
        doc: Localized::new(
            "Tamaño máximo de todos los archivos juntos, en MiB: de 1 a 1048576.",
            "Largest sum of all files, in MiB: 1 to 1048576.",
        ),
        same: |a, b| a.files.max_total == b.files.max_total,
    },
    Setting {
        path: "files.keep_free_percent",
        kind: SettingKind::Number,
        default: "5",
        reload: Reload::Live,
        doc: Localized::new(
            "Parte del disco que siempre queda libre, en %: de 0 a 50.",
            "Share of the disk that always stays free, in %: 0 to 50.",
        ),
        same: |a, b| a.files.keep_free_percent == b.files.keep_free_percent,
    },
    Setting {
        path: "files.user_mib",
        kind: SettingKind::Number,
        default: "0",
        reload: Reload::Live,
        doc: Localized::new(
            "Parte de un usuario: tamaño máximo de todos sus archivos juntos, en MiB: de 1 a 1048576; 0 es la cuarta parte de max_total_mib.",
            "One user's share: largest sum of that user's files, in MiB: 1 to 1048576; 0 is a quarter of max_total_mib.",
        ),
        same: |a, b| a.files.user_bytes == b.files.user_bytes,
    },
    Setting {
        path: "files.user_files",
        kind: SettingKind::Number,
        default: "0",
        reload: Reload::Live,
        doc: Localized::new(
            "Parte de un usuario: cantidad máxima de archivos suyos, de 1 a 100000; 0 es la cuarta parte de [limits] files.",
            "One user's share: most files of that user, 1 to 100000; 0 is a quarter of [limits] files.",
        ),
        same: |a, b| a.files.user_files == b.files.user_files,
    },
    Setting {
        path: "audit.syslog",
        kind: SettingKind::Text,
        default: r#""/dev/log""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Socket de syslog (ruta absoluta) o \"stderr\".",
            "Syslog socket (absolute path) or \"stderr\".",
        ),
        same: |a, b| a.audit.syslog == b.audit.syslog,
    },
    Setting {
        path: "audit.level",
        kind: SettingKind::Text,
        default: r#""info""#,
        reload: Reload::Restart,
        doc: Localized::new(
            "Detalle: \"debug\", \"info\" o \"warning\".",
            "Detail: \"debug\", \"info\" or \"warning\".",
        ),
        same: |a, b| a.audit.level == b.audit.level,
    },
];

//! `pichat.toml`, the environment and the command line, read into one checked [`Config`].
//!
//! Two steps. Raw: the document is parsed with its spans, and every key is checked against the [`settings`].
//! Then the environment is laid over it, and serde structs with `deny_unknown_fields` take it. Checked: each
//! table converts its raw half into validated values. Strongest first: flags, `PICHAT_*` variables, the
//! Python program's variables, the file, the defaults.
//!
//! | file | what |
//! | --- | --- |
//! | `values` | [`Config`]: all settings, checked |
//! | `load` | file, environment and command line to a `Config` |
//! | `setting` `settings` | every key as data: path, kind, default, reloadable or not, its documentation |
//! | `sections` | one table each, raw and checked |
//! | `source` | sources of values: text, environment; positions, suggestions, edited texts |
//! | `error` `problem` `span` `kind` | error texts |
//! | `changes` | settings that a SIGHUP changes |
//! | `shared` | current settings, shared by all services |
//! | `retired` | keys that were settings once |
//! | `example` | `docs/pichat.example.toml`, generated from the settings |

mod changes;
mod error;
mod example;
mod kind;
mod load;
mod problem;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod retired;
mod sections;
mod setting;
mod settings;
mod shared;
mod source;
mod span;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
mod values;

pub use changes::Changes;
pub use error::ConfigError;
pub use example::example;
pub use kind::SettingKind;
pub use load::{MAX_FILE_BYTES, read};
pub use problem::SettingProblem;
pub use retired::{Retired, RetiredUse};
pub use sections::accounts::{AccountSettings, Argon2Setting};
pub use sections::argon2::{Argon2Params, Argon2ParamsError, OWASP_ROWS};
pub use sections::audit::{AuditSettings, Level, SyslogTarget};
pub use sections::chat::ChatSettings;
pub use sections::claim::{ClaimSettings, PasswordHash};
pub use sections::device::DeviceSettings;
pub use sections::files::FileSettings;
pub use sections::http::HttpSettings;
pub use sections::ip_range::IpRange;
pub use sections::limits::{
    CONNECTIONS_CEILING, FILES_CEILING, LimitSettings, RATE_CEILING, ROOM_MEMBERS_CEILING, ROOM_RING_CEILING,
    ROOMS_CEILING, ROOMS_PER_SOCKET_CEILING, SESSIONS_CEILING,
};
pub use sections::network::{InterfaceAddress, NetworkSettings};
pub use sections::secrets::Secrets;
pub use sections::tls::{TlsMode, TlsSettings};
pub use sections::wifi::{WifiPassword, WifiSettings};
pub use setting::{Reload, Setting};
pub use settings::settings;
pub use shared::SharedConfig;
pub use source::edit::{TomlEditor, render};
pub use span::Span;
pub use values::{Config, Overrides};

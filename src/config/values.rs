//! All settings, checked.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::retired::RetiredUse;
use super::sections::accounts::AccountSettings;
use super::sections::audit::AuditSettings;
use super::sections::chat::ChatSettings;
use super::sections::claim::ClaimSettings;
use super::sections::device::DeviceSettings;
use super::sections::files::FileSettings;
use super::sections::http::HttpSettings;
use super::sections::limits::LimitSettings;
use super::sections::network::NetworkSettings;
use super::sections::secrets::Secrets;
use super::sections::tls::TlsSettings;
use super::sections::wifi::WifiSettings;

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the database, of the server's own key and, by default, of the files. Default: the working
    /// directory.
    pub data_dir: PathBuf,
    /// `[http]`: listen address, host names and trusted proxies.
    pub http: HttpSettings,
    /// `[tls]`: mode and address of HTTPS.
    pub tls: TlsSettings,
    /// `[accounts]`: password hashing and sessions.
    pub accounts: AccountSettings,
    /// `[chat]`: life of messages and of rooms without sockets, and the memory of messages.
    pub chat: ChatSettings,
    /// `[files]`: folder and size of the quarantine.
    pub files: FileSettings,
    /// `[audit]`: target and threshold of the audit log.
    pub audit: AuditSettings,
    /// `[limits]`: every limit that the operator may change.
    pub limits: LimitSettings,
    /// `[device]`: host name, language and time zone of the appliance.
    pub device: DeviceSettings,
    /// `[wifi]`: wireless network of the card.
    pub wifi: WifiSettings,
    /// `[network]`: fixed address of the card.
    pub network: NetworkSettings,
    /// `[claim]`: first account.
    pub claim: ClaimSettings,
    /// Secrets, from the environment alone, never from the file.
    pub secrets: Secrets,
    /// Retired keys that the file or the environment names.
    pub retired: Vec<RetiredUse>,
}

/// Values of the command line; they override all other sources.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--tls-listen`.
    pub tls_listen: Option<SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// Serves plain HTTP unless the settings say otherwise: for `demo`, which only serves loopback.
    pub plain: bool,
}

impl Config {
    /// Returns the configuration without file, variables and flags.
    pub fn defaults() -> Self {
        Self {
            data_dir: PathBuf::from("."),
            http: HttpSettings::default(),
            tls: TlsSettings::default(),
            accounts: AccountSettings::default(),
            chat: ChatSettings::default(),
            files: FileSettings::default(),
            audit: AuditSettings::default(),
            limits: LimitSettings::default(),
            device: DeviceSettings::default(),
            wifi: WifiSettings::default(),
            network: NetworkSettings::default(),
            claim: ClaimSettings::default(),
            secrets: Secrets::default(),
            retired: Vec::new(),
        }
    }

    /// Returns the address of HTTPS.
    pub fn tls_listen(&self) -> SocketAddr {
        self.tls.address(self.http.listen)
    }
}

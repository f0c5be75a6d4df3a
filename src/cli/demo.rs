//! `pichat demo`: the program as a newcomer meets it. The accounts are the seed's and everybody knows their passwords, so
//! nothing but loopback is served, and the data is gone afterwards unless a folder was named.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::app::{AppError, Mode};
use crate::config::Config;
use crate::types::crypto::{hex, random};
use crate::types::{Lang, Role, UserName};

use super::exit::Failure;
use super::{Source, server};

/// The seed's accounts.
const ACCOUNTS: [(&str, &str, Role); 3] = [
    ("admin", "admin123", Role::Administrator),
    ("cliente", "cliente123", Role::Cliente),
    ("usuario", "usuario123", Role::Usuario),
];

#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    source: Source,
    /// Dirección donde escuchar, 127.0.0.1:8080 si no se dice · Address to listen on, 127.0.0.1:8080 unless told
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

/// A folder that is gone with the value.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is in the system's folder for temporary files; what cannot be removed now goes with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Demo {
    pub(super) fn run(mut self, lang: Lang) -> Result<(), Failure> {
        let mut config = self.source.load(self.listen)?;
        if self.listen.is_none() && config.http.listen.ip().is_unspecified() {
            // Nobody asked for an address: the default of `serve` is for a network, that of `demo` is not.
            let loopback = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), config.http.listen.port());
            self.listen = Some(loopback);
            config = self.source.load(self.listen)?;
        }
        if !config.http.listen.ip().is_loopback() {
            return Err(Failure::NotLoopback(config.http.listen));
        }
        let _temporary = if config.data_dir == Config::defaults().data_dir {
            let folder = std::env::temp_dir().join(format!("pichat-demo-{}", hex(&random::<8>())));
            crate::app::open_data_dir(&folder)?;
            let temporary = Temporary(folder.clone());
            self.source.data_dir = Some(folder);
            config = self.source.load(self.listen)?;
            Some(temporary)
        } else {
            None
        };
        let accounts = ACCOUNTS.iter().map(|(name, password, role)| Ok((name.parse::<UserName>()?, *password, *role)));
        let accounts: Vec<_> = accounts
            .collect::<Result<_, crate::types::UserNameError>>()
            .map_err(|e| AppError::Thread(std::io::Error::other(e)))?;
        server::run(config, self.source, self.listen, Mode::Demo(accounts), lang)
    }
}

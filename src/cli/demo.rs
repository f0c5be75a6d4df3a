//! `pichat demo`: demonstration with the public accounts of the Python program. It serves loopback only and
//! removes its data at the end, unless a folder is given.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::app::{DemoAccount, Mode};
use crate::config::Config;
use crate::types::crypto::{hex, random};
use crate::types::{Lang, Role, UserName};

use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::{server, usage};

/// Account whose password is printed.
struct KnownAccount {
    name: &'static str,
    role: Role,
    phc: &'static str,
}

/// Accounts of the Python program with the hashes of their passwords `admin123`, `cliente123`, `usuario123`,
/// with the default parameters. The passwords are printed on every screen, so that constant salts reveal
/// nothing, and the demonstration saves three hashes at start.
const ACCOUNTS: [KnownAccount; 3] = [
    KnownAccount {
        name: "admin",
        role: Role::Administrator,
        phc: "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0",
    },
    KnownAccount {
        name: "cliente",
        role: Role::Uploader,
        phc: "$argon2id$v=19$m=19456,t=2,p=1$rR4zYd7wWYvuZrd+IpvY2w$8u0hvDEjwGirfmmfXx9uIIMltS/zloITN2sKOYB/1zE",
    },
    KnownAccount {
        name: "usuario",
        role: Role::Member,
        phc: "$argon2id$v=19$m=19456,t=2,p=1$6eMLOIyfCxxpkx+N//8DxQ$TojMP1qCGZh1sgnE6bGhwdo7NY/pw/hAKGDLiAJyl4w",
    },
];

#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    source: ConfigSource,
    #[arg(long, value_name = "ADDR:PORT", value_parser = usage::address)]
    listen: Option<SocketAddr>,
}

/// Folder that is removed on drop.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is in the system's folder for temporary files, which removes the rest.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Demo {
    pub(super) fn run(mut self, lang: Lang) -> Result<(), Failure> {
        let mut flags = Flags { listen: self.listen, tls_listen: None, plain: true };
        let mut config = self.source.load(flags)?;
        if flags.listen.is_none() && config.http.listen.ip().is_unspecified() {
            // No address was given: the default of `serve` is for a network, that of `demo` is not.
            flags.listen = Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), config.http.listen.port()));
            config = self.source.load(flags)?;
        }
        for listen in [config.http.listen, config.tls_listen()] {
            if !listen.ip().is_loopback() {
                return Err(Failure::NotLoopback(listen));
            }
        }
        let _temporary = if self.source.data_dir.is_none() && config.data_dir == Config::defaults().data_dir {
            let folder = std::env::temp_dir().join(format!("pichat-demo-{}", hex(&random::<8>())));
            crate::app::open_data_dir(&folder)?;
            let temporary = Temporary(folder.clone());
            self.source.data_dir = Some(folder);
            config = self.source.load(flags)?;
            Some(temporary)
        } else {
            None
        };
        let accounts = ACCOUNTS.iter().filter_map(|KnownAccount { name, role, phc }| {
            Some(DemoAccount { name: name.parse::<UserName>().ok()?, role: *role, phc })
        });
        let mode = Mode::Demo(accounts.collect());
        server::run(config, None, self.source, flags, mode, lang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Argon2Params;

    #[test]
    fn demo_hashes_match_the_printed_passwords() {
        for KnownAccount { name, phc, .. } in ACCOUNTS {
            assert!(phc.starts_with(&format!("$argon2id$v=19${}$", Argon2Params::DEFAULT)), "{name}");
            assert!(crate::accounts::hash_pool::verify_now(phc, format!("{name}123").as_bytes()), "{name}");
        }
        assert_eq!(
            ACCOUNTS.iter().filter(|account| account.name.parse::<UserName>().is_ok()).count(),
            ACCOUNTS.len()
        );
    }
}

//! `pichat ca`: the certificate authority that this device makes for itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use crate::app::{AppError, start_audit};
use crate::audit::Event;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::net::{Authority, AuthorityCertificate, ListenError, load_existing, renew};
use crate::types::Lang;
use crate::types::texts::key;

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;

#[derive(Subcommand)]
pub(super) enum Ca {
    Show {
        #[command(flatten)]
        source: ConfigSource,
    },
    Renew {
        #[command(flatten)]
        source: ConfigSource,
    },
}

impl Ca {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let (Self::Show { source } | Self::Renew { source }) = &self;
        let config = source.load(Flags::default())?;
        let host_name = crate::app::host_name();
        become_owner(&config.data_dir)?;
        let made = match &self {
            Self::Show { .. } => load_existing(&config.data_dir, &host_name),
            Self::Renew { .. } => {
                // A server made the first authority, and its database is beside it; elsewhere nothing is
                // made.
                crate::app::expect_database(&config)?;
                if !crate::store::database_exists(&config.data_dir) {
                    return Err(Failure::NoAuthority);
                }
                let new = renew(&config.data_dir, &host_name);
                if let Ok(new) = &new {
                    audit(&config, new)?;
                }
                new.map(|new| {
                    Some(AuthorityCertificate { pem: new.pem().to_owned(), fingerprint: new.fingerprint() })
                })
            }
        };
        let Some(AuthorityCertificate { pem, fingerprint }) =
            made.map_err(|error| AppError::from(ListenError::from(error)))?
        else {
            return Err(Failure::NoAuthority);
        };
        let word = key::CLI_CA_FINGERPRINT.get(lang);
        say(format_args!("{word}: {}\n\n{}", fingerprint.groups().join(" "), pem.trim_end()));
        if matches!(self, Self::Renew { .. }) {
            say(format_args!("\n{}", key::CLI_CA_RENEWED.get(lang)));
        }
        Ok(())
    }
}

/// Records the new authority in the audit log.
fn audit(config: &Config, new: &Authority) -> Result<(), Failure> {
    let kept = new
        .aside()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let (audit, writer) = start_audit(config, Arc::new(SystemClock))?;
    audit.try_record(Event::TlsAuthorityRenewed {
        by: caller(),
        fingerprint: new.fingerprint().to_string(),
        kept,
    });
    writer.finish(Duration::from_secs(2));
    Ok(())
}

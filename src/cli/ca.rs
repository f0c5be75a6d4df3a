//! `pichat ca`: the certificate authority that this device makes for itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use crate::app::{AppError, start_audit};
use crate::audit::Event;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::net::{Authority, AuthorityCertificate, ListenError, kept, renew};
use crate::types::{Lang, Text};

use super::caller::caller;
use super::exit::Failure;
use super::owner::become_owner;
use super::{Flags, Source, say};

#[derive(Subcommand)]
pub(super) enum Ca {
    /// Muestra la huella y el certificado · Shows fingerprint and certificate
    Show {
        #[command(flatten)]
        source: Source,
    },
    /// Crea otra: todos deben instalarla de nuevo · Makes another: everyone must install it again
    Renew {
        #[command(flatten)]
        source: Source,
    },
}

impl Ca {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let (Self::Show { source } | Self::Renew { source }) = &self;
        let config = source.load(Flags::default())?;
        let host_name = crate::app::host_name();
        become_owner(&config.data_dir)?;
        let made = match &self {
            Self::Show { .. } => kept(&config.data_dir, &host_name),
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
                new.map(|new| Some(AuthorityCertificate { pem: new.pem().to_owned(), fingerprint: new.fingerprint() }))
            }
        };
        let Some(AuthorityCertificate { pem, fingerprint }) = made.map_err(|error| AppError::from(ListenError::from(error)))?
        else {
            return Err(Failure::NoAuthority);
        };
        let word = Text::new("Huella", "Fingerprint").pick(lang);
        say(format_args!("{word}: {}\n\n{}", fingerprint.groups().join(" "), pem.trim_end()));
        if matches!(self, Self::Renew { .. }) {
            let text = Text::new(
                "\nPiChat la usa desde su próximo arranque; entonces cada celular y cada computador debe instalarla.",
                "\nPiChat uses it from its next start on; then each phone and each computer must install it.",
            );
            say(text.pick(lang));
        }
        Ok(())
    }
}

/// Records the new authority in the audit log.
fn audit(config: &Config, new: &Authority) -> Result<(), Failure> {
    let kept = new.aside().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (audit, writer) = start_audit(config, Arc::new(SystemClock))?;
    audit.note(Event::TlsAuthorityRenewed { by: caller(), fingerprint: new.fingerprint().to_string(), kept });
    writer.finish(Duration::from_secs(2));
    Ok(())
}

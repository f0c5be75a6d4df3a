//! `pichat ca`: the certificate authority that this device makes for itself.

use clap::Subcommand;

use crate::app::AppError;
use crate::net::{ListenError, kept, renew};
use crate::types::{Lang, Text};

use super::exit::Failure;
use super::{Flags, Source, say};

#[derive(Subcommand)]
pub(super) enum Ca {
    /// Muestra la huella y el certificado · Shows fingerprint and certificate
    Show {
        #[command(flatten)]
        source: Source,
    },
    /// Hace una nueva: todos deben confiar otra vez · Makes a new one: everybody must trust it again
    Renew {
        #[command(flatten)]
        source: Source,
    },
}

impl Ca {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let (Self::Show { source } | Self::Renew { source }) = &self;
        let config = source.load(Flags::default())?;
        let made = match &self {
            Self::Show { .. } => kept(&config.data_dir),
            Self::Renew { .. } => {
                crate::app::open_data_dir(&config.data_dir)?;
                renew(&config.data_dir, &crate::app::host_name()).map(|new| Some((new.pem().to_owned(), new.fingerprint())))
            }
        };
        let Some((pem, fingerprint)) = made.map_err(|error| AppError::from(ListenError::from(error)))? else {
            return Err(Failure::NoAuthority);
        };
        let word = Text::new("Huella", "Fingerprint").pick(lang);
        say(format_args!("{word}: {}\n\n{}", fingerprint.groups().join(" "), pem.trim_end()));
        if matches!(self, Self::Renew { .. }) {
            let text = Text::new(
                "\nEl servidor la usa desde su próximo arranque; entonces cada teléfono y cada computador debe instalarla.",
                "\nThe server uses it from its next start on; then each phone and each computer must install it.",
            );
            say(text.pick(lang));
        }
        Ok(())
    }
}

//! `pichat serve`: the production server. It has no default account.

use std::net::SocketAddr;

use clap::Args;

use crate::app::Mode;
use crate::types::Lang;

use super::config_source::{ConfigSource, Flags, LoadedConfig};
use super::exit::Failure;
use super::{last_good, server, usage};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    source: ConfigSource,
    #[arg(long, value_name = "ADDR:PORT", value_parser = usage::address)]
    listen: Option<SocketAddr>,
    #[arg(long, value_name = "ADDR:PORT", value_parser = usage::address)]
    tls_listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let flags = Flags { listen: self.listen, tls_listen: self.tls_listen, plain: false };
        let LoadedConfig { config, text } =
            self.source.load_text(flags).map_err(|error| last_good::explain(error, &self.source, flags))?;
        server::run(config, text, self.source, flags, Mode::Serve, lang)
    }
}

//! `pichat serve`: the server for people. It has no default account.

use std::net::SocketAddr;

use clap::Args;

use crate::app::Mode;
use crate::types::Lang;

use super::exit::Failure;
use super::{Source, server};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    source: Source,
    /// Dirección donde escuchar · Address to listen on
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let config = self.source.load(self.listen)?;
        server::run(config, self.source, self.listen, Mode::Serve, lang)
    }
}

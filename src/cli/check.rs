//! `pichat check FILE`: checks settings without starting the server.

use std::path::PathBuf;

use clap::Args;

use crate::types::Lang;
use crate::types::texts::key;

use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::print::say;

#[derive(Args)]
pub(super) struct Check {
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let text = key::CLI_CHECK_VALID;
        let shown = self.file.display().to_string();
        let config = ConfigSource { config: Some(self.file), data_dir: None }.load(Flags::default())?;
        for used in &config.retired {
            say(used.text(lang));
        }
        say(format_args!("{shown}: {}", text.get(lang)));
        Ok(())
    }
}

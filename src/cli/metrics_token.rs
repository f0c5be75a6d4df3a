//! `pichat metrics-token`: makes or removes the token for `/api/metrics`. A running server takes it at once.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::accounts::{remove_metrics_token, replace_metrics_token};
use crate::app::{open_existing_store, open_or_make_store, start_audit};
use crate::audit::Event;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::types::Lang;
use crate::types::texts::{Key, key};

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;

#[derive(Args)]
pub(super) struct MetricsToken {
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    source: ConfigSource,
}

const SHOWN_ONCE: Key = key::CLI_METRICS_TOKEN_SHOWN_ONCE;
const REMOVED: Key = key::CLI_METRICS_TOKEN_REMOVED;
const NONE: Key = key::CLI_METRICS_TOKEN_NONE;

impl MetricsToken {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let config = self.source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        let store = if self.off { open_existing_store(&config)? } else { open_or_make_store(&config)? };
        if self.off {
            let removed = store.with(remove_metrics_token)?;
            if removed {
                tell(&config, Event::MetricsTokenRemoved { by: caller() })?;
            }
            say(if removed { REMOVED } else { NONE }.get(lang));
            return Ok(());
        }
        let token = store.with(replace_metrics_token)?;
        tell(&config, Event::MetricsTokenSet { by: caller() })?;
        // Alone on standard output, so that a script can take it.
        say(token.reveal());
        note(SHOWN_ONCE.get(lang));
        Ok(())
    }
}

fn tell(config: &Config, event: Event) -> Result<(), Failure> {
    let (audit, writer) = start_audit(config, Arc::new(SystemClock))?;
    audit.try_record(event);
    writer.finish(Duration::from_secs(2));
    Ok(())
}

#[allow(clippy::print_stderr, reason = "a person reads it beside the token")]
fn note(text: &str) {
    eprintln!("{text}");
}

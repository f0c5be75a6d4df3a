//! `pichat restore-snapshot`: goes back to the database from before an upgrade.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::app::start_audit;
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock};
use crate::quarantine::FilesFolder;
use crate::store::restore_snapshot;
use crate::types::Lang;
use crate::types::texts::key;

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;

#[derive(Args)]
pub(super) struct Restore {
    #[command(flatten)]
    source: ConfigSource,
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let config = self.source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        // A server of an earlier version locks its files folder only.
        let _folder = FilesFolder::lock(&config.files.dir).map_err(crate::app::AppError::from)?;
        let done = restore_snapshot(&config.data_dir, self.snapshot.as_deref(), SystemClock.now())?;
        let snapshot = done.snapshot.display();
        let replaced = done.replaced.map_or_else(String::new, |path| path.display().to_string());
        let (audit, writer) = start_audit(&config, Arc::new(SystemClock))?;
        audit.try_record(Event::DatabaseRestored {
            snapshot: snapshot.to_string(),
            replaced: replaced.clone(),
            by: caller(),
        });
        writer.finish(Duration::from_secs(2));
        let mut text = key::CLI_RESTORE_DONE.fill(lang, &[("snapshot", &snapshot)]);
        if !replaced.is_empty() {
            text = format!("{text} {}", key::CLI_RESTORE_KEPT.fill(lang, &[("path", &replaced)]));
        }
        say(text);
        Ok(())
    }
}

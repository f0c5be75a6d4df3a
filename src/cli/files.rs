//! `pichat files …`: repairs differences between the files folder and its database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::app::{AppError, expect_database, open_existing_store, start_audit};
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::Config;
use crate::quarantine::{FileId, FileName, FilesFolder, QuarantineError, orphans, reconcile};
use crate::types::texts::key;
use crate::types::{Lang, Person, UserName};

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;
use super::usage::{self, Expected};

#[derive(Subcommand)]
pub(super) enum FilesCommand {
    Orphans(ConfigSource),
    Adopt(Adopt),
    Accept(ConfigSource),
}

#[derive(Args)]
pub(super) struct Adopt {
    #[arg(value_name = "ID", value_parser = id)]
    id: FileId,
    #[arg(long, value_parser = name)]
    name: FileName,
    #[arg(long, value_name = "NAME", value_parser = usage::user_name)]
    user: Option<UserName>,
    #[command(flatten)]
    source: ConfigSource,
}

fn id(text: &str) -> Result<FileId, Expected> {
    FileId::parse(text).ok_or(Expected(key::CLI_EXPECTED_FILE_ID))
}

fn name(text: &str) -> Result<FileName, Expected> {
    FileName::from_upload(text).map_err(|_| Expected(key::CLI_EXPECTED_FILE_NAME))
}

impl FilesCommand {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        match self {
            Self::Orphans(source) => list(&source.load(Flags::default())?, lang),
            Self::Adopt(adopt) => adopt.run(lang),
            Self::Accept(source) => accept(&source.load(Flags::default())?, lang),
        }
    }
}

fn failed(error: QuarantineError) -> Failure {
    AppError::from(error).into()
}

fn list(config: &Config, lang: Lang) -> Result<(), Failure> {
    become_owner(&config.data_dir)?;
    expect_database(config)?;
    let found = orphans(&config.files.dir).map_err(failed)?;
    for orphan in &found {
        let at = Timestamp(orphan.modified.saturating_mul(1000));
        say(format_args!("{}  {:>14}  {at}", orphan.id, orphan.size));
    }
    if found.is_empty() {
        say(key::CLI_FILES_NO_ORPHANS.get(lang));
    }
    Ok(())
}

impl Adopt {
    fn run(&self, lang: Lang) -> Result<(), Failure> {
        let config = self.source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        let store = open_existing_store(&config)?;
        let user = match &self.user {
            Some(name) => Some(
                store.with(|db| db.user_by_name(name))?.ok_or_else(|| Failure::NoSuchUser(name.clone()))?,
            ),
            None => None,
        };
        let owner = user.map(|user| Person { id: user.id, name: user.name });
        let folder = FilesFolder::open(&config.files.dir, &store).map_err(failed)?;
        let adopted =
            folder.adopt(self.id, &self.name, owner.as_ref(), &store, SystemClock.now()).map_err(failed)?;
        let file = adopted.ok_or(Failure::NoSuchOrphan(self.id))?;
        let (id, name) = (file.id.to_string(), file.name.as_str().to_owned());
        note(
            &config,
            Event::FileAdopted { id, name, size: file.size, sha256: file.sha256.to_string(), by: caller() },
        )?;
        let text = key::CLI_FILES_ADOPTED;
        say(format_args!("{}: {}", file.name, text.get(lang)));
        Ok(())
    }
}

fn accept(config: &Config, lang: Lang) -> Result<(), Failure> {
    become_owner(&config.data_dir)?;
    let store = open_existing_store(config)?;
    let folder = FilesFolder::accept(&config.files.dir, &store).map_err(failed)?;
    let (audit, writer) = start_audit(config, Arc::new(SystemClock))?;
    let done = reconcile(&folder, &store, &audit).map_err(failed)?;
    let shown = config.files.dir.display();
    audit.try_record(Event::FilesAccepted {
        folder: shown.to_string(),
        lost: done.lost,
        orphaned: done.orphaned,
        by: caller(),
    });
    writer.finish(Duration::from_secs(2));
    let values: [(_, &dyn fmt::Display); 4] =
        [("folder", &shown), ("files", &done.files), ("lost", &done.lost), ("orphaned", &done.orphaned)];
    say(key::CLI_FILES_ACCEPTED.fill(lang, &values));
    Ok(())
}

fn note(config: &Config, event: Event) -> Result<(), Failure> {
    let (audit, writer) = start_audit(config, Arc::new(SystemClock))?;
    audit.try_record(event);
    writer.finish(Duration::from_secs(2));
    Ok(())
}

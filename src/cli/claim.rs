//! `pichat claim`: shows or closes the open claim, beside a running server or without one. A running server
//! notices within a second.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::app::{open_existing_store, start_audit};
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::Config;
use crate::store::{ClaimRow, RECLAIM_LIFE, Store};
use crate::types::texts::key;
use crate::types::{ClaimKind, Lang};

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ClaimCommand {
    #[command(subcommand)]
    action: Option<ClaimAction>,
    #[command(flatten)]
    source: ConfigSource,
}

#[derive(Subcommand)]
enum ClaimAction {
    Show(ConfigSource),
    Close(ConfigSource),
}

impl ClaimCommand {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        match self.action.unwrap_or(ClaimAction::Show(self.source)) {
            ClaimAction::Show(source) => show(&source, lang),
            ClaimAction::Close(source) => close(&source, lang),
        }
    }
}

/// Opens settings and database as the owner of the data folder.
fn open(source: &ConfigSource) -> Result<(Config, Store), Failure> {
    let config = source.load(Flags::default())?;
    become_owner(&config.data_dir)?;
    let store = open_existing_store(&config)?;
    Ok((config, store))
}

fn show(source: &ConfigSource, lang: Lang) -> Result<(), Failure> {
    let open = open(source)?.1.with(|db| db.claim())?;
    say(state(open.as_ref(), SystemClock.now(), lang));
    Ok(())
}

fn state(open: Option<&ClaimRow>, now: Timestamp, lang: Lang) -> String {
    let open = open.filter(|claim| claim.left(now) != Some(Duration::ZERO));
    match open {
        None => key::CLI_CLAIM_NONE.get(lang).to_owned(),
        Some(claim) if claim.kind == ClaimKind::First => key::CLI_CLAIM_FIRST.get(lang).to_owned(),
        Some(claim) => key::CLI_CLAIM_AGAIN.fill(lang, &[("until", &claim.opened_at.plus(RECLAIM_LIFE))]),
    }
}

fn close(source: &ConfigSource, lang: Lang) -> Result<(), Failure> {
    let (config, store) = open(source)?;
    let Some(kind) = store.with(|db| db.close_claim())? else {
        say(state(None, SystemClock.now(), lang));
        return Ok(());
    };
    let (audit, writer) = start_audit(&config, Arc::new(SystemClock))?;
    audit.try_record(Event::ClaimClosed { kind, by: caller() });
    writer.finish(Duration::from_secs(2));
    let text = match kind {
        ClaimKind::Again => key::CLI_CLAIM_CLOSED,
        ClaimKind::First => key::CLI_CLAIM_CLOSED_FIRST,
    };
    say(text.get(lang));
    Ok(())
}

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
use crate::types::{ClaimKind, Lang, Localized};

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
    /// Muestra si PiChat se puede activar; el código lo muestra «pichat status» · Shows whether PiChat can be
    /// set up; “pichat status” shows the code
    Show(ConfigSource),
    /// Cierra la activación: su código deja de valer · Closes the setup: its code stops working
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
    match (open.map(|claim| (claim.kind, claim.opened_at.plus(RECLAIM_LIFE))), lang) {
        (None, lang) => {
            Localized::new("PiChat no espera una activación.", "PiChat does not wait to be set up.").get(lang).to_owned()
        }
        (Some((ClaimKind::First, _)), Lang::Es) => {
            "Aún no hay cuentas: con el código de activación, cualquiera puede crear la primera. Míralo con «pichat status»."
                .into()
        }
        (Some((ClaimKind::First, _)), Lang::En) => {
            "There are no accounts yet: anyone with the setup code can create the first one. See it with “pichat status”.".into()
        }
        (Some((ClaimKind::Again, until)), Lang::Es) => format!(
            "Se pidió un código nuevo de activación. Míralo con «pichat status»; vence el {until}.\n\
             Para anularlo antes: pichat claim close"
        ),
        (Some((ClaimKind::Again, until)), Lang::En) => format!(
            "A new setup code was requested. See it with “pichat status”; it expires at {until}.\n\
             To cancel it before: pichat claim close"
        ),
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
        ClaimKind::Again => Localized::new(
            "Activación cerrada: el código dejó de valer.",
            "Setup closed: the code no longer works.",
        ),
        ClaimKind::First => Localized::new(
            "Activación cerrada: el código dejó de valer. Aún no hay cuentas, así que el próximo arranque hace un código nuevo.",
            "Setup closed: the code no longer works. There are no accounts yet, so the next start makes a new code.",
        ),
    };
    say(text.get(lang));
    Ok(())
}

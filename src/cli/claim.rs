//! `pichat claim`: shows or closes the open claim, beside a running server or without one. A running server notices within a second.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::app::{open_existing_store, start_audit};
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::Config;
use crate::store::{ClaimRow, RECLAIM_LIFE, Store};
use crate::types::{ClaimKind, Lang, Text};

use super::caller::caller;
use super::exit::Failure;
use super::owner::become_owner;
use super::{Flags, Source, say};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Claim {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    source: Source,
}

#[derive(Subcommand)]
enum Action {
    /// Muestra si el equipo se puede reclamar; el código lo muestra «pichat status» · Shows whether the device can be claimed; the code is on “pichat status”
    Show(Source),
    /// Cierra el reclamo: su código ya no sirve · Closes the claim: its code is of no more use
    Close(Source),
}

impl Claim {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        match self.action.unwrap_or(Action::Show(self.source)) {
            Action::Show(source) => show(&source, lang),
            Action::Close(source) => close(&source, lang),
        }
    }
}

/// Settings and database, opened as the owner of the data folder.
fn open(source: &Source) -> Result<(Config, Store), Failure> {
    let config = source.load(Flags::default())?;
    become_owner(&config.data_dir)?;
    let store = open_existing_store(&config)?;
    Ok((config, store))
}

fn show(source: &Source, lang: Lang) -> Result<(), Failure> {
    let open = open(source)?.1.with(|db| db.claim())?;
    say(state(open.as_ref(), SystemClock.now(), lang));
    Ok(())
}

fn state(open: Option<&ClaimRow>, now: Timestamp, lang: Lang) -> String {
    let open = open.filter(|claim| claim.left(now) != Some(Duration::ZERO));
    match (open.map(|claim| (claim.kind, claim.opened_at.plus(RECLAIM_LIFE))), lang) {
        (None, lang) => Text::new("No hay ningún reclamo abierto.", "No claim is open.").pick(lang).to_owned(),
        (Some((ClaimKind::First, _)), Lang::Es) => {
            "Nadie tiene cuenta todavía: quien tenga el código puede reclamar este equipo. El código está en «pichat status»."
                .into()
        }
        (Some((ClaimKind::First, _)), Lang::En) => {
            "Nobody has an account yet: whoever has the code can claim this device. The code is on “pichat status”.".into()
        }
        (Some((ClaimKind::Again, until)), Lang::Es) => format!(
            "Se pidió reclamar este equipo otra vez. El código está en «pichat status» y deja de servir el {until}.\n\
             Para cerrar el reclamo antes: pichat claim close"
        ),
        (Some((ClaimKind::Again, until)), Lang::En) => format!(
            "A new claim of this device was asked for. The code is on “pichat status” and lapses at {until}.\n\
             To close the claim before: pichat claim close"
        ),
    }
}

fn close(source: &Source, lang: Lang) -> Result<(), Failure> {
    let (config, store) = open(source)?;
    let Some(kind) = store.with(|db| db.close_claim())? else {
        say(state(None, SystemClock.now(), lang));
        return Ok(());
    };
    let (audit, writer) = start_audit(&config, Arc::new(SystemClock))?;
    audit.note(Event::ClaimClosed { kind, by: caller() });
    writer.finish(Duration::from_secs(2));
    let text = match kind {
        ClaimKind::Again => Text::new("Reclamo cerrado: su código ya no sirve.", "Claim closed: its code is of no more use."),
        ClaimKind::First => Text::new(
            "Reclamo cerrado: su código ya no sirve. Nadie tiene cuenta todavía, así que el próximo arranque abre otro con un código nuevo.",
            "Claim closed: its code is of no more use. Nobody has an account yet, so the next start opens another with a new code.",
        ),
    };
    say(text.pick(lang));
    Ok(())
}

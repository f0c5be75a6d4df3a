//! `pichat user …`: accounts, beside a running server or without one. A running server notices within a second.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::accounts::password::{Password, hash_now};
use crate::app::{AppError, argon2_params, open_data_dir, start_audit};
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Argon2Params, Config};
use crate::store::{Store, UserRow};
use crate::types::{Lang, Role, Text, UserName};

use super::exit::Failure;
use super::password::new_password;
use super::{Source, say};

#[derive(Subcommand)]
pub(super) enum User {
    /// Crea una cuenta; la contraseña se pregunta o se lee de la entrada estándar · Makes an account; the password is asked for or read from standard input
    Add {
        #[command(flatten)]
        target: Target,
        /// administrator, cliente o usuario · administrator, cliente or usuario
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Cambia la contraseña y cierra sus sesiones · Changes the password and ends its sessions
    Passwd(Target),
    /// Cambia el rol y cierra sus sesiones · Changes the role and ends its sessions
    Role {
        #[command(flatten)]
        target: Target,
        /// administrator, cliente o usuario · administrator, cliente or usuario
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Bloquea la cuenta y cierra sus sesiones · Locks the account and ends its sessions
    Lock(Target),
    /// Desbloquea la cuenta · Unlocks the account
    Unlock(Target),
    /// Muestra las cuentas · Shows the accounts
    List(Source),
}

#[derive(Args)]
pub(super) struct Target {
    /// Nombre de la cuenta · Name of the account
    #[arg(value_parser = name)]
    name: UserName,
    #[command(flatten)]
    source: Source,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|e: crate::types::UnknownRole| e.to_string())
}

fn name(text: &str) -> Result<UserName, String> {
    text.parse().map_err(|e: crate::types::UserNameError| e.to_string())
}

/// What a command works with.
struct Desk {
    config: Config,
    store: Store,
}

impl Desk {
    fn open(source: &Source) -> Result<Self, Failure> {
        let config = source.load(None)?;
        open_data_dir(&config.data_dir)?;
        let store = Store::open(&config.data_dir)?;
        Ok(Self { config, store })
    }

    fn find(&self, name: &UserName) -> Result<UserRow, Failure> {
        self.store.with(|db| db.user_by_name(name))?.ok_or_else(|| Failure::NoSuchUser(name.clone()))
    }

    fn hash(&self, password: &Password) -> Result<String, Failure> {
        let params: Argon2Params = argon2_params(&self.config, &self.store)?;
        let hashed = hash_now(password.as_ref(), params);
        Ok(hashed.map_err(|e| AppError::Accounts(e.into()))?)
    }

    /// Says in the audit what was done, and to the person.
    fn done(&self, event: Event, lang: Lang, text: Text, name: &UserName) -> Result<(), Failure> {
        let (audit, writer) = start_audit(&self.config, Arc::new(SystemClock))?;
        audit.note(event);
        writer.finish(Duration::from_secs(2));
        say(format_args!("{name}: {}", text.pick(lang)));
        Ok(())
    }
}

impl User {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        match self {
            Self::Add { target, role } => add(&target, role, lang),
            Self::Passwd(target) => passwd(&target, lang),
            Self::Role { target, role } => {
                let desk = Desk::open(&target.source)?;
                let user = desk.find(&target.name)?;
                desk.store.with(|db| db.set_role(user.id, role))?;
                let event = Event::UserRoleChanged { user: user.name.clone(), role };
                desk.done(event, lang, Text::new("rol cambiado", "role changed"), &user.name)
            }
            Self::Lock(target) => lock(&target, true, lang),
            Self::Unlock(target) => lock(&target, false, lang),
            Self::List(source) => list(&source, lang),
        }
    }
}

fn add(target: &Target, role: Role, lang: Lang) -> Result<(), Failure> {
    let desk = Desk::open(&target.source)?;
    if desk.store.with(|db| db.user_by_name(&target.name))?.is_some() {
        return Err(Failure::UserExists(target.name.clone()));
    }
    let phc = desk.hash(&new_password(&target.name, lang)?)?;
    if desk.store.with(|db| db.add_user(&target.name, role, &phc, SystemClock.now()))?.is_none() {
        return Err(Failure::UserExists(target.name.clone()));
    }
    let event = Event::UserAdded { user: target.name.clone(), role, by: "command" };
    desk.done(event, lang, Text::new("cuenta creada", "account made"), &target.name)
}

fn passwd(target: &Target, lang: Lang) -> Result<(), Failure> {
    let desk = Desk::open(&target.source)?;
    let user = desk.find(&target.name)?;
    let phc = desk.hash(&new_password(&user.name, lang)?)?;
    desk.store.with(|db| db.set_password(user.id, &phc, None))?;
    let text = Text::new("contraseña cambiada, sesiones cerradas", "password changed, sessions ended");
    desk.done(Event::UserPasswordSet { user: user.name.clone() }, lang, text, &user.name)
}

fn lock(target: &Target, locked: bool, lang: Lang) -> Result<(), Failure> {
    let desk = Desk::open(&target.source)?;
    let user = desk.find(&target.name)?;
    desk.store.with(|db| db.set_locked(user.id, locked))?;
    let (event, text) = if locked {
        (
            Event::UserLocked { user: user.name.clone() },
            Text::new("cuenta bloqueada, sesiones cerradas", "account locked, sessions ended"),
        )
    } else {
        (Event::UserUnlocked { user: user.name.clone() }, Text::new("cuenta desbloqueada", "account unlocked"))
    };
    desk.done(event, lang, text, &user.name)
}

fn list(source: &Source, lang: Lang) -> Result<(), Failure> {
    let desk = Desk::open(source)?;
    for user in desk.store.with(|db| db.users())? {
        let locked = if user.locked { Text::new("bloqueada", "locked").pick(lang) } else { "" };
        say(format_args!("{:<32} {:<14} {locked}", user.name.as_str(), user.role.as_str()).to_string().trim_end());
    }
    Ok(())
}

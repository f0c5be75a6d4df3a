//! `pichat user …`: accounts, beside a running server or without one. A running server notices within a
//! second.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::accounts::ONE_TIME_LIFE;
use crate::accounts::hash_pool::hash_now;
use crate::accounts::password::Password;
use crate::app::{AppError, argon2_params, open_existing_store, open_or_make_store, start_audit};
use crate::audit::Event;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::{Argon2Params, Config};
use crate::store::{Store, UserRow};
use crate::types::texts::{Key, key};
use crate::types::{Lang, OneTimePassword, Role, UserName};

use super::caller::caller;
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::password::{Choice, New};
use super::print::say;
use super::usage;

#[derive(Subcommand)]
pub(super) enum User {
    Add {
        #[command(flatten)]
        target: UserTarget,
        #[command(flatten)]
        choice: Choice,
        #[arg(long, value_parser = usage::role)]
        role: Role,
    },
    Passwd {
        #[command(flatten)]
        target: UserTarget,
        #[command(flatten)]
        choice: Choice,
    },
    Role {
        #[command(flatten)]
        target: UserTarget,
        #[arg(value_parser = usage::role)]
        role: Role,
    },
    Lock(UserTarget),
    Unlock(UserTarget),
    List(ConfigSource),
}

#[derive(Args)]
pub(super) struct UserTarget {
    #[arg(value_parser = usage::user_name)]
    name: UserName,
    #[command(flatten)]
    source: ConfigSource,
}

/// Resources of a command.
struct UserAdmin {
    config: Config,
    store: Store,
}

impl UserAdmin {
    /// Opens the existing database.
    fn open(source: &ConfigSource) -> Result<Self, Failure> {
        let config = source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        let store = open_existing_store(&config)?;
        Ok(Self { config, store })
    }

    /// Opens the database, or makes it: the first account may precede the first start.
    fn open_or_make(source: &ConfigSource) -> Result<Self, Failure> {
        let config = source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        let store = open_or_make_store(&config)?;
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

    /// Records the events in the audit log and prints the result.
    fn print_result(
        &self,
        events: impl IntoIterator<Item = Event>,
        lang: Lang,
        text: Key,
        name: &UserName,
    ) -> Result<(), Failure> {
        let (audit, writer) = start_audit(&self.config, Arc::new(SystemClock))?;
        for event in events {
            audit.try_record(event);
        }
        writer.finish(Duration::from_secs(2));
        say(format_args!("{name}: {}", text.get(lang)));
        Ok(())
    }
}

/// Duties of a person with a temporary password, and their deadline.
struct IssuedPassword {
    shown: Option<OneTimePassword>,
    by: Option<Timestamp>,
}

impl IssuedPassword {
    const DAYS: u64 = ONE_TIME_LIFE.as_secs() / (24 * 60 * 60);

    fn new(new: &New, now: Timestamp) -> Self {
        Self { shown: new.shown.clone(), by: new.must_change.then(|| now.plus(ONE_TIME_LIFE)) }
    }

    fn event(&self, user: &UserName) -> Option<Event> {
        self.by.map(|_| Event::UserMustChange { user: user.clone(), days: Self::DAYS, by: caller() })
    }

    /// Prints the password. Printed only here; it is valid until the person changes it.
    fn notify_server(&self, lang: Lang, name: &UserName) {
        let days = Self::DAYS;
        if let Some(password) = &self.shown {
            let what = key::CLI_USER_TEMPORARY;
            say(format_args!("{}: {password}", what.get(lang)));
        }
        if self.by.is_some() {
            say(key::CLI_USER_MUST_CHANGE.fill(lang, &[("name", name), ("days", &days)]));
        }
    }
}

impl User {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        match self {
            Self::Add { target, choice, role } => add(&target, choice, role, lang),
            Self::Passwd { target, choice } => passwd(&target, choice, lang),
            Self::Role { target, role } => {
                let admin = UserAdmin::open(&target.source)?;
                let user = admin.find(&target.name)?;
                admin.store.with(|db| db.set_role(user.id, role))?;
                let event = Event::UserRoleChanged { user: user.name.clone(), role, by: caller() };
                admin.print_result([event], lang, key::CLI_USER_ROLE_CHANGED, &user.name)
            }
            Self::Lock(target) => lock(&target, true, lang),
            Self::Unlock(target) => lock(&target, false, lang),
            Self::List(source) => list(&source, lang),
        }
    }
}

fn add(target: &UserTarget, choice: Choice, role: Role, lang: Lang) -> Result<(), Failure> {
    let (admin, name) = (UserAdmin::open_or_make(&target.source)?, &target.name);
    if admin.store.with(|db| db.user_by_name(name))?.is_some() {
        return Err(Failure::UserExists(name.clone()));
    }
    let new = choice.password(name, lang)?;
    let (phc, now) = (admin.hash(&new.password)?, SystemClock.now());
    let given = IssuedPassword::new(&new, now);
    if admin.store.with(|db| db.add_user_who_must_change(name, role, &phc, given.by, now))?.is_none() {
        return Err(Failure::UserExists(name.clone()));
    }
    let added = Event::UserAdded { user: name.clone(), role, by: caller() };
    admin.print_result([added].into_iter().chain(given.event(name)), lang, key::CLI_USER_ADDED, name)?;
    given.notify_server(lang, name);
    Ok(())
}

fn passwd(target: &UserTarget, choice: Choice, lang: Lang) -> Result<(), Failure> {
    let admin = UserAdmin::open(&target.source)?;
    let UserRow { id, name, .. } = admin.find(&target.name)?;
    let new = choice.password(&name, lang)?;
    let phc = admin.hash(&new.password)?;
    let given = IssuedPassword::new(&new, SystemClock.now());
    admin.store.with(|db| db.set_password(id, &phc, given.by))?;
    let text = key::CLI_USER_PASSWORD_CHANGED;
    let set = Event::UserPasswordSet { user: name.clone(), by: caller() };
    admin.print_result([set].into_iter().chain(given.event(&name)), lang, text, &name)?;
    given.notify_server(lang, &name);
    Ok(())
}

fn lock(target: &UserTarget, locked: bool, lang: Lang) -> Result<(), Failure> {
    let admin = UserAdmin::open(&target.source)?;
    let user = admin.find(&target.name)?;
    admin.store.with(|db| db.set_locked(user.id, locked))?;
    let (event, text) = if locked {
        (Event::UserLocked { user: user.name.clone(), by: caller() }, key::CLI_USER_LOCKED)
    } else {
        (Event::UserUnlocked { user: user.name.clone(), by: caller() }, key::CLI_USER_UNLOCKED)
    };
    admin.print_result([event], lang, text, &user.name)
}

fn list(source: &ConfigSource, lang: Lang) -> Result<(), Failure> {
    let admin = UserAdmin::open(source)?;
    let now = SystemClock.now();
    for user in admin.store.with(|db| db.users())? {
        let lapsed = user.must_change_by.is_some_and(|by| by <= now);
        let marks = [
            (user.locked, key::CLI_USER_MARK_LOCKED),
            (user.must_change && !lapsed, key::CLI_USER_MARK_TEMPORARY),
            (user.must_change && lapsed, key::CLI_USER_MARK_EXPIRED),
        ];
        let marks: Vec<_> =
            marks.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.get(lang)).collect();
        let row = format!("{:<32} {:<14} {}", user.name.as_str(), user.role.as_str(), marks.join(" "));
        say(row.trim_end());
    }
    Ok(())
}

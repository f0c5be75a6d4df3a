//! State that the first start makes and later starts read: key, hash parameters, first accounts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::accounts::blocklist::Blocklist;
use crate::accounts::hash_pool::hash_now;
use crate::accounts::password::Password;
use crate::accounts::{SignInError, tune};
use crate::audit::Event;
use crate::clock::{Clock, Timestamp};
use crate::config::{Argon2Params, Argon2Setting, Config};
use crate::private_file;
use crate::store::{Durability, Store, StoreError};
use crate::types::crypto::{MacKey, hex, random};
use crate::types::{ClaimCode, ClaimKind, Role, UserName};

use super::error::AppError;
use super::machine::host_name;
use super::start::Mode;

/// Returns the key of tokens that leave the server: from the environment, or from the data folder, made at
/// the first start.
pub(super) fn secret_key(config: &Config) -> Result<MacKey, AppError> {
    if let Some(key) = &config.secrets.secret_key
        && let Some(key) = MacKey::new(key.as_bytes())
    {
        return Ok(key);
    }
    let path = config.data_dir.join("secret.key");
    let wrong = |cause| AppError::DataDir { folder: path.display().to_string(), cause };
    // Full capacity at once: a growing string would leave copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(4096));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            text.push_str(&Zeroizing::new(hex(&random::<32>())));
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let bytes =
                private_file::read_key(&path, 4096)?.ok_or_else(|| wrong(io::ErrorKind::NotFound.into()))?;
            text.push_str(std::str::from_utf8(&bytes).unwrap_or_default());
        }
        Err(error) => return Err(wrong(error)),
    }
    MacKey::new(text.trim().as_bytes()).ok_or_else(|| AppError::SecretKey(path.display().to_string()))
}

/// Stored setting of the measured parameters.
const ARGON2_SETTING: &str = "argon2";

/// Returns the parameters in force; `auto` measures once and keeps the result. Blocks.
pub fn argon2_params(config: &Config, store: &Store) -> Result<Argon2Params, StoreError> {
    match config.accounts.argon2 {
        Argon2Setting::Fixed(params) => Ok(params),
        Argon2Setting::Auto => {
            if let Some(kept) =
                store.with(|db| db.setting(ARGON2_SETTING))?.and_then(|text| text.parse().ok())
            {
                return Ok(kept);
            }
            let params = tune::on_this_board(tune::DEFAULT_TARGET).chosen.params;
            store.with(|db| db.keep_setting(ARGON2_SETTING, &params.to_string()))?;
            Ok(params)
        }
    }
}

/// Makes the first accounts: those of the demonstration; else, if there are none, `admin` from `ADMIN_PASS`
/// or the administrator whose hash is in the settings. Blocks.
pub(super) fn first_accounts(
    config: &Config,
    mode: &Mode,
    store: &Store,
    clock: &dyn Clock,
) -> Result<Vec<Event>, AppError> {
    let mut made = Vec::new();
    let mut add = |name: &UserName, role, phc: &str, by: &str| {
        // After a power cut the demonstration makes its accounts again.
        let durability = if matches!(mode, Mode::Demo(_)) { Durability::Lazy } else { Durability::Synced };
        if store.with(|db| db.add_first_user(name, role, phc, clock.now(), durability))?.is_some() {
            made.push(Event::UserAdded { user: name.clone(), role, by: String::from(by) });
        }
        Ok::<_, AppError>(())
    };
    match (mode, &config.secrets.admin_pass) {
        (Mode::Demo(accounts), _) => {
            for account in accounts {
                add(&account.name, account.role, account.phc, "demo")?;
            }
        }
        (Mode::Serve, Some(text)) if !store.with(|db| db.has_users())? => {
            let admin = UserName::admin();
            let password = Password::typed(text);
            password
                .check_new(admin.as_str(), &Blocklist::of_host(&host_name()))
                .map_err(AppError::AdminPass)?;
            let phc =
                hash_now(password.as_ref(), argon2_params(config, store)?).map_err(SignInError::from)?;
            add(&admin, Role::Administrator, &phc, "environment")?;
        }
        (Mode::Serve, _) => {
            if let Some(hash) = &config.claim.admin_password_hash
                && !store.with(|db| db.has_users())?
            {
                add(&config.claim.admin_name, Role::Administrator, hash.as_str(), "settings")?;
            }
        }
    }
    Ok(made)
}

/// File in the data folder that requests a new claim. Only the card's settings command and root can write
/// there.
const RECLAIM: &str = "reclaim";

/// Opens the device to a claim if there are no accounts, or if the holder of the card requested it. Blocks.
///
/// A first claim keeps its code over restarts, so that a written-down code stays valid. Each request of the
/// holder gets a new code, which expires after a day.
pub(super) fn open_claim(
    config: &Config,
    mode: &Mode,
    store: &Store,
    now: Timestamp,
) -> Result<Option<Event>, AppError> {
    if matches!(mode, Mode::Demo(_)) {
        return Ok(None);
    }
    let asked = config.data_dir.join(RECLAIM);
    let kind = match (store.with(|db| db.has_users())?, asked.exists()) {
        (false, _) => ClaimKind::First,
        (true, true) => ClaimKind::Again,
        (true, false) => {
            let open = store.with(|db| db.claim())?;
            if open.as_ref().is_some_and(|claim| claim.left(now) != Some(Duration::ZERO)) {
                return Ok(None);
            }
            // Expired, or left by a version that did not end a first claim with the first account.
            store.with(|db| db.close_claim())?;
            return Ok(open.map(|claim| Event::ClaimLapsed { kind: claim.kind }));
        }
    };
    let opened = store.with(|db| db.open_claim(&ClaimCode::random(), kind, now))?;
    // Only now: after a power cut before this line the file is still there, and the next start opens another
    // claim.
    match fs::remove_file(&asked) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(AppError::DataDir { folder: asked.display().to_string(), cause });
        }
        _ => {}
    }
    Ok(opened.then_some(Event::ClaimOpened { kind }))
}

//! `[accounts]`: password hashing and sessions.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::sections::argon2::Argon2Params;
use crate::config::source::setting_source::SettingSource;

/// Settings of `[accounts]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// Cost of a password hash.
    pub argon2: Argon2Setting,
    /// Ends a session that was unused for this long.
    pub session_idle: Duration,
    /// Ends a session of this age.
    pub session_life: Duration,
    /// Ends a remembered session of this age. Zero: no session is remembered.
    pub remembered_life: Duration,
}

/// Cost of a password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argon2Setting {
    /// Measured on this machine at the first start.
    Auto,
    /// Set in the settings.
    Fixed(Argon2Params),
}

const IDLE_MINUTES: u32 = 120;
const LIFE_HOURS: u32 = 12;
/// 30 days, in minutes and in hours. A longer session would leave a lost phone signed in.
const IDLE_MINUTES_CEILING: u32 = 30 * 24 * 60;
const LIFE_HOURS_CEILING: u32 = 30 * 24;
const REMEMBER_DAYS: u32 = 30;
const REMEMBER_DAYS_CEILING: u32 = 30;
const MINUTES_PER_DAY: u32 = 24 * 60;

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            argon2: Argon2Setting::Fixed(Argon2Params::DEFAULT),
            session_idle: minutes(IDLE_MINUTES),
            session_life: minutes(LIFE_HOURS * 60),
            remembered_life: minutes(REMEMBER_DAYS * MINUTES_PER_DAY),
        }
    }
}

/// `[accounts]` before its values are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawAccountSettings {
    argon2: Option<Spanned<String>>,
    session_idle_minutes: Option<Spanned<i128>>,
    session_hours: Option<Spanned<i128>>,
    remember_days: Option<Spanned<i128>>,
}

impl RawAccountSettings {
    pub(in crate::config) fn check(
        &self,
        origin: &SettingSource<'_>,
    ) -> Result<AccountSettings, ConfigError> {
        let idle = origin.number(
            "accounts.session_idle_minutes",
            self.session_idle_minutes.as_ref(),
            1..=IDLE_MINUTES_CEILING,
            IDLE_MINUTES,
        )?;
        let life = origin.number(
            "accounts.session_hours",
            self.session_hours.as_ref(),
            1..=LIFE_HOURS_CEILING,
            LIFE_HOURS,
        )?;
        let remember = origin.number(
            "accounts.remember_days",
            self.remember_days.as_ref(),
            0..=REMEMBER_DAYS_CEILING,
            REMEMBER_DAYS,
        )?;
        let argon2 = match &self.argon2 {
            None => Argon2Setting::Fixed(Argon2Params::DEFAULT),
            Some(auto) if auto.get_ref() == "auto" => Argon2Setting::Auto,
            Some(fixed) => match fixed.get_ref().parse() {
                Ok(params) => Argon2Setting::Fixed(params),
                Err(error) => {
                    let problem = SettingProblem::Argon2(error);
                    return Err(origin.error("accounts.argon2", &fixed.span(), problem));
                }
            },
        };
        Ok(AccountSettings {
            argon2,
            session_idle: minutes(idle),
            session_life: minutes(life * 60),
            remembered_life: minutes(remember * MINUTES_PER_DAY),
        })
    }
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

//! Differences between two configurations: settings that a SIGHUP applies, and settings that need a restart.

use crate::config::setting::Reload;
use crate::config::settings::settings;
use crate::config::values::Config;

/// Settings that differ between two configurations, by path, in the order of the annotated example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Settings that a running server applies.
    pub live: Vec<&'static str>,
    /// Settings that need a restart.
    pub restart: Vec<&'static str>,
}

impl Changes {
    /// Compares every setting; secrets are not settings.
    pub(super) fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Self::default();
        for setting in settings().filter(|setting| !(setting.same)(old, new)) {
            match setting.reload {
                Reload::Live => changes.live.push(setting.path),
                Reload::Restart => changes.restart.push(setting.path),
            }
        }
        changes
    }

    /// Returns true if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.restart.is_empty()
    }
}

impl Config {
    /// Returns the differences between this configuration and a `newer` one. Secrets are read at start only
    /// and not compared.
    pub fn compare(&self, newer: &Self) -> Changes {
        Changes::between(self, newer)
    }

    /// Returns this configuration with all settings that need a restart taken from `current`, so that
    /// `Config` describes what is in force.
    pub fn with_restart_settings_of(mut self, current: &Self) -> Self {
        self.data_dir.clone_from(&current.data_dir);
        self.http.listen = current.http.listen;
        self.tls = current.tls.clone();
        self.accounts.argon2 = current.accounts.argon2;
        self.files.dir.clone_from(&current.files.dir);
        self.audit = current.audit.clone();
        self.secrets = current.secrets.clone();
        self.device = current.device.clone();
        self.wifi = current.wifi.clone();
        self.network = current.network.clone();
        self.claim = current.claim.clone();
        self
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn restart_settings_are_kept_on_reload() {
        let old = Config::defaults();
        let mut new = Config::defaults();
        new.data_dir = "/elsewhere".into();
        new.http.listen = ([127, 0, 0, 1], 1).into();
        new.files.dir = "/elsewhere/files".into();
        new.device.hostname = "other".into();
        new.wifi.ssid = Some("other".into());
        new.network.dns = vec![[1, 1, 1, 1].into()];
        new.claim.admin_name = "ana".parse().expect("a name");
        new.limits.rooms = 3;
        assert!(!old.compare(&new).restart.is_empty());
        let kept = new.with_restart_settings_of(&old);
        assert_eq!(old.compare(&kept), Changes { live: vec!["limits.rooms"], restart: vec![] });
    }
}

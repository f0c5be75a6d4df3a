//! Running server, and the reload of its settings.

use std::sync::Arc;

use crate::audit::Event;
use crate::config::{Config, ConfigError};
use crate::detached;
use crate::http::AppState;
use crate::limits::{ConnectionCaps, LocalPrefixes, SignInLimits};
use crate::net::Tls;

use super::gauges::{chat_limits, rate_settings, retired, session_limits, sign_in_settings};
use super::https;

/// Services whose settings a reload changes.
pub(super) struct RunningServer {
    pub(super) app: Arc<AppState>,
    pub(super) caps: ConnectionCaps,
    pub(super) sign_in: Arc<SignInLimits>,
    pub(super) local: LocalPrefixes,
    pub(super) tls: Option<Arc<Tls>>,
}

impl RunningServer {
    /// Reloads the settings, as far as they can change, and records those that need a restart.
    pub(super) async fn reload(&self, reread: &Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>) {
        let audit = &self.app.audit;
        if let Some(tls) = &self.tls {
            https::reload(Arc::clone(tls), audit).await;
        }
        let reread = Arc::clone(reread);
        let error = match detached::blocking(move || reread()).await {
            Ok(Ok(newer)) => return self.take(newer).await,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the settings could not be read".to_owned(),
        };
        audit.record(Event::ConfigRejected { error }).await;
    }

    async fn take(&self, newer: Config) {
        let audit = &self.app.audit;
        let current = self.app.config.get();
        let changes = current.compare(&newer);
        let config = newer.with_restart_settings_of(&current);
        for event in retired(&config) {
            audit.record(event).await;
        }
        self.app.accounts.sessions.reconfigure(session_limits(&config));
        self.app.sockets.hub.reconfigure(chat_limits(&config));
        self.caps.set(config.limits.connections, config.limits.connections_per_address);
        if changes.live.iter().any(|key| key.starts_with("limits.")) {
            self.app.rates.reconfigure(&rate_settings(&config));
            self.sign_in.reconfigure(sign_in_settings(&config));
        }
        self.app.config.replace(config);
        audit
            .record(Event::ServerReloaded {
                changed: changes.live.join(","),
                restart: changes.restart.join(","),
            })
            .await;
    }
}

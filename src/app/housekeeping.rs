//! Work by the clock, and the sockets of sessions that end.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::SessionEnd;
use crate::http::Site;
use crate::net::local_prefixes;
use crate::types::crypto::Sha256;
use crate::ws;

use super::reserve::Reserve;
use super::runtime_state::RuntimeState;
use super::{Running, https, report};

/// Seconds between two looks at the clock and the addresses, for the certificate and the local networks: a cable that is plugged in
/// is there within this.
const CERTIFICATE_EVERY: u64 = 5;
/// Head start of the answer to a new password before the sockets of the older sessions close, which is to be within a second.
const ANSWER_FIRST: Duration = Duration::from_millis(400);

impl Running {
    /// Does what the clock asks for rather than a request.
    pub(super) async fn housekeeping(&self, state: Option<&RuntimeState>, reserve: &Arc<Reserve>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        for tick in 1_u64.. {
            second.tick().await;
            let Site { accounts, quarantine, sockets, rates, clock, .. } = &*self.site;
            sockets.hub.sweep(clock.now(), clock.monotonic());
            match accounts.sync().await {
                // The event loop turns and the store answers: both had to for this line to be reached.
                Ok(()) => {
                    failing = false;
                    drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog]));
                }
                // Said once, however long it lasts.
                failed if !std::mem::replace(&mut failing, true) => report(failed),
                _ => {}
            }
            if accounts.sessions.is_suspended() {
                sockets.registry.interrupt();
            }
            self.site.audit.report_throttled().await;
            if let Some(state) = state {
                // Housekeeping runs on the main thread, so these two small files in memory hold up no client.
                state.write(&self.site);
            }
            if tick.is_multiple_of(CERTIFICATE_EVERY) {
                self.local.set(local_prefixes());
                if let Some(tls) = &self.tls {
                    https::renew(tls, clock.now(), &self.site.audit);
                }
            }
            if tick.is_multiple_of(30) {
                report(accounts.sweep().await);
                rates.sweep();
                quarantine.retry_removals().await;
                let reserve = Arc::clone(reserve);
                report(tokio::task::spawn_blocking(move || reserve.keep()).await.unwrap_or(Ok(())));
            }
        }
    }
}

/// Closes the sockets of a session that has ended. Those of a person who has chosen a new password stay open until the answer with
/// the new token is out; nothing is done for them meanwhile. As many tasks wait as sessions have ended.
pub(super) fn close_sockets(registry: &Arc<ws::Registry>, session: Sha256, reason: SessionEnd) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if reason == SessionEnd::PasswordChanged => {
            let registry = Arc::clone(registry);
            runtime.spawn(async move {
                tokio::time::sleep(ANSWER_FIRST).await;
                registry.end_session(&session, reason);
            });
        }
        _ => registry.end_session(&session, reason),
    }
}

//! Periodic tasks, and closing the sockets of ended sessions.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Session;
use crate::audit::SessionEnd;
use crate::clock::Now;
use crate::detached;
use crate::http::AppState;
use crate::net::local_prefixes;
use crate::types::crypto::Sha256;
use crate::ws;

use super::https;
use super::report::report;
use super::reserve::Reserve;
use super::running::RunningServer;
use super::runtime_state::RuntimeState;

/// Seconds between two checks of clock and addresses, for the certificate and the local networks. A newly
/// plugged cable is detected within this time.
const CERTIFICATE_EVERY: u64 = 5;
/// Seconds between two looks at the sockets whose clients answer, which is a use of their sessions. The
/// shortest idle time is 60 s.
const SOCKET_USE_EVERY: u64 = 5;
/// Delay before the sockets of older sessions close after a change of cookie, so that the answer arrives
/// first. The limit is one second.
const ANSWER_FIRST: Duration = Duration::from_millis(400);

impl RunningServer {
    /// Runs the periodic tasks.
    pub(super) async fn housekeeping(&self, state: Option<&RuntimeState>, reserve: &Arc<Reserve>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        for tick in 1_u64.. {
            second.tick().await;
            let AppState { accounts, quarantine, sockets, rates, clock, .. } = &*self.app;
            sockets.hub.sweep(Now::read(&**clock));
            match accounts.sync().await {
                // This line shows that the event loop runs and the store answers.
                Ok(()) => {
                    failing = false;
                    drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog]));
                }
                // Reported once per failure, however long it lasts.
                failed if !std::mem::replace(&mut failing, true) => report(failed),
                _ => {}
            }
            if tick.is_multiple_of(SOCKET_USE_EVERY) {
                accounts.sessions.touch_by_socket(&sockets.registry.heard_sessions(), clock.monotonic());
            }
            if accounts.sessions.is_suspended() {
                sockets.registry.interrupt();
            }
            self.app.audit.report_throttled().await;
            if let Some(state) = state {
                // Housekeeping runs on the main thread, so these two small files in memory delay no client.
                state.write(&self.app);
            }
            if tick.is_multiple_of(CERTIFICATE_EVERY) {
                self.local.set(local_prefixes());
                if let Some(tls) = &self.tls {
                    https::renew(tls, clock.now(), &self.app.audit);
                }
            }
            if tick.is_multiple_of(30) {
                report(accounts.sweep().await);
                report(sockets.announcements.sweep().await);
                rates.sweep();
                quarantine.retry_removals().await;
                let reserve = Arc::clone(reserve);
                report(detached::blocking(move || reserve.create()).await.unwrap_or(Ok(())));
            }
        }
    }
}

/// Ends the memberships of an ended session. Those of one that ended by time wait for a new sign-in.
pub(super) fn end_memberships(services: &ws::Services, session: &Arc<Session>, reason: SessionEnd) {
    let now = Now::read(&*services.clock);
    match reason {
        SessionEnd::Expired | SessionEnd::Idle | SessionEnd::Evicted => {
            let ended = Arc::clone(session);
            let is_account_unchanged = Box::new(move || ended.is_account_unchanged());
            services.hub.put_session_to_sleep(&session.digest, is_account_unchanged, now);
        }
        _ => services.hub.end_session(&session.digest, now),
    }
}

/// Closes the sockets of an ended session. After a password change, a sign-out and a sign-in that replaces a
/// session they stay open for a moment, until the answer with the new cookie is sent: a page that is told
/// first would ask with the old one and leave. At most one task per ended session waits.
pub(super) fn close_sockets(registry: &Arc<ws::Registry>, session: Sha256, reason: SessionEnd) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if matches!(reason, SessionEnd::PasswordChanged | SessionEnd::Logout) => {
            let registry = Arc::clone(registry);
            runtime.spawn(async move {
                tokio::time::sleep(ANSWER_FIRST).await;
                registry.end_session(&session, reason);
            });
        }
        _ => registry.end_session(&session, reason),
    }
}

//! Session table in memory; the store keeps sessions over a restart. The table is pure: callers pass the
//! time.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::audit::SessionEnd;
use crate::clock::Now;
use crate::locks::lock;
use crate::store::{AccountState, SessionTimes};
use crate::types::UserId;
use crate::types::crypto::Sha256;

use super::session::{Session, SessionLimits, Standing};

/// Interval between two recorded uses of a session by its sockets. Each one is a row to store.
pub const SOCKET_USE_INTERVAL: Duration = Duration::from_secs(60);

/// Milliseconds against the monotonic clock by which the wall clock counts as set.
const CLOCK_WAS_SET: i64 = 1000;

/// Listener called once for every ended session, without a lock of the table.
pub type EndListener = Box<dyn Fn(&Arc<Session>, SessionEnd) + Send + Sync>;

/// Session removed from the table, with the reason.
struct EndedSession {
    session: Arc<Session>,
    reason: SessionEnd,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<Sha256, Arc<Session>>,
    /// Shared state of the people who have sessions.
    standings: HashMap<UserId, Arc<Standing>>,
}

impl Table {
    fn insert(&mut self, mut session: Session) -> Arc<Session> {
        let standing = self.standings.entry(session.person.id).or_default();
        standing.generation.fetch_max(session.generation, Ordering::AcqRel);
        session.standing = Arc::clone(standing);
        let session = Arc::new(session);
        self.sessions.insert(session.digest, Arc::clone(&session));
        session
    }

    /// Removes the sessions for which `end` returns a reason.
    fn take_where(&mut self, end: impl Fn(&Session) -> Option<SessionEnd>) -> Vec<EndedSession> {
        let mut gone = Vec::new();
        self.sessions.retain(|_, session| {
            let reason = end(session);
            gone.extend(reason.map(|reason| EndedSession { session: Arc::clone(session), reason }));
            reason.is_none()
        });
        gone
    }
}

/// All sessions.
pub struct Sessions {
    table: Mutex<Table>,
    limits: Mutex<SessionLimits>,
    listener: OnceLock<EndListener>,
    /// Wall clock minus monotonic clock at the last write to the store.
    offset: AtomicI64,
    /// The accounts were unreadable for too long, so no session counts.
    suspended: AtomicBool,
}

fn offset(now: Now) -> i64 {
    now.wall.0.saturating_sub(i64::try_from(now.mono.as_millis()).unwrap_or(i64::MAX))
}

impl Sessions {
    /// Creates an empty table.
    pub fn new(limits: SessionLimits, now: Now) -> Self {
        Self {
            table: Mutex::default(),
            limits: Mutex::new(limits),
            listener: OnceLock::new(),
            offset: AtomicI64::new(offset(now)),
            suspended: AtomicBool::new(false),
        }
    }

    /// Sets the listener of ends. The first one stays.
    pub fn on_end(&self, listener: EndListener) {
        let _ = self.listener.set(listener);
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> SessionLimits {
        *lock(&self.limits)
    }

    /// Sets limits, which hold from the next action on.
    pub fn reconfigure(&self, limits: SessionLimits) {
        *lock(&self.limits) = limits;
    }

    /// Suspends or resumes all sessions.
    pub(super) fn suspend(&self, suspended: bool) {
        self.suspended.store(suspended, Ordering::Release);
    }

    /// Returns true while no session counts because the accounts cannot be read.
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Returns the live session with that digest, without recording a use.
    pub fn find(&self, digest: &Sha256, mono: Duration) -> Option<Arc<Session>> {
        let session = lock(&self.table).sessions.get(digest).cloned()?;
        (session.is_live() && self.limits().over(&session, mono).is_none()).then_some(session)
    }

    /// Returns the reason for which `session` has ended. Changes by other processes are known only after
    /// [`keep_only`](Self::keep_only).
    pub fn end_of(&self, session: &Session, mono: Duration) -> Option<SessionEnd> {
        session.end_reason().or_else(|| self.limits().over(session, mono))
    }

    /// Returns the live sessions of `user`.
    pub fn of_user(&self, user: UserId, mono: Duration) -> Vec<Arc<Session>> {
        let limits = self.limits();
        let table = lock(&self.table);
        let own = table.sessions.values().filter(|s| s.person.id == user && s.is_live());
        own.filter(|s| limits.over(s, mono).is_none()).cloned().collect()
    }

    /// Records a use of the live sessions among `digests`, whose sockets answer. A session is not recorded
    /// again before [`SOCKET_USE_INTERVAL`], or a quarter of the idle time if that is shorter.
    pub fn touch_by_socket(&self, digests: &[Sha256], mono: Duration) {
        let interval = SOCKET_USE_INTERVAL.min(self.limits().idle / 4);
        for session in digests.iter().filter_map(|digest| self.find(digest, mono)) {
            if session.unused_for(mono) >= interval {
                session.touch(mono);
            }
        }
    }

    /// Returns the user of a session.
    pub fn owner(&self, digest: &Sha256) -> Option<UserId> {
        lock(&self.table).sessions.get(digest).map(|session| session.person.id)
    }

    /// Returns the sessions to evict for a new one of `user`: the longest idle of that user, then of all.
    pub fn evicted_for(&self, user: UserId) -> Vec<Sha256> {
        let limits = self.limits();
        let table = lock(&self.table);
        let mut all: Vec<_> = table.sessions.values().collect();
        all.sort_unstable_by_key(|s| s.used());
        let own: Vec<_> = all.iter().filter(|s| s.person.id == user).map(|s| s.digest).collect();
        let mut gone: Vec<_> =
            own.iter().take((own.len() + 1).saturating_sub(limits.per_user)).copied().collect();
        let too_many = (all.len() + 1).saturating_sub(gone.len()).saturating_sub(limits.total);
        let others: Vec<_> =
            all.iter().map(|s| s.digest).filter(|d| !gone.contains(d)).take(too_many).collect();
        gone.extend(others);
        gone
    }

    /// Adds a session that the store already has. It ends sessions of the person with an older generation.
    pub fn insert(&self, session: Session) -> Arc<Session> {
        lock(&self.table).insert(session)
    }

    /// Ends all sessions of the person of `session` after a change of password and adds `session`, provided
    /// that the requesting session `old` still exists. `hand_over` gets both before any end is notified.
    pub fn renew(
        &self,
        old: &Sha256,
        session: Session,
        hand_over: impl FnOnce(&Sha256, &Session),
    ) -> Option<Arc<Session>> {
        let user = session.person.id;
        let (gone, renewed) = {
            let mut table = lock(&self.table);
            let asked = table.sessions.contains_key(old);
            let gone = table.take_where(|s| (s.person.id == user).then_some(SessionEnd::PasswordChanged));
            (gone, asked.then(|| table.insert(session)))
        };
        if let Some(renewed) = &renewed {
            hand_over(old, renewed);
        }
        self.notify_ended(&gone);
        renewed
    }

    /// Ends sessions by digest and notifies the listener of each.
    pub fn end(&self, digests: &[Sha256], reason: SessionEnd) {
        let gone: Vec<_> = {
            let mut table = lock(&self.table);
            digests
                .iter()
                .filter_map(|d| table.sessions.remove(d))
                .map(|session| EndedSession { session, reason })
                .collect()
        };
        self.notify_ended(&gone);
    }

    /// Ends every session.
    pub fn end_all(&self, reason: SessionEnd) {
        self.end_where(|_| Some(reason));
    }

    /// Ends sessions that the store no longer has or whose account has another generation: another process
    /// changed them.
    pub fn keep_only(&self, known: &HashSet<Sha256>, accounts: &HashMap<UserId, AccountState>) {
        let gone = {
            let mut table = lock(&self.table);
            for (user, standing) in &table.standings {
                let generation = accounts.get(user).map_or(i64::MAX, |account| account.generation);
                standing.generation.store(generation, Ordering::Release);
            }
            table.take_where(|s| {
                let is_gone = !s.is_live() || s.is_stored() && !known.contains(&s.digest);
                is_gone.then(|| end_elsewhere(s, accounts.get(&s.person.id)))
            })
        };
        self.notify_ended(&gone);
    }

    /// Ends expired sessions. Returns their digests, for the store.
    pub fn expire(&self, mono: Duration) -> Vec<Sha256> {
        let limits = self.limits();
        let gone = self.end_where(|s| limits.over(s, mono));
        // Only the table holds these, so no session of these accounts is left.
        lock(&self.table).standings.retain(|_, standing| Arc::strong_count(standing) > 1);
        gone
    }

    fn end_where(&self, end: impl Fn(&Session) -> Option<SessionEnd>) -> Vec<Sha256> {
        let gone = lock(&self.table).take_where(end);
        self.notify_ended(&gone);
        gone.iter().map(|ended| ended.session.digest).collect()
    }

    fn notify_ended(&self, gone: &[EndedSession]) {
        // All sessions end first, so that none acts while the listener closes another's sockets.
        gone.iter().for_each(|ended| ended.session.end(ended.reason));
        if let Some(listener) = self.listener.get() {
            for EndedSession { session, reason } in gone {
                listener(session, *reason);
            }
        }
    }

    /// Returns the times of the sessions used since the last call, for the store; of all if the wall clock
    /// was set.
    pub fn dirty(&self, now: Now) -> Vec<SessionTimes> {
        let before = self.offset.swap(offset(now), Ordering::Relaxed);
        let was_set = before.saturating_sub(offset(now)).unsigned_abs() > CLOCK_WAS_SET.unsigned_abs();
        let table = lock(&self.table);
        table.sessions.values().filter_map(|s| s.take_unsaved(now, was_set)).collect()
    }

    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        lock(&self.table).sessions.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the reason for which another process ended `session`; `account` is its current state in the store.
fn end_elsewhere(session: &Session, account: Option<&AccountState>) -> SessionEnd {
    match account {
        None => SessionEnd::Deleted,
        Some(account) if account.locked => SessionEnd::Locked,
        Some(account) if account.role != session.role.as_str() => SessionEnd::RoleChanged,
        Some(account) if account.generation != session.generation => SessionEnd::PasswordReset,
        Some(_) => SessionEnd::Revoked,
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;

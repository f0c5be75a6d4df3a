//! Sessions in memory; the store keeps them over a restart. A pure table: the time is handed in.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::audit::SessionEnd;
use crate::clock::Now;
use crate::store::{AccountState, SessionTimes};
use crate::types::UserId;
use crate::types::crypto::Sha256;

use super::session::{Session, SessionLimits, Standing};

/// A wall clock that moved by more than this against the monotonic one was set.
const CLOCK_WAS_SET: i64 = 1000;

/// Told once for every session that ends, under no lock of the table.
pub type EndListener = Box<dyn Fn(&Session, SessionEnd) + Send + Sync>;

/// A session removed from the table, with the reason.
type Ended = (Arc<Session>, SessionEnd);

#[derive(Default)]
struct Table {
    sessions: HashMap<Sha256, Arc<Session>>,
    /// State of the people who have sessions, shared with these.
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
    fn take_where(&mut self, end: impl Fn(&Session) -> Option<SessionEnd>) -> Vec<Ended> {
        let mut gone = Vec::new();
        self.sessions.retain(|_, session| {
            let reason = end(session);
            gone.extend(reason.map(|reason| (Arc::clone(session), reason)));
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
    /// Wall clock minus monotonic clock when the store was last told.
    offset: AtomicI64,
    /// The accounts could not be read again for so long that no session is taken for good.
    suspended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn offset(now: Now) -> i64 {
    now.wall.0.saturating_sub(i64::try_from(now.mono.as_millis()).unwrap_or(i64::MAX))
}

impl Sessions {
    /// An empty table.
    pub fn new(limits: SessionLimits, now: Now) -> Self {
        Self {
            table: Mutex::default(),
            limits: Mutex::new(limits),
            listener: OnceLock::new(),
            offset: AtomicI64::new(offset(now)),
            suspended: AtomicBool::new(false),
        }
    }

    /// Sets the listener that is told of ends. The first one stays.
    pub fn on_end(&self, listener: EndListener) {
        let _ = self.listener.set(listener);
    }

    /// The bounds in force.
    pub fn limits(&self) -> SessionLimits {
        *lock(&self.limits)
    }

    /// New bounds hold from the next action on.
    pub fn reconfigure(&self, limits: SessionLimits) {
        *lock(&self.limits) = limits;
    }

    /// Takes no session for good until it is called with false.
    pub(super) fn suspend(&self, suspended: bool) {
        self.suspended.store(suspended, Ordering::Release);
    }

    /// Returns true while no session counts because the accounts cannot be read.
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// The live session of that digest; looking does not use it.
    pub fn find(&self, digest: &Sha256, mono: Duration) -> Option<Arc<Session>> {
        let session = lock(&self.table).sessions.get(digest).cloned()?;
        (session.is_live() && self.limits().over(&session, mono).is_none()).then_some(session)
    }

    /// Returns why `session` has ended, if it has. A change by another process is not known before [`keep_only`](Self::keep_only)
    /// tells the listener.
    pub fn end_of(&self, session: &Session, mono: Duration) -> Option<SessionEnd> {
        session.end_reason().or_else(|| self.limits().over(session, mono))
    }

    /// The user of a session.
    pub fn owner(&self, digest: &Sha256) -> Option<UserId> {
        lock(&self.table).sessions.get(digest).map(|session| session.person.id)
    }

    /// The sessions that must go so that one of `user` fits: the longest unused of that user, then of all.
    pub fn displaced_by(&self, user: UserId) -> Vec<Sha256> {
        let limits = self.limits();
        let table = lock(&self.table);
        let mut all: Vec<_> = table.sessions.values().collect();
        all.sort_unstable_by_key(|s| s.used());
        let own: Vec<_> = all.iter().filter(|s| s.person.id == user).map(|s| s.digest).collect();
        let mut gone: Vec<_> = own.iter().take((own.len() + 1).saturating_sub(limits.per_user)).copied().collect();
        let too_many = (all.len() + 1).saturating_sub(gone.len()).saturating_sub(limits.total);
        let others: Vec<_> = all.iter().map(|s| s.digest).filter(|d| !gone.contains(d)).take(too_many).collect();
        gone.extend(others);
        gone
    }

    /// Adds a session that the store already knows. Sessions of the person that have an older generation are dead from then on.
    pub fn insert(&self, session: Session) -> Arc<Session> {
        lock(&self.table).insert(session)
    }

    /// Ends all sessions of the person of `session`, for a new password, and puts `session` in their place: only while the session
    /// `old`, which asked for the new password, is still there.
    pub fn renew(&self, old: &Sha256, session: Session) -> Option<Arc<Session>> {
        let user = session.person.id;
        let (gone, renewed) = {
            let mut table = lock(&self.table);
            let asked = table.sessions.contains_key(old);
            let gone = table.take_where(|s| (s.person.id == user).then_some(SessionEnd::PasswordChanged));
            (gone, asked.then(|| table.insert(session)))
        };
        self.tell(&gone);
        renewed
    }

    /// Ends sessions by digest; each that was there is told to the listener.
    pub fn end(&self, digests: &[Sha256], reason: SessionEnd) {
        let gone: Vec<_> = {
            let mut table = lock(&self.table);
            digests.iter().filter_map(|d| table.sessions.remove(d)).map(|session| (session, reason)).collect()
        };
        self.tell(&gone);
    }

    /// Ends every session.
    pub fn end_all(&self, reason: SessionEnd) {
        self.end_where(|_| Some(reason));
    }

    /// Ends what the store no longer knows, and what is of another generation than the account: another process has changed it.
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
        self.tell(&gone);
    }

    /// Ends what is over by time. Returns the digests, for the store.
    pub fn expire(&self, mono: Duration) -> Vec<Sha256> {
        let limits = self.limits();
        let gone = self.end_where(|s| limits.over(s, mono));
        // Held by the table alone: none of these accounts has a session any more.
        lock(&self.table).standings.retain(|_, standing| Arc::strong_count(standing) > 1);
        gone
    }

    fn end_where(&self, end: impl Fn(&Session) -> Option<SessionEnd>) -> Vec<Sha256> {
        let gone = lock(&self.table).take_where(end);
        self.tell(&gone);
        gone.iter().map(|(session, _)| session.digest).collect()
    }

    fn tell(&self, gone: &[Ended]) {
        // All of them first: none can act while the listener closes the sockets of another.
        gone.iter().for_each(|(session, reason)| session.end(*reason));
        if let Some(listener) = self.listener.get() {
            for (session, reason) in gone {
                listener(session, *reason);
            }
        }
    }

    /// Times of the sessions that were used since this was last asked, for the store; of all where the wall clock was set meanwhile.
    pub fn unsaved(&self, now: Now) -> Vec<SessionTimes> {
        let before = self.offset.swap(offset(now), Ordering::Relaxed);
        let was_set = before.saturating_sub(offset(now)).unsigned_abs() > CLOCK_WAS_SET.unsigned_abs();
        let table = lock(&self.table);
        table.sessions.values().filter_map(|s| s.take_unsaved(now, was_set)).collect()
    }

    /// Number of sessions.
    pub fn len(&self) -> usize {
        lock(&self.table).sessions.len()
    }

    /// Returns true when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns why another process ended `session`; `account` is its current state in the store.
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

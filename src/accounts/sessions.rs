//! Sessions in memory; the store keeps them over a restart. A pure table: the time is handed in.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::audit::SessionEnd;
use crate::clock::Timestamp;
use crate::limits::AtomicBucket;
use crate::types::crypto::Sha256;
use crate::types::{Person, Role, UserId};

/// Somebody signed in, in one browser.
#[derive(Debug)]
pub struct Session {
    /// Digest of the token: identity of the session inside the server.
    pub digest: Sha256,
    /// Whose it is.
    pub person: Arc<Person>,
    /// What that person may do; a change of role ends the session.
    pub role: Role,
    /// When it began; it ends a fixed time after, however busy.
    pub created_at: Timestamp,
    used_at: AtomicI64,
    /// Used since the store was last told.
    unsaved: AtomicBool,
    /// The password was given by somebody else: until it is changed, the session is good for nothing but that.
    must_change: AtomicBool,
    /// Its requests. The bucket lies here and not in a map by session: it is found with the session, and ends with it.
    pub requests: AtomicBucket,
}

impl Session {
    /// A session that begins or is read back.
    pub fn new(digest: Sha256, person: Arc<Person>, role: Role, created_at: Timestamp, used_at: Timestamp) -> Self {
        let (unsaved, must_change) = (AtomicBool::new(false), AtomicBool::new(false));
        let (used_at, requests) = (AtomicI64::new(used_at.0), AtomicBucket::default());
        Self { digest, person, role, created_at, used_at, unsaved, must_change, requests }
    }

    /// The same, of an account whose password must be changed.
    pub fn until_changed(self) -> Self {
        self.must_change.store(true, Ordering::Release);
        self
    }

    /// Whether the password must be changed before anything else.
    pub fn must_change(&self) -> bool {
        self.must_change.load(Ordering::Acquire)
    }

    /// The password was changed.
    pub(super) fn changed(&self) {
        self.must_change.store(false, Ordering::Release);
    }

    /// Somebody did something with it.
    pub fn touch(&self, now: Timestamp) {
        self.used_at.store(now.0, Ordering::Relaxed);
        self.unsaved.store(true, Ordering::Relaxed);
    }

    /// When it was last used.
    pub fn used_at(&self) -> Timestamp {
        Timestamp(self.used_at.load(Ordering::Relaxed))
    }
}

/// Bounds of the table; may change while running.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Sessions in all.
    pub total: usize,
    /// Sessions of one user.
    pub per_user: usize,
    /// Unused for so long: over.
    pub idle: Duration,
    /// So old: over.
    pub life: Duration,
}

impl SessionLimits {
    /// When `session` ends if nobody uses it again.
    pub fn expires_at(&self, session: &Session) -> Timestamp {
        session.created_at.plus(self.life).min(session.used_at().plus(self.idle))
    }
}

/// Told once for every session that ends, under no lock.
pub type EndListener = Box<dyn Fn(&Session, SessionEnd) + Send + Sync>;

/// All sessions.
pub struct Sessions {
    table: Mutex<HashMap<Sha256, Arc<Session>>>,
    limits: Mutex<SessionLimits>,
    listener: OnceLock<EndListener>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// An empty table.
    pub fn new(limits: SessionLimits) -> Self {
        Self { table: Mutex::default(), limits: Mutex::new(limits), listener: OnceLock::new() }
    }

    /// Who is to be told of ends. The first listener stays.
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

    /// The live session of that digest; looking does not use it.
    pub fn find(&self, digest: &Sha256, now: Timestamp) -> Option<Arc<Session>> {
        let session = lock(&self.table).get(digest).cloned()?;
        (self.limits().expires_at(&session) > now).then_some(session)
    }

    /// Whose session it is.
    pub fn owner(&self, digest: &Sha256) -> Option<UserId> {
        lock(&self.table).get(digest).map(|session| session.person.id)
    }

    /// The sessions that must go so that one of `user` fits: the longest unused of that user, then of all.
    pub fn displaced_by(&self, user: UserId) -> Vec<Sha256> {
        let limits = self.limits();
        let table = lock(&self.table);
        let mut all: Vec<_> = table.values().collect();
        all.sort_unstable_by_key(|s| s.used_at());
        let own: Vec<_> = all.iter().filter(|s| s.person.id == user).map(|s| s.digest).collect();
        let mut gone: Vec<_> = own.iter().take((own.len() + 1).saturating_sub(limits.per_user)).copied().collect();
        let too_many = (all.len() + 1).saturating_sub(gone.len()).saturating_sub(limits.total);
        let others: Vec<_> = all.iter().map(|s| s.digest).filter(|d| !gone.contains(d)).take(too_many).collect();
        gone.extend(others);
        gone
    }

    /// Adds a session that the store already knows.
    pub fn insert(&self, session: Arc<Session>) {
        lock(&self.table).insert(session.digest, session);
    }

    /// Ends sessions by digest; each that was there is told to the listener.
    pub fn end(&self, digests: &[Sha256], reason: SessionEnd) {
        let gone: Vec<_> = {
            let mut table = lock(&self.table);
            digests.iter().filter_map(|d| table.remove(d)).collect()
        };
        self.tell(&gone, reason);
    }

    /// Ends the sessions of a user, all but `keep`.
    pub fn end_user(&self, user: UserId, keep: Option<&Sha256>, reason: SessionEnd) {
        self.end_where(reason, |s| s.person.id == user && Some(&s.digest) != keep);
    }

    /// Ends what the store no longer knows: another process has taken it away.
    pub fn keep_only(&self, known: &HashSet<Sha256>) {
        self.end_where(SessionEnd::Revoked, |s| !known.contains(&s.digest));
    }

    /// Ends what is over by time. Returns the digests, for the store.
    pub fn expire(&self, now: Timestamp) -> Vec<Sha256> {
        let limits = self.limits();
        self.end_where(SessionEnd::Expired, |s| limits.expires_at(s) <= now)
    }

    fn end_where(&self, reason: SessionEnd, over: impl Fn(&Session) -> bool) -> Vec<Sha256> {
        let gone: Vec<_> = lock(&self.table).extract_if(|_, s| over(s)).map(|(_, s)| s).collect();
        self.tell(&gone, reason);
        gone.iter().map(|s| s.digest).collect()
    }

    fn tell(&self, gone: &[Arc<Session>], reason: SessionEnd) {
        if let Some(listener) = self.listener.get() {
            for session in gone {
                listener(session, reason);
            }
        }
    }

    /// What was used since this was last asked, for the store.
    pub fn unsaved(&self) -> Vec<(Sha256, Timestamp)> {
        let table = lock(&self.table);
        let used = table.values().filter(|s| s.unsaved.swap(false, Ordering::Relaxed));
        used.map(|s| (s.digest, s.used_at())).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        lock(&self.table).len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SessionLimits =
        SessionLimits { total: 4, per_user: 2, idle: Duration::from_secs(10), life: Duration::from_secs(30) };

    fn session(n: u8, user: i64, used: i64) -> Arc<Session> {
        let person = Person { id: UserId(user), name: format!("u{user}").parse().expect("valid") };
        Arc::new(Session::new(Sha256([n; 32]), Arc::new(person), Role::Usuario, Timestamp(0), Timestamp(used)))
    }

    /// First byte of the digest and the reason, for every end that was told.
    type Told = Arc<Mutex<Vec<(u8, SessionEnd)>>>;

    fn table() -> (Sessions, Told) {
        let sessions = Sessions::new(LIMITS);
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        sessions.on_end(Box::new(move |s, why| lock(&sink).push((s.digest.0[0], why))));
        (sessions, told)
    }

    #[test]
    fn idle_and_absolute_ends() {
        let (sessions, told) = table();
        let s = session(1, 1, 0);
        sessions.insert(Arc::clone(&s));
        assert!(sessions.find(&s.digest, Timestamp(9_999)).is_some());
        assert!(sessions.find(&s.digest, Timestamp(10_000)).is_none(), "idle");
        for at in [9_000, 18_000, 27_000] {
            s.touch(Timestamp(at));
        }
        assert!(sessions.find(&s.digest, Timestamp(29_999)).is_some());
        assert!(sessions.find(&s.digest, Timestamp(30_000)).is_none(), "absolute");
        assert_eq!(sessions.expire(Timestamp(30_000)), vec![s.digest]);
        assert_eq!(*lock(&told), vec![(1, SessionEnd::Expired)]);
        assert!(sessions.is_empty());
    }

    #[test]
    fn the_longest_unused_goes_first_of_the_user_then_of_all() {
        let (sessions, _) = table();
        for (n, user, used) in [(1, 1, 5), (2, 1, 1), (3, 2, 0)] {
            sessions.insert(session(n, user, used));
        }
        assert_eq!(sessions.displaced_by(UserId(1)), vec![Sha256([2; 32])]);
        assert!(sessions.displaced_by(UserId(2)).is_empty());
        sessions.insert(session(4, 3, 9));
        assert_eq!(sessions.displaced_by(UserId(9)), vec![Sha256([3; 32])], "four of four: the oldest of all");
        assert_eq!(sessions.displaced_by(UserId(1)), vec![Sha256([2; 32])], "one is enough for both bounds");
    }

    #[test]
    fn ends_are_told_once() {
        let (sessions, told) = table();
        sessions.insert(session(1, 1, 0));
        sessions.insert(session(2, 1, 0));
        sessions.insert(session(3, 2, 0));
        sessions.end_user(UserId(1), Some(&Sha256([2; 32])), SessionEnd::PasswordChanged);
        sessions.end(&[Sha256([1; 32])], SessionEnd::Logout);
        sessions.keep_only(&HashSet::from([Sha256([2; 32])]));
        assert_eq!(*lock(&told), vec![(1, SessionEnd::PasswordChanged), (3, SessionEnd::Revoked)]);
    }

    #[test]
    fn use_is_saved_once() {
        let (sessions, _) = table();
        let s = session(1, 1, 0);
        sessions.insert(Arc::clone(&s));
        assert!(sessions.unsaved().is_empty());
        s.touch(Timestamp(7));
        assert_eq!(sessions.unsaved(), vec![(s.digest, Timestamp(7))]);
        assert!(sessions.unsaved().is_empty());
    }
}

//! Session: age and idle time by the monotonic clock, and its end.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::audit::SessionEnd;
use crate::clock::{Now, Timestamp};
use crate::limits::AtomicBucket;
use crate::store::{SessionOrigin, SessionRow, SessionTimes, UserRow};
use crate::types::crypto::{Sha256, Token};
use crate::types::{Person, Role, UserAgent};

/// Milliseconds of the monotonic clock; negative before the boot.
type Moment = i64;

/// Start of a session whose stored times lie in the future: expired under any limits.
const LONG_OVER: Moment = i64::MIN / 2;

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Session that has just begun, with its token for the browser.
#[derive(Debug)]
pub struct NewSession {
    /// Secret for the session cookie.
    pub token: Token,
    /// The session.
    pub session: Arc<Session>,
}

/// Client that signs in.
#[derive(Clone, Debug)]
pub struct SessionClient {
    /// Address of the client.
    pub addr: IpAddr,
    /// Browser of the client.
    pub agent: UserAgent,
    /// The person asks to stay signed in on this device.
    pub remember: bool,
}

/// Idle end of a remembered session: two weeks, a holiday.
pub const REMEMBERED_IDLE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Start and last use of a session.
struct Lifetime {
    began: Moment,
    used: Moment,
}

/// Sign-in of one person in one browser.
#[derive(Debug)]
pub struct Session {
    /// Digest of the token; identifies the session inside the server.
    pub digest: Sha256,
    /// Person who signed in.
    pub person: Arc<Person>,
    /// Role of that person; a change of role ends the session.
    pub role: Role,
    /// Generation of the account at the sign-in.
    pub generation: i64,
    /// Circumstances of its sign-in.
    pub origin: SessionOrigin,
    /// Random number of the session, for the log and for its person.
    id: i64,
    /// The password is temporary: until it is changed, the session allows nothing else.
    must_change: bool,
    /// Start, which bounds the total age.
    began: Moment,
    used: AtomicI64,
    /// Used since the last write to the store.
    unsaved: AtomicBool,
    /// The store has a row. False if the disk was full: such a session ends with the program.
    stored: bool,
    /// State shared by all sessions of the person.
    pub(super) standing: Arc<Standing>,
    /// Reason of the end; set when the session ends.
    end: OnceLock<SessionEnd>,
    /// The log records that this session saw the codes of unlisted rooms.
    codes_told: AtomicBool,
    ended: CancellationToken,
    /// Rate limit of its requests. The bucket needs no map of its own: it is found with the session and ends
    /// with it.
    pub requests: AtomicBucket,
    /// Rate limit of its requests for static files.
    pub static_files: AtomicBucket,
}

/// State shared by all sessions of one person.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Current generation of the account.
    pub(super) generation: AtomicI64,
    /// Rate limit of all their requests.
    requests: AtomicBucket,
}

impl Session {
    fn new(user: &UserRow, row: &SessionRow, Lifetime { began, used }: Lifetime, stored: bool) -> Self {
        Self {
            digest: row.digest,
            person: Arc::new(Person { id: user.id, name: user.name.clone() }),
            role: user.role,
            generation: row.generation,
            origin: row.origin.clone(),
            id: row.id,
            must_change: user.must_change,
            began,
            used: AtomicI64::new(used),
            unsaved: AtomicBool::new(false),
            stored,
            standing: Arc::new(Standing {
                generation: AtomicI64::new(row.generation),
                requests: AtomicBucket::default(),
            }),
            end: OnceLock::new(),
            codes_told: AtomicBool::new(false),
            ended: CancellationToken::new(),
            requests: AtomicBucket::default(),
            static_files: AtomicBucket::default(),
        }
    }

    /// Begins a session. `stored`: the store has its row.
    pub fn begin(user: &UserRow, row: &SessionRow, now: Now, stored: bool) -> Self {
        Self::new(user, row, Lifetime { began: millis(now.mono), used: millis(now.mono) }, stored)
    }

    /// Restores a session of an earlier run. Between runs only the wall clock counts; if it ran backwards by
    /// an unknown time, the session is expired.
    pub fn restore(user: &UserRow, row: &SessionRow, now: Now) -> Self {
        let moment = |at: Timestamp| match now.wall.0.checked_sub(at.0) {
            Some(age) if age >= 0 => millis(now.mono).saturating_sub(age).max(LONG_OVER),
            _ => LONG_OVER,
        };
        Self::new(user, row, Lifetime { began: moment(row.created_at), used: moment(row.used_at) }, true)
    }

    /// Returns eight hexadecimal digits that name the session in the log. They reveal nothing about its
    /// token.
    pub fn short_id(&self) -> String {
        format!("{:08x}", self.id.cast_unsigned() >> 32)
    }

    /// Returns the id by which its person names the session. It reveals nothing about its token.
    pub fn public_id(&self) -> String {
        format!("{:016x}", self.id.cast_unsigned())
    }

    /// Returns true the first time, so that the log records once that this session sees the codes of unlisted
    /// rooms.
    pub fn sees_codes_first(&self) -> bool {
        !self.codes_told.swap(true, Ordering::Relaxed)
    }

    /// Returns true while the password must be changed before anything else.
    pub fn must_change(&self) -> bool {
        self.must_change
    }

    /// Returns true until the session ends or its account changes. Checked wherever something takes effect
    /// that was allowed earlier.
    pub fn is_live(&self) -> bool {
        self.end.get().is_none() && self.is_account_unchanged()
    }

    /// Returns true while the account is as it was at the sign-in, also after the end of the session.
    pub fn is_account_unchanged(&self) -> bool {
        self.standing.generation.load(Ordering::Acquire) == self.generation
    }

    /// Returns the rate limit of all requests of its person.
    pub fn person_requests(&self) -> &AtomicBucket {
        &self.standing.requests
    }

    /// Completes when the session ends.
    pub fn ended(&self) -> WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }

    /// Returns the reason of the end, once the session has ended.
    pub(super) fn end_reason(&self) -> Option<SessionEnd> {
        self.end.get().copied()
    }

    /// Ends the session and everything in progress for it. The first reason stays.
    pub(super) fn end(&self, reason: SessionEnd) {
        let _ = self.end.set(reason);
        self.ended.cancel();
    }

    /// Records a use.
    pub fn touch(&self, mono: Duration) {
        self.used.store(millis(mono), Ordering::Relaxed);
        self.unsaved.store(true, Ordering::Relaxed);
    }

    /// Returns the time since the last use.
    pub(super) fn unused_for(&self, mono: Duration) -> Duration {
        Duration::from_millis(u64::try_from(millis(mono).saturating_sub(self.used())).unwrap_or(0))
    }

    /// Returns the time of the last use.
    pub(super) fn used(&self) -> Moment {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn is_stored(&self) -> bool {
        self.stored
    }

    /// Returns the times to store if the session was used since the last call, or always if `all`.
    pub(super) fn take_unsaved(&self, now: Now, all: bool) -> Option<SessionTimes> {
        let used = self.unsaved.swap(false, Ordering::Relaxed);
        (used || all).then(|| self.times(now))
    }

    /// Returns start and last use. Both are computed from the current wall clock, so that setting the clock
    /// makes the session neither older nor younger.
    pub(super) fn times(&self, now: Now) -> SessionTimes {
        let wall = |moment: Moment| {
            Timestamp(now.wall.0.saturating_sub(millis(now.mono).saturating_sub(moment).max(0)))
        };
        SessionTimes { digest: self.digest, created_at: wall(self.began), used_at: wall(self.used()) }
    }
}

/// Limits of the table; can change at run time.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Sessions in all.
    pub total: usize,
    /// Sessions of one user.
    pub per_user: usize,
    /// Maximum idle time.
    pub idle: Duration,
    /// Maximum age.
    pub life: Duration,
    /// Maximum age of a remembered session; zero if none is remembered.
    pub remembered_life: Duration,
}

/// Milliseconds until a session expires; zero or negative afterwards.
struct TimeLeft {
    /// By age.
    life: i64,
    /// By idleness.
    idle: i64,
}

impl SessionLimits {
    /// Returns the time left.
    fn left(&self, session: &Session, mono: Duration) -> TimeLeft {
        let now = millis(mono);
        let left = |since: Moment, span| millis(span).saturating_sub(now.saturating_sub(since));
        let (life, idle) = if session.origin.remember && self.remembers() {
            // Never less than any other session.
            (self.life.max(self.remembered_life), self.idle.max(REMEMBERED_IDLE))
        } else {
            (self.life, self.idle)
        };
        TimeLeft { life: left(session.began, life), idle: left(session.used(), idle) }
    }

    /// Returns true if a session may be remembered.
    pub fn remembers(&self) -> bool {
        !self.remembered_life.is_zero()
    }

    /// Returns the time until a remembered session is too old; `None` for any other session.
    pub(super) fn remembered_for(&self, session: &Session, mono: Duration) -> Option<Duration> {
        let left = u64::try_from(self.left(session, mono).life).unwrap_or(0);
        (session.origin.remember && self.remembers()).then(|| Duration::from_millis(left))
    }

    /// Returns the reason if `session` has expired: whichever limit passed first.
    pub fn over(&self, session: &Session, mono: Duration) -> Option<SessionEnd> {
        let TimeLeft { life, idle } = self.left(session, mono);
        let first = if life <= idle { SessionEnd::Expired } else { SessionEnd::Idle };
        (life.min(idle) <= 0).then_some(first)
    }

    /// Returns the wall time at which `session` ends if unused.
    pub fn expires_at(&self, session: &Session, now: Now) -> Timestamp {
        let TimeLeft { life, idle } = self.left(session, now.mono);
        Timestamp(now.wall.0.saturating_add(life.min(idle)))
    }
}

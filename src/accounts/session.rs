//! One session: its age and idleness, which the monotonic clock measures, and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::clock::{Now, Timestamp};
use crate::limits::AtomicBucket;
use crate::store::{SessionRow, SessionTimes, UserRow};
use crate::types::crypto::Sha256;
use crate::types::{Person, Role};

/// Milliseconds of the monotonic clock. Negative for what happened before its zero, the boot.
type Moment = i64;

/// Beginning of a session whose stored times lie in the future: over under any bounds.
const LONG_OVER: Moment = i64::MIN / 2;

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// One sign-in in one browser.
#[derive(Debug)]
pub struct Session {
    /// Digest of the token: identity of the session inside the server.
    pub digest: Sha256,
    /// Its person.
    pub person: Arc<Person>,
    /// Rights of that person; a change of role ends the session.
    pub role: Role,
    /// Generation of the account when the person proved who they are.
    pub generation: i64,
    /// Number that names the session in the log.
    id: i64,
    /// The password was given by an administrator: until it is changed, the session is good for nothing but that.
    must_change: bool,
    /// It ends a fixed time after this, however busy.
    began: Moment,
    used: AtomicI64,
    /// Used since the store was last told.
    unsaved: AtomicBool,
    /// The store has a row of it. False where the disk was full: such a session ends with the program.
    stored: bool,
    /// Generation of the account now; shared by all sessions of the person.
    pub(super) standing: Arc<AtomicI64>,
    over: AtomicBool,
    /// The log has told that this session saw the codes of rooms that are not listed for all.
    codes_told: AtomicBool,
    ended: CancellationToken,
    /// Its requests. The bucket lies here and not in a map by session: it is found with the session, and ends with it.
    pub requests: AtomicBucket,
}

impl Session {
    fn new(user: &UserRow, row: &SessionRow, [began, used]: [Moment; 2], stored: bool) -> Self {
        Self {
            digest: row.digest,
            person: Arc::new(Person { id: user.id, name: user.name.clone() }),
            role: user.role,
            generation: row.generation,
            id: row.id,
            must_change: user.must_change,
            began,
            used: AtomicI64::new(used),
            unsaved: AtomicBool::new(false),
            stored,
            standing: Arc::new(AtomicI64::new(row.generation)),
            over: AtomicBool::new(false),
            codes_told: AtomicBool::new(false),
            ended: CancellationToken::new(),
            requests: AtomicBucket::default(),
        }
    }

    /// A session that begins now. `stored`: the store has its row.
    pub fn begin(user: &UserRow, row: &SessionRow, now: Now, stored: bool) -> Self {
        Self::new(user, row, [millis(now.mono); 2], stored)
    }

    /// A session of an earlier run. Between the runs only the wall clock has counted; where it has run backwards the session is
    /// over, for nothing tells by how much.
    pub fn restore(user: &UserRow, row: &SessionRow, now: Now) -> Self {
        let moment = |at: Timestamp| match now.wall.0.checked_sub(at.0) {
            Some(age) if age >= 0 => millis(now.mono).saturating_sub(age).max(LONG_OVER),
            _ => LONG_OVER,
        };
        Self::new(user, row, [row.created_at, row.used_at].map(moment), true)
    }

    /// Eight hexadecimal digits that name the session in the log. They tell nothing of its token.
    pub fn short_id(&self) -> String {
        format!("{:08x}", self.id.cast_unsigned() >> 32)
    }

    /// Returns true the first time: then the log tells that this session sees the codes of unlisted rooms.
    pub fn sees_codes_first(&self) -> bool {
        !self.codes_told.swap(true, Ordering::Relaxed)
    }

    /// Returns true while the password must be changed before anything else.
    pub fn must_change(&self) -> bool {
        self.must_change
    }

    /// Returns true until the session has ended or its account has changed. To be asked wherever something takes effect that was
    /// allowed earlier.
    pub fn is_live(&self) -> bool {
        !self.over.load(Ordering::Acquire) && self.standing.load(Ordering::Acquire) == self.generation
    }

    /// Completes once the session has ended.
    pub fn ended(&self) -> WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }

    /// Ends everything that is under way for the session.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.ended.cancel();
    }

    /// Counts as use.
    pub fn touch(&self, mono: Duration) {
        self.used.store(millis(mono), Ordering::Relaxed);
        self.unsaved.store(true, Ordering::Relaxed);
    }

    /// Moment of the last use; orders sessions by how long they were unused.
    pub(super) fn used(&self) -> Moment {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn is_stored(&self) -> bool {
        self.stored
    }

    /// Takes the mark of use, or its place when `all`, and returns what the store is to know then: both times by the wall clock of
    /// now, so that a wall clock that was set meanwhile makes the session neither older nor younger.
    pub(super) fn take_unsaved(&self, now: Now, all: bool) -> Option<SessionTimes> {
        let used = self.unsaved.swap(false, Ordering::Relaxed);
        let wall = |moment: Moment| Timestamp(now.wall.0.saturating_sub(millis(now.mono).saturating_sub(moment).max(0)));
        (used || all).then(|| SessionTimes { digest: self.digest, created_at: wall(self.began), used_at: wall(self.used()) })
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
    /// Milliseconds until `session` ends if it is not used again; not positive when it is over.
    fn left(&self, session: &Session, mono: Duration) -> i64 {
        let now = millis(mono);
        let left = |since: Moment, span| millis(span).saturating_sub(now.saturating_sub(since));
        left(session.began, self.life).min(left(session.used(), self.idle))
    }

    /// Returns true once `session` is too old or was unused for too long.
    pub fn is_over(&self, session: &Session, mono: Duration) -> bool {
        self.left(session, mono) <= 0
    }

    /// Wall time at which `session` ends if it is not used again.
    pub fn expires_at(&self, session: &Session, now: Now) -> Timestamp {
        Timestamp(now.wall.0.saturating_add(self.left(session, now.mono)))
    }
}

//! Synchronizes the session table with the store: changes by other processes, expiry and uses.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Event, SessionEnd};
use crate::clock::Now;
use crate::store::{Db, StoreError};
use crate::types::crypto::Sha256;

use super::Accounts;

/// Time of failing reads after which no session counts. A lock or a reset must act within a second, but a disk that
/// stalls for some seconds must not sign an office out.
pub const UNREADABLE_FOR: Duration = Duration::from_secs(10);

/// Freshness of the accounts: pending changes, and the time since which reads fail.
#[derive(Default)]
pub(super) struct Freshness(Mutex<State>);

#[derive(Default)]
struct State {
    /// A change has not been read yet; a failing read leaves it set.
    pending: bool,
    failing_since: Option<Duration>,
}

/// Transition of the suspension of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The accounts were unreadable for too long.
    Suspend,
    /// The accounts are readable again.
    Resume,
}

impl Freshness {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records a change; returns true if a read is due.
    fn note(&self, changed: bool) -> bool {
        self.with(|state| {
            state.pending |= changed;
            state.pending
        })
    }

    /// Records a complete read.
    fn read(&self) {
        self.with(|state| state.pending = false);
    }

    /// Records the result of a read. `suspended`: no session counts at the moment.
    fn looked(&self, worked: bool, suspended: bool, mono: Duration) -> Option<Turn> {
        self.with(|state| {
            if worked {
                state.failing_since = None;
                return suspended.then_some(Turn::Resume);
            }
            let since = *state.failing_since.get_or_insert(mono);
            (!suspended && mono.saturating_sub(since) >= UNREADABLE_FOR).then_some(Turn::Suspend)
        })
    }
}

impl Accounts {
    /// Ends expired sessions and applies changes by other processes (`pichat user lock …`). Called every second.
    ///
    /// A failed read is retried the next time, whatever the next look at the store finds. After [`UNREADABLE_FOR`] of
    /// failures no session counts until the accounts can be read again.
    pub async fn sync(self: &Arc<Self>) -> Result<(), StoreError> {
        // Look-ups already refuse expired sessions; this closes their sockets. The next sweep removes their rows.
        let over = self.sessions.expire(self.clock.monotonic());
        self.note_unremoved(&over);
        let this = Arc::clone(self);
        let looked = self.store.run(move |db| this.reread(db)).await;
        let mono = self.clock.monotonic();
        match self.freshness.looked(looked.is_ok(), self.sessions.is_suspended(), mono) {
            Some(Turn::Suspend) => {
                self.sessions.suspend(true);
                self.audit.record(Event::SessionsSuspended { seconds: UNREADABLE_FOR.as_secs() }).await;
            }
            Some(Turn::Resume) => {
                self.sessions.suspend(false);
                self.audit.record(Event::SessionsResumed {}).await;
            }
            None => {}
        }
        looked
    }

    /// Runs while the database is locked. Sessions are added under the same lock, so none can be in the table without
    /// its row.
    fn reread(&self, db: &mut Db) -> Result<(), StoreError> {
        let changed = db.changed_elsewhere()?;
        if self.freshness.note(changed) {
            let accounts: HashMap<_, _> = db.account_states()?.into_iter().collect();
            let known: HashSet<Sha256> = db.sessions()?.into_iter().map(|row| row.digest).collect();
            let (hashes, claim) = (db.password_hashes()?, db.claim()?);
            self.sessions.keep_only(&known, &accounts);
            self.decoys.set(&hashes);
            self.claim.set(claim, Now::read(&*self.clock));
            self.freshness.read();
        }
        if let Some(lapsed) = self.claim.lapsed(self.clock.monotonic()) {
            db.close_claim()?;
            self.claim.set(None, Now::read(&*self.clock));
            self.audit.try_record(Event::ClaimLapsed { kind: lapsed.kind });
        }
        Ok(())
    }

    /// Ends a session at once, in the store too.
    pub async fn sign_out(&self, digest: Sha256) -> Result<(), StoreError> {
        self.sessions.end(&[digest], SessionEnd::Logout);
        self.remove_rows(vec![digest]).await
    }

    /// Removes the rows of ended sessions. [`sweep`](Self::sweep) retries those that the store keeps, so that no
    /// restart revives them.
    async fn remove_rows(&self, digests: Vec<Sha256>) -> Result<(), StoreError> {
        self.note_unremoved(&digests);
        let rows = digests.clone();
        self.store.run(move |db| db.remove_sessions(&rows)).await?;
        let mut unremoved = self.unremoved.lock().unwrap_or_else(PoisonError::into_inner);
        unremoved.retain(|digest| !digests.contains(digest));
        Ok(())
    }

    /// Notes ended sessions whose rows are still in the store.
    pub(super) fn note_unremoved(&self, digests: &[Sha256]) {
        self.unremoved.lock().unwrap_or_else(PoisonError::into_inner).extend(digests);
    }

    /// Ends expired sessions and stores uses. Called every half minute.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = Now::read(&*self.clock);
        let mut over = self.sessions.expire(now.mono);
        over.extend(self.unremoved.lock().unwrap_or_else(PoisonError::into_inner).iter());
        if !over.is_empty() {
            self.remove_rows(over).await?;
        }
        let used = self.sessions.dirty(now);
        if used.is_empty() { Ok(()) } else { self.store.run(move |db| db.touch_sessions(&used)).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn change_stays_pending_until_read() {
        let freshness = Freshness::default();
        assert!(!freshness.note(false));
        assert!(freshness.note(true));
        // The read failed: the next look finds no change in the store, but a read is still due.
        assert!(freshness.note(false));
        freshness.read();
        assert!(!freshness.note(false));
    }

    #[test]
    fn sessions_are_suspended_once_after_10_s_of_failures() {
        let freshness = Freshness::default();
        let at = |n: u32| n * SECOND;
        assert_eq!(freshness.looked(true, false, at(0)), None);
        for n in 5..15 {
            assert_eq!(freshness.looked(false, false, at(n)), None, "{n}");
        }
        assert_eq!(freshness.looked(false, false, at(15)), Some(Turn::Suspend));
        assert_eq!(freshness.looked(false, true, at(16)), None, "once");
        assert_eq!(freshness.looked(true, true, at(17)), Some(Turn::Resume));
        assert_eq!(freshness.looked(true, false, at(18)), None);
        assert_eq!(freshness.looked(false, false, at(40)), None, "the time begins anew");
    }
}

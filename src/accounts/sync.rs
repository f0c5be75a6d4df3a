//! Bringing the table of sessions and the store together: what other processes changed, what time has ended, what was used.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Event, SessionEnd};
use crate::clock::Now;
use crate::store::{Db, StoreError};
use crate::types::crypto::Sha256;

use super::Accounts;

/// Time for which the accounts may be unreadable until no session counts any more. A lock or a reset must act within a second; a
/// disk that stalls for some seconds must not send an office out.
pub const UNREADABLE_FOR: Duration = Duration::from_secs(10);

/// State of the next read of the accounts, and the time since which it fails.
#[derive(Default)]
pub(super) struct Freshness(Mutex<State>);

#[derive(Default)]
struct State {
    /// Something was changed that was not read yet; a read that fails leaves it so.
    pending: bool,
    failing_since: Option<Duration>,
}

/// A turn of what the sessions are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Unreadable for too long.
    Suspend,
    /// Readable again.
    Resume,
}

impl Freshness {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a change, and tells whether anything is still to be read.
    fn note(&self, changed: bool) -> bool {
        self.with(|state| {
            state.pending |= changed;
            state.pending
        })
    }

    /// Notes that all was read.
    fn read(&self) {
        self.with(|state| state.pending = false);
    }

    /// Notes how a look at the store ended. `suspended`: no session is taken for good at the moment.
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
    /// Ends what is over by time, and makes what another process changed (`pichat user lock …`) hold here too. To be called every
    /// second.
    ///
    /// A read that fails is tried again the next time, however the next look at the store turns out. After
    /// [`UNREADABLE_FOR`] of failures no session is taken for good until the accounts can be read again.
    pub async fn sync(self: &Arc<Self>) -> Result<(), StoreError> {
        // What time has ended is dead for every look-up already; its sockets close with it. The rows go with the next sweep.
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

    /// Runs while the database is held: a session enters the table while it is held too, so none that was just made can be missed by
    /// the rows and found in the table.
    fn reread(&self, db: &mut Db) -> Result<(), StoreError> {
        let changed = db.changed_elsewhere()?;
        if self.freshness.note(changed) {
            let generations: HashMap<_, _> = db.generations()?.into_iter().collect();
            let known: HashSet<Sha256> = db.sessions()?.into_iter().map(|row| row.digest).collect();
            let (hashes, claim) = (db.password_hashes()?, db.claim()?);
            self.sessions.keep_only(&known, &generations);
            self.decoys.set(&hashes);
            self.claim.set(claim, Now::read(&*self.clock));
            self.freshness.read();
        }
        if let Some(lapsed) = self.claim.lapsed(self.clock.monotonic()) {
            db.close_claim()?;
            self.claim.set(None, Now::read(&*self.clock));
            self.audit.note(Event::ClaimLapsed { kind: lapsed.kind });
        }
        Ok(())
    }

    /// Ends a session at once, in the store too.
    pub async fn sign_out(&self, digest: Sha256) -> Result<(), StoreError> {
        self.sessions.end(&[digest], SessionEnd::Logout);
        self.remove_rows(vec![digest]).await
    }

    /// Takes the rows of ended sessions away. Those that the store does not give up now are tried again by [`sweep`](Self::sweep),
    /// so that no restart brings them back.
    async fn remove_rows(&self, digests: Vec<Sha256>) -> Result<(), StoreError> {
        self.note_unremoved(&digests);
        let rows = digests.clone();
        self.store.run(move |db| db.remove_sessions(&rows)).await?;
        let mut unremoved = self.unremoved.lock().unwrap_or_else(PoisonError::into_inner);
        unremoved.retain(|digest| !digests.contains(digest));
        Ok(())
    }

    /// Notes rows of ended sessions that the store still has.
    pub(super) fn note_unremoved(&self, digests: &[Sha256]) {
        self.unremoved.lock().unwrap_or_else(PoisonError::into_inner).extend(digests);
    }

    /// Ends what is over by time and writes what was used. To be called every half minute.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = Now::read(&*self.clock);
        let mut over = self.sessions.expire(now.mono);
        over.extend(self.unremoved.lock().unwrap_or_else(PoisonError::into_inner).iter());
        if !over.is_empty() {
            self.remove_rows(over).await?;
        }
        let used = self.sessions.unsaved(now);
        if used.is_empty() { Ok(()) } else { self.store.run(move |db| db.touch_sessions(&used)).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn change_stays_pending_until_it_was_read() {
        let freshness = Freshness::default();
        assert!(!freshness.note(false));
        assert!(freshness.note(true));
        // The read failed: the next look finds no change in the store, and there is still something to read.
        assert!(freshness.note(false));
        freshness.read();
        assert!(!freshness.note(false));
    }

    #[test]
    fn sessions_are_suspended_once_after_ten_seconds_of_failures() {
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

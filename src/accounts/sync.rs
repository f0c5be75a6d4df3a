//! Synchronizes the session table with the store: changes by other processes, expiry and uses.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::audit::{Event, SessionEnd};
use crate::clock::Now;
use crate::locks::lock;
use crate::store::{Db, StoreError};
use crate::types::crypto::Sha256;

use super::freshness::{Suspension, UNREADABLE_FOR};
use super::service::Accounts;

impl Accounts {
    /// Ends expired sessions and applies changes by other processes (`pichat user lock …`). Called every
    /// second.
    ///
    /// A failed read is retried the next time, whatever the next look at the store finds. After
    /// [`UNREADABLE_FOR`] of failures no session counts until the accounts can be read again.
    pub async fn sync(self: &Arc<Self>) -> Result<(), StoreError> {
        // Look-ups already refuse expired sessions; this closes their sockets. The next sweep removes their
        // rows.
        let over = self.sessions.expire(self.clock.monotonic());
        self.note_unremoved(&over);
        let this = Arc::clone(self);
        let looked = self.store.run(move |db| this.reread(db)).await;
        let mono = self.clock.monotonic();
        match self.freshness.looked(looked.is_ok(), self.sessions.is_suspended(), mono) {
            Some(Suspension::Suspend) => {
                self.sessions.suspend(true);
                self.audit.record(Event::SessionsSuspended { seconds: UNREADABLE_FOR.as_secs() }).await;
            }
            Some(Suspension::Resume) => {
                self.sessions.suspend(false);
                self.audit.record(Event::SessionsResumed {}).await;
            }
            None => {}
        }
        looked
    }

    /// Runs while the database is locked. Sessions are added under the same lock, so none can be in the table
    /// without its row.
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

    /// Removes the rows of ended sessions. [`sweep`](Self::sweep) retries those that the store keeps, so that
    /// no restart revives them.
    pub(super) async fn remove_rows(&self, digests: Vec<Sha256>) -> Result<(), StoreError> {
        self.note_unremoved(&digests);
        let rows = digests.clone();
        self.store.run(move |db| db.remove_sessions(&rows)).await?;
        let mut unremoved = lock(&self.unremoved);
        unremoved.retain(|digest| !digests.contains(digest));
        Ok(())
    }

    /// Notes ended sessions whose rows are still in the store.
    pub(super) fn note_unremoved(&self, digests: &[Sha256]) {
        lock(&self.unremoved).extend(digests);
    }

    /// Ends expired sessions and stores uses and failed sign-ins. Called every half minute.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = Now::read(&*self.clock);
        let mut over = self.sessions.expire(now.mono);
        over.extend(lock(&self.unremoved).iter());
        if !over.is_empty() {
            self.remove_rows(over).await?;
        }
        let (used, failures) = (self.sessions.dirty(now), Arc::clone(&self.unsaved_failures));
        self.store
            .run(move |db| {
                failures.save(db)?;
                if used.is_empty() { Ok(()) } else { db.touch_sessions(&used) }
            })
            .await
    }
}

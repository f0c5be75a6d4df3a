//! Beginning of a session: the account is checked again in the transaction that stores it.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::{Event, LoginFailure, SessionEnd};
use crate::clock::Now;
use crate::store::{SessionOrigin, SessionRow, SignInRecord, StoreError, UserRow};
use crate::types::crypto::{Token, random};

use super::service::Accounts;
use super::session::{NewSession, Session, SessionClient};
use super::sign_in_error::SignInError;

/// Token of a session that is not stored yet, and its row.
pub(super) struct PendingSession {
    pub(super) token: Token,
    pub(super) row: SessionRow,
}

/// Returns a session with a new token.
pub(super) fn draft(user: &UserRow, origin: SessionOrigin, now: Now) -> PendingSession {
    let token = Token::random();
    let (id, generation) = (i64::from_be_bytes(random()), user.generation);
    let row = SessionRow {
        id,
        digest: token.digest(),
        user: user.id,
        created_at: now.wall,
        used_at: now.wall,
        generation,
        origin,
    };
    PendingSession { token, row }
}

impl Accounts {
    /// Begins a session for a person who authenticated as `user` in the state that was read then.
    ///
    /// Returns an error if the account was locked, demoted, reset or changed since. The session enters the
    /// table while the database is locked, as [`sync`](Self::sync) compares the two under the same lock.
    pub(super) async fn begin_session(
        &self,
        user: &UserRow,
        client: SessionClient,
    ) -> Result<NewSession, SignInError> {
        let now = Now::read(&*self.clock);
        let SessionClient { addr, agent, remember } = client;
        let remember = remember && self.sessions.limits().remembers();
        let origin = SessionOrigin { addr: Some(addr), agent, remember, ..SessionOrigin::default() };
        let PendingSession { token, mut row } = draft(user, origin, now);
        let (sessions, account) = (Arc::clone(&self.sessions), user.clone());
        let unsaved = Arc::clone(&self.unsaved_failures);
        let begun = self.store.run(move |db| {
            let before = Self::before_sign_in(db, &unsaved, account.id)?;
            row.origin.previous = before.previous;
            row.origin.failures_before = before.failures_before;
            let displaced = sessions.evicted_for(account.id);
            let stored = match db.add_session(&row, &displaced) {
                // A full disk must not prevent sign-ins: this session lives in memory only and ends with the
                // next restart.
                Err(error) if error.is_full() => false,
                Ok(false) => return Ok(None),
                added => added?,
            };
            if !stored && !db.is_current(account.id, account.generation)? {
                return Ok(None);
            }
            if stored {
                // A record for the person only: a failure must not prevent the sign-in.
                let sign_in = SignInRecord { at: now.wall, addr: Some(addr) };
                drop(db.record_sign_in(account.id, sign_in, before.failures));
            }
            sessions.end(&displaced, SessionEnd::Evicted);
            let session = sessions.insert(Session::begin(&account, &row, now, stored));
            Ok(Some((session, if stored { Vec::new() } else { displaced })))
        });
        match begun.await? {
            Some((session, unremoved)) => {
                self.note_unremoved(&unremoved);
                self.audit
                    .record(Event::LoginOk { user: user.name.clone(), addr, session: session.short_id() })
                    .await;
                if user.must_change {
                    self.audit.record(Event::PasswordChangeDue { user: user.name.clone(), addr }).await;
                }
                Ok(NewSession { token, session })
            }
            None => Err(self.changed_meanwhile(user, addr).await?),
        }
    }

    /// Reports an account that changed after the authentication. The password was right, so it counts as no
    /// guess.
    async fn changed_meanwhile(&self, user: &UserRow, addr: IpAddr) -> Result<SignInError, StoreError> {
        let id = user.id;
        let locked = self.store.run(move |db| db.user_by_id(id)).await?.is_some_and(|user| user.locked);
        let (reason, error) = if locked {
            (LoginFailure::AccountLocked, SignInError::AccountLocked)
        } else {
            (LoginFailure::ChangedMeanwhile, SignInError::Invalid)
        };
        self.audit.record(Event::LoginFailed { user: Some(user.name.clone()), addr, reason }).await;
        Ok(error)
    }
}

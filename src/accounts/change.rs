//! Change of a person's own password.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::Event;
use crate::clock::Now;
use crate::detached;
use crate::limits::Candidate;
use crate::store::{SessionRow, StoreError, UserRow};
use crate::types::crypto::Sha256;

use super::begin::{PendingSession, draft};
use super::device::device_of_session;
use super::password::Password;
use super::service::Accounts;
use super::session::{NewSession, Session};
use super::sign_in_error::SignInError;
use super::weak_password::WeakPassword;

/// Error of a change of password.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The new password is not acceptable.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The requesting session has ended since.
    #[error("the session has ended")]
    SessionOver,
    /// Failure of the check of the current password.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

/// Gets the digest of the session that asked for a new password, and the session that replaces it, before the
/// end of the old one is notified.
pub type HandOver = Box<dyn FnOnce(&Sha256, &Session) + Send>;

/// Input of a change of password.
pub struct PasswordChange {
    /// Current password.
    pub current: Password,
    /// New password.
    pub new: Password,
}

impl Accounts {
    /// Changes the password of the person of `session`. All sessions of that person end, `session` included;
    /// the new one is returned with its token, or `None` if the person signed out at the same moment. A wrong
    /// current password counts as a failed sign-in. The new session is remembered if the old one was. Runs to
    /// completion as a sign-in does.
    pub async fn change_password(
        self: &Arc<Self>,
        session: &Arc<Session>,
        change: PasswordChange,
        addr: IpAddr,
        hand_over: HandOver,
    ) -> Result<Option<NewSession>, ChangeError> {
        let (this, session) = (Arc::clone(self), Arc::clone(session));
        let task =
            detached::task(async move { this.change_password_now(&session, change, addr, hand_over).await });
        task.await.unwrap_or(Err(SignInError::Internal(StoreError::Interrupted).into()))
    }

    async fn change_password_now(
        &self,
        session: &Arc<Session>,
        change: PasswordChange,
        addr: IpAddr,
        hand_over: HandOver,
    ) -> Result<Option<NewSession>, ChangeError> {
        let (id, name) = (session.person.id, session.person.name.clone());
        let PasswordChange { current, new } = change;
        let same = new.is(&current, session.must_change());
        let user = self.store.run(move |db| db.user_by_id(id)).await.map_err(SignInError::from)?;
        let key = name.key();
        let candidate = Candidate { addr, name: Some(&key), device: Some(device_of_session(session)) };
        // A temporary password that has expired since still authenticates the session that it began.
        let user = match self.authenticate(user, &candidate, current, None).await {
            Ok(authenticated) => authenticated.user,
            Err(error) => {
                self.audit.record(Event::PasswordRefused { user: name, addr, reason: reason(&error) }).await;
                return Err(error.into());
            }
        };
        let checked =
            if same { Err(WeakPassword::Same) } else { new.check_new(name.as_str(), &self.rules.blocklist) };
        if let Err(weak) = checked {
            self.audit.record(Event::PasswordRefused { user: name, addr, reason: "weak_password" }).await;
            return Err(weak.into());
        }
        let phc = self.pool.hash(new).await.map_err(SignInError::from)?;
        match self.renew_session(session, user, phc, hand_over).await.map_err(SignInError::from)? {
            Renewed::Refused => {
                self.audit.record(Event::PasswordRefused { user: name, addr, reason: "session_over" }).await;
                Err(ChangeError::SessionOver)
            }
            Renewed::SignedOut => {
                self.audit.record(Event::PasswordChanged { user: name, addr }).await;
                Ok(None)
            }
            Renewed::Session(renewed) => {
                self.audit.record(Event::PasswordChanged { user: name, addr }).await;
                Ok(Some(renewed))
            }
        }
    }

    /// Stores the new hash and replaces all sessions of the person by a new one, while the database is
    /// locked.
    async fn renew_session(
        &self,
        old: &Arc<Session>,
        user: UserRow,
        phc: String,
        hand_over: HandOver,
    ) -> Result<Renewed, StoreError> {
        let now = Now::read(&*self.clock);
        let PendingSession { token, mut row } = draft(&user, old.origin.clone(), now);
        // The account at the start of this session: any later change has ended the session.
        row.generation = old.generation;
        let (sessions, old) = (Arc::clone(&self.sessions), Arc::clone(old));
        let renewed = self.store.run(move |db| {
            if !old.is_live() || !db.change_password(&phc, &row)? {
                return Ok(None);
            }
            let row = SessionRow { generation: row.generation + 1, ..row };
            let user = UserRow {
                must_change: false,
                must_change_by: None,
                password: phc,
                generation: row.generation,
                ..user
            };
            let renewed = sessions.renew(&old.digest, Session::begin(&user, &row, now, true), hand_over);
            if renewed.is_none() {
                // The person signed out since the check above: the new password is stored, and no session
                // remains.
                db.remove_sessions(&[row.digest])?;
            }
            Ok(Some((renewed, db.password_hashes()?)))
        });
        let Some((session, hashes)) = renewed.await? else { return Ok(Renewed::Refused) };
        self.decoys.set(&hashes);
        Ok(session.map_or(Renewed::SignedOut, |session| Renewed::Session(NewSession { token, session })))
    }
}

/// Outcome of a change of password after a correct current one.
enum Renewed {
    /// The account changed, or the session ended, during the hashing; nothing was stored.
    Refused,
    /// The person signed out at the same moment: the password is changed, no session remains.
    SignedOut,
    /// The new session.
    Session(NewSession),
}

const fn reason(error: &SignInError) -> &'static str {
    match error {
        SignInError::LockedOut(_) => "locked_out",
        SignInError::RateLimited(_) => "rate_limited",
        SignInError::Busy => "busy",
        SignInError::Invalid | SignInError::AccountLocked => "wrong_password",
        SignInError::Internal(_) | SignInError::BadHash => "internal",
    }
}

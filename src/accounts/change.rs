//! A person replaces their own password.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::{Event, SessionEnd};
use crate::store::StoreError;

use super::password::{Password, WeakPassword};
use super::{Accounts, Session, SignInError};

/// Why a password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The new one may not become a password.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// As at sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

/// What somebody typed who changes the password.
pub struct PasswordChange {
    /// The one that holds.
    pub current: Password,
    /// The one that is to hold.
    pub new: Password,
}

impl Accounts {
    /// Changes the password of the person of `session`; their other sessions end, and this one is good for everything again.
    /// A wrong current password counts as a wrong sign-in does. Runs to its end as a sign-in does.
    pub async fn change_password(
        self: &Arc<Self>,
        session: &Arc<Session>,
        change: PasswordChange,
        addr: IpAddr,
    ) -> Result<(), ChangeError> {
        let (this, session) = (Arc::clone(self), Arc::clone(session));
        let task = tokio::spawn(async move { this.change_password_now(&session, change, addr).await });
        task.await.unwrap_or(Err(SignInError::Internal(StoreError::Interrupted).into()))
    }

    async fn change_password_now(&self, session: &Session, change: PasswordChange, addr: IpAddr) -> Result<(), ChangeError> {
        let (id, name) = (session.person.id, session.person.name.clone());
        let PasswordChange { current, new } = change;
        let same = new.is(&current, session.must_change());
        let user = self.store.run(move |db| db.user_by_id(id)).await.map_err(SignInError::from)?;
        // One that was given and has lapsed meanwhile still proves who began this session in time.
        let old = match self.prove(user, &name.key(), current, None, addr).await {
            Ok((user, _)) => user.password,
            Err(error) => {
                self.audit.record(Event::PasswordRefused { user: name, addr, reason: reason(&error) }).await;
                return Err(error.into());
            }
        };
        let checked = if same { Err(WeakPassword::Same) } else { new.check_new(name.as_str(), &self.rules.blocklist) };
        if let Err(weak) = checked {
            self.audit.record(Event::PasswordRefused { user: name, addr, reason: "weak_password" }).await;
            return Err(weak.into());
        }
        let phc = self.pool.hash(new).await.map_err(SignInError::from)?;
        let keep = session.digest;
        let changed = self.store.run(move |db| db.change_password(id, &old, &phc, &keep.0)).await.map_err(SignInError::from)?;
        if !changed {
            // Somebody else stored another hash meanwhile: the proof is of yesterday.
            self.audit.record(Event::PasswordRefused { user: name, addr, reason: "busy" }).await;
            return Err(SignInError::Busy.into());
        }
        self.sessions.end_user(id, Some(&keep), SessionEnd::PasswordChanged);
        session.changed();
        self.audit.record(Event::PasswordChanged { user: name, addr }).await;
        Ok(())
    }
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

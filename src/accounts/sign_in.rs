//! Sign-in with name and password.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::{Event, LoginFailure};
use crate::detached;
use crate::limits::{Attempt, Candidate, SignInRefusal};
use crate::store::{StoreError, UserRow};
use crate::types::UserName;

use super::device::DeviceCookie;
use super::password::Password;
use super::service::Accounts;
use super::session::{NewSession, SessionClient};
use super::sign_in_error::SignInError;

/// Account that a password authenticated.
pub(super) struct Authenticated {
    pub(super) user: UserRow,
    /// The password, if its hash is outdated.
    pub(super) outdated: Option<Arc<Password>>,
}

impl Accounts {
    /// Checks name and password and begins a session. The token is for the browser only.
    ///
    /// Runs to completion on its own task: a client that disconnects while its password is hashed must not
    /// get its attempt back.
    pub async fn sign_in(
        self: &Arc<Self>,
        name: String,
        password: Password,
        client: SessionClient,
        device: &DeviceCookie,
    ) -> Result<NewSession, SignInError> {
        let (this, device) = (Arc::clone(self), device.clone());
        let task = detached::task(async move { this.sign_in_now(&name, password, client, &device).await });
        task.await.unwrap_or(Err(SignInError::Internal(StoreError::Interrupted)))
    }

    async fn sign_in_now(
        &self,
        name: &str,
        password: Password,
        client: SessionClient,
        device: &DeviceCookie,
    ) -> Result<NewSession, SignInError> {
        let addr = client.addr;
        let user_name: Option<UserName> = name.parse().ok();
        let key = user_name.as_ref().map_or_else(|| name.to_lowercase(), UserName::key);
        let user = match user_name {
            Some(name) => self.store.run(move |db| db.user_by_name(&name)).await?,
            None => None,
        };
        let useless = user.as_ref().and_then(|user| self.disallowed_reason(user, &password));
        let device = user.as_ref().and_then(|user| device.device_of(user, self.clock.now()));
        let candidate = Candidate { addr, name: Some(&key), device };
        let Authenticated { user, outdated } = self.authenticate(user, &candidate, password, useless).await?;
        if let Some(password) = outdated {
            self.rehash(&user, password).await;
        }
        self.begin_session(&user, client).await
    }

    /// Returns the reason for which the password of `user` does not count even if it is right. The client
    /// sees a wrong password; only the audit has the reason.
    fn disallowed_reason(&self, user: &UserRow, password: &Password) -> Option<LoginFailure> {
        let lapsed = user.must_change && user.must_change_by.is_some_and(|by| by <= self.clock.now());
        let public = !self.rules.demonstration && password.is_public(&user.name);
        lapsed.then_some(LoginFailure::OneTimeLapsed).or(public.then_some(LoginFailure::PublicPassword))
    }

    /// Checks a password under the limits on failed sign-ins; a right one with a reason in `useless` counts
    /// as wrong. Returns the password if its hash is outdated.
    pub(super) async fn authenticate(
        &self,
        user: Option<UserRow>,
        candidate: &Candidate<'_>,
        password: Password,
        useless: Option<LoginFailure>,
    ) -> Result<Authenticated, SignInError> {
        let (known, addr) = (user.as_ref().map(|u| u.name.clone()), candidate.addr);
        let attempt = self.begin_attempt(candidate, known).await?;
        let delay = attempt.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let phc = user.as_ref().map_or_else(
            || self.decoys.of(candidate.name.unwrap_or_default()),
            |u| u.password.as_str().into(),
        );
        let given = user.as_ref().is_some_and(|u| u.must_change);
        let password = Arc::new(if given { password.as_one_time() } else { password });
        let verdict = self.pool.verify(phc, PasswordBytes(Arc::clone(&password))).await?;
        match user {
            Some(user) if verdict.right && useless.is_some() => {
                Err(self.failed(attempt, Some(user), useless, addr).await)
            }
            Some(user) if verdict.right && user.locked => {
                // The person is authenticated, so this failure does not count against the address.
                attempt.succeeded(self.clock.monotonic());
                let reason = LoginFailure::AccountLocked;
                self.audit.record(Event::LoginFailed { user: Some(user.name), addr, reason }).await;
                Err(SignInError::AccountLocked)
            }
            Some(user) if verdict.right => {
                attempt.succeeded(self.clock.monotonic());
                Ok(Authenticated { user, outdated: verdict.outdated.then_some(password) })
            }
            other => Err(self.failed(attempt, other, None, addr).await),
        }
    }

    async fn failed(
        &self,
        attempt: Attempt,
        user: Option<UserRow>,
        useless: Option<LoginFailure>,
        addr: IpAddr,
    ) -> SignInError {
        if let Some(user) = &user {
            self.unsaved_failures.note(user.id);
        }
        let user = user.map(|user| user.name);
        let outcome = attempt.failed(self.clock.monotonic());
        let wrong = if user.is_some() { LoginFailure::WrongPassword } else { LoginFailure::UnknownUser };
        let reason = useless.unwrap_or(wrong);
        self.audit.record(Event::LoginFailed { user: user.clone(), addr, reason }).await;
        if outcome.locked {
            let seconds = outcome.lockout.as_secs();
            self.audit.record(Event::LoginLockedOut { user, addr, seconds }).await;
        }
        SignInError::Invalid
    }

    /// Waits until the attempt may be checked.
    pub(super) async fn begin_attempt(
        &self,
        candidate: &Candidate<'_>,
        user: Option<UserName>,
    ) -> Result<Attempt, SignInError> {
        let begun = match self.limits.begin(candidate, self.clock.monotonic()) {
            Ok(begun) => begun.wait().await,
            Err(refusal) => Err(refusal),
        };
        let refusal = match begun {
            Ok(attempt) => return Ok(attempt),
            Err(refusal) => refusal,
        };
        let addr = candidate.addr;
        let event = match refusal {
            SignInRefusal::RateLimited(wait) if wait.first => {
                Some(Event::LoginRateLimited { addr, seconds: wait.seconds() })
            }
            SignInRefusal::LockedOut(wait) if wait.first => {
                Some(Event::LoginLockedOut { user, addr, seconds: wait.seconds() })
            }
            SignInRefusal::NameThrottled(wait) if wait.first => {
                Some(Event::LoginNameThrottled { user, addr, seconds: wait.seconds() })
            }
            _ => None,
        };
        if let Some(event) = event {
            self.audit.record(event).await;
        }
        Err(refusal.into())
    }

    /// Stores a new hash of the password under the parameters in force. A failure does not prevent the
    /// sign-in.
    async fn rehash(&self, user: &UserRow, password: Arc<Password>) {
        if let Ok(new) = self.pool.hash(PasswordBytes(password)).await {
            let (id, old) = (user.id, user.password.clone());
            let rehashed = self.store.run(move |db| {
                db.rehash(id, &old, &new)?;
                db.password_hashes()
            });
            if let Ok(hashes) = rehashed.await {
                self.decoys.set(&hashes);
            }
        }
    }
}

/// Password that the caller keeps, for a hash under new parameters.
struct PasswordBytes(Arc<Password>);

impl AsRef<[u8]> for PasswordBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

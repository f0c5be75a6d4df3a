//! Claiming the device: the holder of the code from its console or card becomes the administrator.

use std::sync::Arc;

use crate::audit::{Event, SessionEnd};
use crate::clock::Now;
use crate::detached;
use crate::limits::Candidate;
use crate::store::{ClaimRow, Redeemed, StoreError};
use crate::types::{ClaimCode, ClaimKind, UserName};

use super::password::Password;
use super::service::Accounts;
use super::session::{NewSession, SessionClient};
use super::sign_in_error::SignInError;
use super::weak_password::WeakPassword;

/// Input of a claim.
pub struct ClaimRequest {
    /// Code from the console or the card.
    pub code: String,
    /// Name of the new administrator.
    pub name: String,
    /// Password of the new administrator.
    pub password: Password,
}

/// Error of a claim.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The device is claimed already.
    #[error("there is nothing to claim")]
    Closed,
    /// The code does not match.
    #[error("wrong code")]
    WrongCode,
    /// The name is no valid user name.
    #[error("no user name")]
    BadName,
    /// The password is not acceptable.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Failure as at a sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl From<StoreError> for ClaimError {
    fn from(error: StoreError) -> Self {
        SignInError::from(error).into()
    }
}

impl Accounts {
    /// Returns the kind of the open claim, if any.
    pub fn claimable(&self) -> Option<ClaimKind> {
        self.open_claim().map(|row| row.kind)
    }

    /// Returns the open claim with its code, for the console.
    pub fn open_claim(&self) -> Option<ClaimRow> {
        self.claim.get(self.clock.monotonic())
    }

    /// Creates the administrator and begins a session. Wrong codes count as failed sign-ins.
    ///
    /// Runs to completion on its own task: a client that disconnects must neither get its attempt back nor
    /// leave half a claim.
    pub async fn redeem(
        self: &Arc<Self>,
        request: ClaimRequest,
        client: SessionClient,
    ) -> Result<NewSession, ClaimError> {
        let this = Arc::clone(self);
        let task = detached::task(async move { this.redeem_now(request, client).await });
        task.await.unwrap_or(Err(StoreError::Interrupted.into()))
    }

    async fn redeem_now(
        self: &Arc<Self>,
        request: ClaimRequest,
        client: SessionClient,
    ) -> Result<NewSession, ClaimError> {
        let addr = client.addr;
        let Some(open) = self.open_claim() else { return Err(ClaimError::Closed) };
        // A code of 65 bits needs no lockout, only a rate limit.
        let attempt = self.begin_attempt(&Candidate { addr, name: None, device: None }, None).await?;
        let code = match request.code.parse::<ClaimCode>() {
            Ok(code) if open.code.matches(&code) => code,
            _ => {
                attempt.failed(self.clock.monotonic());
                self.audit.record(Event::ClaimFailed { addr, reason: "wrong_code" }).await;
                return Err(ClaimError::WrongCode);
            }
        };
        attempt.succeeded(self.clock.monotonic());
        // Only a valid name and password use up the code.
        let name: UserName = request.name.trim().parse().map_err(|_| ClaimError::BadName)?;
        request.password.check_new(name.as_str(), &self.rules.blocklist)?;
        let phc = self.pool.hash(request.password).await.map_err(SignInError::from)?;
        match self.settle(code, name, phc).await? {
            Redeemed::Administrator(user) => {
                self.audit.record(Event::ClaimDone { user: user.name.clone(), addr, kind: open.kind }).await;
                Ok(self.begin_session(&user, client).await?)
            }
            // Another claim came first, the claim was closed or expired, or `pichat user add` created an
            // account.
            Redeemed::WrongCode | Redeemed::Closed => {
                self.audit.record(Event::ClaimFailed { addr, reason: "closed" }).await;
                Err(ClaimError::Closed)
            }
        }
    }

    /// Redeems the claim while the database is locked, if it is still open. A recovery claim ends all
    /// sessions, so that none of the former administrators' remains.
    async fn settle(
        self: &Arc<Self>,
        code: ClaimCode,
        name: UserName,
        phc: String,
    ) -> Result<Redeemed, StoreError> {
        let (this, now) = (Arc::clone(self), Now::read(&*self.clock));
        self.store
            .run(move |db| {
                if this.claim.get(this.clock.monotonic()).is_none_or(|open| !open.code.matches(&code)) {
                    return Ok(Redeemed::Closed);
                }
                let redeemed = db.redeem_claim(&code, &name, &phc, now.wall)?;
                if matches!(redeemed, Redeemed::Administrator(_)) {
                    this.sessions.end_all(SessionEnd::Claimed);
                    this.decoys.set(&db.password_hashes()?);
                }
                this.claim.set(db.claim()?, now);
                Ok(redeemed)
            })
            .await
    }
}

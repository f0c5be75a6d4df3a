//! Claiming the device: whoever has the code from its console or its card becomes the administrator.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::{Event, SessionEnd};
use crate::store::{ClaimRow, Redeemed, StoreError};
use crate::types::crypto::Token;
use crate::types::{ClaimCode, ClaimKind, UserName};

use super::password::{Password, WeakPassword};
use super::{Accounts, Session, SignInError};

/// What wrong codes are counted under; no user can have this name.
const LEDGER_KEY: &str = "/reclamar";

/// What somebody who claims the device typed.
pub struct ClaimRequest {
    /// The code from the console or the card.
    pub code: String,
    /// The administrator's name.
    pub name: String,
    /// The administrator's password.
    pub password: Password,
}

/// Why the device was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Somebody has claimed it already.
    #[error("there is nothing to claim")]
    Closed,
    /// The code is not the one that is shown.
    #[error("wrong code")]
    WrongCode,
    /// What was typed is no user name.
    #[error("no user name")]
    BadName,
    /// The password will not do.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// As at a sign-in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl From<StoreError> for ClaimError {
    fn from(error: StoreError) -> Self {
        SignInError::from(error).into()
    }
}

/// The open claim as the network threads see it; the store has the last word.
#[derive(Default)]
pub(super) struct OpenClaim(Mutex<Option<ClaimRow>>);

impl OpenClaim {
    pub(super) fn get(&self) -> Option<ClaimRow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, row: Option<ClaimRow>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = row;
    }
}

impl Accounts {
    /// Whether the device can be claimed, and why.
    pub fn claimable(&self) -> Option<ClaimKind> {
        self.claim.get().map(|row| row.kind)
    }

    /// The open claim with its code, for the console.
    pub fn open_claim(&self) -> Option<ClaimRow> {
        self.claim.get()
    }

    /// Makes the administrator and begins a session. Wrong codes count as wrong passwords do.
    ///
    /// Runs to its end on a task of its own: a client that hangs up must neither get its try back nor leave half a claim.
    pub async fn redeem(self: &Arc<Self>, request: ClaimRequest, addr: IpAddr) -> Result<(Token, Arc<Session>), ClaimError> {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.redeem_now(request, addr).await });
        task.await.unwrap_or(Err(StoreError::Interrupted.into()))
    }

    async fn redeem_now(&self, request: ClaimRequest, addr: IpAddr) -> Result<(Token, Arc<Session>), ClaimError> {
        let Some(open) = self.claim.get() else { return Err(ClaimError::Closed) };
        let attempt = match self.limits.begin(addr, LEDGER_KEY, self.clock.monotonic()) {
            Ok(attempt) => attempt,
            Err(refusal) => return Err(self.refused(refusal, None, addr).await.into()),
        };
        let code = match request.code.parse::<ClaimCode>() {
            Ok(code) if open.code.matches(&code) => code,
            _ => {
                let outcome = attempt.failed(self.clock.monotonic());
                self.audit.record(Event::ClaimFailed { addr, reason: "wrong_code" }).await;
                if outcome.locked {
                    let seconds = outcome.lockout.as_secs();
                    self.audit.record(Event::LoginLockedOut { user: None, addr, seconds }).await;
                }
                return Err(ClaimError::WrongCode);
            }
        };
        attempt.succeeded(self.clock.monotonic());
        // The code is used up only by a name and a password that will do.
        let name: UserName = request.name.trim().parse().map_err(|_| ClaimError::BadName)?;
        request.password.check_new(name.as_str(), &self.rules.blocklist)?;
        let phc = self.pool.hash(request.password).await.map_err(SignInError::from)?;
        let now = self.clock.now();
        match self.store.run(move |db| db.redeem_claim(&code, &name, &phc, now)).await? {
            Redeemed::Administrator(user) => {
                self.claim.set(None);
                self.sessions.end_user(user.id, None, SessionEnd::PasswordChanged);
                self.audit.record(Event::ClaimDone { user: user.name.clone(), addr, kind: open.kind }).await;
                Ok(self.begin_session(&user, addr).await?)
            }
            // Somebody was faster, or `pichat user add` made an account meanwhile.
            Redeemed::WrongCode | Redeemed::Closed => {
                self.claim.set(None);
                self.audit.record(Event::ClaimFailed { addr, reason: "closed" }).await;
                Err(ClaimError::Closed)
            }
        }
    }
}

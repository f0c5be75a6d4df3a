//! Claiming the device: the holder of the code from its console or card becomes the administrator.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Event, SessionEnd};
use crate::clock::Now;
use crate::limits::Candidate;
use crate::store::{ClaimRow, Redeemed, StoreError};
use crate::types::crypto::Token;
use crate::types::{ClaimCode, ClaimKind, UserName};

use super::password::{Password, WeakPassword};
use super::{Accounts, Session, SignInError};

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

/// Copy of the open claim for the network threads; the store decides.
#[derive(Default)]
pub(super) struct OpenClaim(Mutex<Option<Open>>);

struct Open {
    row: ClaimRow,
    /// Monotonic time at which it expires.
    until: Option<Duration>,
}

impl Open {
    fn is_over(&self, mono: Duration) -> bool {
        self.until.is_some_and(|until| until <= mono)
    }
}

impl OpenClaim {
    fn with<T>(&self, work: impl FnOnce(&mut Option<Open>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the claim while it is open.
    pub(super) fn get(&self, mono: Duration) -> Option<ClaimRow> {
        self.with(|open| open.as_ref().filter(|open| !open.is_over(mono)).map(|open| open.row.clone()))
    }

    /// Returns the claim once it has expired.
    pub(super) fn lapsed(&self, mono: Duration) -> Option<ClaimRow> {
        self.with(|open| open.as_ref().filter(|open| open.is_over(mono)).map(|open| open.row.clone()))
    }

    /// Sets the claim that the store holds. The expiry of a known claim does not change: the wall clock counts only the
    /// first time.
    pub(super) fn set(&self, row: Option<ClaimRow>, now: Now) {
        self.with(|open| {
            let known = open.as_ref().zip(row.as_ref()).filter(|(open, row)| open.row.code.matches(&row.code));
            if known.is_none_or(|(open, row)| open.row.kind != row.kind) {
                *open = row.map(|row| Open { until: row.left(now.wall).map(|left| now.mono.saturating_add(left)), row });
            }
        });
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
    /// Runs to completion on its own task: a client that disconnects must neither get its attempt back nor leave half a
    /// claim.
    pub async fn redeem(self: &Arc<Self>, request: ClaimRequest, addr: IpAddr) -> Result<(Token, Arc<Session>), ClaimError> {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.redeem_now(request, addr).await });
        task.await.unwrap_or(Err(StoreError::Interrupted.into()))
    }

    async fn redeem_now(self: &Arc<Self>, request: ClaimRequest, addr: IpAddr) -> Result<(Token, Arc<Session>), ClaimError> {
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
                Ok(self.begin_session(&user, addr).await?)
            }
            // Another claim came first, the claim was closed or expired, or `pichat user add` created an account.
            Redeemed::WrongCode | Redeemed::Closed => {
                self.audit.record(Event::ClaimFailed { addr, reason: "closed" }).await;
                Err(ClaimError::Closed)
            }
        }
    }

    /// Redeems the claim while the database is locked, if it is still open. A recovery claim ends all sessions, so that
    /// none of the former administrators' remains.
    async fn settle(self: &Arc<Self>, code: ClaimCode, name: UserName, phc: String) -> Result<Redeemed, StoreError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::RECLAIM_LIFE;

    fn row(opened_at: i64) -> ClaimRow {
        ClaimRow { code: ClaimCode::random(), kind: ClaimKind::Again, opened_at: Timestamp(opened_at) }
    }

    fn now(wall: i64, mono: Duration) -> Now {
        Now { wall: Timestamp(wall), mono }
    }

    #[test]
    fn claim_expires_by_the_monotonic_clock() {
        let (claim, opened) = (OpenClaim::default(), row(1000));
        let start = Duration::from_secs(50);
        claim.set(Some(opened.clone()), now(1000, start));
        let last = start + RECLAIM_LIFE - Duration::from_millis(1);
        // The wall clock is set far forward and back, and the store is read each time: the expiry stays.
        for wall in [i64::MAX, 0, i64::MIN] {
            claim.set(Some(opened.clone()), now(wall, last));
            assert!(claim.get(last).is_some() && claim.lapsed(last).is_none(), "{wall}");
        }
        let over = start + RECLAIM_LIFE;
        assert!(claim.get(over).is_none() && claim.lapsed(over).is_some());
        claim.set(Some(row(1000)), now(1000, over));
        assert!(claim.get(over).is_some(), "another code has a time of its own");
    }

    #[test]
    fn claim_too_old_or_in_the_future_is_expired() {
        for opened_at in [0, 2_000_000_000] {
            let claim = OpenClaim::default();
            claim.set(Some(row(opened_at)), now(1_000_000_000, Duration::ZERO));
            assert!(claim.get(Duration::ZERO).is_none() && claim.lapsed(Duration::ZERO).is_some(), "{opened_at}");
        }
    }
}

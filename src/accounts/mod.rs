//! Accounts: authentication, passwords, sessions and claiming the device.

mod begin;
pub mod blocklist;
mod change;
mod claim;
mod device;
mod dummy_hash;
mod metrics_token;
pub mod password;
mod pool_stats;
mod session;
mod sessions;
mod sync;
pub mod tune;
mod weak_password;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, Event, LoginFailure};
use crate::clock::{Clock, Now, Timestamp};
use crate::limits::{Attempt, Candidate, Counters, DeviceId, RetryAfter, SignInLimits, SignInRefusal};
use crate::store::{Store, StoreError, UserRow};
use crate::types::UserName;
use crate::types::crypto::{Sha256, Token, random};

use blocklist::Blocklist;
pub use change::{ChangeError, PasswordChange};
use claim::OpenClaim;
pub use claim::{ClaimError, ClaimRequest};
pub use device::{DEVICE_DAYS, DeviceCookie, Devices, NAMES_PER_DEVICE};
use dummy_hash::Decoys;
pub use metrics_token::{remove_metrics_token, replace_metrics_token};
use password::{HashError, HashPool, Hashing, Password};
pub use session::{Session, SessionLimits};
pub use sessions::{EndListener, Sessions};
use sync::Freshness;
pub use sync::UNREADABLE_FOR;

/// Error of a sign-in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The name or the password is wrong; the client is not told which.
    #[error("wrong name or password")]
    Invalid,
    /// The password is right, but an administrator has locked the account.
    #[error("the account is locked by an administrator")]
    AccountLocked,
    /// Too many failures for this name from this address.
    #[error("too many failed sign-ins for this name from this address")]
    LockedOut(RetryAfter),
    /// Too many failures from this address, or for this name from all addresses.
    #[error("too many failed sign-ins")]
    RateLimited(RetryAfter),
    /// The hashing queue is full.
    #[error("too many people are signing in")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Internal(#[from] StoreError),
    /// A stored hash cannot be read.
    #[error("a stored password hash cannot be checked")]
    BadHash,
}

impl From<HashError> for SignInError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::BadHash,
        }
    }
}

impl From<SignInRefusal> for SignInError {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::RateLimited(wait) | SignInRefusal::NameThrottled(wait) => Self::RateLimited(wait),
            SignInRefusal::LockedOut(wait) => Self::LockedOut(wait),
            SignInRefusal::Busy => Self::Busy,
        }
    }
}

/// Rules for acceptable passwords.
pub struct PasswordRules {
    /// Rejected new passwords.
    pub blocklist: Blocklist,
    /// True for the demonstration on loopback, the only place where accounts with public passwords can sign in.
    pub demonstration: bool,
}

/// Validity of a temporary password: a week, for a person who is away for some days. A session that began in time may
/// change it later.
pub const ONE_TIME_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Accounts and their sessions.
pub struct Accounts {
    store: Store,
    pool: HashPool,
    decoys: Decoys,
    rules: PasswordRules,
    /// Live sessions.
    pub sessions: Arc<Sessions>,
    claim: OpenClaim,
    freshness: Freshness,
    /// Ended sessions whose rows are still in the store.
    unremoved: Mutex<HashSet<Sha256>>,
    limits: Arc<SignInLimits>,
    devices: Devices,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

/// Protection of the sign-in against guessing.
pub struct SignInGuard {
    /// Limits on failures.
    pub limits: Arc<SignInLimits>,
    /// Device cookies of earlier sign-ins.
    pub devices: Devices,
}

impl Accounts {
    /// Loads accounts and the sessions of the last run.
    pub fn open(
        store: Store,
        pool: HashPool,
        rules: PasswordRules,
        session_limits: SessionLimits,
        SignInGuard { limits, devices }: SignInGuard,
        audit: Audit,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let now = Now::read(&*clock);
        let sessions = Arc::new(Sessions::new(session_limits, now));
        let (users, rows, open) = store.with(|db| Ok((db.users()?, db.sessions()?, db.claim()?)))?;
        let claim = OpenClaim::default();
        claim.set(open, now);
        let hashes: Vec<_> = users.iter().map(|user| user.password.clone()).collect();
        let users: HashMap<_, _> = users.into_iter().map(|u| (u.id, u)).collect();
        let mut unremoved = HashSet::new();
        for row in rows {
            match users.get(&row.user).filter(|user| !user.locked && user.generation == row.generation) {
                Some(user) => drop(sessions.insert(Session::restore(user, &row, now))),
                None => drop(unremoved.insert(row.digest)),
            }
        }
        let decoys = Decoys::new(pool.dummy_hash(), &hashes);
        let (freshness, unremoved) = (Freshness::default(), Mutex::new(unremoved));
        Ok(Self { store, pool, decoys, rules, sessions, claim, freshness, unremoved, limits, devices, audit, clock })
    }

    /// Checks name and password and begins a session. The token is for the browser only.
    ///
    /// Runs to completion on its own task: a client that disconnects while its password is hashed must not get its
    /// attempt back.
    pub async fn sign_in(
        self: &Arc<Self>,
        name: String,
        password: Password,
        addr: IpAddr,
        device: &DeviceCookie,
    ) -> Result<(Token, Arc<Session>), SignInError> {
        let (this, device) = (Arc::clone(self), device.clone());
        let task = tokio::spawn(async move { this.sign_in_now(&name, password, addr, &device).await });
        task.await.unwrap_or(Err(SignInError::Internal(StoreError::Interrupted)))
    }

    async fn sign_in_now(
        &self,
        name: &str,
        password: Password,
        addr: IpAddr,
        device: &DeviceCookie,
    ) -> Result<(Token, Arc<Session>), SignInError> {
        let user_name: Option<UserName> = name.parse().ok();
        let key = user_name.as_ref().map_or_else(|| name.to_lowercase(), UserName::key);
        let user = match user_name {
            Some(name) => self.store.run(move |db| db.user_by_name(&name)).await?,
            None => None,
        };
        let useless = user.as_ref().and_then(|user| self.disallowed_reason(user, &password));
        let device = user.as_ref().and_then(|user| device.device_of(user, self.clock.now()));
        let candidate = Candidate { addr, name: Some(&key), device };
        let (user, old) = self.authenticate(user, &candidate, password, useless).await?;
        if let Some(password) = old {
            self.rehash(&user, password).await;
        }
        self.begin_session(&user, addr).await
    }

    /// Returns the reason for which the password of `user` does not count even if it is right. The client sees a wrong
    /// password; only the audit has the reason.
    fn disallowed_reason(&self, user: &UserRow, password: &Password) -> Option<LoginFailure> {
        let lapsed = user.must_change && user.must_change_by.is_some_and(|by| by <= self.clock.now());
        let public = !self.rules.demonstration && password.is_public(&user.name);
        lapsed.then_some(LoginFailure::OneTimeLapsed).or(public.then_some(LoginFailure::PublicPassword))
    }

    /// Checks a password under the limits on failed sign-ins; a right one with a reason in `useless` counts as wrong.
    /// Returns the password if its hash is outdated.
    async fn authenticate(
        &self,
        user: Option<UserRow>,
        candidate: &Candidate<'_>,
        password: Password,
        useless: Option<LoginFailure>,
    ) -> Result<(UserRow, Option<Arc<Password>>), SignInError> {
        let (known, addr) = (user.as_ref().map(|u| u.name.clone()), candidate.addr);
        let attempt = self.begin_attempt(candidate, known).await?;
        let delay = attempt.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let phc =
            user.as_ref().map_or_else(|| self.decoys.of(candidate.name.unwrap_or_default()), |u| u.password.as_str().into());
        let given = user.as_ref().is_some_and(|u| u.must_change);
        let password = Arc::new(if given { password.as_one_time() } else { password });
        let verdict = self.pool.verify(phc, PasswordBytes(Arc::clone(&password))).await?;
        match user {
            Some(user) if verdict.right && useless.is_some() => Err(self.failed(attempt, Some(user.name), useless, addr).await),
            Some(user) if verdict.right && user.locked => {
                // The person is authenticated, so this failure does not count against the address.
                attempt.succeeded(self.clock.monotonic());
                let reason = LoginFailure::AccountLocked;
                self.audit.record(Event::LoginFailed { user: Some(user.name), addr, reason }).await;
                Err(SignInError::AccountLocked)
            }
            Some(user) if verdict.right => {
                attempt.succeeded(self.clock.monotonic());
                Ok((user, verdict.outdated.then_some(password)))
            }
            other => Err(self.failed(attempt, other.map(|u| u.name), None, addr).await),
        }
    }

    async fn failed(&self, attempt: Attempt, user: Option<UserName>, useless: Option<LoginFailure>, addr: IpAddr) -> SignInError {
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
    async fn begin_attempt(&self, candidate: &Candidate<'_>, user: Option<UserName>) -> Result<Attempt, SignInError> {
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
            SignInRefusal::RateLimited(wait) if wait.first => Some(Event::LoginRateLimited { addr, seconds: wait.seconds() }),
            SignInRefusal::LockedOut(wait) if wait.first => Some(Event::LoginLockedOut { user, addr, seconds: wait.seconds() }),
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

    /// Parses a device cookie's value. Entries that this server did not issue are counted, and one a minute is audited.
    pub fn read_devices(&self, value: &str, addr: IpAddr) -> DeviceCookie {
        let cookie = self.devices.read(value);
        if cookie.forged > 0 {
            self.limits.refused().count("sign_in", "forged_device");
            self.audit.try_record(Event::DeviceForged { addr });
        }
        cookie
    }

    /// Returns the device cookie's value for a browser in which `session` has just begun. `None` if the account was
    /// reset since or cannot be read: the browser is then unknown at its next sign-in.
    pub async fn device_value(&self, session: &Session, old: &DeviceCookie) -> Option<String> {
        let id = session.person.id;
        let user = self.store.run(move |db| db.user_by_id(id)).await.ok().flatten()?;
        if user.generation != session.generation {
            return None;
        }
        let now = self.clock.now();
        let known = old.device_of(&user, now).filter(|id| !self.limits.is_ended(id));
        Some(self.devices.write(&user, known.unwrap_or_else(|| DeviceId(random())), old, now))
    }

    /// Stores a new hash of the password under the parameters in force. A failure does not prevent the sign-in.
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

    /// Returns the state of the hashing pool.
    pub fn hashing(&self) -> Hashing {
        self.pool.hashing()
    }

    /// Returns the counts of refused sign-ins by reason.
    pub fn refused_sign_ins(&self) -> &Counters {
        self.limits.refused()
    }

    /// Returns the live session of a cookie and records its use.
    pub fn session(&self, token: &Token) -> Option<Arc<Session>> {
        let mono = self.clock.monotonic();
        let session = self.sessions.find(&token.digest(), mono)?;
        session.touch(mono);
        Some(session)
    }

    /// Returns the wall time at which a session ends if it is not used again.
    pub fn expires_at(&self, session: &Session) -> Timestamp {
        self.sessions.limits().expires_at(session, Now::read(&*self.clock))
    }
}

/// Password that the caller keeps, for a hash under new parameters.
struct PasswordBytes(Arc<Password>);

impl AsRef<[u8]> for PasswordBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

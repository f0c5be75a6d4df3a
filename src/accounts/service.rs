//! Accounts as one service: the state behind sign-ins, sessions and claims.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::audit::{Audit, Event};
use crate::clock::{Clock, Now, Timestamp};
use crate::limits::{Counters, DeviceId, SignInLimits};
use crate::store::{Store, StoreError};
use crate::types::crypto::{Sha256, Token, random};

use super::blocklist::Blocklist;
use super::device::{DeviceCookie, Devices};
use super::dummy_hash::Decoys;
use super::freshness::Freshness;
use super::hash_pool::HashPool;
use super::open_claim::OpenClaim;
use super::pool_stats::Hashing;
use super::session::{Session, SessionLimits};
use super::sessions::Sessions;
use super::unsaved_failures::UnsavedFailures;

/// Rules for acceptable passwords.
pub struct PasswordRules {
    /// Rejected new passwords.
    pub blocklist: Blocklist,
    /// True for the demonstration on loopback, the only place where accounts with public passwords can sign
    /// in.
    pub demonstration: bool,
}

/// Validity of a temporary password: a week, for a person who is away for some days. A session that began in
/// time may change it later.
pub const ONE_TIME_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Accounts and their sessions.
pub struct Accounts {
    pub(super) store: Store,
    pub(super) pool: HashPool,
    pub(super) decoys: Decoys,
    pub(super) rules: PasswordRules,
    /// Live sessions.
    pub sessions: Arc<Sessions>,
    pub(super) claim: OpenClaim,
    pub(super) freshness: Freshness,
    /// Ended sessions whose rows are still in the store.
    pub(super) unremoved: Mutex<HashSet<Sha256>>,
    /// Failed sign-ins that the store does not count yet.
    pub(super) unsaved_failures: Arc<UnsavedFailures>,
    pub(super) limits: Arc<SignInLimits>,
    pub(super) devices: Devices,
    pub(super) audit: Audit,
    pub(super) clock: Arc<dyn Clock>,
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
        Ok(Self {
            store,
            pool,
            decoys,
            rules,
            sessions,
            claim,
            freshness,
            unremoved,
            unsaved_failures: Arc::default(),
            limits,
            devices,
            audit,
            clock,
        })
    }

    /// Parses a device cookie's value. Entries that this server did not issue are counted, and one a minute
    /// is audited.
    pub fn read_devices(&self, value: &str, addr: IpAddr) -> DeviceCookie {
        let cookie = self.devices.read(value);
        if cookie.forged > 0 {
            self.limits.refused().count("sign_in", "forged_device");
            self.audit.try_record(Event::DeviceForged { addr });
        }
        cookie
    }

    /// Returns the device cookie's value for a browser in which `session` has just begun. `None` if the
    /// account was reset since or cannot be read: the browser is then unknown at its next sign-in.
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

    /// Returns the time for which the browser keeps the cookie of a session; `None` until it is closed.
    pub fn remembered_for(&self, session: &Session) -> Option<Duration> {
        self.sessions.limits().remembered_for(session, self.clock.monotonic())
    }

    /// Returns the wall time at which a session ends if it is not used again.
    pub fn expires_at(&self, session: &Session) -> Timestamp {
        self.sessions.limits().expires_at(session, Now::read(&*self.clock))
    }
}

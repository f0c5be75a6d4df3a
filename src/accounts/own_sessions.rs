//! Sessions of one person, as that person sees and ends them.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::{Event, SessionEnd};
use crate::clock::{Now, Timestamp};
use crate::store::StoreError;
use crate::types::crypto::Sha256;

use super::service::Accounts;
use super::session::Session;

/// Session of a person in that person's own list.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// The session.
    pub session: Arc<Session>,
    /// True for the session that asks.
    pub is_current: bool,
    /// Start by the current wall clock.
    pub created_at: Timestamp,
    /// Last use by the current wall clock.
    pub used_at: Timestamp,
}

/// Session that ended at its person's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedOwn {
    /// The session that asked; its browser is signed out.
    Current,
    /// Another one.
    Other,
}

impl Accounts {
    /// Returns the live sessions of the person of `asking`: that one first, then the last used.
    pub fn own_sessions(&self, asking: &Session) -> Vec<OwnSession> {
        let now = Now::read(&*self.clock);
        let own = self.sessions.of_user(asking.person.id, now.mono).into_iter().map(|session| {
            let times = session.times(now);
            OwnSession {
                is_current: session.digest == asking.digest,
                created_at: times.created_at,
                used_at: times.used_at,
                session,
            }
        });
        let mut own: Vec<_> = own.collect();
        own.sort_by_key(|own| (!own.is_current, std::cmp::Reverse(own.used_at)));
        own
    }

    /// Ends the session of the same person with that public id. Returns `None` if there is none.
    pub async fn end_own_session(
        &self,
        asking: &Session,
        id: &str,
        addr: IpAddr,
    ) -> Result<Option<EndedOwn>, StoreError> {
        let own = self.sessions.of_user(asking.person.id, self.clock.monotonic());
        let Some(ended) = own.into_iter().find(|session| session.public_id() == id) else {
            return Ok(None);
        };
        if ended.digest == asking.digest {
            self.sign_out(ended.digest).await?;
            return Ok(Some(EndedOwn::Current));
        }
        self.revoke(asking, &[ended], addr).await?;
        Ok(Some(EndedOwn::Other))
    }

    /// Ends all other sessions of the person. Returns their number.
    pub async fn end_other_sessions(&self, asking: &Session, addr: IpAddr) -> Result<usize, StoreError> {
        let mut others = self.sessions.of_user(asking.person.id, self.clock.monotonic());
        others.retain(|session| session.digest != asking.digest);
        self.revoke(asking, &others, addr).await?;
        Ok(others.len())
    }

    async fn revoke(
        &self,
        asking: &Session,
        others: &[Arc<Session>],
        addr: IpAddr,
    ) -> Result<(), StoreError> {
        if others.is_empty() {
            return Ok(());
        }
        for other in others {
            let (session, by) = (other.short_id(), asking.short_id());
            let user = asking.person.name.clone();
            self.audit.record(Event::SessionRevoked { user, addr, session, by }).await;
        }
        let digests: Vec<Sha256> = others.iter().map(|session| session.digest).collect();
        self.sessions.end(&digests, SessionEnd::Revoked);
        self.remove_rows(digests).await
    }
}

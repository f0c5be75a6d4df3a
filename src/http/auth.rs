//! What somebody may do, as types: a handler that deletes cannot be reached without an [`Admin`].

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;

use crate::accounts::Session;
use crate::types::Role;

use super::address::is_local;
use super::origin::names_loopback;

/// Somebody with a session, who may first have to replace a password that was given to them.
pub(super) struct AnySession(Arc<Session>);

/// Somebody who is signed in, with a password of their own.
#[derive(Clone)]
pub(super) struct SignedIn(Arc<Session>);

/// Somebody who may put files into quarantine.
pub(super) struct Uploader(SignedIn);

/// Somebody who may do everything.
pub(super) struct Admin(SignedIn);

/// Somebody who looks after the device: an administrator, or whoever is on the device itself. May read figures that name nobody.
pub(super) struct Operator(());

impl Operator {
    /// Whoever asks from this machine, by a name that only it has for itself: what a forwarder without headers hands on does not.
    pub(super) fn local(peer: IpAddr, headers: &HeaderMap, authority: &str, trusted: &[IpAddr]) -> Option<Self> {
        (names_loopback(authority) && is_local(peer, headers, trusted)).then_some(Self(()))
    }
}

impl From<Admin> for Operator {
    fn from(_: Admin) -> Self {
        Self(())
    }
}

impl AnySession {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self(session)
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// None as long as the password must be changed.
    pub(super) fn signed_in(self) -> Option<SignedIn> {
        (!self.0.must_change()).then_some(SignedIn(self.0))
    }
}

impl SignedIn {
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// Whether this is an administrator, for what is only shown differently.
    pub(super) fn is_admin(&self) -> bool {
        self.0.role == Role::Administrator
    }

    pub(super) fn uploader(self) -> Option<Uploader> {
        self.0.role.may_upload().then_some(Uploader(self))
    }

    pub(super) fn admin(self) -> Option<Admin> {
        self.is_admin().then_some(Admin(self))
    }
}

impl Uploader {
    pub(super) fn session(&self) -> &Arc<Session> {
        self.0.session()
    }
}

impl Admin {
    pub(super) fn session(&self) -> &Arc<Session> {
        self.0.session()
    }
}

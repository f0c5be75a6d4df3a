//! Earlier sign-ins to an account, for its person.

use std::sync::Arc;

use crate::store::{Db, SignInRecord, StoreError};
use crate::types::UserId;

use super::service::Accounts;
use super::session::Session;
use super::unsaved_failures::UnsavedFailures;

/// Earlier sign-ins to an account, as the person of one of its sessions sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierSignIns {
    /// Sign-in before the one that began this session.
    pub previous: Option<SignInRecord>,
    /// Failed sign-ins since then.
    pub failures: u64,
}

/// State of an account's sign-ins right before a new one.
pub(super) struct BeforeSignIn {
    pub(super) previous: Option<SignInRecord>,
    pub(super) failures_before: u64,
    /// Failed sign-ins in all.
    pub(super) failures: u64,
}

impl Accounts {
    /// Returns the state right before a sign-in, while the database is locked.
    pub(super) fn before_sign_in(
        db: &Db,
        unsaved: &UnsavedFailures,
        user: UserId,
    ) -> Result<BeforeSignIn, StoreError> {
        let history = db.sign_in_history(user)?;
        Ok(BeforeSignIn {
            previous: history.last,
            failures_before: history.failures_at_last,
            failures: history.failures.saturating_add(unsaved.of(user)),
        })
    }

    /// Returns the sign-ins to the account before the one of `session`.
    pub async fn earlier_sign_ins(&self, session: &Session) -> Result<EarlierSignIns, StoreError> {
        let (user, unsaved) = (session.person.id, Arc::clone(&self.unsaved_failures));
        let origin = session.origin.clone();
        self.store
            .run(move |db| {
                let failures = Self::before_sign_in(db, &unsaved, user)?.failures;
                let failures = failures.saturating_sub(origin.failures_before);
                Ok(EarlierSignIns { previous: origin.previous, failures })
            })
            .await
    }
}

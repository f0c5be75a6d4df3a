//! Invitations to one room: digests of their tokens, with an end and a count of uses.

use std::time::Duration;

use crate::types::crypto::Sha256;

/// Maximum number of invitations of a room: 64 bytes each, so 1 KiB a room.
pub const MAX_INVITATIONS: usize = 16;
/// Longest life of an invitation in hours: a week.
pub const MAX_INVITATION_HOURS: u64 = 168;
/// Maximum number of uses of an invitation: more people than an office of 60 has.
pub const MAX_INVITATION_USES: u32 = 100;

/// End and uses of an invitation to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationTerms {
    hours: u64,
    uses: u32,
}

impl InvitationTerms {
    /// Checks both figures against their maximum; neither may be 0.
    pub fn new(hours: u64, uses: u64) -> Option<Self> {
        let uses = u32::try_from(uses).ok()?;
        let is_within =
            (1..=MAX_INVITATION_HOURS).contains(&hours) && (1..=MAX_INVITATION_USES).contains(&uses);
        is_within.then_some(Self { hours, uses })
    }

    /// Returns the time from now to the end.
    pub fn life(self) -> Duration {
        Duration::from_hours(self.hours)
    }

    /// Returns the number of uses.
    pub fn uses(self) -> u32 {
        self.uses
    }
}

/// One invitation.
struct Invitation {
    digest: Sha256,
    /// Monotonic time: a step of the wall clock neither ends nor extends it.
    ends_at: Duration,
    uses_left: u32,
}

/// The room has its maximum number of invitations.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyInvitations;

/// Invitations of one room, at most [`MAX_INVITATIONS`].
#[derive(Default)]
pub(super) struct Invitations(Vec<Invitation>);

impl Invitations {
    /// Adds an invitation. One that is over gives way; then the oldest of those that are used up.
    pub(super) fn add(
        &mut self,
        digest: Sha256,
        terms: InvitationTerms,
        now: Duration,
    ) -> Result<(), TooManyInvitations> {
        self.0.retain(|invitation| now < invitation.ends_at);
        if self.0.len() >= MAX_INVITATIONS {
            let used_up = self.0.iter().position(|invitation| invitation.uses_left == 0);
            self.0.remove(used_up.ok_or(TooManyInvitations)?);
        }
        self.0.push(Invitation { digest, ends_at: now + terms.life(), uses_left: terms.uses });
        Ok(())
    }

    /// Returns the uses left of an invitation that is not over. A used-up one still leads its guests back.
    pub(super) fn uses_left(&self, digest: &Sha256, now: Duration) -> Option<u32> {
        let invitation = self.0.iter().find(|invitation| invitation.digest == *digest)?;
        (now < invitation.ends_at).then_some(invitation.uses_left)
    }

    /// Counts one use of an invitation; `None` is a join without one.
    pub(super) fn use_one(&mut self, digest: Option<&Sha256>) {
        if let Some(invitation) = self.0.iter_mut().find(|invitation| Some(&invitation.digest) == digest) {
            invitation.uses_left = invitation.uses_left.saturating_sub(1);
        }
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

//! Making invitations to rooms, and joining by them.

use crate::clock::Now;
use crate::locks::lock;
use crate::types::RoomCode;
use crate::types::crypto::{InvitationToken, Sha256};

use super::delivery::FrameEncoder;
use super::hub::{EnterError, Hub, Joined, Joiner};
use super::hub_shared::JoinInfo;
use super::invitations::{InvitationTerms, TooManyInvitations};

/// Reason why no invitation was made.
#[derive(Debug, PartialEq, Eq)]
pub enum InviteError {
    /// There is no room under that code.
    UnknownRoom,
    /// The session is no member of the room.
    NotMember,
    /// The room has its maximum number of invitations.
    TooMany,
}

impl<W: FrameEncoder> Hub<W> {
    /// Makes an invitation to a room of which `session` is a member. The room keeps only the digest of the
    /// token, and forgets it when it ends.
    pub fn invite(
        &self,
        code: &RoomCode,
        session: &Sha256,
        terms: InvitationTerms,
        now: Now,
    ) -> Result<InvitationToken, InviteError> {
        let slot = self.shared.directory.find(code).ok_or(InviteError::UnknownRoom)?;
        let mut state = lock(&slot.state);
        if state.ended {
            return Err(InviteError::UnknownRoom);
        }
        if !state.room.has_member(session) {
            return Err(InviteError::NotMember);
        }
        let token = InvitationToken::random();
        match state.invitations.add(token.digest(), terms, now.mono) {
            Ok(()) => Ok(token),
            Err(TooManyInvitations) => Err(InviteError::TooMany),
        }
    }

    /// Makes a session a member of the room to which `token` invites, as [`Hub::join`] does.
    ///
    /// No index of tokens is kept: at most 1024 rooms × 16 invitations are compared, some 50 µs, and a user
    /// may ask for it as often as for any join.
    ///
    /// # Errors
    /// [`EnterError::InvitationOver`] if no room has such an invitation, or it has ended or is used up.
    pub fn join_by_invitation(
        &self,
        token: &InvitationToken,
        visitor: &Joiner<'_, W>,
        now: Now,
        answer: impl FnOnce(&RoomCode, &JoinInfo) -> W::Frame,
    ) -> Result<Joined<W>, EnterError> {
        let digest = token.digest();
        for slot in self.shared.directory.all() {
            let state = lock(&slot.state);
            let Some(uses_left) = state.invitations.uses_left(&digest, now.mono) else { continue };
            if uses_left == 0 && !state.room.has_member(&visitor.session) {
                break;
            }
            return match self.join_locked(&slot, state, visitor, Some(&digest), now, answer) {
                // The room has just ended.
                Err(EnterError::Changed) => Err(EnterError::InvitationOver),
                other => other,
            };
        }
        Err(EnterError::InvitationOver)
    }
}

#[cfg(test)]
#[path = "hub_invitations_tests.rs"]
mod tests;

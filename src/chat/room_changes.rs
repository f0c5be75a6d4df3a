//! Edits, removals and reactions in a room.

use std::sync::Arc;

use crate::types::{Emoji, Person, UserId};

use super::delivery::{Mailbox, Priority, SharedFrame};
use super::message_changes::MessageChanges;
use super::message_ring::{BackfillBudget, MissedChanges};
use super::reactions::{Reaction, toggle};
use super::room::Room;
use super::seq::Seq;

/// Reason why a message was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageChangeError {
    /// The socket is not in the room.
    NotMember,
    /// The message is not kept, was removed, or is older than the membership.
    Gone,
    /// Another person wrote it.
    NotYours,
    /// It has the maximum number of different emojis.
    TooManyReactions,
}

/// Frames of one change.
pub(super) struct ChangeFrames<F> {
    /// Goes to the sockets in the room.
    pub(super) told: F,
    /// Goes later to a socket that has the message as it was.
    pub(super) told_later: F,
    /// Goes to a socket that missed the message.
    pub(super) kept: F,
}

impl<F: SharedFrame, M: Mailbox<F> + Clone> Room<F, M> {
    /// Returns the kept frame of a message that this socket's membership covers, and its author.
    fn kept(&self, seat: u64, seq: Seq) -> Result<(&F, UserId), MessageChangeError> {
        let at = self.seat_index(seat).ok_or(MessageChangeError::NotMember)?;
        let entry = self.ring.get(seq).filter(|_| self.floor_of(self.seats[at].member) < seq);
        entry.map(|entry| (&entry.frame, entry.author)).ok_or(MessageChangeError::Gone)
    }

    fn own(&self, seat: u64, user: UserId, seq: Seq) -> Result<&F, MessageChangeError> {
        let (frame, author) = self.kept(seat, seq)?;
        if author == user { Ok(frame) } else { Err(MessageChangeError::NotYours) }
    }

    /// Replaces the text of the person's own message. `encode` gets the kept frame and the reactions.
    pub(super) fn edit(
        &mut self,
        seat: u64,
        user: UserId,
        seq: Seq,
        encode: impl FnOnce(&F, &[Reaction]) -> ChangeFrames<F>,
    ) -> Result<(), MessageChangeError> {
        let kept = self.own(seat, user, seq)?;
        let reactions = self.ring.changes(seq).map_or(&[][..], |changes| &changes.reactions);
        let ChangeFrames { told, told_later, kept } = encode(kept, reactions);
        self.ring.replace(seq, kept, |changes| changes.edited = Some(told_later));
        self.deliver_change(seq, &told);
        Ok(())
    }

    /// Removes the person's own message; `told` stays in its place.
    pub(super) fn remove_message(
        &mut self,
        seat: u64,
        user: UserId,
        seq: Seq,
        told: &F,
    ) -> Result<(), MessageChangeError> {
        self.own(seat, user, seq)?;
        self.ring.replace(seq, told.clone(), |changes| {
            *changes = MessageChanges { is_removed: true, ..MessageChanges::default() };
        });
        self.deliver_change(seq, told);
        Ok(())
    }

    /// Adds the person's reaction to a message, or takes it back. `encode` gets the kept frame, the reactions
    /// after it, and true if it is there now.
    pub(super) fn react(
        &mut self,
        seat: u64,
        person: &Arc<Person>,
        seq: Seq,
        emoji: &Emoji,
        encode: impl FnOnce(&F, &[Reaction], bool) -> ChangeFrames<F>,
    ) -> Result<(), MessageChangeError> {
        let (kept, _) = self.kept(seat, seq)?;
        let changes = self.ring.changes(seq);
        let mut reactions = changes.map_or_else(Vec::new, |changes| changes.reactions.clone());
        let is_on =
            toggle(&mut reactions, emoji, person).map_err(|_| MessageChangeError::TooManyReactions)?;
        let ChangeFrames { told, told_later, kept } = encode(kept, &reactions, is_on);
        self.ring.replace(seq, kept, |changes| {
            changes.reactions = reactions;
            changes.reacted = Some(told_later);
        });
        self.deliver_change(seq, &told);
        Ok(())
    }

    /// Returns changes of messages after `after`, up to `until`. `None` if the socket is no longer in the
    /// room.
    pub(super) fn missed_changes(
        &self,
        seat: u64,
        after: Seq,
        until: Seq,
        budget: BackfillBudget,
    ) -> Option<MissedChanges<F>> {
        self.has_seat(seat).then(|| self.ring.changes_after(after, until, budget))
    }

    /// Delivers a change to all sockets whose memberships cover the message. A socket that is still replaying
    /// gets it too: it may have the message already.
    fn deliver_change(&self, seq: Seq, frame: &F) {
        for seat in self.seats.iter().filter(|seat| self.floor_of(seat.member) < seq) {
            seat.mailbox.deliver(frame.clone(), Priority::Message);
        }
    }
}

#[cfg(test)]
#[path = "room_changes_tests.rs"]
mod tests;

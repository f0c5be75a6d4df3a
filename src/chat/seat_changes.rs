//! Changes of messages by a socket in a room.

use crate::clock::Timestamp;
use crate::locks::lock;
use crate::types::Emoji;

use super::delivery::{FrameEncoder, NewMessage, ReactionChange};
use super::message_ring::{BackfillBudget, MissedChanges};
use super::room_changes::{ChangeFrames, MessageChangeError};
use super::room_slot::LockedRoom;
use super::seat::Seat;
use super::seq::Seq;

impl<W: FrameEncoder> Seat<W> {
    /// Changes messages under the room's lock, and counts their memory anew.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut LockedRoom<W>) -> Result<T, MessageChangeError>,
    ) -> Result<T, MessageChangeError> {
        let mut state = lock(&self.slot.state);
        let changed = change(&mut state)?;
        self.hub.settle_memory(&self.slot, &state);
        drop(state);
        if self.hub.memory() > self.hub.limits().memory {
            self.hub.trim_memory();
        }
        Ok(changed)
    }

    /// Replaces the text of the person's own message `seq`.
    ///
    /// # Errors
    /// Fails if the message is not kept, or is of another person.
    pub fn edit(&self, seq: Seq, message: &NewMessage<'_>) -> Result<(), MessageChangeError> {
        let told = W::edited(self.code(), &self.person.name, seq, message);
        self.change(|state| {
            state.room.edit(self.id, self.person.id, seq, |kept, reactions| ChangeFrames {
                told: told.clone(),
                told_later: told,
                kept: W::revise(kept, Some(message), reactions),
            })
        })
    }

    /// Removes the person's own message `seq`.
    ///
    /// # Errors
    /// Fails as [`Seat::edit`] does.
    pub fn remove_message(&self, seq: Seq, at: Timestamp) -> Result<(), MessageChangeError> {
        let told = W::removed(self.code(), &self.person.name, seq, at);
        self.change(|state| state.room.remove_message(self.id, self.person.id, seq, &told))
    }

    /// Adds the person's reaction to message `seq`, or takes it back.
    ///
    /// # Errors
    /// Fails if the message is not kept, or has the maximum number of different emojis.
    pub fn react(&self, seq: Seq, emoji: &Emoji) -> Result<(), MessageChangeError> {
        let (code, name) = (self.code(), &self.person.name);
        self.change(|state| {
            state.room.react(self.id, &self.person, seq, emoji, |kept, reactions, is_on| {
                let change = ReactionChange { seq, emoji, is_on };
                ChangeFrames {
                    told: W::reacted(code, name, change, None),
                    told_later: W::reacted(code, name, change, Some(reactions)),
                    kept: W::revise(kept, None, reactions),
                }
            })
        })
    }

    /// Returns changes of messages after `after`, up to `until`. `None` if the socket is no longer in the
    /// room.
    pub fn missed_changes(
        &self,
        after: Seq,
        until: Seq,
        budget: BackfillBudget,
    ) -> Option<MissedChanges<W::Frame>> {
        lock(&self.slot.state).room.missed_changes(self.id, after, until, budget)
    }
}

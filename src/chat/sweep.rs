//! Periodic work on all rooms.

use std::time::Duration;

use crate::audit::Event;
use crate::clock::Now;
use crate::locks::lock;

use super::delivery::{FrameEncoder, Presence, Priority};
use super::hub::Hub;
use super::room_slot::{LockedRoom, RoomSlot, Summary};

/// Interval of the audit summaries of a busy room.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

impl<W: FrameEncoder> Hub<W> {
    /// Tells who is away, wipes messages, ends rooms and memberships that are due, and audits summaries.
    /// Called once a second.
    pub fn sweep(&self, now: Now) {
        let limits = self.shared.limits();
        for session in self.shared.directory.overslept(now.mono, limits.empty) {
            self.end_session(&session, now);
        }
        for slot in self.shared.directory.all() {
            let mut state = lock(&slot.state);
            for person in state.room.mark_away(now.mono) {
                let frame = W::presence(&slot.is.code, &person.name, Presence::Away, now.wall);
                state.room.deliver(&frame, Priority::Presence, None);
            }
            self.shared.wipe_if_due(&slot, &mut state, now.mono);
            self.audit_summary(&slot, &mut state, now.mono);
            drop(state);
            self.shared.end(&slot, None, |state| {
                let is_over = |since| now.mono.saturating_sub(since) >= limits.empty;
                state.room.quiet_since.is_some_and(is_over)
            });
        }
    }

    fn audit_summary(&self, slot: &RoomSlot<W>, state: &mut LockedRoom<W>, now: Duration) {
        let (messages, bytes) = (state.messages, state.bytes);
        if messages > state.summary.messages && now.saturating_sub(state.summary.at) >= SUMMARY_INTERVAL {
            let last = std::mem::replace(&mut state.summary, Summary { messages, bytes, at: now });
            let (messages, bytes) = (messages - last.messages, bytes - last.bytes);
            self.shared.audit(Event::RoomTally { room: slot.is.code.clone(), messages, bytes });
        }
    }
}

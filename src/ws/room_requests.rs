//! Requests in rooms that a socket has entered.

use crate::chat::{EndError, LeaveReason, Seq};
use crate::clock::Now;
use crate::types::{MessageText, RoomCode};

use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::messages::{ServerMessage, leave_word, sent_message};
use crate::ws::protocol::request_error::RequestError;
use crate::ws::socket_state::SocketState;

impl SocketState {
    pub(super) fn send(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        text: &str,
    ) -> Result<(), RequestError> {
        let config = self.services.config.get();
        let seat = self.seats.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let text = MessageText::parse(text, config.limits.message_chars)?;
        self.services
            .rates
            .message(self.client.session.person.id)
            .map_err(|wait| RequestError::rate_limited(wait.retry))?;
        let at = self.services.clock.now();
        let Some(seq) = seat.publish(&text, at, self.pending.receivers()) else {
            return Err(self.on_left(room));
        };
        let sent = sent_message(reference, seat.code(), seq, at);
        self.pending.enqueue_own(&self.registration.out, sent);
        self.messages += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self, reference: Option<&str>, room: &RoomCode) -> Result<(), RequestError> {
        let now = Now::read(&*self.services.clock);
        let seat = self.seats.remove(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let code = seat.code().clone();
        if !seat.leave(&self.registration.out, now) {
            return Err(RequestError::new(ErrorCode::NotMember));
        }
        self.answer_left(reference, &code, LeaveReason::Left);
        Ok(())
    }

    pub(super) fn answer_left(&mut self, reference: Option<&str>, room: &RoomCode, reason: LeaveReason) {
        let (room, reason) = (room.as_str(), leave_word(reason));
        self.answer(&ServerMessage::Left { r#ref: reference, room, reason });
    }

    pub(super) fn end_room(&mut self, reference: Option<&str>, room: &RoomCode) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        let code = seat.code().clone();
        match seat.end_room() {
            Ok(()) => {
                let _ = self.on_left(room);
                self.answer_left(reference, &code, LeaveReason::Ended);
                Ok(())
            }
            Err(EndError::NotMember) => Err(self.on_left(room)),
            Err(EndError::NotAllowed) => Err(RequestError::new(ErrorCode::NotModerator)),
        }
    }

    pub(super) fn read(&mut self, room: &RoomCode, seq: Seq) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        // Past the limit the number is kept and not passed on.
        let tell = self.services.rates.read_mark(self.client.session.person.id).is_ok();
        if seat.read(seq, tell).is_none() {
            return Err(self.on_left(room));
        }
        Ok(())
    }

    pub(super) fn typing(&mut self, room: &RoomCode) -> Result<(), RequestError> {
        let seat = self.seat(room)?;
        if self.services.rates.typing(self.client.session.person.id).is_ok() && seat.typing().is_none() {
            return Err(self.on_left(room));
        }
        Ok(())
    }
}

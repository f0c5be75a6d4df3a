//! Requests in rooms that a socket has entered.

use crate::chat::{EndError, LeaveReason, MessageChangeError, NewMessage, PublishError, Seat, Seq};
use crate::clock::{Now, Timestamp};
use crate::types::texts::key;
use crate::types::{Emoji, MessageText, NotAnEmoji, RoomCode};

use crate::ws::protocol::error_code::ErrorCode;
use crate::ws::protocol::messages::{JsonEncoder, ServerMessage, leave_word, sent_message};
use crate::ws::protocol::request_error::RequestError;
use crate::ws::socket_state::SocketState;

impl SocketState {
    /// Sanitizes a text, then takes a token for a message, so that a text which is refused costs none.
    fn text<'a>(&self, text: &'a str) -> Result<MessageText<'a>, RequestError> {
        let text = MessageText::parse(text, self.services.config.get().limits.message_chars)?;
        self.take_message_token()?;
        Ok(text)
    }

    fn take_message_token(&self) -> Result<(), RequestError> {
        let user = self.client.session.person.id;
        self.services.rates.message(user).map_err(|wait| RequestError::rate_limited(wait.retry))
    }

    fn answer_sent(&mut self, reference: Option<&str>, room: &RoomCode, seq: Seq, at: Timestamp) {
        let sent = sent_message(reference, room, seq, at);
        self.pending.enqueue_own(&self.registration.out, sent);
    }

    pub(super) fn send(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        text: &str,
        reply: Option<Seq>,
    ) -> Result<(), RequestError> {
        let seat = self.seats.get(room).ok_or_else(|| RequestError::new(ErrorCode::NotMember))?;
        let text = self.text(text)?;
        let at = self.services.clock.now();
        let code = seat.code().clone();
        match seat.publish(&NewMessage { text: &text, at, reply }, self.pending.receivers()) {
            Ok(seq) => self.answer_sent(reference, &code, seq, at),
            Err(PublishError::NotMember) => return Err(self.on_left(room)),
            Err(PublishError::UnknownReply) => {
                return Err(RequestError::with_detail(ErrorCode::BadRequest, key::MESSAGE_REPLY));
            }
        }
        self.messages += 1;
        Ok(())
    }

    pub(super) fn edit(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        seq: Seq,
        text: &str,
    ) -> Result<(), RequestError> {
        self.seat(room)?;
        let text = self.text(text)?;
        self.change(reference, room, seq, |seat, at| {
            seat.edit(seq, &NewMessage { text: &text, at, reply: None })
        })
    }

    pub(super) fn remove_message(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        seq: Seq,
    ) -> Result<(), RequestError> {
        self.seat(room)?;
        self.take_message_token()?;
        self.change(reference, room, seq, |seat, at| seat.remove_message(seq, at))
    }

    pub(super) fn react(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        seq: Seq,
        emoji: &str,
    ) -> Result<(), RequestError> {
        self.seat(room)?;
        let emoji = Emoji::parse(emoji)
            .map_err(|NotAnEmoji| RequestError::with_detail(ErrorCode::BadRequest, key::MESSAGE_EMOJI))?;
        self.take_message_token()?;
        self.change(reference, room, seq, |seat, _| seat.react(seq, &emoji))
    }

    /// Changes message `seq` and answers with its number and the time of the change.
    fn change(
        &mut self,
        reference: Option<&str>,
        room: &RoomCode,
        seq: Seq,
        change: impl FnOnce(&Seat<JsonEncoder>, Timestamp) -> Result<(), MessageChangeError>,
    ) -> Result<(), RequestError> {
        let at = self.services.clock.now();
        let seat = self.seat(room)?;
        let code = seat.code().clone();
        match change(seat, at) {
            Ok(()) => {
                self.answer_sent(reference, &code, seq, at);
                Ok(())
            }
            Err(MessageChangeError::NotMember) => Err(self.on_left(room)),
            Err(MessageChangeError::Gone) => Err(RequestError::new(ErrorCode::Gone)),
            Err(MessageChangeError::NotYours) => Err(RequestError::new(ErrorCode::NotYours)),
            Err(MessageChangeError::TooManyReactions) => Err(RequestError::too_many_reactions()),
        }
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

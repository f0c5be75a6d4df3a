//! Texts of a run: each holds the run's random tag and a number of its own.

use serde_json::{Value, json};

use crate::types::crypto::random;

use super::needles::{ID, Id, TAG, json_escapes};

/// Digits of a tag.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the longest message.
const LONGEST: usize = 4000;

/// Form of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextForm {
    Short,
    /// As long as a message may be.
    Long,
    /// With characters beyond ASCII, not normalised.
    Accents,
    /// With characters that JSON escapes.
    Quotes,
    /// Each character escaped by the client.
    Escaped,
    /// In two frames.
    Fragments,
    /// Refused: too long.
    TooLong,
    /// Refused: to a room that the client is not in.
    NotMember,
    /// Refused: with a field that does not exist.
    UnknownField,
    /// Refused: too many at once.
    Flood,
    /// The room's password.
    Password,
    /// A wrong password.
    WrongPassword,
    /// Put there by `--plant`.
    Planted,
    /// A file that every run must find.
    Control,
}

/// Forms of messages that members get.
pub(super) const SENT: [TextForm; 6] = [
    TextForm::Short,
    TextForm::Long,
    TextForm::Accents,
    TextForm::Quotes,
    TextForm::Escaped,
    TextForm::Fragments,
];
/// Forms of messages that are refused, beside [`TextForm::Flood`].
pub(super) const REFUSED: [TextForm; 3] = [TextForm::TooLong, TextForm::NotMember, TextForm::UnknownField];

/// Maker of the texts of a run.
pub(super) struct Canaries {
    tag: String,
}

impl Canaries {
    pub(super) fn draw() -> Self {
        let tag = random::<TAG>().map(|byte| char::from(DIGITS[usize::from(byte) % DIGITS.len()]));
        Self { tag: tag.iter().collect() }
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns tag and number.
    pub(super) fn mark(&self, transport: char, room: char, form: TextForm) -> String {
        format!("{}{}", self.tag, String::from_utf8_lossy(&id(transport, room, form)))
    }

    /// Returns the frame's text that sends a message of this form to a room.
    pub(super) fn send(&self, (transport, room): (char, char), code: &str, form: TextForm) -> String {
        let mark = self.mark(transport, room, form);
        let text = match form {
            TextForm::Long => mark.repeat(LONGEST / mark.len()),
            TextForm::TooLong => mark.repeat(LONGEST / mark.len() + 1),
            TextForm::Accents => format!("¿ñandú e\u{301}? \u{1F980} {mark} ¡sí!"),
            TextForm::Quotes => format!("\"{mark}\" \\{mark}\\\n\t{mark}"),
            _ => mark,
        };
        let mut frame = json!({ "type": "send", "room": code, "text": text });
        if form == TextForm::UnknownField
            && let Value::Object(fields) = &mut frame
        {
            fields.insert("unknown".into(), Value::Bool(true));
        }
        let frame = frame.to_string();
        if form == TextForm::Escaped { frame.replace(&text, &json_escapes(text.as_bytes())) } else { frame }
    }
}

/// Returns the number of a text: transport, room, and form in two digits.
pub(super) fn id(transport: char, room: char, form: TextForm) -> Id {
    let number = format!("{transport}{room}{:02}", form as usize);
    number.into_bytes().try_into().unwrap_or([b'0'; ID])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_carry_their_mark_and_escaped_ones_do_not() {
        let canaries = Canaries::draw();
        for form in SENT.into_iter().chain(REFUSED) {
            let mark = canaries.mark('p', 'a', form);
            let frame = canaries.send(('p', 'a'), "sala", form);
            assert_eq!(frame.contains(&mark), form != TextForm::Escaped, "{frame}");
            let read: Value = serde_json::from_str(&frame).expect("JSON");
            let text = read["text"].as_str().expect("a text");
            assert!(text.contains(&mark), "{text}");
            let too_long = text.chars().count() > LONGEST;
            assert_eq!(too_long, form == TextForm::TooLong, "{text}");
        }
        assert_ne!(Canaries::draw().tag(), canaries.tag());
    }
}

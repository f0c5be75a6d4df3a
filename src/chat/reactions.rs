//! Reactions of people at one message.

use std::sync::Arc;

use crate::types::{Emoji, Person};

/// Different emojis at one message.
pub const MAX_REACTIONS: usize = 8;

/// One emoji at a message, and the people who chose it, in that order.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The emoji.
    pub emoji: Emoji,
    /// The people, each once.
    pub people: Vec<Arc<Person>>,
}

/// The message has [`MAX_REACTIONS`] different emojis.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyReactions;

/// Adds the person's reaction to those of a message, or takes it back; returns true if it is there now.
pub(super) fn toggle(
    reactions: &mut Vec<Reaction>,
    emoji: &Emoji,
    person: &Arc<Person>,
) -> Result<bool, TooManyReactions> {
    let Some(at) = reactions.iter().position(|one| one.emoji == *emoji) else {
        if reactions.len() >= MAX_REACTIONS {
            return Err(TooManyReactions);
        }
        reactions.push(Reaction { emoji: emoji.clone(), people: vec![Arc::clone(person)] });
        return Ok(true);
    };
    let people = &mut reactions[at].people;
    let before = people.len();
    people.retain(|other| other.id != person.id);
    let is_on = people.len() == before;
    if is_on {
        people.push(Arc::clone(person));
    } else if people.is_empty() {
        reactions.remove(at);
    }
    Ok(is_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UserId;

    fn person(id: i64) -> Arc<Person> {
        Arc::new(Person { id: UserId(id), name: format!("u{id}").parse().expect("valid") })
    }

    #[test]
    fn each_person_has_one_of_each_emoji() {
        let mut list = Vec::new();
        let [thumb, heart] = ["👍", "❤️"].map(|emoji| Emoji::parse(emoji).expect("one emoji"));
        let counts = |list: &[Reaction]| list.iter().map(|one| one.people.len()).collect::<Vec<_>>();
        assert_eq!(toggle(&mut list, &thumb, &person(1)), Ok(true));
        assert_eq!(toggle(&mut list, &thumb, &person(2)), Ok(true));
        assert_eq!(toggle(&mut list, &heart, &person(1)), Ok(true));
        assert_eq!(counts(&list), [2, 1]);
        assert_eq!(toggle(&mut list, &thumb, &person(1)), Ok(false));
        assert_eq!(toggle(&mut list, &heart, &person(1)), Ok(false));
        assert_eq!(counts(&list), [1], "an emoji without people is gone");
    }

    #[test]
    fn different_emojis_are_bounded() {
        let mut list = Vec::new();
        let faces = ('\u{1F600}'..).take(MAX_REACTIONS + 1).map(|c| Emoji::parse(&c.to_string()));
        let faces: Vec<_> = faces.map(|face| face.expect("one emoji")).collect();
        for face in &faces[..MAX_REACTIONS] {
            assert_eq!(toggle(&mut list, face, &person(1)), Ok(true));
        }
        assert_eq!(toggle(&mut list, &faces[MAX_REACTIONS], &person(2)), Err(TooManyReactions));
        assert_eq!(toggle(&mut list, &faces[0], &person(2)), Ok(true), "an emoji takes more people");
    }
}

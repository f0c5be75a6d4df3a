//! Names of types mean one thing in the whole program.

use std::collections::BTreeMap;

use super::lexer::lex;
use super::sources;

/// Returns the names of the types that a source declares as `pub`, `pub(crate)` or `pub(super)`, with their
/// lines.
fn visible_types(text: &str) -> Vec<(String, usize)> {
    let tokens = lex(text).tokens;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.text != "pub" {
            continue;
        }
        let mut rest = tokens[at + 1..].iter().peekable();
        if rest.next_if(|token| token.text == "(").is_some() {
            rest.by_ref().find(|token| token.text == ")");
        }
        let kind = rest.find(|token| token.text != "unsafe").map_or("", |token| token.text);
        let name = rest.next().filter(|name| name.is_word());
        if let Some(name) = name.filter(|_| ["struct", "enum", "trait", "union", "type"].contains(&kind)) {
            found.push((name.text.to_owned(), name.line));
        }
    }
    found
}

/// Returns the names that are declared more than once, with the places.
fn repeated<'a>(files: impl IntoIterator<Item = &'a (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in files {
        for (name, line) in visible_types(text) {
            places.entry(name).or_default().push(format!("{file}:{line}"));
        }
    }
    places.retain(|_, places| places.len() > 1);
    places
}

#[test]
fn type_names_are_unique() {
    let found = repeated(&sources("src", &["rs"]));
    assert!(found.is_empty(), "names that mean several things: {found:#?}");
}

#[test]
fn planted_double_name_is_found() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = [
        file(
            "a.rs",
            "pub struct Entry;\nstruct Own;\npub(crate) enum Kind { A }\n// pub struct Single;\npub fn f() {}",
        ),
        file(
            "b.rs",
            "pub trait Single {}\nstruct Own;\npub(in crate::b) type Entry = u8;\nconst T: &str = \"pub enum Kind\";",
        ),
    ];
    assert_eq!(
        repeated(&files),
        BTreeMap::from([("Entry".to_owned(), vec!["a.rs:1".to_owned(), "b.rs:3".to_owned()])])
    );
}

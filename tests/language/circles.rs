//! Files of the program depend on one another in one direction.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Crate, Use};
use super::root;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Returns the groups of files that reach one another (strongly connected components of more than one).
fn circles(uses: &BTreeSet<Use>) -> Vec<BTreeSet<String>> {
    let (mut forward, mut backward) = (Graph::new(), Graph::new());
    for Use { from, to, .. } in uses {
        forward.entry(from.clone()).or_default().insert(to.clone());
        backward.entry(to.clone()).or_default().insert(from.clone());
    }
    let mut left: BTreeSet<&String> = forward.keys().collect();
    let mut found = Vec::new();
    while let Some(file) = left.pop_first() {
        let group: BTreeSet<_> =
            reach(&forward, file).intersection(&reach(&backward, file)).cloned().collect();
        left.retain(|other| !group.contains(*other));
        if group.len() > 1 {
            found.push(group);
        }
    }
    found
}

/// Returns the files that a file reaches, itself included.
fn reach(graph: &Graph, file: &String) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        if found.insert(file.clone()) {
            next.extend(graph.get(file).into_iter().flatten());
        }
    }
    found
}

fn uses_of(read: &dyn Fn(&str) -> Option<String>) -> BTreeSet<Use> {
    Crate::load(read).uses()
}

#[test]
fn files_form_no_circles() {
    let uses = uses_of(&|file| std::fs::read_to_string(root().join("src").join(file)).ok());
    assert!(uses.len() > 500, "only {} uses were found", uses.len());
    let mut report = String::new();
    for group in circles(&uses) {
        report.push_str(&format!("\n{} files in a circle:\n", group.len()));
        let mut told = BTreeSet::new();
        for Use { from, line, to } in &uses {
            if group.contains(from) && group.contains(to) && told.insert((from, to)) {
                report.push_str(&format!("  src/{from}:{line} uses src/{to}\n"));
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// Returns the circles of a crate that is written here, as one line each.
fn planted(files: &[(&str, &str)]) -> Vec<String> {
    let read = |file: &str| files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned());
    circles(&uses_of(&read))
        .into_iter()
        .map(|group| group.into_iter().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn planted_circles_are_found() {
    let by_use = [
        ("lib.rs", "pub mod a;\npub mod b;"),
        ("a.rs", "use crate::b::{self, deep::{B as Other, C}};\npub struct A(Other);"),
        ("b/mod.rs", "pub mod deep;"),
        ("b/deep.rs", "use super::super::a::A;\npub struct B(A);\npub struct C;"),
    ];
    assert_eq!(planted(&by_use), ["a.rs b/deep.rs"]);
    let by_path = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "pub fn f() { crate::b::g(); }"),
        ("b.rs", "use crate::a;\npub fn g() { a::f() }"),
    ];
    assert_eq!(planted(&by_path), ["a.rs b.rs"]);
    let by_reexport = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a/mod.rs", "mod inner;\npub use inner::Inner;"),
        ("a/inner.rs", "use crate::b::*;\npub struct Inner(B);"),
        ("b.rs", "use crate::a::Inner;\npub struct B(Box<Inner>);"),
    ];
    assert_eq!(planted(&by_reexport), ["a/inner.rs b.rs"]);
    let with_the_child = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod child;\nuse child::Child;\npub struct Parent(Child);"),
        ("a/child.rs", "pub struct Child(Option<Box<super::Parent>>);"),
    ];
    assert_eq!(planted(&with_the_child), ["a.rs a/child.rs"]);
}

#[test]
fn one_direction_is_no_circle() {
    let files = [
        ("lib.rs", "//! [`a::A`] and `crate::b::B`.\nmod a;\nmod b;\npub use a::A;"),
        (
            "a.rs",
            "use std::b::B;\nuse crate::b;\n// use crate::b::B;\npub struct A(&'static str);\nconst T: &str = \"crate::b::B\";\nfn f(b: u8) { b.g(b) }",
        ),
        (
            "b.rs",
            "use crate::a::A;\npub struct B(A);\n#[cfg(test)]\nmod tests { use crate::c; }\n#[cfg(test)]\nuse crate::{a::A as C};\nfn g() {}",
        ),
    ];
    assert_eq!(planted(&files), [""; 0]);
    let facade = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod one;\nmod two;\npub use one::One;\npub use two::Two;\npub struct Own;\nfn f() { one::run() }",
        ),
        ("a/one.rs", "use super::Own;\nuse super::two::Two;\npub struct One(Two);\npub fn run() {}"),
        ("a/two.rs", "pub struct Two;"),
    ];
    assert_eq!(planted(&facade), [""; 0]);
}

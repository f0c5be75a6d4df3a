//! Lints of the source: prose of comments, names of types, circles between files.
//!
//! Each lint has a test that shows it a planted fault. The lists of known findings are meant to be empty.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod circles;
mod lexer;
mod modules;
mod prose;
mod type_names;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below `place`, or the file itself, that have one of these endings, with their text.
fn sources(place: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn collect(path: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).expect("a folder") {
                collect(&entry.expect("an entry").path(), endings, found);
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    collect(&root().join(place), endings, &mut found);
    found.sort();
    let relative =
        |path: &PathBuf| path.strip_prefix(root()).expect("is below").to_string_lossy().into_owned();
    found.iter().map(|path| (relative(path), std::fs::read_to_string(path).expect("text"))).collect()
}

//! Comments in plain English: rustdoc opens with a verb or a noun, and people have names.

use super::lexer::lex;
use super::sources;

/// A first line of rustdoc does not open with these.
const OPENINGS: [&str; 13] = [
    "What",
    "Who",
    "Whom",
    "Whose",
    "Whoever",
    "Whether",
    "Where",
    "Why",
    "How",
    "Whatever",
    "Whichever",
    "Wherever",
    "However",
];
/// Proper names with a capital inside, by which rustdoc may open. Any other such word is a type name, left by a
/// rename.
const PROPER_NAMES: [&str; 4] = ["WebSocket", "WebSockets", "PiChat", "OpenDocument"];
/// Comments say client, peer, caller, user, receiver or administrator instead.
const WORDS: [&str; 6] = ["somebody", "nobody", "anybody", "everybody", "whoever", "whomever"];
const PHRASES: [&str; 1] = ["for want of"];

/// Returns the faults of the comments of a Rust source as line and reason.
fn faults(text: &str) -> Vec<(usize, String)> {
    let comments = lex(text).comments;
    let mut found = Vec::new();
    let mut before = (0, "");
    for comment in comments {
        let mark = ["//!", "///"].into_iter().find(|mark| comment.text.starts_with(mark)).unwrap_or("//");
        let opens = mark != "//" && before != (comment.line - 1, mark);
        before = (comment.line, mark);
        let first = comment.text[mark.len()..].split_whitespace().next().unwrap_or_default();
        let first = first.trim_end_matches(|c: char| !c.is_alphabetic());
        if opens && OPENINGS.contains(&first) {
            found.push((comment.line, format!("opens with {first}")));
        }
        let is_name = !first.starts_with('[') && has_inner_capital(first);
        if opens && is_name && !PROPER_NAMES.contains(&first) {
            found.push((comment.line, format!("opens with the type {first}")));
        }
        for (at, line) in comment.text.lines().enumerate() {
            found.extend(banned(line).into_iter().map(|word| (comment.line + at, format!("says {word}"))));
        }
    }
    found
}

fn has_inner_capital(word: &str) -> bool {
    word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

/// Returns the faults of the openings of a JavaScript source: of its first line and of its doc comments.
fn script_faults(text: &str) -> Vec<(usize, String)> {
    let comment = |(at, line): (usize, &str)| {
        let mark = if at == 0 { "// " } else { "/** " };
        let first = line.trim_start().strip_prefix(mark)?.split_whitespace().next()?.to_owned();
        OPENINGS.contains(&first.as_str()).then(|| (at + 1, format!("opens with {first}")))
    };
    text.lines().enumerate().filter_map(comment).collect()
}

/// Returns the words of a line that comments avoid.
fn banned(line: &str) -> Vec<&'static str> {
    let line = line.to_lowercase().replace("bodies", "body");
    let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric()).collect();
    let found = WORDS.into_iter().filter(|banned| words.contains(banned));
    found.chain(PHRASES.into_iter().filter(|phrase| line.contains(phrase))).collect()
}

#[test]
fn comments_are_plain_english() {
    let mut found = Vec::new();
    for (file, text) in ["src", "tests", "benches", "fuzz/targets", "assets/build", "build.rs"]
        .iter()
        .flat_map(|place| sources(place, &["rs"]))
    {
        found.extend(faults(&text).into_iter().map(|(line, fault)| format!("{file}:{line}: {fault}")));
    }
    for (file, text) in sources("assets/static/js", &["js"]) {
        found.extend(script_faults(&text).into_iter().map(|(line, fault)| format!("{file}:{line}: {fault}")));
    }
    // In scripts a comment begins with `#`, or with `//` in JavaScript and `/*` in styles.
    let scripts = ["tests", "benches", "fuzz", "systemd", ".ci", "assets/static", "build.rs"];
    for (file, text) in scripts.iter().flat_map(|place| sources(place, &["py", "sh", "js", "css", "service"]))
    {
        for (number, line) in text.lines().enumerate() {
            let comment = ["#", "//", "/*", "* "].iter().filter_map(|mark| line.find(mark)).min();
            let said = comment.map(|at| banned(&line[at..])).unwrap_or_default();
            found.extend(said.iter().map(|word| format!("{file}:{}: says {word}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn planted_sentences_of_scripts_are_found() {
    let text = "// What a page does.\n// Where it is.\n  /** Whether it is. */\n/** Returns it. */\n";
    let found = script_faults(text);
    assert_eq!(found, [(1, "opens with What".to_owned()), (3, "opens with Whether".to_owned())]);
}

#[test]
fn planted_sentences_are_found() {
    let text = "//! Where files lie.\n\n/// Returns a file.\n/// Whether it is there stands in `x`.\nfn a() {}\n\
        /// Whether a file is there.\nconst B: &str = \"nobody // somebody\"; // Everybody knows.\n/* For want of\n a reader. */\n\
        // What a note opens with is free.\n/// Somebodies and nobodies; bodies of requests.\n\n\
        /// SearchPlace of a file.\nfn c() {}\n/// WebSocket of a client.\n";
    let want = [
        (1, "opens with Where"),
        (6, "opens with Whether"),
        (7, "says everybody"),
        (8, "says for want of"),
        (11, "says somebody"),
        (11, "says nobody"),
        (13, "opens with the type SearchPlace"),
    ];
    let found = faults(text);
    assert_eq!(found.iter().map(|(line, fault)| (*line, fault.as_str())).collect::<Vec<_>>(), want);
}

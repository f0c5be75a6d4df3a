//! Documents are consistent: links resolve, decisions have their parts, and no text names a missing page.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "common/evidence.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod evidence;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use evidence::{read, root};

/// Folders and files with text of this project.
const TEXTS: [&str; 17] = [
    "src",
    "tests",
    "benches",
    "assets",
    "image",
    "systemd",
    "docs",
    "fuzz/targets",
    ".ci",
    "build.rs",
    "Cargo.toml",
    "cross.toml",
    "README.md",
    "README.es.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];
/// Endings of documents that texts name.
const DOCUMENT_ENDINGS: [&str; 5] = [".md", ".toml", ".json", ".jsonl", ".svg"];

fn walk(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_file() {
        into.push(path.to_owned());
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten() {
        walk(&entry.expect("an entry").path(), into);
    }
}

/// Returns the text files of the project by their path from its root.
fn texts() -> Vec<(String, String)> {
    let mut files = Vec::new();
    TEXTS.iter().for_each(|part| walk(&root().join(part), &mut files));
    let named =
        |file: &PathBuf| file.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    let readable = |file: PathBuf| Some((named(&file), std::fs::read_to_string(&file).ok()?));
    files.into_iter().filter_map(readable).collect()
}

/// Returns the Markdown documents by their path from the root.
fn documents() -> Vec<(String, String)> {
    texts().into_iter().filter(|(name, _)| name.ends_with(".md")).collect()
}

/// Returns GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn anchors(document: &str) -> BTreeSet<String> {
    document
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// Returns the targets of inline links outside code.
fn links(document: &str) -> Vec<&str> {
    let prose = document.lines().filter(|line| !line.starts_with("    "));
    prose.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next())).collect()
}

/// Returns the paths below `docs/` in a text.
fn named_documents(text: &str) -> Vec<&str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let found = text
        .match_indices("docs/")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| is_path(c) || c == '\''));
    found
        .map(|(at, _)| &text[at..at + text[at..].find(|c: char| !is_path(c)).unwrap_or(text.len() - at)])
        .collect()
}

/// Returns the decision pages in order: file name, text.
fn decisions() -> Vec<(String, String)> {
    let mut pages: Vec<_> = documents()
        .into_iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("docs/decisions/")?.to_owned(), text)))
        .filter(|(name, _)| name != "README.md")
        .collect();
    pages.sort();
    pages
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for (name, text) in documents() {
        let here = root().join(&name);
        for link in
            links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            let (path, fragment) =
                link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
            let target =
                if path.is_empty() { here.clone() } else { here.parent().expect("a folder").join(path) };
            let is_whole = target.exists()
                && fragment.is_none_or(|fragment| {
                    std::fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(fragment))
                });
            if !is_whole {
                faults.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn documents_named_in_texts_exist() {
    let pages: Vec<_> = decisions().into_iter().map(|(name, _)| name).collect();
    let mut faults = Vec::new();
    for (name, text) in texts() {
        for path in named_documents(&text) {
            let path = path.trim_end_matches(['.', '/']);
            let exists = match path.strip_prefix("docs/decisions/") {
                Some(number) if number.len() == 4 => {
                    pages.iter().any(|page| page.starts_with(&format!("{number}-")))
                }
                _ => {
                    !DOCUMENT_ENDINGS.iter().any(|ending| path.ends_with(ending))
                        || root().join(path).exists()
                }
            };
            if !exists && name != "tests/documents.rs" {
                faults.push(format!("{name}: {path}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Documents about the structure of the source.
const STRUCTURE: [&str; 2] = ["docs/ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Returns the spans of code in a document.
fn spans(document: &str) -> impl Iterator<Item = &str> {
    document.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Returns true if a span names a file of the source, such as `ws/socket.rs`.
fn is_source_path(span: &str) -> bool {
    let plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    plain && (span.ends_with(".rs") || span.ends_with(".js"))
}

/// Returns type and member of a span such as `Membership::publish` or `SendQueue`.
fn type_and_member(span: &str) -> Option<(&str, Option<&str>)> {
    let (name, member) = span.split_once("::").map_or((span, None), |(name, member)| (name, Some(member)));
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_camel = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_ascii_lowercase())
        && is_word(name);
    (is_camel && member.is_none_or(is_word)).then_some((name, member))
}

#[test]
fn names_of_the_source_in_documents_exist() {
    let sources: Vec<_> = texts()
        .into_iter()
        .filter(|(name, _)| {
            ["src/", "tests/", "assets/"].iter().any(|folder| name.starts_with(folder)) || name == "build.rs"
        })
        .collect();
    let defines = |word: &str| {
        ["struct ", "enum ", "trait ", "type ", "fn ", "const ", "    "].iter().any(|keyword| {
            let definition = format!("{keyword}{word}");
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            sources.iter().any(|(_, text)| {
                text.match_indices(&definition).any(|(at, _)| ends(&text[at + definition.len()..]))
            })
        })
    };
    let mut faults = Vec::new();
    for document in STRUCTURE {
        let text = read(document);
        for span in spans(&text) {
            let missing = if is_source_path(span) {
                !sources.iter().any(|(name, _)| name == span || name.ends_with(&format!("/{span}")))
            } else {
                type_and_member(span)
                    .is_some_and(|(name, member)| !defines(name) || member.is_some_and(|m| !defines(m)))
            };
            if missing {
                faults.push(format!("{document}: {span}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn texts_name_no_page_outside_the_project() {
    let banned = [
        concat!("DES", "IGN section"),
        concat!("DES", "IGN.md"),
        concat!("DET", "AILS "),
        concat!("STY", "LE.md"),
        concat!("STY", "LE 1"),
        concat!("STY", "LE 2"),
        concat!("DECI", "SIONS"),
        concat!("the se", "ed's"),
    ];
    let faults: Vec<_> = texts()
        .into_iter()
        .flat_map(|(name, text)| {
            let found =
                banned.iter().filter(|words| text.contains(**words)).map(|words| format!("{name}: {words}"));
            found.collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Longest row of a table in characters.
const MAX_ROW_CHARS: usize = 199;
/// Longest document without a table of contents, in lines.
const MAX_LINES_WITHOUT_CONTENTS: usize = 100;

/// Returns the documents of the project's root and of `docs/`, which people read from end to end.
fn manuals() -> Vec<(String, String)> {
    let is_manual = |name: &str| !name.contains('/') || name.starts_with("docs/");
    documents().into_iter().filter(|(name, _)| is_manual(name)).collect()
}

/// Returns the second-level headings that a table of contents must name, and its links.
/// A short table may be a paragraph of the introduction.
fn contents(document: &str) -> (Vec<String>, Vec<&str>) {
    let titles = ["Contents", "Contenido"];
    let headings = document
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter(|heading| !titles.contains(heading));
    let (introduction, _) = document.split_once("\n## ").unwrap_or((document, ""));
    let listed = titles
        .iter()
        .find_map(|title| document.split_once(&format!("\n## {title}\n")))
        .map_or("", |(_, rest)| rest);
    let listed = [introduction, listed.split("\n## ").next().unwrap_or_default()];
    (headings.map(anchor).collect(), listed.into_iter().flat_map(links).collect())
}

#[test]
fn readmes_are_short_and_have_the_same_parts() {
    let [english, spanish] = ["README.md", "README.es.md"].map(read);
    for (name, text) in [("README.md", &english), ("README.es.md", &spanish)] {
        assert!(text.lines().count() <= 150, "{name} has {} lines", text.lines().count());
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{name} lacks {words}"));
        assert!(at("pichat.local") < at("cargo run --release -- demo"), "{name}: the card comes first");
        assert!(text.contains("\n    cargo test\n"), "{name}");
    }
    let count = |text: &str, prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    for prefix in ["## ", "| ", "    ", "- ", "!["] {
        assert_eq!(count(&english, prefix), count(&spanish, prefix), "lines that begin with {prefix:?}");
    }
}

#[test]
fn rows_of_tables_are_short() {
    let is_long = |line: &&str| line.starts_with('|') && line.chars().count() > MAX_ROW_CHARS;
    let faults: Vec<_> = manuals()
        .into_iter()
        .flat_map(|(name, text)| {
            let lines = text.lines().enumerate().filter(|(_, line)| is_long(line));
            lines
                .map(|(at, line)| format!("{name}:{}: {} characters", at + 1, line.chars().count()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn long_documents_have_a_table_of_contents() {
    let mut faults = Vec::new();
    for (name, text) in manuals().iter().filter(|(_, text)| text.lines().count() > MAX_LINES_WITHOUT_CONTENTS)
    {
        // Lists need none.
        if ["docs/decisions/README.md", "CHANGELOG.md"].contains(&name.as_str()) {
            continue;
        }
        let (headings, listed) = contents(text);
        let missing = headings.iter().filter(|heading| !listed.contains(&format!("#{heading}").as_str()));
        faults.extend(missing.map(|heading| format!("{name}: #{heading}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn decisions_have_status_context_decision_consequences() {
    let pages = decisions();
    assert!(pages.len() >= 142, "{}", pages.len());
    for (name, text) in &pages {
        let number = name
            .get(..4)
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or_else(|| panic!("{name}"));
        assert!(text.starts_with(&format!("# {number}. ")), "{name}: its heading");
        let parts = ["\n\nStatus: ", "\n\n## Context\n\n", "\n\n## Decision\n\n", "\n\n## Consequences\n\n"];
        let mut rest = text.as_str();
        for part in parts {
            let (before, after) = rest
                .split_once(part)
                .unwrap_or_else(|| panic!("{name}: {part:?} is missing or out of order"));
            assert!(!before.trim().is_empty(), "{name}: nothing before {part:?}");
            rest = after;
        }
        assert!(!rest.trim().is_empty(), "{name}: no consequences");
    }
}

#[test]
fn index_of_decisions_lists_each_page_in_order() {
    let index = read("docs/decisions/README.md");
    let rows: Vec<_> =
        index.lines().filter_map(evidence::cells).skip(2).map(|cells| (cells[0], cells[1])).collect();
    let pages = decisions();
    let wanted: Vec<_> = pages
        .iter()
        .map(|(name, text)| {
            let title =
                text.lines().next().unwrap_or_default().split_once(". ").map_or("", |(_, title)| title);
            (&name[..4], format!("[{title}]({name})"))
        })
        .collect();
    assert_eq!(rows.len(), wanted.len());
    for ((number, link), (wanted_number, wanted_link)) in rows.iter().zip(&wanted) {
        assert_eq!((*number, *link), (*wanted_number, wanted_link.as_str()));
    }
}

#[test]
fn dependencies_are_named_in_their_decision() {
    let decision = read("docs/decisions/0005-dependencies.md");
    let named: BTreeSet<_> = decision
        .lines()
        .filter_map(evidence::cells)
        .flat_map(|cells| cells[0].split([',', '(', ')', ' ']).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table));
    let used: Vec<_> = tables.filter_map(toml::Value::as_table).flat_map(toml::Table::keys).collect();
    assert!(used.len() > 40, "{used:?}");
    let missing: Vec<_> = used.iter().filter(|name| !named.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn checks_see_anchors_links_and_paths() {
    assert_eq!(anchor(" Behind nginx or Caddy"), "behind-nginx-or-caddy");
    assert_eq!(links("a [b](c.md#d) and [e](f)\n    [code](no)"), ["c.md#d", "f"]);
    assert_eq!(
        named_documents("see `docs/API.md`, (docs/decisions/0030) and QEMU's-docs/x.md"),
        ["docs/API.md", "docs/decisions/0030"]
    );
}

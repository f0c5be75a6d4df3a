//! Texts that people read: complete in every language, used, and in the product's own words.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod voice;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Texts = BTreeMap<String, String>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below a folder with this ending, vendored ones left out.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("vendor") {
                walk(&path, ending, into);
            } else if path.extension().is_some_and(|found| found == ending) {
                into.push((path.display().to_string(), read(&path)));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    assert!(!found.is_empty(), "{folder} has no .{ending}");
    found
}

/// The texts by the tag of their language.
fn languages() -> BTreeMap<String, Texts> {
    let language = |(path, text): (String, String)| {
        let tag = Path::new(&path).file_stem().expect("a name").to_string_lossy().into_owned();
        (tag, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    };
    files("assets/texts", "json").into_iter().map(language).collect()
}

fn texts(tag: &str) -> Texts {
    languages().remove(tag).expect("a language")
}

fn keys(texts: &Texts) -> BTreeSet<&str> {
    texts.keys().map(String::as_str).collect()
}

/// Names of the `{…}` in a text.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

/// Keys that pages and their parts name.
fn in_pages() -> BTreeSet<String> {
    let sources = ["assets/pages", "assets/parts"].into_iter().flat_map(|folder| files(folder, "html"));
    let mut keys = BTreeSet::new();
    for (_, page) in sources {
        keys.extend(page.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.to_owned())));
        keys.extend(page.lines().filter_map(|line| line.strip_prefix("title: ")).map(str::to_owned));
    }
    keys.remove("TITLE");
    keys
}

/// Keys that scripts name in whole, and beginnings of keys whose rest they fill in.
fn in_scripts() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut whole, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
    for (_, script) in files("assets/static/js", "js") {
        whole.extend(script.lines().flat_map(|line| line.split('\'').skip(1).step_by(2)).map(str::to_owned));
        let is_prefix = |text: &str| {
            text.contains('.') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
        };
        let ends = script.match_indices("${").filter_map(|(at, _)| script[..at].rsplit_once('`'));
        prefixes.extend(ends.map(|(_, prefix)| prefix).filter(|prefix| is_prefix(prefix)).map(str::to_owned));
    }
    (whole, prefixes)
}

/// Names of the constants that the server uses.
fn in_server() -> BTreeSet<String> {
    let sources = files("src", "rs");
    let named = sources.iter().flat_map(|(_, code)| code.split("key::").skip(1));
    named
        .map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect()
        })
        .collect()
}

/// Beginnings of the keys that the help of commands finds by name. A test in `src/cli/help.rs` compares them
/// with the commands.
const BY_NAME: [&str; 3] = ["cli.help", "cli.arg.", "cli.value."];

fn constant(key: &str) -> String {
    key.to_ascii_uppercase().replace(['.', '-'], "_")
}

#[test]
fn languages_have_the_same_keys_and_placeholders() {
    let all = languages();
    let spanish = &all["es"];
    assert!(all.len() >= 2 && spanish.len() > 300, "{} texts", spanish.len());
    for (tag, texts) in &all {
        assert_eq!(keys(texts), keys(spanish), "{tag}");
        for (key, text) in texts {
            assert!(!text.trim().is_empty() && text.trim() == text, "{tag} {key}: {text:?}");
            // A singular may spell its number out.
            let singular = key.ends_with(".one");
            let (own, first) = (placeholders(text), placeholders(&spanish[key]));
            let differ = own.symmetric_difference(&first).any(|name| !(singular && *name == "n"));
            assert!(!differ, "{tag} {key}: {own:?} and {first:?}");
        }
    }
}

/// Calls `key::NAME.fill(lang, &[("a", …), …])` of the sources: names of the key and of the values.
fn fills(code: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for call in code.split("key::").skip(1) {
        let (name, rest) = call.split_at(
            call.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').unwrap_or(0),
        );
        let Some(rest) = rest.trim_start().strip_prefix(".fill(lang, &[") else { continue };
        let values = rest.split_once(']').map_or("", |(values, _)| values);
        let is_name =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let names = values.split("(\"").skip(1).filter_map(|value| Some(value.split_once('"')?.0.to_owned()));
        let names = names.filter(|name| is_name(name));
        found.push((name.to_owned(), names.collect()));
    }
    found
}

#[test]
fn values_are_given_for_the_placeholders_of_a_text() {
    let texts = texts("es");
    let by_constant: BTreeMap<_, _> = texts.iter().map(|(key, text)| (constant(key), text)).collect();
    let mut seen = 0;
    for (path, code) in files("src", "rs") {
        for (key, values) in fills(&code) {
            let text = by_constant[&key];
            let wanted: BTreeSet<_> = placeholders(text).into_iter().map(str::to_owned).collect();
            assert_eq!(values, wanted, "{path}: {key}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} calls");
    let planted = fills("key::A_B.fill(lang, &[(\"x\", &1), (\"y\", &z.display())])");
    assert_eq!(planted, [("A_B".to_owned(), ["x".to_owned(), "y".to_owned()].into())]);
}

/// Lines of a source file that name a language, without its tests.
fn named_languages(code: &str) -> Vec<&str> {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| line.contains("Lang::Es") || line.contains("Lang::En")).collect()
}

#[test]
fn sources_name_no_language() {
    // English for logs, and the languages of the documents.
    let allowed = [
        "self.text(Lang::En))",
        "#[error(\"{}\", .0.get(Lang::En))]",
        "const LANGUAGES: [Lang; 2] = [Lang::Es, Lang::En];",
    ];
    let is_test = |path: &str| {
        path.ends_with("_tests.rs") || path.contains("/tests/") || path.ends_with("properties.rs")
    };
    let mut found = Vec::new();
    for (path, code) in files("src", "rs").into_iter().filter(|(path, _)| !is_test(path)) {
        let lines = named_languages(&code);
        let wrong = lines.iter().filter(|line| !allowed.iter().any(|allowed| line.contains(allowed)));
        found.extend(wrong.map(|line| format!("{path}: {}", line.trim())));
    }
    assert!(found.is_empty(), "a third language would need these too: {found:#?}");
    assert_eq!(named_languages("a\nmatch lang { Lang::Es => 1 }\n#[cfg(test)]\nLang::En").len(), 1);
}

#[test]
fn texts_with_a_number_have_a_singular() {
    for (tag, texts) in languages() {
        for (key, text) in texts.iter().filter(|(key, text)| text.contains("{n}") && !key.ends_with(".one")) {
            assert!(texts.contains_key(&format!("{key}.one")), "{tag} {key}: {text}");
        }
        for key in texts.keys().filter_map(|key| key.strip_suffix(".one")) {
            assert!(texts.get(key).is_some_and(|text| text.contains("{n}")), "{tag} {key} has no plural");
        }
    }
}

#[test]
fn every_key_is_used_and_every_used_key_exists() {
    let texts = texts("es");
    let (pages, (whole, prefixes), server) = (in_pages(), in_scripts(), in_server());
    let unused: Vec<_> = keys(&texts)
        .into_iter()
        .filter(|key| {
            let base = key.strip_suffix(".one").unwrap_or(key);
            let in_script =
                whole.contains(base) || prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
            let by_name = BY_NAME.iter().any(|prefix| key.starts_with(prefix));
            !in_script && !pages.contains(*key) && !by_name && !server.contains(&constant(key))
        })
        .collect();
    assert_eq!(unused, Vec::<&str>::new(), "nothing shows these");
    let missing: Vec<_> = pages.iter().filter(|key| !texts.contains_key(*key)).collect();
    assert_eq!(missing, Vec::<&String>::new(), "pages name these");
    let mut called = 0;
    for (path, script) in files("assets/static/js", "js") {
        for rest in script.split(" t('").chain(script.split("(t('")).skip(1) {
            let key = rest.split('\'').next().unwrap_or_default();
            if key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && !key.is_empty() {
                assert!(texts.contains_key(key) || !rest.contains(&format!("{key}'")), "{path}: {key}");
                called += 1;
            }
        }
    }
    assert!(called > 50, "{called} calls found");
}

#[test]
fn pages_hold_no_words_of_their_own() {
    // Names, and commands that are the same in every language.
    const SAME: [&str; 4] = ["PiChat", "Android", "Windows", "macOS"];
    for (path, page) in ["assets/pages", "assets/parts"].into_iter().flat_map(|folder| files(folder, "html"))
    {
        let content = page.split_once("\n\n").map_or(page.as_str(), |(_, content)| content);
        let without_code: String = content
            .split("<pre>")
            .enumerate()
            .map(
                |(n, piece)| {
                    if n == 0 { piece } else { piece.split_once("</pre>").map_or("", |(_, rest)| rest) }
                },
            )
            .collect();
        for text in without_code.split('>').skip(1).filter_map(|piece| piece.split('<').next()) {
            let own: String =
                text.split("{{").map(|piece| piece.rsplit("}}").next().unwrap_or_default()).collect();
            let own = own.trim();
            let is_mark = own.split_whitespace().all(|word| word.bytes().all(|b| b.is_ascii_uppercase()));
            assert!(is_mark || SAME.contains(&own), "{path}: {own:?}");
        }
        for attribute in ["placeholder=\"", "aria-label=\"", "title=\"", "alt=\""] {
            for value in without_code.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(
                    value.is_empty() || value.starts_with("{{") || value.starts_with("XXXX-"),
                    "{path}: {attribute}{value}"
                );
            }
        }
    }
}

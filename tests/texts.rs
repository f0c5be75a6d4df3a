//! Texts that people read: complete in every language, used, and in the product's own words.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

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

/// Words as a reader separates them, in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Beginnings of the keys of texts for an operator: commands, settings, the device's own screen and its card.
const FOR_OPERATORS: [&str; 10] = [
    "card.",
    "cli.",
    "config.",
    "database.",
    "folder.",
    "screen.",
    "selftest.",
    "setting.",
    "system.",
    "untrusted.",
];
/// Words that only pages must avoid: the device is named where it is meant, sizes are those of the settings,
/// and `claim` is a command.
const FOR_OPERATORS_ONLY: [&str; 5] = ["equipo", "device", "mib", "gib", "claim"];

/// Words and phrases that a text of this key must not have.
fn faults_of(tag: &str, key: &str, text: &str) -> Vec<String> {
    let mut found = faults(tag, text);
    if FOR_OPERATORS.iter().any(|prefix| key.starts_with(prefix)) {
        found.retain(|fault| !FOR_OPERATORS_ONLY.contains(&fault.as_str()));
    }
    found
}

/// Words and phrases that the product never uses, beside those for which it has its own.
fn faults(tag: &str, text: &str) -> Vec<String> {
    let spanish = [
        "vale",
        "móvil",
        "ordenador",
        "fichero",
        "pulsa",
        "teléfono",
        "cifras",
        "enrutador",
        "ficha",
        "sólo",
        "guión",
        "mib",
        "gib",
        "equipo",
        "por omisión",
        "sin tilde",
        "no sirve",
        "así no",
        "otra vez",
        "por favor",
        "dejar sala",
        "anota",
    ];
    let english = [
        "whoever",
        "whom",
        "somebody",
        "everybody",
        "anybody",
        "may not",
        "will not do",
        "holds",
        "shall",
        "lapse",
        "lapses",
        "lapsed",
        "anew",
        "claim",
        "device",
        "mib",
        "gib",
        "please",
        "cancelled",
        "recognise",
        "synchronised",
    ];
    let (never, parts): (&[&str], &[&str]) =
        if tag == "es" { (&spanish, &["reclam", "petici", "!"]) } else { (&english, &["!"]) };
    let spaced = format!(" {} ", words(text).join(" "));
    let mut found: Vec<_> = never
        .iter()
        .filter(|word| spaced.contains(&format!(" {word} ")))
        .map(|word| (*word).to_owned())
        .collect();
    found.extend(
        parts.iter().filter(|part| text.to_lowercase().contains(**part)).map(|part| (*part).to_owned()),
    );
    if tag == "en" {
        // Files are put on hold; nothing else is held.
        let held = spaced.replace(" on hold ", " ");
        found.extend(held.contains(" hold ").then(|| "hold".to_owned()));
    }
    found
}

#[test]
fn texts_use_the_words_of_the_product() {
    let mut all = Vec::new();
    for (tag, texts) in languages().into_iter().filter(|(tag, _)| tag == "es" || tag == "en") {
        for (key, text) in texts {
            all.extend(
                faults_of(&tag, &key, &text)
                    .into_iter()
                    .map(|fault| format!("{tag} {key}: {fault:?} in {text}")),
            );
        }
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn faults_of_voice_are_found() {
    for (tag, text, fault) in [
        ("es", "El equipo no responde. Inténtalo otra vez.", "equipo"),
        ("es", "El equipo no responde. Inténtalo otra vez.", "otra vez"),
        ("es", "Código para reclamar", "reclam"),
        ("es", "No entendí la petición", "petici"),
        ("es", "¡Listo!", "!"),
        ("en", "That will not do. Check what you wrote.", "will not do"),
        ("en", "The document holds macros", "holds"),
        ("en", "Ask whoever looks after this device.", "device"),
        ("en", "Hold it", "hold"),
    ] {
        assert!(faults(tag, text).iter().any(|found| found == fault), "{text}: {fault}");
    }
    assert_eq!(faults_of("es", "cli.x", "Este equipo no sirve"), ["no sirve"]);
    assert_eq!(faults_of("es", "err.x", "Este equipo no sirve"), ["equipo", "no sirve"]);
    assert_eq!(faults("en", "On hold: ask if you need it."), Vec::<String>::new());
    assert_eq!(faults("es", "Solo dura una hora. La sala está vacía."), Vec::<String>::new());
}

#[test]
fn texts_fit_where_they_are_shown() {
    let notices = ["err.", "ended.", "join.", "chat.", "files.", "pw.", "held."];
    let pages: String = ["assets/pages", "assets/parts"]
        .into_iter()
        .flat_map(|folder| files(folder, "html"))
        .map(|(_, page)| page)
        .collect();
    let buttons: BTreeSet<_> = pages
        .split("<button ")
        .skip(1)
        .filter_map(|rest| rest.split("</button>").next()?.rsplit_once("{{")?.1.split_once("}}"))
        .map(|(key, _)| key)
        .collect();
    assert!(buttons.len() > 10, "{buttons:?}");
    for (tag, texts) in languages() {
        for (key, text) in &texts {
            let length = text.chars().count();
            let notice = notices.iter().any(|prefix| key.starts_with(prefix));
            assert!(!notice || length <= 95, "{tag} {key} has {length} characters: {text}");
            assert!(
                !buttons.contains(key.as_str()) || length <= 20,
                "{tag} {key} is too long for a button: {text}"
            );
            assert!(!key.starts_with("state.") || !text.ends_with('.'), "{tag} {key} is a chip: {text}");
        }
    }
}

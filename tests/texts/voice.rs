//! Words that the product uses, and the room that a text has where it is shown.

use std::collections::BTreeSet;

use super::{files, languages, read, root};

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
fn card_uses_the_words_of_the_product() {
    let text = read(&root().join("image/boot/README.txt")).replace("pichat-reclamar", "");
    let (spanish, english) = text.split_once("PiChat: this card").expect("both languages");
    for (tag, text) in [("es", spanish), ("en", english)] {
        assert_eq!(faults_of(tag, "card.readme", text), Vec::<String>::new(), "{tag}");
    }
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

//! Rules of `docs/ARCHITECTURE.md` about the source.

#![allow(clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A module may use modules of later entries only; modules of one entry do not use one another.
const LEVELS: [&[&str]; 11] = [
    &["main"],
    &["cli"],
    &["app"],
    &["net"],
    &["http"],
    &["ws"],
    &["chat", "accounts", "quarantine", "announcements"],
    &["limits", "audit", "store"],
    &["config"],
    &["atomic_file", "private_file"],
    &["types", "clock", "locks", "corpus", "detached"],
];

/// External crates and names, each with the only modules that use it.
const OWNERS: [(&str, &[&str]); 17] = [
    ("hyper::", &["http", "net"]),
    ("hyper_util::", &["http", "net"]),
    ("httparse::", &["http"]),
    ("tungstenite::", &["ws"]),
    ("rusqlite::", &["store"]),
    ("rusqlite_migration::", &["store"]),
    ("syslog::", &["audit"]),
    ("argon2::hash_encoded", &["accounts"]),
    ("argon2::verify_encoded", &["accounts"]),
    ("rustls::", &["net"]),
    ("tokio_rustls::", &["net"]),
    ("rcgen::", &["net"]),
    ("ring::", &["types"]),
    ("flate2::", &["quarantine"]),
    ("infer::", &["quarantine"]),
    ("qrcode::", &["cli", "http"]),
    ("PoisonError::", &["locks"]),
];

/// Longest file in lines (`CONTRIBUTING.md`).
const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|e| e == ending) {
            into.push(path);
        }
    }
}

/// Returns source files by module, without comments.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = root().join("src");
    let mut all = Vec::new();
    files(&src, "rs", &mut all);
    let mut modules: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for path in all {
        let inside = path.strip_prefix(&src).expect("below src");
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).expect("text");
        let code: String =
            text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect();
        modules.entry(module).or_default().push((path, code));
    }
    modules.remove("lib");
    modules
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

/// Returns the modules that a text names by `crate::x`, `pichat::x` or, at the top of the crate,
/// `super::super::x`.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for marker in ["crate::", "pichat::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let inside = group.split('}').next().unwrap_or_default();
                names.extend(
                    inside.split(',').map(|n| n.trim().split("::").next().unwrap_or_default().to_owned()),
                );
            } else {
                names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
    }
    names
}

#[test]
fn modules_depend_in_one_direction() {
    for (module, files) in modules() {
        let from = level(&module).unwrap_or_else(|| {
            panic!("{module} has no level: name it in LEVELS and in docs/ARCHITECTURE.md")
        });
        for (path, code) in files {
            for used in named(&code).into_iter().filter(|u| *u != module) {
                let Some(to) = level(&used) else { continue };
                assert!(to > from, "{}: {module} uses {used}", path.display());
            }
        }
    }
}

#[test]
fn direction_check_finds_a_planted_dependency() {
    assert_eq!(named("use crate::http::Site;"), ["http"]);
    assert_eq!(named("use crate::{store::Db, net};"), ["store", "net"]);
    assert_eq!(named("let x = crate::audit::Audit;"), ["audit"]);
}

#[test]
fn every_external_crate_has_one_home() {
    for (module, files) in modules() {
        for (path, code) in files {
            for (outside, homes) in OWNERS {
                let uses = code.match_indices(outside).any(|(at, _)| {
                    let before = code[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                });
                assert!(
                    !uses || homes.contains(&module.as_str()),
                    "{}: {outside} belongs to {homes:?}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn commands_make_no_database() {
    let (_, commands) = modules().into_iter().find(|(module, _)| module == "cli").expect("is there");
    for (path, code) in commands {
        assert!(
            !code.contains("Store::open"),
            "{}: opens a database past app/data_folder.rs",
            path.display()
        );
        let makes = code.contains("open_or_make_store");
        assert!(
            !makes || path.ends_with("cli/user.rs") || path.ends_with("cli/metrics_token.rs"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn files_stay_under_their_line_limit() {
    let mut all = Vec::new();
    for (dir, ending) in [
        ("src", "rs"),
        ("tests", "rs"),
        ("benches", "rs"),
        ("assets", "rs"),
        ("assets", "js"),
        ("assets", "css"),
        ("assets", "html"),
    ] {
        files(&root().join(dir), ending, &mut all);
    }
    for path in all {
        let lines = std::fs::read_to_string(&path).expect("text").lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines; past {MAX_LINES} it wants splitting",
            path.display()
        );
    }
}

#[test]
fn file_names_are_specific() {
    let mut all = Vec::new();
    files(&root().join("src"), "rs", &mut all);
    for path in all {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(
            !["utils", "util", "helpers", "helper", "common", "manager", "misc"].contains(&stem.as_str()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn main_is_short() {
    let lines = std::fs::read_to_string(root().join("src/main.rs")).expect("text").lines().count();
    assert!(lines < 80, "{lines} lines");
}

#[test]
fn readme_asks_for_the_declared_compiler() {
    let text = |name: &str| std::fs::read_to_string(root().join(name)).expect("text");
    let manifest = text("Cargo.toml");
    let declared = manifest
        .lines()
        .find_map(|l| l.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .expect("is declared");
    for (name, words) in [("README.md", "a Rust toolchain ("), ("README.es.md", "las herramientas de Rust (")]
    {
        let text = text(name);
        let (_, asked) = text.split_once(words).unwrap_or_else(|| panic!("{name} asks for no compiler"));
        assert_eq!(asked.split(' ').next(), Some(declared), "{name}");
    }
}

#[test]
fn every_property_has_its_fuzzer() {
    let names = |folder: &str| -> Vec<String> {
        let folder = std::fs::read_dir(root().join(folder)).expect("a folder");
        let stem = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").path().file_stem().map(|s| s.to_owned())
        };
        let mut names: Vec<_> =
            folder.filter_map(stem).map(|stem| stem.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    };
    let targets = names("fuzz/targets");
    assert_eq!(names("fuzz/corpus"), targets, "a corpus for each");
    let (manifest, readme) = ["Cargo.toml", "README.md"]
        .map(|n| std::fs::read_to_string(root().join("fuzz").join(n)).expect("text"))
        .into();
    for target in &targets {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")) && readme.contains(&format!("| `{target}` |")),
            "{target}"
        );
    }
}

#[test]
fn top_level_has_the_agreed_entries() {
    for name in
        ["Cargo.toml", "src", "assets", "image", "systemd", "cross.toml", "cuarentena", "benches", "LICENSE"]
    {
        assert!(root().join(name).exists(), "{name} is missing");
    }
}

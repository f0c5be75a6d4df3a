//! Tests that documents name as evidence, by their path.

use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Returns the cells of a line of a table.
pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    line.strip_prefix('|')?.strip_suffix('|').map(|inside| inside.split('|').map(str::trim).collect())
}

/// Returns the paths with `::` between backticks: these documents name tests so.
pub(crate) fn named_tests(text: &str) -> Vec<&str> {
    let is_path = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_:/.".contains(c));
    text.split('`').skip(1).step_by(2).filter(is_path).filter(|name| name.contains("::")).collect()
}

/// Returns the possible files of a test's name: `src/a.rs::f`, `image/a.py::f`, `crate::f`,
/// `crate::module::f` (below `tests/`).
fn places(name: &str) -> (Vec<PathBuf>, &str) {
    let (home, function) = name.rsplit_once("::").unwrap_or(("", name));
    if home.contains('/') {
        return (vec![root().join(home)], function);
    }
    let path = root().join("tests").join(home.replace("::", "/"));
    // A module's file, a crate of one file, a crate in a folder; or a module inside the crate's file.
    let mut own = vec![path.with_extension("rs"), path.join("main.rs"), path.join("mod.rs")];
    // A file that is a module of a larger crate keeps its name.
    let crates = std::fs::read_dir(root().join("tests"))
        .expect("the folder")
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    own.extend(crates.filter(|folder| folder.is_dir()).map(|folder| folder.join(home).with_extension("rs")));
    let whole = home.split("::").next().unwrap_or(home);
    let inside = [
        root().join("tests").join(whole).with_extension("rs"),
        root().join("tests").join(whole).join("main.rs"),
    ];
    let exists = own.iter().any(|p| p.is_file());
    (if exists { own } else { inside.into() }, function)
}

/// Returns true if `text` has that test: a function with the attribute in Rust, a `def` in Python.
fn has_test(text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_attribute = |line: &&&str| line.starts_with('#') || line.starts_with("//");
    lines.iter().enumerate().any(|(at, line)| {
        if let Some(python) = line.strip_prefix("def ") {
            return python.starts_with(&format!("{function}("));
        }
        let line = line
            .trim_start_matches("pub")
            .trim_start_matches("(crate)")
            .trim_start_matches("(super)")
            .trim_start();
        let line = line.trim_start_matches("async ");
        line.strip_prefix("fn ").is_some_and(|rest| rest.starts_with(&format!("{function}(")))
            && lines[..at]
                .iter()
                .rev()
                .take_while(is_attribute)
                .any(|a| a.starts_with("#[test") || a.starts_with("#[tokio::test"))
    })
}

/// Returns true if a neighbouring test calls the function, like `attack::legacy_vulnerabilities`.
fn is_called(file: &Path, function: &str) -> bool {
    let Some(module) = file.file_stem().and_then(|stem| stem.to_str()) else { return false };
    let beside = file
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    beside.map(|entry| entry.path()).filter(|other| other != file).any(|other| {
        std::fs::read_to_string(other).is_ok_and(|text| text.contains(&format!(" {module}::{function}();")))
    })
}

pub(crate) fn exists(name: &str) -> bool {
    let (files, function) = places(name);
    let in_tests = |file: &Path| file.starts_with(root().join("tests"));
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok().map(|text| (file, text))).any(
        |(file, text)| {
            let called =
                in_tests(file) && text.contains(&format!("fn {function}(")) && is_called(file, function);
            has_test(&text, function) || called
        },
    )
}

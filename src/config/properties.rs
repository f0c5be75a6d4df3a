//! Properties that hold for every settings file and environment, shared by the fuzzers in `fuzz/` and the
//! tests below.

use std::path::Path;

use crate::config::error::ConfigError;
use crate::config::source::edit::{TomlEditor, render};
use crate::config::span::Span;
use crate::config::values::{Config, Overrides};
use crate::types::Lang;

/// Separates the text of the file from the lines `NAME=VALUE` of the environment.
const ENVIRONMENT: &str = "\n%%\n";

/// Asserts that settings are accepted, or rejected with a place and one line in every language. Accepted
/// settings are the same after they are composed again, and a text with cleared values can be parsed.
pub fn config(data: &[u8]) {
    let whole = String::from_utf8_lossy(data);
    let (text, lines) = whole.split_once(ENVIRONMENT).unwrap_or((&whole, ""));
    let env: Vec<(String, String)> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let path = Path::new("pichat.toml");
    let parse = |text: &str| Config::parse(text, path, &[], Overrides::default());
    for env in [&env[..], &[]] {
        match Config::parse(text, path, env, Overrides::default()) {
            Ok(config) => assert!(config.compare(&config).is_empty()),
            Err(error) => assert_told(&error, text),
        }
    }
    let Ok(config) = parse(text) else { return };
    let Ok(written) = TomlEditor::read(text, path) else { panic!("taken, but not read again: {text:?}") };
    let composed = render(|key| written.value(key));
    match parse(&composed) {
        Ok(again) => assert!(config.compare(&again).is_empty(), "{text:?} became {:?}", *composed),
        Err(error) => panic!("{text:?} became {:?}: {error}", *composed),
    }
    assert_eq!(*written.cleared(&[], None), *text, "nothing is emptied");
}

fn assert_told(error: &ConfigError, text: &str) {
    for lang in Lang::ALL.iter().copied() {
        let words = error.text(lang);
        assert!(!words.is_empty() && !words.contains(['\n', '\r']), "{words:?}");
    }
    let (ConfigError::Syntax { place, .. }
    | ConfigError::UnknownKey { place, .. }
    | ConfigError::Value { place, .. }) = error
    else {
        return;
    };
    if let Span::File { line, column, .. } = place {
        let at = |n: &u32| usize::try_from(*n).unwrap_or(usize::MAX);
        let there = text.split('\n').nth(at(line) - 1);
        // A position one past the end is that of a missing value.
        assert!(
            there.is_some_and(|there| at(column) <= there.chars().count() + 1),
            "{line}:{column} of {text:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;
    use crate::corpus::replay;
    use proptest::prelude::*;

    #[test]
    fn config_corpus_holds() {
        replay("config", config);
    }

    fn line() -> impl Strategy<Value = String> {
        let settings: Vec<_> = settings().collect();
        let value = prop_oneof![
            "[0-9]{1,6}",
            "'[a-z0-9:./]{0,12}'",
            "\"\\PC{0,6}\"",
            "\\['[a-z.:0-9]{0,9}'\\]",
            "\\PC{0,8}"
        ];
        (proptest::sample::select(settings), value, any::<bool>()).prop_map(|(setting, value, variable)| {
            if variable {
                format!("{}={value}\n", setting.variable())
            } else {
                format!("{} = {value}\n", setting.path)
            }
        })
    }

    proptest! {
        #[test]
        fn config_properties_hold_for_any_settings(lines in proptest::collection::vec(line(), 0..4), env in proptest::collection::vec(line(), 0..3)) {
            config(format!("{}{ENVIRONMENT}{}", lines.concat(), env.concat()).as_bytes());
        }
    }
}

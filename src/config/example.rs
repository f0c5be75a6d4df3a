//! Annotated example file, generated from the settings.

use std::fmt::Write as _;

use crate::config::settings::{SettingTable, TABLES, settings};
use crate::types::Lang;
use crate::types::texts::{Key, key};

/// Characters of a comment line, without its `# `.
const WIDTH: usize = 98;

/// Languages of the documents.
const LANGUAGES: [Lang; 2] = [Lang::Es, Lang::En];

/// Returns `docs/pichat.example.toml`: every key with its default, documented in Spanish and English.
pub fn example() -> String {
    let mut out = String::new();
    for lang in LANGUAGES {
        comment(&mut out, key::SETTING_HEAD.get(lang));
        out.push_str("#\n");
    }
    out.truncate(out.len() - 2);
    keys(&mut out, "");
    for SettingTable { name: table, doc } in TABLES {
        out.push('\n');
        comments(&mut out, *doc);
        if *table == "limits" {
            // Rates, bursts and delays share one range; stating it once keeps their comments short.
            comments(&mut out, key::SETTING_RATES);
        }
        out.push_str(&format!("[{table}]\n"));
        keys(&mut out, table);
    }
    out
}

fn keys(out: &mut String, table: &str) {
    for (i, setting) in settings().filter(|setting| setting.table() == table).enumerate() {
        if i > 0 || table.is_empty() {
            out.push('\n');
        }
        comments(out, setting.doc);
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{} = {}", setting.key(), setting.default);
    }
}

fn comments(out: &mut String, text: Key) {
    LANGUAGES.iter().for_each(|lang| comment(out, text.get(*lang)));
}

/// Writes a paragraph as comment lines, wrapped between words.
fn comment(out: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > WIDTH {
            out.push('\n');
            width = 0;
        }
        out.push_str(if width == 0 { "# " } else { " " });
        out.push_str(word);
        width += chars + usize::from(width > 0);
    }
    out.push('\n');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};
    use std::path::Path;

    /// The committed example; `PICHAT_TEST_BLESS=1` writes it again.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pichat.example.toml");

    #[test]
    fn example_matches_settings_and_defaults() {
        if std::env::var_os("PICHAT_TEST_BLESS").is_some() {
            std::fs::write(FILE, example()).unwrap();
        }
        let text = std::fs::read_to_string(FILE).unwrap();
        assert_eq!(text, example(), "run once with PICHAT_TEST_BLESS=1");

        let config = Config::load(Some(Path::new(FILE)), &[], Overrides::default()).unwrap();
        let defaults = Config::defaults();
        assert!(defaults.compare(&config).is_empty(), "{:?}", defaults.compare(&config));
        assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn example_has_every_key_once_in_both_languages() {
        let lines = example();
        let document: toml::Table = lines.parse().unwrap();
        let count: usize = document.values().map(|v| v.as_table().map_or(1, |t| t.len())).sum();
        assert_eq!(count, settings().count());
        for setting in settings() {
            let holder = match setting.table() {
                "" => &document,
                table => document[table].as_table().unwrap(),
            };
            assert!(holder.contains_key(setting.key()), "{}", setting.path);
        }
        let longest = lines.lines().filter(|l| l.starts_with('#')).map(|l| l.chars().count()).max();
        assert!(longest <= Some(WIDTH + 2));
    }
}

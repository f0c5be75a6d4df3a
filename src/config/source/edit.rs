//! Positions of the values in a settings text, to edit it or compose another without changing the rest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;
use zeroize::Zeroizing;

use crate::config::error::ConfigError;
use crate::config::problem::SettingProblem;
use crate::config::setting::Setting;
use crate::config::settings::settings;
use crate::config::source::setting_source::SettingSource;
use crate::config::span::Span;

/// Text that [`Config::parse`](crate::config::Config::parse) accepted, and the positions of its values.
pub struct TomlEditor<'a> {
    mark: &'a str,
    origin: SettingSource<'a>,
    values: BTreeMap<&'static str, Range<usize>>,
}

/// Text of a cleared value.
const EMPTY: &str = "\"\"";

impl<'a> TomlEditor<'a> {
    /// Finds the values of `text`; errors name it `origin`.
    ///
    /// # Errors
    /// Fails if the text is not TOML.
    pub fn read(text: &'a str, origin: &'a Path) -> Result<Self, ConfigError> {
        let (mark, text) =
            text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 });
        let origin = SettingSource { path: origin, text, variables: BTreeMap::new() };
        let document = DeTable::parse(text).map_err(|error| origin.syntax(&error))?;
        let document = document.get_ref();
        let value = |setting: &Setting| match setting.table() {
            "" => document.get(setting.key()),
            table => document.get(table)?.get_ref().as_table()?.get(setting.key()),
        };
        let values = settings().filter_map(|setting| Some((setting.path, value(setting)?.span()))).collect();
        Ok(Self { mark, origin, values })
    }

    /// Returns the value of `key` as written, with its quotes; `None` if the text does not contain the key.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.origin.text.get(self.values.get(key)?.clone())
    }

    /// Returns the position of that value, or the beginning of the text.
    pub fn place(&self, key: &str) -> Span {
        self.origin.at(&self.values.get(key).cloned().unwrap_or_default())
    }

    /// Returns the error about that value.
    pub fn error(&self, key: &'static str, problem: SettingProblem) -> ConfigError {
        ConfigError::Value { place: self.place(key), key, problem }
    }

    /// Returns the text with the values of `keys` cleared and, with a `note`, a comment at the end of their
    /// lines. All other bytes stay. The caller must check that the text still parses as intended: a value of
    /// several lines may follow on the same line.
    pub fn cleared(&self, keys: &[&str], note: Option<&str>) -> Zeroizing<String> {
        let mut spans: Vec<_> = keys.iter().filter_map(|key| self.values.get(key)).collect();
        // From the end, so that the remaining positions stay valid.
        spans.sort_by_key(|span| std::cmp::Reverse(span.start));
        let room = self.mark.len()
            + self.origin.text.len()
            + spans.len() * (EMPTY.len() + note.map_or(0, |note| note.len() + 3));
        // Full capacity at once: a growing text would leave copies of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(self.origin.text);
        for span in spans {
            let rest = &text[span.end..];
            let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if let Some(note) = note.filter(|note| !line.trim_end().ends_with(note)) {
                let end = span.end + line.len();
                text.insert_str(end, &format!(" # {note}"));
            }
            text.replace_range(span.clone(), EMPTY);
        }
        text.insert_str(0, self.mark);
        text
    }
}

/// Composes a settings text from the values that `written` returns, each as written in its source text.
pub fn render<'a>(written: impl Fn(&'static str) -> Option<&'a str>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    let mut table = "";
    for setting in settings() {
        let Some(value) = written(setting.path) else { continue };
        if setting.table() != table {
            table = setting.table();
            text.push_str(&format!("[{table}]\n"));
        }
        text.push_str(&format!("{} = {value}\n", setting.key()));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};
    use proptest::prelude::*;

    fn emptied(text: &str, keys: &[&str]) -> String {
        TomlEditor::read(text, Path::new("pichat.toml")).unwrap().cleared(keys, Some("vista")).to_string()
    }

    const BOTH: [&str; 2] = ["wifi.password", "claim.admin_password_hash"];

    #[test]
    fn clearing_replaces_only_values_and_adds_the_note() {
        let file = "\u{feff}# año\r\n[wifi]\r\n  password   =  'ñ \"# x'  # mía\r\nssid=\"x\"\r\n\r\n[claim]\r\nadmin_password_hash = \"y\"";
        let want = "\u{feff}# año\r\n[wifi]\r\n  password   =  \"\"  # mía # vista\r\nssid=\"x\"\r\n\r\n[claim]\r\nadmin_password_hash = \"\" # vista";
        assert_eq!(emptied(file, &BOTH), want);
        assert_eq!(emptied(want, &BOTH), want, "the note comes once");
        assert_eq!(emptied(file, &[]), file);
        let table = "wifi = { password = \"a\", ssid = \"b\" }\n";
        assert_eq!(emptied(table, &BOTH), "wifi = { password = \"\", ssid = \"b\" } # vista\n");
        let lines = "wifi.password = \"\"\"\na\\\n  b\"\"\"\nwifi.ssid = 'x'\n";
        assert_eq!(emptied(lines, &BOTH), "wifi.password = \"\" # vista\nwifi.ssid = 'x'\n");
    }

    #[test]
    fn values_are_found_and_composed_again() {
        let file =
            "\u{feff}http.hosts = [ # two\n 'a', \"b\"]\n[limits]\nrooms = 0x10\n[wifi]\nssid = '''it's'''\n";
        let written = TomlEditor::read(file, Path::new("pichat.toml")).unwrap();
        assert_eq!((written.value("limits.rooms"), written.value("limits.files")), (Some("0x10"), None));
        assert_eq!(written.place("wifi.ssid").text(crate::types::Lang::En), "pichat.toml:6:8");
        let text = render(|key| if key == "data_dir" { Some("\"d\"") } else { written.value(key) });
        assert_eq!(
            *text,
            "data_dir = \"d\"\n[http]\nhosts = [ # two\n 'a', \"b\"]\n[limits]\nrooms = 0x10\n[wifi]\nssid = '''it's'''\n"
        );
    }

    proptest! {
        #[test]
        fn composed_text_parses_to_the_same_settings(rooms in 1..=1024_u32, ssid in "\\PC{1,8}", host in "[a-z]{1,9}") {
            let text = format!("wifi.ssid = {ssid:?}\nhttp = {{ hosts = [{host:?}] }}\n[limits]\nrooms = {rooms}\n");
            let parse = |text: &str| Config::parse(text, Path::new("x"), &[], Overrides::default());
            if let Ok(config) = parse(&text) {
                let written = TomlEditor::read(&text, Path::new("x")).unwrap();
                let again = parse(&render(|key| written.value(key))).unwrap();
                prop_assert!(config.compare(&again).is_empty());
            }
        }
    }
}

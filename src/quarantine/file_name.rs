//! Name of a file for display and download. It never names a file on the server's disk.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::types::is_bidi_control;

/// File name that is safe to save under on Linux, Windows and macOS: NFC, one path component, no control or
/// bidi control character, no leading dot, at most 200 bytes of UTF-8. Any script.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

/// Reason why a text cannot become a file name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// No character of the name is allowed.
    #[error("the file name holds no character that can stay")]
    Empty,
    /// Over 1024 bytes as received.
    #[error("the file name is longer than {} bytes", FileName::MAX_RAW_BYTES)]
    TooLong,
}

impl FileName {
    /// Bytes of UTF-8. Below the 255 of ext4, NTFS and APFS by what browsers add: ` (12)`, `.crdownload`,
    /// `.part`.
    pub const MAX_BYTES: usize = 200;
    /// Bytes of a name as received: 255 UTF-16 units (NTFS) are at most 765 bytes, and a path may precede
    /// them.
    pub const MAX_RAW_BYTES: usize = 1024;
    /// Bytes of an extension that is kept when shortening, without its dot; the longest in use
    /// (`.webmanifest`) has 11.
    const MAX_EXTENSION: usize = 16;
    /// Bytes cut at most to keep a letter and its marks together; the longest emoji sequences have 35.
    const MAX_SEQUENCE: usize = 40;

    /// Builds a name from what the client sent, which may be a whole path.
    pub fn from_upload(raw: &str) -> Result<Self, NameError> {
        if raw.len() > Self::MAX_RAW_BYTES {
            return Err(NameError::TooLong);
        }
        // NFC before the replacements, so that composed characters are judged.
        let visible: String = raw.chars().filter(|c| !is_removed(*c)).nfc().collect();
        let last = visible.rsplit(['/', '\\']).next().unwrap_or_default();
        let storable: String = last.chars().map(|c| if is_refused_by_windows(c) { '_' } else { c }).collect();
        let trimmed = storable.trim_start_matches(is_trimmed).trim_end_matches(is_trimmed);
        if trimmed.is_empty() {
            return Err(NameError::Empty);
        }
        // Cut first: only the cut-off part may have told the name from a device's.
        let mut name = assemble(trimmed, "");
        if is_reserved_by_windows(&name) {
            name = assemble(&format!("_{name}"), "");
        }
        Ok(Self(name))
    }

    /// Wraps a name that this type wrote to the database.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name with a number before its extension: `informe (2).pdf`.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        Self(assemble(&self.0, &format!(" ({n})")))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Joins stem, `infix` and extension, and cuts the stem until the name fits.
fn assemble(name: &str, infix: &str) -> String {
    let (stem, extension) = split_extension(name);
    let room = FileName::MAX_BYTES - infix.len() - extension.len();
    format!("{}{infix}{extension}", cut(stem, room))
}

/// Splits before the extension's dot. An extension is short and without blanks (`v1.2 final report` has
/// none); `.tar.gz` counts as one.
fn split_extension(name: &str) -> (&str, &str) {
    let Some((stem, last)) = name.rsplit_once('.') else {
        return (name, "");
    };
    if stem.is_empty()
        || last.is_empty()
        || last.len() > FileName::MAX_EXTENSION
        || last.contains(char::is_whitespace)
    {
        return (name, "");
    }
    let tar = ".tar";
    let at = match stem.len().checked_sub(tar.len()) {
        Some(at) if at > 0 && stem.is_char_boundary(at) && stem[at..].eq_ignore_ascii_case(tar) => at,
        _ => stem.len(),
    };
    name.split_at(at)
}

/// Returns the longest start of `stem` within `max` bytes that neither splits a letter from its marks nor
/// ends in a blank or a dot.
fn cut(stem: &str, max: usize) -> &str {
    if stem.len() <= max {
        return stem;
    }
    let limit = stem.floor_char_boundary(max);
    let mut end = limit;
    while continues(stem, end) {
        end = stem.floor_char_boundary(end - 1);
        if limit - end > FileName::MAX_SEQUENCE {
            // No script has such a sequence, so it may be split.
            end = limit;
            break;
        }
    }
    stem[..end].trim_end_matches(is_trimmed)
}

/// Returns true if the character at `at` belongs to the previous one: marks, variation selectors, skin tones,
/// joined emoji.
fn continues(text: &str, at: usize) -> bool {
    const JOINER: char = '\u{200D}';
    let Some(before) = text[..at].chars().next_back() else {
        return false;
    };
    let joins = |c: char| c == JOINER || is_combining_mark(c) || ('\u{1F3FB}'..='\u{1F3FF}').contains(&c);
    before == JOINER || text[at..].chars().next().is_some_and(joins)
}

/// Returns true for characters that only mislead or break a line: control characters, Unicode's Bidi_Control
/// (with the three marks that `is_bidi_control` allows in running text), line and paragraph separator,
/// zero-width space, byte order mark.
fn is_removed(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || matches!(
            c,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{200B}' | '\u{FEFF}'
        )
}

/// Returns true for characters that may neither begin a name (hidden file) nor end it (Windows drops them and
/// then means another file).
fn is_trimmed(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Returns true for characters that Windows refuses. Source, also of the reserved names: Microsoft, "Naming
/// Files, Paths, and Namespaces".
fn is_refused_by_windows(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// Returns true for device names, which Windows reserves with any extension, in any case, and with blanks
/// before the dot.
fn is_reserved_by_windows(name: &str) -> bool {
    let device = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    match device.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        other => ["COM", "LPT"].iter().filter_map(|port| other.strip_prefix(port)).any(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(raw: &str) -> String {
        FileName::from_upload(raw).unwrap_or_else(|e| panic!("{raw:?}: {e}")).to_string()
    }

    #[test]
    fn ordinary_names_of_any_script_are_unchanged() {
        for same in [
            "ñandú 名.txt",
            "informe.pdf",
            "a.tar.gz",
            "#1 & co; 50 % (b) 'x'.csv",
            "👩\u{200D}🔧.png",
            "a..b",
            "-rf",
            "~$x.doc",
        ] {
            assert_eq!(name(same), same);
        }
        assert_eq!(name("n\u{303}andu\u{301}.txt"), "ñandú.txt");
    }

    #[test]
    fn only_last_path_component_is_kept() {
        assert_eq!(name("../../etc/passwd"), "passwd");
        assert_eq!(name(r"C:\Users\Ana\Mis documentos\año.xlsx"), "año.xlsx");
        assert_eq!(name("a\\b/c\\d"), "d");
    }

    #[test]
    fn misleading_characters_are_removed() {
        assert_eq!(name("foto\u{202E}gpj.exe"), "fotogpj.exe");
        assert_eq!(name("a\r\nb\0\u{7F}\u{85}\u{2028}\u{200B}\u{FEFF}\u{200F}c"), "abc");
        assert_eq!(name("¿qué?: <a|b> \"c\"*.txt"), "¿qué__ _a_b_ _c__.txt");
        assert_eq!(name(" ..\u{200B}. .bashrc. . "), "bashrc");
    }

    #[test]
    fn device_names_get_a_prefix() {
        for device in ["con", "NUL.txt", "Aux.tar.gz", "LPT9", "com1.", "COM¹.x", "prn .txt", "conin$"] {
            assert!(name(device).starts_with('_'), "{device}");
        }
        assert_eq!(name(&format!("con{}x", " ".repeat(250))), "_con");
        for plain in ["console.txt", "COM0", "COM10", "com", "lpt.txt", "nulo"] {
            assert_eq!(name(plain), plain);
        }
    }

    #[test]
    fn empty_and_overlong_names_are_refused() {
        for empty in ["", ".", "..", "/", "a/", "a\\..", " \u{3000}. ", "\u{202E}\0"] {
            assert_eq!(FileName::from_upload(empty), Err(NameError::Empty), "{empty:?}");
        }
        assert_eq!(FileName::from_upload(&"a".repeat(1025)), Err(NameError::TooLong));
        assert_eq!(name(&"a".repeat(1024)), "a".repeat(200));
    }

    #[test]
    fn shortened_name_keeps_extension_and_whole_letters() {
        assert_eq!(name(&format!("{}.pdf", "x".repeat(300))), format!("{}.pdf", "x".repeat(196)));
        assert_eq!(name(&format!("{}.tar.gz", "名".repeat(100))), format!("{}.tar.gz", "名".repeat(64)));
        // `q` with a tilde has no composed form and takes three bytes, so 200 - 4 would fall into the 66th
        // letter.
        assert_eq!(
            name(&format!("{}.pdf", "q\u{303}".repeat(100))),
            format!("{}.pdf", "q\u{303}".repeat(65))
        );
        assert_eq!(name(&format!("a{}", "\u{303}".repeat(300))).len(), 200);
        assert_eq!(
            name(&format!("a{}b{}", " ".repeat(198), "c".repeat(9))),
            format!("a{}b", " ".repeat(198))
        );
        assert_eq!(name(&format!("a{}b", " ".repeat(250))), "a");
    }

    #[test]
    fn number_precedes_extension() {
        let numbered = |raw: &str, n| FileName::from_upload(raw).map(|f| f.numbered(n).to_string());
        assert_eq!(numbered("informe.pdf", 2), Ok("informe (2).pdf".into()));
        assert_eq!(numbered("a.tar.gz", 2), Ok("a (2).tar.gz".into()));
        assert_eq!(numbered("x.TAR.zst", 10), Ok("x (10).TAR.zst".into()));
        assert_eq!(numbered("tar.gz", 3), Ok("tar (3).gz".into()));
        assert_eq!(numbered("LEEME", 3), Ok("LEEME (3)".into()));
        assert_eq!(numbered("v1.2 informe final", 3), Ok("v1.2 informe final (3)".into()));
        assert_eq!(FileName::stored(".tar.gz".into()).numbered(2).as_str(), ".tar (2).gz");
    }

    /// Texts rich in characters that the rules treat.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[ .a-zA-Z0-9/\\\\<>:\"|?*]{1,6}",
            2 => any::<char>().prop_map(String::from),
            2 => proptest::sample::select(vec![
                "con", "NUL", "com¹", ".tar", ".gz", "\u{301}", "\u{338}", "\u{200D}", "\u{1F3FD}", "\u{202E}", "\u{2028}",
                "\u{212A}", "\u{37E}", "\u{958}", "\u{1D160}", "\u{3000}", "\u{A0}", "\0", "e\u{301}", "👩",
            ]).prop_map(String::from),
            1 => ("[ .a]|名|\u{303}", 50..120_usize).prop_map(|(s, n)| s.repeat(n)),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn assert_safe(name: &str) {
        assert!(!name.is_empty() && name.len() <= FileName::MAX_BYTES, "{name:?}");
        assert!(!name.contains(['/', '\\']) && !name.contains(is_refused_by_windows), "{name:?}");
        assert!(!name.contains(|c: char| c.is_control() || is_bidi_control(c)), "{name:?}");
        assert!(!name.starts_with(is_trimmed) && !name.ends_with(is_trimmed), "{name:?}");
        assert!(!is_reserved_by_windows(name), "{name:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn sanitized_name_is_safe_and_idempotent(raw in hostile(), n: u32) {
            if let Ok(once) = FileName::from_upload(&raw) {
                assert_safe(once.as_str());
                prop_assert_eq!(FileName::from_upload(once.as_str()), Ok(once.clone()));
                let numbered = once.numbered(n);
                assert_safe(numbered.as_str());
                prop_assert_eq!(FileName::from_upload(numbered.as_str()), Ok(numbered));
            }
        }

        #[test]
        fn file_name_never_panics(raw: String, n: u32) {
            let _ = FileName::from_upload(&raw);
            let _ = FileName::stored(raw).numbered(n);
        }
    }
}

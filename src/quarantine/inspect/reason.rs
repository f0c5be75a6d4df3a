//! Why a file is held, as stable words.

use crate::quarantine::record::FileState;
use crate::types::is_bidi_control;

/// Characters of a detail: enough for the place of a file in an archive, short in a list.
const MAX_DETAIL_CHARS: usize = 120;

/// Makes [`Code`] from one table, so that no part can forget a row. A row reads `"meaning" Variant = "word" State;`.
macro_rules! codes {
    ($($meaning:literal $variant:ident = $word:literal $state:ident;)*) => {
        /// What can be found in a file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable word: in the record, the API and the audit; the page has a sentence for each.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The state that a file in which this was found has at least.
            pub const fn state(self) -> FileState {
                match self { $(Self::$variant => FileState::$state,)* }
            }
        }
    };
}

codes! {
    "The EICAR test file; the detail says where in the archive."
    Eicar = "eicar" Infected;

    "The name as it was sent held characters that turn the direction of reading."
    NameBidi = "name-bidi" Suspicious;
    "The name looks like a document and ends as a program does."
    NameDouble = "name-double-extension" Suspicious;
    "The name ends as a program or script does."
    NameExecutable = "name-executable" Suspicious;
    "The content is something else than the extension says; the detail says what."
    ExtensionMismatch = "extension-mismatch" Suspicious;
    "The content is something else than the sender's program declared; the detail says what was declared."
    DeclaredMismatch = "declared-mismatch" Suspicious;
    "A program for Linux."
    Elf = "executable-elf" Suspicious;
    "A program for Windows."
    Pe = "executable-pe" Suspicious;
    "A program for macOS."
    MachO = "executable-macho" Suspicious;
    "A script that names its interpreter."
    Script = "executable-script" Suspicious;
    "A Java program."
    Java = "executable-java" Suspicious;
    "An Android app."
    Android = "executable-android" Suspicious;
    "A Windows installer."
    Msi = "executable-msi" Suspicious;
    "A Windows shortcut, which can run anything."
    Shortcut = "executable-lnk" Suspicious;
    "Macros in a document of Office 2007 or later."
    MacroOoxml = "macro-ooxml" Suspicious;
    "Macros in a document of an older Office."
    MacroOle = "macro-ole" Suspicious;
    "Macros in an OpenDocument file."
    MacroOdf = "macro-odf" Suspicious;
    "A picture that runs scripts."
    ActiveSvg = "active-svg" Suspicious;
    "The file is two things at once; the detail says what it is besides."
    Polyglot = "polyglot" Suspicious;
    "A picture of so many pixels that showing it could exhaust a device."
    Pixels = "image-pixels" Suspicious;
    "Entries of the archive lie over one another."
    Overlap = "archive-overlap" Suspicious;
    "An entry of the archive would be written outside the folder that it is unpacked into."
    Path = "archive-path" Suspicious;
    "An entry of the archive is a link or a device."
    Link = "archive-link" Suspicious;
    "The archive says one thing of itself and is another."
    Lies = "archive-lies" Suspicious;
    "The archive holds data that only some programs would find."
    Hidden = "archive-hidden" Suspicious;

    "The archive is encrypted."
    ArchiveEncrypted = "archive-encrypted" Unscannable;
    "The document is encrypted."
    OfficeEncrypted = "office-encrypted" Unscannable;
    "The archive is damaged or ends early."
    Broken = "archive-broken" Unscannable;
    "An archive of a kind that is not walked; the detail names it."
    Kind = "archive-kind" Unscannable;
    "A way of packing that is not walked; the detail is its number."
    Method = "archive-method" Unscannable;
    "More entries than are walked."
    Entries = "archive-entries" Unscannable;
    "Archives in archives, deeper than is walked."
    Depth = "archive-depth" Unscannable;
    "So little unpacks to so much that it is a bomb; the detail is how many times the size."
    Ratio = "archive-ratio" Unscannable;
    "The archive unpacks to more than is walked; the detail is in bytes."
    Total = "archive-total" Unscannable;
    "An archive in the archive is larger than is looked into."
    Nested = "archive-nested" Unscannable;
    "The inspection took too long."
    Time = "inspection-time" Unscannable;
    "The inspection failed."
    Failed = "inspection-failed" Unscannable;
    "The server ended while it inspected the file; once more and it is given up."
    Interrupted = "inspection-interrupted" Unscannable;
}

/// How bad a state is, for the worst of several.
const fn gravity(state: FileState) -> u8 {
    match state {
        FileState::Infected => 3,
        // Above `unscannable`: something was found, whatever else could not be looked at.
        FileState::Suspicious => 2,
        FileState::Unscannable => 1,
        FileState::Received | FileState::Inspecting | FileState::Clean | FileState::Released | FileState::Lost => 0,
    }
}

/// What was found so far: at most one reason of each code, so that a thousand programs in one archive are one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<(Code, String)>);

impl Findings {
    /// Adds a reason, unless there is one of its code.
    pub fn add(&mut self, code: Code, detail: &str) {
        if !self.has(code) {
            self.0.push((code, printable(detail)));
        }
    }

    /// Adds what another look found.
    pub(in crate::quarantine) fn extend(&mut self, other: &Self) {
        for (code, detail) in &other.0 {
            self.add(*code, detail);
        }
    }

    /// Whether that was found.
    pub fn has(&self, code: Code) -> bool {
        self.0.iter().any(|(found, _)| *found == code)
    }

    /// Takes a reason out.
    pub(in crate::quarantine) fn remove(&mut self, code: Code) -> bool {
        let before = self.0.len();
        self.0.retain(|(found, _)| *found != code);
        self.0.len() < before
    }

    /// The state that these findings lead to.
    pub fn state(&self) -> FileState {
        let states = self.0.iter().map(|(code, _)| code.state());
        states.max_by_key(|state| gravity(*state)).unwrap_or(FileState::Clean)
    }

    /// Each as `code` or `code detail`, the gravest first, otherwise in the order in which they were found.
    pub fn lines(&self) -> Vec<String> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(code, _)| std::cmp::Reverse(gravity(code.state())));
        let line = |(code, detail): &(Code, String)| match detail.as_str() {
            "" => code.as_str().to_owned(),
            _ => format!("{} {detail}", code.as_str()),
        };
        all.into_iter().map(line).collect()
    }

    /// Reads what [`Self::lines`] wrote; what is no code of ours is left out.
    pub(in crate::quarantine) fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut findings = Self::default();
        for line in lines {
            let (word, detail) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == word) {
                findings.add(*code, detail);
            }
        }
        findings
    }
}

/// A detail that stays one line, reads as it is written, and is short.
fn printable(detail: &str) -> String {
    let deceives = |c: &char| c.is_control() || is_bidi_control(*c) || matches!(c, '\u{2028}' | '\u{2029}');
    let mut kept = detail.chars().filter(|c| !deceives(c));
    let mut short: String = kept.by_ref().take(MAX_DETAIL_CHARS).collect();
    if kept.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_makes_the_state() {
        let mut found = Findings::default();
        assert_eq!(found.state(), FileState::Clean);
        found.add(Code::Ratio, "4012");
        assert_eq!(found.state(), FileState::Unscannable);
        found.add(Code::Elf, "");
        found.add(Code::Elf, "a second one says nothing new");
        assert_eq!(found.state(), FileState::Suspicious);
        found.add(Code::Eicar, "a/b.txt");
        assert_eq!(found.state(), FileState::Infected);
        assert_eq!(found.lines(), ["eicar a/b.txt", "executable-elf", "archive-ratio 4012"]);
        let again = Findings::from_lines(found.lines().iter().map(String::as_str));
        assert_eq!((again.lines(), again.state()), (found.lines(), found.state()));
        assert!(found.remove(Code::Eicar) && !found.remove(Code::Eicar));
        assert_eq!(Findings::from_lines(["what no version wrote"]), Findings::default());
    }

    #[test]
    fn every_code_has_its_own_word_and_holds_the_file() {
        for (i, code) in Code::ALL.iter().enumerate() {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code:?}");
            assert!(Code::ALL[..i].iter().all(|other| other.as_str() != code.as_str()), "{code:?}");
            assert!(!code.state().available_to_all(), "{code:?}");
        }
    }

    #[test]
    fn a_detail_is_one_short_line() {
        let mut found = Findings::default();
        found.add(Code::Path, &format!("a\nb\u{202e}{}", "ñ".repeat(500)));
        assert_eq!(found.lines(), [format!("archive-path ab{}…", "ñ".repeat(118))]);
    }
}

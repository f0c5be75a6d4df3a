//! Findings: the stable reasons for which a file is held.

use crate::quarantine::record::FileState;
use crate::types::is_bidi_control;

/// Characters of a detail: enough for a path in an archive, short enough for a list.
const MAX_DETAIL_CHARS: usize = 120;

/// Generates [`FindingCode`] from one table, so that every code has all its parts. A row reads `"meaning"
/// Variant = "word" State;`.
macro_rules! codes {
    ($($meaning:literal $variant:ident = $word:literal $state:ident;)*) => {
        /// Kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FindingCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl FindingCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the stable word in the record, the API and the audit; the page has a sentence for
            /// each.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Returns the minimum state of a file with this finding.
            pub const fn state(self) -> FileState {
                match self { $(Self::$variant => FileState::$state,)* }
            }
        }
    };
}

codes! {
    "The EICAR test file; the detail says where in the archive."
    Eicar = "eicar" Infected;

    "The name as sent contained bidi control characters."
    NameBidi = "name-bidi" Suspicious;
    "The name looks like a document's and has the extension of a program."
    NameDouble = "name-double-extension" Suspicious;
    "The name has the extension of a program or script."
    NameExecutable = "name-executable" Suspicious;
    "The content contradicts the extension; the detail is the detected type."
    ExtensionMismatch = "extension-mismatch" Suspicious;
    "The content contradicts the declared media type, which is the detail."
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
    "An image that runs scripts."
    ActiveSvg = "active-svg" Suspicious;
    "The file has two types at once; the detail is the second one."
    Polyglot = "polyglot" Suspicious;
    "An image with so many pixels that showing it could exhaust a device."
    Pixels = "image-pixels" Suspicious;
    "Entries of the archive overlap."
    Overlap = "archive-overlap" Suspicious;
    "An entry of the archive would be written outside the target folder."
    Path = "archive-path" Suspicious;
    "An entry of the archive is a link or a device."
    Link = "archive-link" Suspicious;
    "The archive contradicts its own headers."
    Inconsistent = "archive-lies" Suspicious;
    "The archive contains data that only some programs find."
    Hidden = "archive-hidden" Suspicious;

    "The archive is encrypted."
    ArchiveEncrypted = "archive-encrypted" Unscannable;
    "The document is encrypted."
    OfficeEncrypted = "office-encrypted" Unscannable;
    "The archive is damaged or ends early."
    Broken = "archive-broken" Unscannable;
    "An archive format that is not inspected; the detail names it."
    Kind = "archive-kind" Unscannable;
    "An unsupported compression method; the detail is its number."
    Method = "archive-method" Unscannable;
    "More entries than the limit."
    Entries = "archive-entries" Unscannable;
    "Archives nested deeper than the limit."
    Depth = "archive-depth" Unscannable;
    "A decompression bomb; the detail is the ratio."
    Ratio = "archive-ratio" Unscannable;
    "The archive unpacks to more than the limit; the detail is the limit in bytes."
    Total = "archive-total" Unscannable;
    "A nested archive is larger than the limit."
    Nested = "archive-nested" Unscannable;
    "The inspection took too long."
    Time = "inspection-time" Unscannable;
    "The inspection failed."
    Failed = "inspection-failed" Unscannable;
    "The server ended during the inspection; a second time it is given up."
    Interrupted = "inspection-interrupted" Unscannable;
}

/// Returns the severity of a state, to find the worst of several.
const fn severity(state: FileState) -> u8 {
    match state {
        FileState::Infected => 3,
        // Above `unscannable`: a finding counts more than parts that could not be read.
        FileState::Suspicious => 2,
        FileState::Unscannable => 1,
        FileState::Received
        | FileState::Inspecting
        | FileState::Clean
        | FileState::Released
        | FileState::Lost => 0,
    }
}

/// Findings so far, at most one for each code, so that a thousand programs in one archive give one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    code: FindingCode,
    /// Printable and short; empty without a detail.
    detail: String,
}

impl Findings {
    /// Adds a finding, unless its code is present.
    pub fn add(&mut self, code: FindingCode, detail: &str) {
        if !self.has(code) {
            self.0.push(Finding { code, detail: printable(detail) });
        }
    }

    /// Adds the findings of another inspection.
    pub(in crate::quarantine) fn extend(&mut self, other: &Self) {
        for finding in &other.0 {
            self.add(finding.code, &finding.detail);
        }
    }

    /// Returns true if the code is present.
    pub fn has(&self, code: FindingCode) -> bool {
        self.0.iter().any(|finding| finding.code == code)
    }

    /// Removes a finding; returns true if it was present.
    pub(in crate::quarantine) fn remove(&mut self, code: FindingCode) -> bool {
        let before = self.0.len();
        self.0.retain(|finding| finding.code != code);
        self.0.len() < before
    }

    /// Returns the state that these findings lead to.
    pub fn state(&self) -> FileState {
        let states = self.0.iter().map(|finding| finding.code.state());
        states.max_by_key(|state| severity(*state)).unwrap_or(FileState::Clean)
    }

    /// Returns each finding as `code` or `code detail`, the most severe first, otherwise in order of
    /// discovery.
    pub fn lines(&self) -> Vec<String> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|finding| std::cmp::Reverse(severity(finding.code.state())));
        let line = |Finding { code, detail }: &Finding| match detail.as_str() {
            "" => code.as_str().to_owned(),
            _ => format!("{} {detail}", code.as_str()),
        };
        all.into_iter().map(line).collect()
    }

    /// Parses the output of [`Self::lines`]; unknown codes are skipped.
    pub(in crate::quarantine) fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut findings = Self::default();
        for line in lines {
            let (word, detail) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(code) = FindingCode::ALL.iter().find(|code| code.as_str() == word) {
                findings.add(*code, detail);
            }
        }
        findings
    }
}

/// Makes a detail short, single-line and free of bidi controls.
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
    fn worst_finding_determines_the_state() {
        let mut found = Findings::default();
        assert_eq!(found.state(), FileState::Clean);
        found.add(FindingCode::Ratio, "4012");
        assert_eq!(found.state(), FileState::Unscannable);
        found.add(FindingCode::Elf, "");
        found.add(FindingCode::Elf, "a second one says nothing new");
        assert_eq!(found.state(), FileState::Suspicious);
        found.add(FindingCode::Eicar, "a/b.txt");
        assert_eq!(found.state(), FileState::Infected);
        assert_eq!(found.lines(), ["eicar a/b.txt", "executable-elf", "archive-ratio 4012"]);
        let again = Findings::from_lines(found.lines().iter().map(String::as_str));
        assert_eq!((again.lines(), again.state()), (found.lines(), found.state()));
        assert!(found.remove(FindingCode::Eicar) && !found.remove(FindingCode::Eicar));
        assert_eq!(Findings::from_lines(["what no version wrote"]), Findings::default());
    }

    #[test]
    fn every_code_is_unique_and_withholds_the_file() {
        for (i, code) in FindingCode::ALL.iter().enumerate() {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code:?}");
            assert!(FindingCode::ALL[..i].iter().all(|other| other.as_str() != code.as_str()), "{code:?}");
            assert!(!code.state().available_to_all(), "{code:?}");
        }
    }

    #[test]
    fn detail_is_one_short_line() {
        let mut found = Findings::default();
        found.add(FindingCode::Path, &format!("a\nb\u{202e}{}", "ñ".repeat(500)));
        assert_eq!(found.lines(), [format!("archive-path ab{}…", "ñ".repeat(118))]);
    }
}

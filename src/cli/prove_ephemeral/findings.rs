//! Results of the searches, by place.

use std::collections::BTreeMap;
use std::io;

use crate::cli::causes;
use crate::types::Lang;
use crate::types::texts::{Key, key};

use super::needles::{Marks, SearchExtent};

/// Bytes of a megabyte as people are shown it.
const MB: u64 = 1_000_000;
/// Maximum number of remains in the report.
const MOST_SHOWN: usize = 40;

/// Place that is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SearchPlace {
    Memory,
    MemoryTls,
    Data,
    ServerLog,
    SystemLog,
    Cores,
    Swap,
}

impl SearchPlace {
    const ALL: [Self; 7] = [
        Self::Memory,
        Self::MemoryTls,
        Self::Data,
        Self::ServerLog,
        Self::SystemLog,
        Self::Cores,
        Self::Swap,
    ];

    const fn label(self) -> Key {
        match self {
            Self::Memory => key::PROVE_PLACE_MEMORY,
            Self::MemoryTls => key::PROVE_PLACE_MEMORY_TLS,
            Self::Data => key::PROVE_PLACE_DATA,
            Self::ServerLog => key::PROVE_PLACE_SERVER_LOG,
            Self::SystemLog => key::PROVE_PLACE_SYSTEM_LOG,
            Self::Cores => key::PROVE_PLACE_CORES,
            Self::Swap => key::PROVE_PLACE_SWAP,
        }
    }
}

/// Result for one place.
#[derive(Debug, Default)]
struct PlaceResult {
    /// Most bytes of one search.
    extent: SearchExtent,
    remains: Marks,
    /// Parts that were not searched, with the reason.
    unsearched: BTreeMap<String, String>,
}

/// Verdict of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum EphemeralVerdict {
    /// Nothing remained, and everything was searched.
    Proved,
    /// Something remained.
    Remains,
    /// The search missed a text that was there.
    Blind,
    /// Nothing was found, but not everything could be searched.
    Unsearched,
}

impl EphemeralVerdict {
    /// Returns its sentence.
    pub(in crate::cli) const fn text(self) -> Key {
        match self {
            Self::Proved => key::PROVE_PROVED,
            Self::Remains => key::PROVE_REMAINS,
            Self::Blind => key::PROVE_BLIND,
            Self::Unsearched => key::PROVE_NOT_ALL,
        }
    }
}

/// Results of all searches.
#[derive(Debug, Default)]
pub(super) struct RemainsReport {
    places: BTreeMap<SearchPlace, PlaceResult>,
    /// Copies found in memory before the wipe.
    control: usize,
    blind: bool,
}

impl RemainsReport {
    /// Adds the result of one search.
    pub(super) fn add(&mut self, place: SearchPlace, extent: SearchExtent, remains: Marks) {
        let result = self.places.entry(place).or_default();
        result.extent.bytes = result.extent.bytes.max(extent.bytes);
        result.extent.unread = result.extent.unread.max(extent.unread);
        for (mark, count) in remains {
            let most = result.remains.entry(mark).or_default();
            *most = count.max(*most);
        }
    }

    /// Notes a part that could not be searched.
    pub(super) fn leave_out(&mut self, place: SearchPlace, part: String, cause: &io::Error, lang: Lang) {
        let result = self.places.entry(place).or_default();
        result.unsearched.insert(part, causes::system(cause, lang));
    }

    /// Notes the copies that were found while the messages were there; `missed` if one was not.
    pub(super) fn control(&mut self, copies: usize, missed: bool) {
        self.control += copies;
        self.blind |= missed;
    }

    /// Returns the verdict: a remain counts most.
    pub(super) fn verdict(&self) -> EphemeralVerdict {
        let any = |test: fn(&PlaceResult) -> bool| self.places.values().any(test);
        if any(|result| !result.remains.is_empty()) {
            EphemeralVerdict::Remains
        } else if self.blind {
            EphemeralVerdict::Blind
        } else if any(|result| !result.unsearched.is_empty() || result.extent.unread > 0) {
            EphemeralVerdict::Unsearched
        } else {
            EphemeralVerdict::Proved
        }
    }

    /// Returns a line for each place, with its remains and unsearched parts.
    pub(super) fn lines(&self, lang: Lang) -> Vec<String> {
        let line = |label: Key, text: &str| format!("  {:<24}{text}", label.get(lang));
        let control = key::PROVE_CONTROL_COPIES.fill(lang, &[("copies", &self.control)]);
        let mut lines = vec![line(key::PROVE_CONTROL, &control)];
        for place in SearchPlace::ALL {
            let Some(PlaceResult { extent, remains, unsearched }) = self.places.get(&place) else { continue };
            let copies: usize = remains.values().sum();
            let mb = extent.bytes.div_ceil(MB);
            let text = if copies > 0 {
                key::PROVE_FOUND.fill(lang, &[("copies", &copies), ("mb", &mb)])
            } else if extent.bytes > 0 {
                key::PROVE_CLEAN.fill(lang, &[("mb", &mb)])
            } else {
                key::PROVE_NONE.get(lang).to_owned()
            };
            if copies > 0 || unsearched.is_empty() || extent.bytes > 0 {
                lines.push(line(place.label(), &text));
            }
            lines.extend(remains.iter().take(MOST_SHOWN).map(|((id, encoding, place), count)| {
                format!("    {} {encoding} ×{count} {place}", String::from_utf8_lossy(id))
            }));
            for (part, cause) in unsearched {
                let text = key::PROVE_UNSEARCHED.fill(lang, &[("part", part), ("cause", cause)]);
                lines.push(line(place.label(), &text));
            }
            if extent.unread > 0 {
                let kb = extent.unread.div_ceil(1000);
                lines.push(line(place.label(), &key::PROVE_UNREAD.fill(lang, &[("kb", &kb)])));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::needles::Encoding;
    use super::*;

    #[test]
    fn verdict_is_the_worst_result() {
        let mut findings = RemainsReport::default();
        let read = SearchExtent { bytes: 1, unread: 0 };
        findings.add(SearchPlace::Data, read, Marks::new());
        assert_eq!(findings.verdict(), EphemeralVerdict::Proved);
        findings.add(SearchPlace::Data, SearchExtent { bytes: 1, unread: 4096 }, Marks::new());
        assert_eq!(findings.verdict(), EphemeralVerdict::Unsearched);
        findings.control(3, true);
        assert_eq!(findings.verdict(), EphemeralVerdict::Blind);
        let remains = Marks::from([((*b"pl03", Encoding::Utf8, "[heap]".into()), 2)]);
        findings.add(SearchPlace::Memory, read, remains);
        findings.add(SearchPlace::Memory, read, Marks::new());
        assert_eq!(findings.verdict(), EphemeralVerdict::Remains);
        let lines = findings.lines(Lang::En).join("\n");
        assert!(lines.contains("pl03 utf-8 ×2 [heap]"), "{lines}");
    }

    #[test]
    fn unsearched_part_has_its_reason() {
        let mut findings = RemainsReport::default();
        let denied = io::ErrorKind::PermissionDenied.into();
        findings.leave_out(SearchPlace::Swap, "/dev/sda2".to_owned(), &denied, Lang::En);
        assert_eq!(findings.verdict(), EphemeralVerdict::Unsearched);
        let lines = findings.lines(Lang::En).join("\n");
        assert!(lines.contains("/dev/sda2"), "{lines}");
    }
}

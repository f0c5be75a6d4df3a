//! Properties of every name, header and content. The fuzzers in `fuzz/` and the tests below check the same
//! ones.

use std::cell::Cell;
use std::io::Cursor;

use super::inspect::{Findings, InspectionLimits, InspectionOutcome, StopReason, in_memory, walk};
use super::media_type::{HEAD_BYTES, media_type};
use super::{ByteRange, FileName, FileState};
use crate::types::is_bidi_control;

/// Checks that a name is safe to save under, maps to itself, and stays so when numbered.
pub fn file_name(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let number = data.iter().fold(1_u32, |n, byte| n.wrapping_mul(31).wrapping_add((*byte).into()));
    let Ok(name) = FileName::from_upload(&raw) else {
        let left = raw.chars().filter(|c| c.is_ascii_alphanumeric()).count();
        assert!(
            left == 0 || raw.len() > FileName::MAX_RAW_BYTES || raw.ends_with(hides),
            "refused for nothing: {raw:?}"
        );
        return;
    };
    for name in [name.numbered(number), name] {
        assert_safe(name.as_str());
        assert_eq!(FileName::from_upload(name.as_str()).as_ref(), Ok(&name), "{raw:?}");
    }
    // Names stored by older versions are numbered too.
    let stored = FileName::stored(raw.into_owned());
    assert!(stored.numbered(number).as_str().len() <= FileName::MAX_BYTES);
}

/// Returns true if nothing after the last separator can stay, whatever comes before it.
fn hides(last: char) -> bool {
    matches!(last, '/' | '\\' | '.') || !last.is_ascii_graphic()
}

fn assert_safe(name: &str) {
    assert!(!name.is_empty() && name.len() <= FileName::MAX_BYTES, "{name:?}");
    assert!(!name.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*']), "{name:?}");
    assert!(!name.contains(|c: char| c.is_control() || is_bidi_control(c)), "{name:?}");
    let blank = |c: char| c == '.' || c.is_whitespace();
    assert!(!name.starts_with(blank) && !name.ends_with(blank), "{name:?}");
    let device = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    assert!(!["con", "prn", "aux", "nul", "com1", "com¹", "lpt9"].contains(&&*device), "{name:?}");
}

/// Checks that a range lies in the file and equals its plain form. The first 8 bytes are the file's size.
pub fn range(data: &[u8]) {
    let (size, header) = match data.split_first_chunk() {
        Some((size, header)) => (u64::from_le_bytes(*size), header),
        None => (0, data),
    };
    let header = String::from_utf8_lossy(header);
    match ByteRange::parse(&header, size) {
        ByteRange::Whole => {}
        ByteRange::Unsatisfiable => assert!(is_single(&header), "{header:?}"),
        ByteRange::Part { first, last } => {
            assert!(is_single(&header) && first <= last && last < size, "{header:?} of {size}");
            let part = ByteRange::Part { first, last };
            assert_eq!(ByteRange::parse(&format!("bytes={first}-{last}"), size), part);
            assert_eq!(ByteRange::parse(&format!(" BYTES=,{first}-{last} "), size), part);
        }
    }
}

/// Returns true for the unit `bytes` with exactly one range.
fn is_single(header: &str) -> bool {
    let Some((unit, set)) = header.trim().split_once('=') else { return false };
    let filled = set.split(',').filter(|spec| !spec.trim().is_empty()).count();
    unit.eq_ignore_ascii_case("bytes") && filled == 1 && set.contains('-')
}

/// Checks that the detected type is a media type and depends on the first bytes only.
pub fn media(data: &[u8]) {
    let name = FileName::stored("x.txt".to_owned());
    let kind = media_type(data, &name);
    assert!(kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()), "{kind}");
    assert!(kind.is_ascii() && !kind.contains(|c: char| c.is_ascii_control()), "{kind}");
    assert_eq!(media_type(&data[..data.len().min(HEAD_BYTES)], &name), kind);
}

/// Limits small enough for arbitrary data to exceed.
pub const TIGHT: InspectionLimits = InspectionLimits {
    entries: 20,
    depth: 3,
    ratio: 20,
    ratio_from: 2000,
    total: 20_000,
    spool: 3000,
    pixels: 1000,
};

/// Checks that an inspection stays within its limits and gives short reasons for what is not clean.
pub fn inspection(data: &[u8]) {
    assert_bounded(&walk(Cursor::new(data), "a.zip", &TIGHT, &|| None, &in_memory), &TIGHT);
}

/// Limits wide enough to inspect an honest archive completely.
const WIDE: InspectionLimits = InspectionLimits {
    entries: 64,
    depth: 3,
    ratio: 100,
    ratio_from: 16 * 1024,
    total: 2 * 1024 * 1024,
    spool: 256 * 1024,
    pixels: 1 << 20,
};

/// Checks that an inspection is bounded, repeatable, can be canceled, and gives reasons that can be stored.
/// The first line of `data` is the file's name.
pub fn archive(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, content) = (String::from_utf8_lossy(&data[..at]), data.get(at + 1..).unwrap_or_default());
    let asked = Cell::new(0_u32);
    let look = |most: u32| {
        asked.set(0);
        let check = || {
            asked.set(asked.get() + 1);
            (asked.get() > most).then_some(StopReason::Cancelled)
        };
        walk(Cursor::new(content), &name, &WIDE, &check, &in_memory)
    };
    let whole = look(u32::MAX);
    let times = asked.get();
    assert_bounded(&whole, &WIDE);
    inspection(content);
    assert!(
        !matches!(whole.halted, Some(StopReason::Cancelled | StopReason::Unreadable | StopReason::Time)),
        "{:?}",
        whole.halted
    );
    assert_eq!(told(&look(u32::MAX)), told(&whole), "the second time");
    let lines = whole.findings.lines();
    let stored = Findings::from_lines(lines.iter().map(String::as_str));
    assert_eq!((stored.lines(), stored.state()), (lines, whole.state()));
    if let Some(early) = times.checked_div(2).filter(|early| *early < times) {
        let cut = look(early);
        assert_bounded(&cut, &WIDE);
        assert!(
            cut.halted == Some(StopReason::Cancelled) && !cut.findings.lines().is_empty(),
            "it goes on: {:?}",
            cut.halted
        );
    }
}

fn told(outcome: &InspectionOutcome) -> (Vec<String>, Option<StopReason>, u64, u32) {
    (outcome.findings.lines(), outcome.halted, outcome.decoded, outcome.entries)
}

fn assert_bounded(outcome: &InspectionOutcome, caps: &InspectionLimits) {
    assert!(
        outcome.decoded <= caps.total && outcome.entries <= caps.entries && outcome.spooled <= caps.spool,
        "{outcome:?}"
    );
    let reasons = outcome.findings.lines();
    assert_eq!(outcome.state() == FileState::Clean, reasons.is_empty());
    let plain =
        |line: &String| line.len() < 600 && !line.contains(|c: char| c.is_control() || is_bidi_control(c));
    assert!(reasons.iter().all(plain), "{reasons:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::replay;
    use proptest::prelude::*;

    #[test]
    fn corpus_keeps_all_properties() {
        replay("file_name", file_name);
        replay("range", range);
        replay("media", media);
        replay("archive", archive);
    }

    /// Honest archives to be damaged.
    const SEEDS: [&str; 6] = ["zip", "docx", "tar", "tar-gz", "zip-in-zip", "zip64"];

    proptest! {
        #[test]
        fn any_name_keeps_its_properties(pieces in proptest::collection::vec("[ ./\\\\a-c]{1,4}|\\PC{1,3}|(con|nul|\\.tar|\\.gz|\u{301}|\u{200d}|\u{202e})", 0..40)) {
            file_name(pieces.concat().as_bytes());
        }

        #[test]
        fn any_range_keeps_its_properties(size in prop_oneof![0..20_u64, any::<u64>()], header in " ?(bytes|Bytes|x) ?=[0-9, -]{0,24}|.{0,24}") {
            range(&[&size.to_le_bytes(), header.as_bytes()].concat());
        }

        #[test]
        fn any_content_keeps_its_properties(content in proptest::collection::vec(any::<u8>(), 0..3000)) {
            media(&content);
        }

        #[test]
        fn any_archive_keeps_its_properties(
            which in 0..SEEDS.len(),
            name in "[a-z]{0,3}(\\.(zip|docx|gz|tar|tgz|svg|exe|pdf))?",
            slips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
            keep in any::<proptest::sample::Index>(),
            cut: bool,
        ) {
            let seed = std::fs::read(format!("{}/fuzz/corpus/archive/{}", env!("CARGO_MANIFEST_DIR"), SEEDS[which])).expect("a seed");
            let at = seed.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let mut content = seed[at..].to_vec();
            for (at, byte) in slips {
                let len = content.len();
                content[at.index(len)] = byte;
            }
            if cut {
                content.truncate(keep.index(content.len()));
            }
            archive(&[name.as_bytes(), b"\n", &content].concat());
        }
    }
}

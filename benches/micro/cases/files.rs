//! Operations of an upload and a download, without the disk.

use std::hint::black_box;
use std::io::Cursor;

use pichat::quarantine::inspect::{FindingCode, InspectionLimits, in_memory, walk};
use pichat::quarantine::{ByteRange, FileName, FileState};

use super::archive::{EntryHeader, Zip, nested};
use super::{Operation, Row};

pub const CASES: &[Row] = &[
    ("range: five headers", 100, ranges),
    ("name: an ordinary one", 100, || name("Acta de la reunión del 3 de marzo.pdf")),
    ("name: 600 bytes of another system's path", 10, || {
        name(&format!(r"C:\Años\{}: «Ñandú»?.tar.gz", "q\u{303}".repeat(190)))
    }),
    ("inspection: a text of 4 KiB", 10, || inspection("acta.txt", words(4096), None)),
    ("inspection: a zip of 16 texts, 1 MiB", 1, || inspection("actas.zip", zip(), None)),
    ("inspection: zips in zips, 5 levels", 1, || {
        inspection("actas.zip", nested(4, 2, &EntryHeader::deflated("acta.txt", &words(4096))), None)
    }),
    ("inspection: zips in zips, a level too many", 1, || {
        inspection(
            "actas.zip",
            nested(6, 2, &EntryHeader::deflated("acta.txt", &words(4096))),
            Some(FindingCode::Nested),
        )
    }),
];

fn ranges() -> Operation {
    let headers = ["bytes=0-", "bytes=1000000-1000099", "bytes=-500", "bytes=0-1, 4-5", "lines=1-2"];
    Box::new(move || {
        for header in headers {
            black_box(ByteRange::parse(black_box(header), 16 << 20));
        }
    })
}

fn name(raw: &str) -> Operation {
    let raw = raw.to_owned();
    Box::new(move || drop(black_box(FileName::from_upload(black_box(&raw)))))
}

/// Returns deterministic text that resembles prose.
fn words(bytes: usize) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["acta ", "reunión ", "de ", "la ", "oficina ", "mañana ", "lunes,\n", "archivo "];
    let mut state = 1_u32;
    let mut out = Vec::with_capacity(bytes + 16);
    while out.len() < bytes {
        // Constants of Numerical Recipes; the upper bits are the random ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(WORDS[(state >> 29) as usize].as_bytes());
    }
    out.truncate(bytes);
    out
}

/// Packs the text once, so that only the unpacking is measured.
fn zip() -> Vec<u8> {
    let text = EntryHeader::deflated("", &words(64 * 1024));
    (0..16)
        .map(|i| EntryHeader { name: format!("acta{i}.txt").into_bytes(), ..text.clone() })
        .fold(Zip::default(), |zip, told| zip.add(&told))
        .finish()
}

/// Inspects `content`; `found` is the expected finding, `None` for a clean file.
fn inspection(name: &'static str, content: Vec<u8>, found: Option<FindingCode>) -> Operation {
    Box::new(move || {
        let outcome = walk(Cursor::new(&content), name, &InspectionLimits::DEFAULT, &|| None, &in_memory);
        assert_eq!(outcome.state() == FileState::Clean, found.is_none(), "{:?}", outcome.findings);
        black_box(outcome);
    })
}

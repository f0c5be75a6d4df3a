//! Scans a content that is no archive, once from start to end.

use std::io::{self, Read};

use memchr::memmem;

use super::budget::InspectionBudget;
use super::findings::{FindingCode, Findings};
use super::image_size::Dimensions;
use super::sniff::DetectedType;
use super::zip;

/// Bytes read in one step.
const CHUNK: usize = 64 * 1024;
/// Bytes kept of the previous chunk, so that no pattern is split.
const OVERLAP: usize = 64;

/// The EICAR test file by its definition: these 68 bytes first, then only whitespace, at most 128 bytes in
/// all. A file that quotes it is plain text. Written in two halves, so that no scanner flags this program.
const EICAR: [&[u8]; 2] = [br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"];
const EICAR_MAX: usize = 128;

fn is_eicar(all: &[u8]) -> bool {
    let rest = all.strip_prefix(EICAR[0]).and_then(|rest| rest.strip_prefix(EICAR[1]));
    rest.is_some_and(|rest| {
        all.len() <= EICAR_MAX && rest.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x1a))
    })
}

/// Returns `text` as compound files encode stream names.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Bytes to search and the finding that they lead to.
struct BytePattern {
    bytes: Vec<u8>,
    code: FindingCode,
}

impl BytePattern {
    fn new(bytes: impl Into<Vec<u8>>, code: FindingCode) -> Self {
        Self { bytes: bytes.into(), code }
    }
}

/// Returns the patterns to search in this type of content. Stream names of a compound file are searched as
/// plain bytes: following the tables of a hostile file would mean trusting them.
fn patterns(kind: DetectedType, path: &str) -> Vec<BytePattern> {
    let lower = path.to_ascii_lowercase();
    match kind {
        DetectedType::Ole => {
            // In a part of a newer document the macros are that document's.
            let macros = if lower.ends_with("vbaproject.bin") {
                FindingCode::MacroOoxml
            } else {
                FindingCode::MacroOle
            };
            // Class id of an installer database: {000C1084-0000-0000-C000-000000000046}.
            let msi = b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
            vec![
                BytePattern::new(utf16("_VBA_PROJECT"), macros),
                BytePattern::new(utf16("EncryptedPackage"), FindingCode::OfficeEncrypted),
                BytePattern::new(*msi, FindingCode::Msi),
            ]
        }
        DetectedType::Svg => {
            ["<script", "javascript:", " onload", " onerror", " onclick", " onmouse", " onbegin"]
                .map(|text| BytePattern::new(text, FindingCode::ActiveSvg))
                .into()
        }
        _ if lower.ends_with("meta-inf/manifest.xml") => {
            vec![BytePattern::new("encryption-data", FindingCode::OfficeEncrypted)]
        }
        _ => Vec::new(),
    }
}

/// Scans `head` and `rest`. `tail`: also detect a zip appended to the content.
pub(super) fn scan(
    head: &[u8],
    rest: &mut dyn Read,
    kind: DetectedType,
    at: &str,
    tail: bool,
    meter: &InspectionBudget<'_>,
    findings: &mut Findings,
) -> io::Result<()> {
    // PDF readers accept the signature anywhere in the first KiB.
    let early = &head[..head.len().min(1024)];
    if !matches!(kind, DetectedType::Pdf | DetectedType::Text | DetectedType::Html)
        && memmem::find(early, b"%PDF-").is_some()
    {
        findings.add(FindingCode::Polyglot, "pdf");
    }
    let patterns = patterns(kind, at);
    let mut wanted: Vec<_> =
        patterns.iter().map(|pattern| (memmem::Finder::new(&pattern.bytes), pattern.code)).collect();
    let mut pixels = Dimensions::of(head);
    let mut ends = tail.then(zip::EndFinder::default);
    let mut window = Vec::with_capacity(OVERLAP + CHUNK);
    let mut total = 0_u64;
    let mut input = head.chain(rest);
    loop {
        meter.tick()?;
        let kept = window.len();
        (&mut input).take(CHUNK as u64).read_to_end(&mut window)?;
        let new = window.len() - kept;
        if new == 0 {
            break;
        }
        pixels.feed(&window[kept..]);
        if let Some(ends) = &mut ends {
            ends.feed(&window, total - kept as u64);
        }
        // The signature of a disk image follows its first 32 KiB, the system area.
        if total == 0 && window.get(0x8001..0x8006).is_some_and(|mark| mark == b"CD001" || mark == b"BEA01") {
            findings.add(FindingCode::Kind, "iso");
        }
        total += new as u64;
        if total <= EICAR_MAX as u64 && is_eicar(&window) {
            findings.add(FindingCode::Eicar, at);
        }
        if kind == DetectedType::Svg {
            window.make_ascii_lowercase();
        }
        wanted.retain(|(finder, code)| {
            let found = finder.find(&window).is_some();
            if found {
                findings.add(*code, at);
            }
            !found
        });
        window.drain(..window.len() - window.len().min(OVERLAP));
    }
    if ends.is_some_and(|ends| ends.ends_with_archive(total)) {
        findings.add(FindingCode::Polyglot, "zip");
    }
    if let Some(size) = pixels.found()
        && size.pixels() > meter.caps.pixels
    {
        findings.add(FindingCode::Pixels, &format!("{}x{}", size.width, size.height));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::inspect::budget::InspectionLimits;
    use crate::quarantine::inspect::scratch::in_memory;
    use crate::quarantine::inspect::sniff::sniff;

    fn found(data: &[u8], path: &str) -> String {
        let caps = InspectionLimits::DEFAULT;
        let meter = InspectionBudget::new(&caps, &|| None, &in_memory);
        let mut findings = Findings::default();
        let (head, mut rest) = data.split_at(data.len().min(100));
        scan(head, &mut rest, sniff(data), path, true, &meter, &mut findings).unwrap();
        findings.lines().join(", ")
    }

    #[test]
    fn eicar_matches_its_definition_only() {
        let eicar = EICAR.concat();
        assert_eq!(eicar.len(), 68);
        let with = |tail: &[u8]| found(&[&eicar, tail].concat(), "a.txt");
        for infected in [b"".as_slice(), b"\r\n", b" \t\x1a", &[b' '; 60]] {
            assert_eq!(with(infected), "eicar a.txt");
        }
        for harmless in [b"x".as_slice(), &[b' '; 61], b"\nes el archivo de prueba"] {
            assert_eq!(with(harmless), "");
        }
        assert_eq!(found(&[b"El texto de prueba es ", eicar.as_slice()].concat(), ""), "");
        assert_eq!(found(&eicar[..67], ""), "");
    }

    #[test]
    fn macros_and_installers_are_found() {
        let ole = |name: &[u8], before: usize| {
            [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &vec![0; before], name].concat()
        };
        for before in [0, 500, CHUNK - 20, CHUNK * 2 - 1] {
            assert_eq!(
                found(&ole(&utf16("_VBA_PROJECT_CUR"), before), "x.xls"),
                "macro-ole x.xls",
                "{before}"
            );
        }
        assert_eq!(
            found(&ole(&utf16("_VBA_PROJECT"), 9), "xl/vbaProject.bin"),
            "macro-ooxml xl/vbaProject.bin"
        );
        assert_eq!(found(&ole(&utf16("EncryptedPackage"), 9), ""), "office-encrypted");
        assert_eq!(found(&ole(b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 9), ""), "executable-msi");
        assert_eq!(found(&ole(&utf16("WordDocument"), 9), ""), "");
        assert_eq!(found(&[b"hola ".as_slice(), &utf16("_VBA_PROJECT")].concat(), ""), "");
    }

    #[test]
    fn svg_with_scripts_is_found() {
        let svg = |inside: &str| {
            found(format!("<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>").as_bytes(), "")
        };
        assert_eq!(svg("<path d='M0 0'/>"), "");
        for active in ["<SCRIPT>x</SCRIPT>", "<a href='JavaScript:x'/>", "<g onLoad='x'/>"] {
            assert_eq!(svg(active), "active-svg", "{active}");
        }
    }

    #[test]
    fn image_over_pixel_limit_is_found() {
        let png = |side: u32| {
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &side.to_be_bytes(), &side.to_be_bytes()].concat()
        };
        assert_eq!(found(&png(16_384), ""), "");
        assert_eq!(found(&png(16_385), ""), "image-pixels 16385x16385");
        assert_eq!(found(&png(u32::MAX), ""), "image-pixels 4294967295x4294967295");
    }

    #[test]
    fn polyglot_pdf_is_found() {
        assert_eq!(found(b"GIF89a\x01\0\x01\0%PDF-1.4", ""), "polyglot pdf");
        assert_eq!(found(b"%PDF-1.4 %PDF-1.5", ""), "");
    }
}

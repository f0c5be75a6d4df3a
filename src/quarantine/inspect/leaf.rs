//! A content that is no archive, read once from its first byte to its last.

use std::io::{self, Read};

use memchr::memmem;

use super::kind::Kind;
use super::meter::Meter;
use super::picture::Dimensions;
use super::reason::{Code, Findings};
use super::zip;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes kept of the chunk before, so that nothing that is looked for is cut in two.
const OVERLAP: usize = 64;

/// The test file as its inventors define it: these 68 bytes first, then at most blanks, 128 bytes in all. What merely quotes
/// it is a text. Written in two halves, so that no scanner takes this program for the test file.
const EICAR: [&[u8]; 2] = [br"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"];
const EICAR_MAX: usize = 128;

fn is_eicar(all: &[u8]) -> bool {
    let rest = all.strip_prefix(EICAR[0]).and_then(|rest| rest.strip_prefix(EICAR[1]));
    rest.is_some_and(|rest| all.len() <= EICAR_MAX && rest.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x1a)))
}

/// `text` as a compound file spells the names of its streams.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What to look for in a content of this kind. The names of a compound file's streams are looked for as bytes, wherever they
/// stand: to follow the tables of a hostile file would be to trust them.
fn patterns(kind: Kind, path: &str) -> Vec<(Vec<u8>, Code)> {
    let lower = path.to_ascii_lowercase();
    match kind {
        Kind::Ole => {
            // In a part of a newer document it is that document's.
            let macros = if lower.ends_with("vbaproject.bin") { Code::MacroOoxml } else { Code::MacroOle };
            // The class of an installer's database: {000C1084-0000-0000-C000-000000000046}.
            let msi = b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46".to_vec();
            vec![(utf16("_VBA_PROJECT"), macros), (utf16("EncryptedPackage"), Code::OfficeEncrypted), (msi, Code::Msi)]
        }
        Kind::Svg => ["<script", "javascript:", " onload", " onerror", " onclick", " onmouse", " onbegin"]
            .map(|text| (text.as_bytes().to_vec(), Code::ActiveSvg))
            .into(),
        _ if lower.ends_with("meta-inf/manifest.xml") => vec![(b"encryption-data".to_vec(), Code::OfficeEncrypted)],
        _ => Vec::new(),
    }
}

/// Reads `head` and what follows it. `tail`: also look whether a zip begins somewhere in it and ends with it.
pub(super) fn scan(
    head: &[u8],
    rest: &mut dyn Read,
    kind: Kind,
    at: &str,
    tail: bool,
    meter: &Meter<'_>,
    findings: &mut Findings,
) -> io::Result<()> {
    // A reader of PDF takes its mark anywhere in the first KiB.
    let early = &head[..head.len().min(1024)];
    if !matches!(kind, Kind::Pdf | Kind::Text | Kind::Html) && memmem::find(early, b"%PDF-").is_some() {
        findings.add(Code::Polyglot, "pdf");
    }
    let mut wanted: Vec<_> =
        patterns(kind, at).into_iter().map(|(bytes, code)| (memmem::Finder::new(&bytes).into_owned(), code)).collect();
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
        // A disk image names itself behind its first 32 KiB, which belong to the machine.
        if total == 0 && window.get(0x8001..0x8006).is_some_and(|mark| mark == b"CD001" || mark == b"BEA01") {
            findings.add(Code::Kind, "iso");
        }
        total += new as u64;
        if total <= EICAR_MAX as u64 && is_eicar(&window) {
            findings.add(Code::Eicar, at);
        }
        if kind == Kind::Svg {
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
        findings.add(Code::Polyglot, "zip");
    }
    if let Some((width, height)) = pixels.found()
        && u64::from(width) * u64::from(height) > meter.caps.pixels
    {
        findings.add(Code::Pixels, &format!("{width}x{height}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::inspect::kind::sniff;
    use crate::quarantine::inspect::meter::Caps;
    use crate::quarantine::inspect::spool::in_memory;

    fn found(data: &[u8], path: &str) -> String {
        let caps = Caps::SERVER;
        let meter = Meter::new(&caps, &|| None, &in_memory);
        let mut findings = Findings::default();
        let (head, mut rest) = data.split_at(data.len().min(100));
        scan(head, &mut rest, sniff(data), path, true, &meter, &mut findings).unwrap();
        findings.lines().join(", ")
    }

    #[test]
    fn the_test_file_is_what_its_definition_says() {
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
    fn macros_and_installers_show_their_names() {
        let ole = |name: &[u8], before: usize| [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &vec![0; before], name].concat();
        for before in [0, 500, CHUNK - 20, CHUNK * 2 - 1] {
            assert_eq!(found(&ole(&utf16("_VBA_PROJECT_CUR"), before), "x.xls"), "macro-ole x.xls", "{before}");
        }
        assert_eq!(found(&ole(&utf16("_VBA_PROJECT"), 9), "xl/vbaProject.bin"), "macro-ooxml xl/vbaProject.bin");
        assert_eq!(found(&ole(&utf16("EncryptedPackage"), 9), ""), "office-encrypted");
        assert_eq!(found(&ole(b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 9), ""), "executable-msi");
        assert_eq!(found(&ole(&utf16("WordDocument"), 9), ""), "");
        assert_eq!(found(&[b"hola ".as_slice(), &utf16("_VBA_PROJECT")].concat(), ""), "");
    }

    #[test]
    fn a_picture_that_runs_scripts_is_told() {
        let svg = |inside: &str| found(format!("<svg xmlns='http://www.w3.org/2000/svg'>{inside}</svg>").as_bytes(), "");
        assert_eq!(svg("<path d='M0 0'/>"), "");
        for active in ["<SCRIPT>x</SCRIPT>", "<a href='JavaScript:x'/>", "<g onLoad='x'/>"] {
            assert_eq!(svg(active), "active-svg", "{active}");
        }
    }

    #[test]
    fn too_many_pixels_are_told() {
        let png = |side: u32| [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &side.to_be_bytes(), &side.to_be_bytes()].concat();
        assert_eq!(found(&png(16_384), ""), "");
        assert_eq!(found(&png(16_385), ""), "image-pixels 16385x16385");
        assert_eq!(found(&png(u32::MAX), ""), "image-pixels 4294967295x4294967295");
    }

    #[test]
    fn a_second_nature_is_told() {
        assert_eq!(found(b"GIF89a\x01\0\x01\0%PDF-1.4", ""), "polyglot pdf");
        assert_eq!(found(b"%PDF-1.4 %PDF-1.5", ""), "");
    }
}

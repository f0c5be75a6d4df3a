//! Inspection of honest and hostile archives.

#![allow(unreachable_pub, dead_code, reason = "the archives are shared with the tests of the whole server")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::quarantine::properties::{TIGHT, inspection};

mod harmful;

#[path = "../../../../tests/common/archive.rs"]
mod archive;

use archive::{
    EntryHeader, GIF, JPEG, PDF, PE, PNG, Zip, deflated_zeros, docx, eicar, gzip, nested, odt, ole, tar,
    tar_entry,
};

fn look(name: &str, data: &[u8]) -> InspectionOutcome {
    let outcome = walk(Cursor::new(data), name, &InspectionLimits::DEFAULT, &|| None, &in_memory);
    assert!(
        outcome.decoded <= InspectionLimits::DEFAULT.total
            && outcome.entries <= InspectionLimits::DEFAULT.entries
    );
    assert!(outcome.spooled <= InspectionLimits::DEFAULT.spool);
    outcome
}

fn reasons(name: &str, data: &[u8]) -> String {
    look(name, data).findings.lines().join(", ")
}

#[test]
fn office_files_are_clean() {
    let inner = Zip::of(&[
        ("informe.pdf", PDF),
        ("fotos/playa.jpg", JPEG),
        ("acta.docx", &docx(&[])),
        ("notas ñ.txt", b"hola"),
    ]);
    let vector = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>";
    let table = b"<html><table><tr><td>1</td></tr></table></html>";
    let spreadsheet =
        docx(&[("xl/media/image1.png", b"\x01\0\0\0 EMF"), ("xl/embeddings/Libro.xlsx", &docx(&[]))]);
    for (name, data) in [
        ("informe.pdf", PDF),
        ("playa.jpg", JPEG),
        ("captura.jpg", PNG),
        ("logo.png", PNG),
        ("logo.svg", vector),
        ("anim.gif", GIF),
        ("acta.docx", &docx(&[])),
        ("cuentas.xlsx", &spreadsheet),
        ("acta.odt", &odt(&[("Pictures/1.png", PNG)])),
        ("carta.doc", &ole("WordDocument")),
        ("clave.docx", &ole("WordDocument")),
        ("movimientos.xls", table),
        ("todo.zip", &inner),
        ("copia.zip", &Zip::stored(&[("todo.zip", &inner), ("doc.pdf", PDF)])),
        ("vacío.zip", &Zip::default().finish()),
        ("copia.tar.gz", &gzip(&tar(&[("a/acta.docx", &docx(&[])), ("a/b.txt", b"b")]))),
        ("copia.tgz", &gzip(&tar(&[]))),
        ("a.tar", &[tar_entry("carpeta/", b'5', b""), tar(&[("carpeta/a.txt", b"a")])].concat()),
        ("nota.txt.gz", &gzip(b"hola")),
        ("nota.txt", "Año nuevo, 名\r\n".as_bytes()),
        ("nota.txt", b"caf\xe9"),
        ("página.html", b"<!doctype html><script>1</script>"),
        ("datos.bin", &[0, 1, 2, 3, 255, 254]),
        ("sin extensión", b"\0\0\0\x07algo"),
        ("vacío.pdf", b""),
    ] {
        assert_eq!(reasons(name, data), "", "{name}");
    }
}

#[test]
fn zips_of_another_writer_are_clean() {
    use ::zip::write::{SimpleFileOptions, ZipWriter};
    use std::io::Write as _;
    let mut out = Cursor::new(Vec::new());
    let mut zip = ZipWriter::new(&mut out);
    let (packed, stored) = (::zip::CompressionMethod::Deflated, ::zip::CompressionMethod::Stored);
    for (name, method, large) in
        [("a.txt", packed, false), ("b/ñ.txt", stored, true), ("c.txt", packed, true)]
    {
        zip.start_file(name, SimpleFileOptions::default().compression_method(method).large_file(large))
            .unwrap();
        zip.write_all(&[b'x'; 5000]).unwrap();
    }
    zip.add_directory("carpeta/", SimpleFileOptions::default()).unwrap();
    zip.set_comment("hecho a mano").unwrap();
    zip.finish().unwrap();
    let out = out.into_inner();
    let outcome = look("a.zip", &out);
    assert_eq!(
        (outcome.findings.lines().join(","), outcome.decoded, outcome.entries),
        (String::new(), 15_000, 4)
    );
    // Written to a pipe, sizes follow the data.
    let mut zip = ZipWriter::new_stream(Vec::new());
    zip.start_file("a.txt", SimpleFileOptions::default().compression_method(packed)).unwrap();
    zip.write_all(b"hola").unwrap();
    assert_eq!(reasons("a.zip", &zip.finish().unwrap().into_inner()), "");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("enlace", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert_eq!(reasons("a.zip", &zip.finish().unwrap().into_inner()), "archive-link enlace");
}

#[test]
fn eicar_is_found_in_every_disguise() {
    let eicar = eicar();
    let zipped = Zip::of(&[("b/x.dat", &eicar)]);
    for (name, data, at) in [
        ("eicar.com", eicar.clone(), "eicar, name-executable com"),
        ("foto.txt", eicar.clone(), "eicar"),
        ("a.zip", zipped.clone(), "eicar b/x.dat"),
        ("a.zip", Zip::of(&[("hola.txt", b"hola"), ("c.zip", &zipped)]), "eicar c.zip/b/x.dat"),
        ("a.tar.gz", gzip(&tar(&[("hola.txt", b"hola"), ("x", &eicar)])), "eicar a.tar/x"),
        ("acta.docx", docx(&[("word/media/image1.bin", &eicar)]), "eicar word/media/image1.bin"),
        ("a.tgz", gzip(&tar(&[("z.zip", &Zip::stored(&[("x", &eicar)]))])), "eicar a.tar/z.zip/x"),
        ("a.gz", [gzip(b"hola"), gzip(&eicar)].concat(), "eicar a"),
    ] {
        assert_eq!(reasons(name, &data), at, "{name}");
        assert_eq!(look(name, &data).state(), FileState::Infected);
    }
    assert_eq!(reasons("carta.txt", &[b"El texto de prueba: ", eicar.as_slice()].concat()), "");
}

#[test]
fn bombs_stop_at_their_limits() {
    let bomb = EntryHeader {
        crc: 0,
        unpacked: 1 << 30,
        data: deflated_zeros(1 << 10),
        ..EntryHeader::deflated("ceros", b"")
    };
    let told = |unpacked| Zip::default().add(&EntryHeader { unpacked, ..bomb.clone() }).finish();
    // The honest size, ten GiB and ten bytes: a false size only adds an inconsistency.
    for (unpacked, lies) in [(1 << 30, false), (10 << 30, false), (10, true)] {
        let outcome = look("a.zip", &told(unpacked));
        let lines = outcome.findings.lines().join(", ");
        assert_eq!(
            outcome.state(),
            if lies { FileState::Suspicious } else { FileState::Unscannable },
            "{lines}"
        );
        assert!(lines.contains("archive-ratio 1") && lines.contains("archive-lies") == lies, "{lines}");
        assert!(outcome.decoded <= InspectionLimits::DEFAULT.ratio_from + 128 * 1024, "{}", outcome.decoded);
    }
    // Many small bombs, each below the ratio's threshold, end at the total.
    let small = deflated_zeros(3);
    let names: Vec<_> = (0..200).map(|i| format!("{i}")).collect();
    let many = names.iter().fold(Zip::default(), |zip, name| {
        let told = EntryHeader {
            crc: crc_of_zeros(3 << 20),
            unpacked: 3 << 20,
            data: small.clone(),
            ..EntryHeader::deflated(name, b"")
        };
        zip.add(&told)
    });
    let outcome = look("a.zip", &many.finish());
    assert_eq!((outcome.halted, outcome.decoded), (Some(StopReason::Total), InspectionLimits::DEFAULT.total));
    assert_eq!(outcome.findings.lines(), ["archive-total 268435456"]);
    let gz = look("a.gz", &gzip(&vec![0; 20 << 20]));
    assert!(gz.findings.lines()[0].starts_with("archive-ratio ") && gz.decoded < 5 << 20, "{gz:?}");
}

/// Returns incompressible bytes.
fn noise(bytes: usize) -> Vec<u8> {
    let step = |x: &mut u32, _| {
        *x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*x >> 24) as u8)
    };
    (0..bytes).scan(1, step).collect()
}

fn crc_of_zeros(bytes: usize) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&vec![0; bytes]);
    crc.sum()
}

#[test]
fn nested_archives_stop_at_their_limits() {
    let leaf = EntryHeader::deflated("x.txt", b"hola");
    assert_eq!(reasons("a.zip", &nested(4, 1, &leaf)), "");
    assert_eq!(reasons("a.zip", &nested(5, 1, &leaf)), "archive-depth 5");
    let wide = look("42.zip", &nested(4, 16, &leaf));
    assert_eq!((wide.halted, wide.entries), (Some(StopReason::Entries), InspectionLimits::DEFAULT.entries));
    assert_eq!(wide.findings.lines(), ["archive-entries 10000"]);
    // A nested archive is spooled up to the limit.
    let noise = noise(33 << 20);
    let large = look("a.zip", &Zip::stored(&[("b.zip", &Zip::stored(&[("ruido", &noise)])), ("c.exe", PE)]));
    assert_eq!(
        large.findings.lines(),
        ["name-executable c.exe", "executable-pe c.exe", "archive-nested b.zip"]
    );
}

#[test]
fn long_tar_names_are_read() {
    let long = format!("{}/factura.pdf.exe", "c".repeat(200));
    let gnu =
        [tar_entry("././@LongLink", b'L', format!("{long}\0").as_bytes()), tar(&[("corto", b"x")])].concat();
    assert!(reasons("a.tar", &gnu).starts_with("name-double-extension ccc"));
    let record = format!(" path={long}\n");
    let posix = format!("{}{record}", record.len() + 3);
    let posix = [tar_entry("PaxHeader", b'x', posix.as_bytes()), tar(&[("corto", b"x")])].concat();
    assert!(reasons("a.tar", &posix).starts_with("name-double-extension ccc"));
    let endless = [tar_entry("x", b'L', &vec![b'y'; 1 << 20]), tar(&[("corto", b"x")])].concat();
    assert!(reasons("a.tar", &endless).starts_with("archive-path yyy"));
}

#[test]
fn caller_can_stop_the_walk() {
    let zip = Zip::of(&[("a.txt", b"hola")]);
    for halt in [StopReason::Cancelled, StopReason::Time] {
        let outcome =
            walk(Cursor::new(&zip), "a.zip", &InspectionLimits::DEFAULT, &|| Some(halt), &in_memory);
        assert_eq!((outcome.halted, outcome.decoded), (Some(halt), 0));
        assert!(!outcome.state().available_to_all());
    }
}

#[test]
fn disk_error_is_no_finding_about_the_content() {
    struct Broken(Cursor<Vec<u8>>);
    impl Read for Broken {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.0.position() > 20_000 { Err(io::Error::other("EIO")) } else { self.0.read(buf) }
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    for data in [vec![7; 90_000], gzip(&noise(90_000))] {
        let outcome = walk(Broken(Cursor::new(data)), "a", &InspectionLimits::DEFAULT, &|| None, &in_memory);
        assert_eq!((outcome.halted, outcome.state()), (Some(StopReason::Unreadable), FileState::Unscannable));
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let inner = Zip::of(&[("x", &eicar()), ("y/z.docx", &docx(&[]))]);
    vec![
        Zip::of(&[("a.txt", b"hola"), ("b.zip", &inner), ("ceros", &[0; 9000])]),
        Zip::stored(&[("b.zip", &inner), ("c.tgz", &gzip(&tar(&[("d", &inner)])))]),
        gzip(&tar(&[("a", b"a"), ("b.zip", &inner)])),
        [tar_entry("x", b'L', b"largo"), tar_entry("y", b'x', b"11 path=ab\n"), tar(&[("z", &inner)])]
            .concat(),
        nested(4, 3, &EntryHeader::deflated("x", &[0; 5000])),
        [GIF, inner.as_slice()].concat(),
        odt(&[]),
        ole("_VBA_PROJECT"),
        JPEG.to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn mutated_archives_never_break_the_walker(
        seed in proptest::sample::select(seeds()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        twice: bool,
    ) {
        let mut data = seed;
        if twice {
            data.extend_from_within(..);
        }
        for (at, byte) in changes {
            let at = at.index(data.len());
            data[at] = byte;
        }
        if let Some(cut) = cut {
            data.truncate(cut.index(data.len()));
        }
        inspection(&data);
    }

    #[test]
    fn arbitrary_content_never_breaks_the_walker(
        magic in proptest::sample::select(vec![b"PK\x03\x04".to_vec(), b"\x1f\x8b\x08\0".to_vec(), b"PK\x05\x06".to_vec(), vec![], tar_entry("x", b'0', b"")]),
        rest in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        inspection(&[magic, rest].concat());
    }

    #[test]
    fn honest_archive_is_read_completely(
        files in proptest::collection::vec(("[a-z]{1,8}", proptest::collection::vec(b'a'..b'e', 0..400)), 0..10),
        stored: bool,
    ) {
        let named: Vec<_> = files.iter().enumerate().map(|(i, (name, data))| (format!("{name}{i}.txt"), data)).collect();
        let entries: Vec<_> = named.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
        let zip = if stored { Zip::stored(&entries) } else { Zip::of(&entries) };
        let outcome = walk(Cursor::new(zip), "a.zip", &TIGHT, &|| None, &in_memory);
        prop_assert_eq!(outcome.findings.lines(), Vec::<String>::new());
        prop_assert_eq!(outcome.decoded, files.iter().map(|(_, data)| data.len() as u64).sum::<u64>());
        prop_assert_eq!(outcome.entries as usize, files.len());
    }
}

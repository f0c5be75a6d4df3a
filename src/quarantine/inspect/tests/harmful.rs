//! Archives that harm or deceive those who unpack them.

use super::archive::*;
use super::*;

#[test]
fn harmful_archives_are_found() {
    let (a, b) = (EntryHeader::stored("a", &[b'x'; 100]), EntryHeader::stored("b", &[b'x'; 100]));
    let mut overlap = Zip::default().add(&a).lists(&b, 40);
    overlap.out.resize(200, 0);
    let quoted = {
        // The second entry's header lies in the first one's data.
        let mut inner = Zip::default();
        inner.header(&b);
        let outer = EntryHeader::stored("a", &[inner.out, b.data.clone()].concat());
        Zip::default().add(&outer).lists(&b, 31)
    };
    assert_eq!(reasons("a.zip", &quoted.finish()), "archive-overlap");
    assert_eq!(reasons("a.zip", &Zip::default().add(&a).lists(&a, 0).finish()), "archive-overlap");
    assert_eq!(reasons("a.zip", &overlap.finish()), "archive-broken", "no header stands there");
    for path in ["../../etc/passwd", "/etc/passwd", r"C:\Windows\x", r"a\..\..\x", r"\\server\x", "a/../b"] {
        assert_eq!(reasons("a.zip", &Zip::of(&[(path, b"x")])), format!("archive-path {path}"));
        assert_eq!(reasons("a.tar", &tar(&[(path, b"x")])), format!("archive-path {path}"));
    }
    assert_eq!(
        reasons("a.zip", &Zip::of(&[("a/b..c/...txt", b"x"), ("x:y.txt", b"x")])),
        "archive-path x:y.txt"
    );
    let link = EntryHeader { mode: 0o120_777, ..EntryHeader::stored("enlace", b"/etc/passwd") };
    assert_eq!(reasons("a.zip", &Zip::default().add(&link).finish()), "archive-link enlace");
    for flag in [b'1', b'2', b'3', b'4', b'6'] {
        let tape = [tar_entry("x", flag, b""), tar(&[("y", b"y")])].concat();
        assert_eq!(reasons("a.tar", &tape), "archive-link x");
    }
    assert_eq!(
        reasons("a.zip", &Zip::of(&[("factura.pdf.exe", b"x"), ("b\u{202e}txt.scr", b"x")])),
        "name-double-extension factura.pdf.exe, name-bidi btxt.scr, name-executable btxt.scr"
    );
}

#[test]
fn inconsistent_archives_are_found() {
    let honest = EntryHeader::deflated("a.txt", b"hola hola hola");
    let zip = |told: EntryHeader| reasons("a.zip", &Zip::default().add(&told).finish());
    assert_eq!(zip(EntryHeader { unpacked: 13, ..honest.clone() }), "archive-lies a.txt");
    assert_eq!(zip(EntryHeader { unpacked: 99, ..honest.clone() }), "archive-lies a.txt");
    assert_eq!(zip(EntryHeader { unpacked: 10 << 30, ..honest.clone() }), "archive-lies a.txt");
    assert_eq!(zip(EntryHeader { crc: 1, ..honest.clone() }), "archive-broken a.txt");
    assert_eq!(
        zip(EntryHeader { data: [&honest.data, b"sobra".as_slice()].concat(), ..honest.clone() }),
        "archive-lies a.txt"
    );
    assert_eq!(
        zip(EntryHeader { data: honest.data[..5].to_vec(), ..honest.clone() }),
        "archive-broken a.txt"
    );
    assert_eq!(zip(EntryHeader { flags: 1, ..honest.clone() }), "archive-encrypted a.txt");
    assert_eq!(zip(EntryHeader { method: 12, ..honest.clone() }), "archive-method 12");
    let mut other = Zip::default();
    other.header(&honest);
    other.out.extend_from_slice(&honest.data);
    assert_eq!(
        reasons(
            "a.zip",
            &other.lists(&EntryHeader { name: b"b.txt".to_vec(), ..honest.clone() }, 0).finish()
        ),
        "archive-lies b.txt"
    );
    // An entry that only programs reading from the start find.
    let mut hidden = Zip::default().add(&honest);
    hidden.header(&EntryHeader::stored("oculto.exe", PE));
    hidden.out.extend_from_slice(PE);
    assert_eq!(
        reasons("a.zip", &hidden.add(&EntryHeader::deflated("b.txt", b"b")).finish()),
        "archive-hidden"
    );
    let whole = Zip::of(&[("a.txt", b"hola")]);
    assert_eq!(reasons("a.zip", &[whole.as_slice(), b"cola"].concat()), "archive-hidden");
    assert_eq!(reasons("a.zip", &whole[..whole.len() - 1]), "archive-broken");
    assert_eq!(reasons("a.zip", &[whole.as_slice(), &whole].concat()), "archive-lies, archive-hidden");
    let mut fewer = whole.clone();
    let end = fewer.len() - 22;
    fewer[end + 10] = 9;
    assert_eq!(reasons("a.zip", &fewer), "archive-lies");
    let mut comment = whole.clone();
    let end = comment.len() - 2;
    comment[end] = 22;
    comment.extend_from_slice(&whole[whole.len() - 22..]);
    assert!(
        reasons("a.zip", &comment).contains("archive-lies"),
        "two ends, and programs differ in which they take"
    );
    assert_eq!(reasons("a.gz", &[gzip(b"hola").as_slice(), b"cola"].concat()), "archive-hidden");
    assert_eq!(reasons("a.gz", &[gzip(b"hola").as_slice(), &[0; 700]].concat()), "");
    assert_eq!(reasons("a.gz", &gzip(b"hola")[..9]), "archive-broken");
    let tape = tar(&[("a.txt", &[b'x'; 900])]);
    assert_eq!(reasons("a.tar", &tape[..1000]), "archive-broken");
    assert_eq!(reasons("a.tar", &[tape.as_slice(), b"cola"].concat()), "archive-hidden");
    assert_eq!(reasons("a.rar", b"Rar!\x1a\x07\x01\0"), "archive-kind rar");
    let mut iso = vec![0; 40_000];
    iso[0x8001..0x8006].copy_from_slice(b"CD001");
    assert_eq!(reasons("disco.iso", &iso), "archive-kind iso");
}

#[test]
fn polyglot_files_are_found() {
    let zip = Zip::of(&[("a.txt", b"hola")]);
    let infected = Zip::of(&[("a.txt", &eicar())]);
    for (name, magic) in [("a.gif", GIF), ("a.pdf", PDF), ("a.jpg", JPEG), ("a.png", PNG)] {
        assert_eq!(reasons(name, &[magic, &zip].concat()), "polyglot zip", "{name}");
        assert_eq!(reasons(name, &[magic, &infected].concat()), "eicar a.txt, polyglot zip", "{name}");
        assert_eq!(
            reasons("b.zip", &Zip::of(&[(name, &[magic, &zip].concat())])),
            "polyglot zip",
            "in a zip: {name}"
        );
    }
    assert_eq!(
        reasons("a.exe", &[PE, b"..%PDF-1.4"].concat()),
        "name-executable exe, executable-pe, polyglot pdf"
    );
    assert_eq!(
        reasons("a.pdf", &[PE, b"..%PDF-1.4"].concat()),
        "extension-mismatch application/x-executable, executable-pe, polyglot pdf"
    );
    assert_eq!(reasons("a.png", b"<html><script>1</script>"), "extension-mismatch text/html");
    assert_eq!(reasons("a.jpg", b"<svg onload='x'/>"), "extension-mismatch image/svg+xml, active-svg");
    assert_eq!(reasons("a.docx", &zip), "extension-mismatch application/zip");
}

#[test]
fn programs_and_macros_are_found() {
    assert_eq!(reasons("programa", b"\x7fELF\x02\x01\x01\0\0\0"), "executable-elf");
    assert_eq!(reasons("informe.pdf.exe", PE), "name-double-extension informe.pdf.exe, executable-pe");
    assert_eq!(
        reasons("a.zip", &Zip::of(&[("bin/run", b"#!/bin/sh\nrm -rf /")])),
        "executable-script bin/run"
    );
    assert_eq!(
        reasons("a.docm", &docx(&[("word/vbaProject.bin", &ole("_VBA_PROJECT"))])),
        "macro-ooxml word/vbaProject.bin"
    );
    assert_eq!(
        reasons("a.docx", &docx(&[("word/otro.bin", &ole("_VBA_PROJECT"))])),
        "macro-ole word/otro.bin"
    );
    assert_eq!(reasons("a.xls", &ole("_VBA_PROJECT_CUR")), "macro-ole");
    assert_eq!(reasons("a.docx", &ole("EncryptedPackage")), "office-encrypted");
    assert_eq!(
        reasons("a.odt", &odt(&[("Basic/Standard/Module1.xml", b"<x/>")])),
        "macro-odf Basic/Standard/Module1.xml"
    );
    let apk = Zip::of(&[("AndroidManifest.xml", b"\x03\0\x08\0"), ("classes.dex", b"dex\n035\0")]);
    assert_eq!(reasons("app.apk", &apk), "name-executable apk, executable-android");
    let jar =
        Zip::of(&[("META-INF/MANIFEST.MF", b"Main-Class: A"), ("A.class", b"\xca\xfe\xba\xbe\0\0\0\x34")]);
    assert_eq!(reasons("app.zip", &jar), "executable-java A.class");
    // The name of a gzip's content comes from its own name or from a header field (RFC 1952 section 2.3).
    let mut named = gzip(b"echo hola");
    assert_eq!(reasons("tarea.bat.GZ", &named), "name-executable tarea.bat");
    named[3] |= 8;
    named.splice(10..10, *b"foto.jpg.bat\0");
    assert_eq!(reasons("foto.gz", &named), "name-double-extension foto.jpg.bat");
}

//! Findings from a file's name alone.

use super::findings::{FindingCode, Findings};
use crate::types::is_bidi_control;

/// Extensions that a double click runs, mainly on Windows. Source: Microsoft's list of attachments that
/// Outlook blocks, without those of developers' and administrators' tools; plus executables of Linux, macOS
/// and Android.
const PROGRAMS: [&str; 67] = [
    "ade",
    "adp",
    "apk",
    "app",
    "appimage",
    "application",
    "appref-ms",
    "appx",
    "bas",
    "bat",
    "chm",
    "cmd",
    "com",
    "command",
    "cpl",
    "desktop",
    "diagcab",
    "dll",
    "elf",
    "exe",
    "gadget",
    "hlp",
    "hta",
    "inf",
    "ins",
    "iqy",
    "isp",
    "jar",
    "jnlp",
    "js",
    "jse",
    "lnk",
    "mde",
    "msc",
    "msh",
    "msi",
    "msix",
    "msp",
    "mst",
    "msu",
    "ocx",
    "pif",
    "pkg",
    "ps1",
    "psm1",
    "reg",
    "run",
    "scf",
    "scr",
    "sct",
    "settingcontent-ms",
    "shb",
    "shs",
    "sys",
    "udl",
    "url",
    "vb",
    "vbe",
    "vbs",
    "website",
    "ws",
    "wsc",
    "wsf",
    "wsh",
    "xbap",
    "xll",
    "xnk",
];

/// Document extensions that disguise a program.
const DOCUMENTS: [&str; 34] = [
    "avi", "bmp", "csv", "doc", "docm", "docx", "gif", "heic", "htm", "html", "jpeg", "jpg", "mov", "mp3",
    "mp4", "odp", "ods", "odt", "pdf", "png", "pps", "ppsx", "ppt", "pptx", "rar", "rtf", "svg", "txt",
    "wav", "webp", "xls", "xlsx", "xml", "zip",
];

/// Returns the last extension in lower case; blanks before the dot and at the end do not hide it.
pub(super) fn extension(name: &str) -> Option<String> {
    let (stem, last) = name.trim_end().rsplit_once('.')?;
    (!stem.is_empty() && !last.is_empty() && last.len() <= 20).then(|| last.to_lowercase())
}

/// Checks the name that a file is shown or unpacked under.
pub(super) fn check_name(name: &str, at: &str, findings: &mut Findings) {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if last.chars().any(is_bidi_control) {
        findings.add(FindingCode::NameBidi, at);
    }
    let Some(ends) = extension(last) else { return };
    if !PROGRAMS.contains(&ends.as_str()) {
        return;
    }
    let stem = last.trim_end().rsplit_once('.').map_or("", |(stem, _)| stem);
    let before = extension(stem.trim_end());
    if before.is_some_and(|before| DOCUMENTS.contains(&before.as_str())) {
        findings.add(FindingCode::NameDouble, if at.is_empty() { last } else { at });
    } else {
        findings.add(FindingCode::NameExecutable, if at.is_empty() { &ends } else { at });
    }
}

/// Checks a name as sent, before sanitizing. The sanitized name is left to [`judge`].
pub(super) fn check_upload_name(raw: &str, findings: &mut Findings) {
    if raw.chars().any(is_bidi_control) {
        findings.add(FindingCode::NameBidi, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> String {
        let mut findings = Findings::default();
        check_upload_name(name, &mut findings);
        check_name(name, "", &mut findings);
        findings.lines().join(", ")
    }

    #[test]
    fn misleading_names_are_found() {
        assert_eq!(found("factura.pdf.exe"), "name-double-extension factura.pdf.exe");
        assert_eq!(found("Factura.PDF   .ScR "), "name-double-extension Factura.PDF   .ScR ");
        assert_eq!(found("foto\u{202e}gpj.exe"), "name-bidi, name-executable exe");
        assert_eq!(found("foto\u{202e}gpj.txt"), "name-bidi");
        assert_eq!(found("a.b.js"), "name-executable js");
        assert_eq!(found("SETUP.EXE"), "name-executable exe");
        assert_eq!(found("factura.pdf.url"), "name-double-extension factura.pdf.url");
        assert_eq!(found("precios.xll"), "name-executable xll");
        assert_eq!(found("carpeta.pdf/x.vbs"), "name-executable vbs");
    }

    #[test]
    fn honest_names_have_no_findings() {
        for honest in [
            "informe.pdf",
            "a.tar.gz",
            "v1.2 informe final",
            "acta.docx.zip",
            "exe",
            ".exe",
            "datos.2024.xlsx",
            "ñandú 名.txt",
            "com",
            "Dr. Pérez.docx",
            "página.html",
            "programa.py",
            "a.",
            "",
        ] {
            assert_eq!(found(honest), "", "{honest}");
        }
    }

    #[test]
    fn extension_lists_are_sorted_and_disjoint() {
        assert!(PROGRAMS.is_sorted() && DOCUMENTS.is_sorted());
        assert!(PROGRAMS.iter().all(|p| !DOCUMENTS.contains(p)));
    }
}

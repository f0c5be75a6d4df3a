//! Detects the type of a content by its first bytes.

use super::findings::FindingCode;

/// Length of the examined head, which holds all signatures of `infer` and of this file.
pub(super) const HEAD_BYTES: usize = 8192;

/// Detected type of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DetectedType {
    /// Zero bytes.
    Empty,
    /// No known type.
    Unknown,
    /// An executable.
    Program(FindingCode),
    /// A zip, or a format built on it.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A tape archive.
    Tar,
    /// An archive format that is not inspected; its name.
    Closed(&'static str),
    /// A compound file, as used by older Office versions and others.
    Ole,
    /// A PDF.
    Pdf,
    /// A raster image.
    Picture(&'static str),
    /// Audio or video.
    Media(&'static str),
    /// A vector image in XML.
    Svg,
    /// A web page.
    Html,
    /// Rich text.
    Rtf,
    /// Text of any kind.
    Text,
    /// A type known to `infer` on which no check depends.
    Other(&'static str),
}

impl DetectedType {
    /// Returns the media type, for a detail.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Empty | Self::Unknown => "application/octet-stream",
            Self::Program(_) => "application/x-executable",
            Self::Zip => "application/zip",
            Self::Gzip => "application/gzip",
            Self::Tar => "application/x-tar",
            Self::Ole => "application/x-ole-storage",
            Self::Pdf => "application/pdf",
            Self::Svg => "image/svg+xml",
            Self::Html => "text/html",
            Self::Rtf => "application/rtf",
            Self::Text => "text/plain",
            Self::Closed(name) | Self::Picture(name) | Self::Media(name) | Self::Other(name) => name,
        }
    }
}

/// Detects the type.
pub(super) fn sniff(head: &[u8]) -> DetectedType {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if head.is_empty() {
        return DetectedType::Empty;
    }
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") || starts(b"PK\x07\x08PK\x03\x04") {
        return DetectedType::Zip;
    }
    if starts(b"\x1f\x8b") {
        return DetectedType::Gzip;
    }
    if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return DetectedType::Ole;
    }
    if let Some(code) = program(head) {
        return DetectedType::Program(code);
    }
    // Some programs write a blank line first, and readers accept it.
    if head.trim_ascii_start().starts_with(b"%PDF-") {
        return DetectedType::Pdf;
    }
    if is_tar(head) {
        return DetectedType::Tar;
    }
    if is_text(head) { text(head) } else { binary(head) }
}

/// Detects executables.
fn program(head: &[u8]) -> Option<FindingCode> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let word = |at: usize| head.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    if starts(b"\x7fELF") {
        return Some(FindingCode::Elf);
    }
    // A text may begin with these letters; a DOS or Windows program is no text.
    if (starts(b"MZ") || starts(b"ZM")) && !is_text(head) {
        return Some(FindingCode::Pe);
    }
    match word(0)? {
        0xfeed_face | 0xfeed_facf | 0xcefa_edfe | 0xcffa_edfe => return Some(FindingCode::MachO),
        // Java classes and Apple's universal binaries share four bytes; Java's versions begin at 45.
        0xcafe_babe | 0xcafe_babf => {
            return Some(if word(4).is_some_and(|n| n & 0xffff >= 45) {
                FindingCode::Java
            } else {
                FindingCode::MachO
            });
        }
        0x6465_780a | 0x6465_790a => return Some(FindingCode::Android),
        0x4c00_0000 if word(4) == Some(0x0114_0200) => return Some(FindingCode::Shortcut),
        _ => {}
    }
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    line.trim_ascii_start().starts_with(b"/").then_some(FindingCode::Script)
}

/// Returns true if the checksum of the first header is right; it identifies tar archives of any age since
/// 1979.
fn is_tar(head: &[u8]) -> bool {
    head.get(..512).is_some_and(|header| super::tar::checksum_is_right(header) && header[0] != 0)
}

/// Returns true for UTF-8, any 8-bit encoding, or UTF-16 with a byte order mark: no control characters but
/// those of texts.
fn is_text(head: &[u8]) -> bool {
    let binary = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | 0x1b);
    head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || !head.iter().any(binary)
}

/// Detects the kind of text by its beginning; a letter about HTML is plain text.
fn text(head: &[u8]) -> DetectedType {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.starts_with(b"{\\rtf") {
        return DetectedType::Rtf;
    }
    if head.first() != Some(&b'<') {
        return DetectedType::Text;
    }
    let start = String::from_utf8_lossy(&head[..head.len().min(4096)]).to_lowercase();
    let tag = |name: &str| {
        start.match_indices(name).any(|(at, _)| !start[at + name.len()..].starts_with(char::is_alphanumeric))
    };
    if tag("<svg") || tag("<svg:svg") {
        return if tag("<html") || tag("<!doctype html") { DetectedType::Html } else { DetectedType::Svg };
    }
    let page = [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<script",
        "<iframe",
        "<title",
        "<table",
        "<meta",
        "<style",
    ];
    if page.into_iter().any(tag) { DetectedType::Html } else { DetectedType::Text }
}

fn binary(head: &[u8]) -> DetectedType {
    // Signatures that `infer` lacks.
    for (magic, name) in [
        (b"conectix".as_slice(), "vhd"),
        (b"vhdxfile", "vhdx"),
        (b"KDMV", "vmdk"),
        (b"-lh", "lzh"),
        (b"MSWIM", "wim"),
    ] {
        if head.starts_with(magic) || (name == "lzh" && head.get(2..5) == Some(magic)) {
            return DetectedType::Closed(name);
        }
    }
    let Some(found) = infer::get(head) else { return DetectedType::Unknown };
    let (mime, short) = (found.mime_type(), found.extension());
    match (found.matcher_type(), short) {
        (
            _,
            "rar" | "7z" | "xz" | "bz2" | "bz3" | "cab" | "Z" | "lz" | "zst" | "lz4" | "deb" | "rpm" | "ar"
            | "cpio" | "crx" | "qcow2",
        ) => DetectedType::Closed(short),
        // Two bytes are too few to contradict an extension.
        (_, "bmp") if head.get(6..10) != Some(&[0; 4]) => DetectedType::Unknown,
        (infer::MatcherType::Image, _) => DetectedType::Picture(mime),
        (infer::MatcherType::Audio | infer::MatcherType::Video, "mp3" | "aac" | "mpg") => {
            DetectedType::Unknown
        }
        (infer::MatcherType::Audio | infer::MatcherType::Video, _) => DetectedType::Media(mime),
        (_, "der" | "obj" | "bc" | "eot" | "nes" | "ps") => DetectedType::Unknown,
        _ => DetectedType::Other(mime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_detected_by_signature() {
        let pe = [b"MZ\x90\0".as_slice(), &[0; 60]].concat();
        for (head, code) in [
            (b"\x7fELF\x02".as_slice(), FindingCode::Elf),
            (&pe, FindingCode::Pe),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", FindingCode::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", FindingCode::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", FindingCode::Java),
            (b"dex\n035\0", FindingCode::Android),
            (b"L\0\0\0\x01\x14\x02\0", FindingCode::Shortcut),
            (b"#!/bin/sh\n", FindingCode::Script),
            (b"#! /usr/bin/env python3", FindingCode::Script),
        ] {
            assert_eq!(sniff(head), DetectedType::Program(code), "{head:?}");
        }
        for text in [b"MZ-2024 informe".as_slice(), b"#![allow(x)]", b"#!hola", b"#! notas\n/x"] {
            assert_eq!(sniff(text), DetectedType::Text);
        }
    }

    #[test]
    fn text_formats_are_distinguished() {
        for (head, kind) in [
            ("hola ñandú", DetectedType::Text),
            ("\u{feff}<!DOCTYPE html><p>", DetectedType::Html),
            (" <html lang=es>", DetectedType::Html),
            ("<?xml version=\"1.0\"?><!-- x --><svg xmlns=\"\">", DetectedType::Svg),
            ("<?xml version=\"1.0\"?><nota/>", DetectedType::Text),
            ("{\\rtf1}", DetectedType::Rtf),
            ("BM es una marca de carros", DetectedType::Text),
            ("el <script> de HTML", DetectedType::Text),
        ] {
            assert_eq!(sniff(head.as_bytes()), kind, "{head}");
        }
        assert_eq!(sniff(b"caf\xe9 en Latin-1\r\n"), DetectedType::Text);
        assert_eq!(sniff(b"\xff\xfeh\0o\0l\0a\0"), DetectedType::Text);
    }

    #[test]
    fn known_signatures_are_detected() {
        assert_eq!(sniff(b""), DetectedType::Empty);
        assert_eq!(sniff(b"\0\x01\x02\x03"), DetectedType::Unknown);
        assert_eq!(sniff(b"%PDF-1.7\n\0"), DetectedType::Pdf);
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0"), DetectedType::Picture("image/png"));
        assert_eq!(sniff(b"Rar!\x1a\x07\x01\0"), DetectedType::Closed("rar"));
        assert_eq!(sniff(b"7z\xbc\xaf\x27\x1c\0\x04"), DetectedType::Closed("7z"));
        assert_eq!(sniff(b"\x1f\x8b\x08\0"), DetectedType::Gzip);
    }
}

//! Detects the type of a content by its first bytes.

use super::reason::Code;

/// Length of the examined head, which holds all signatures of `infer` and of this file.
pub(super) const HEAD_BYTES: usize = 8192;

/// Detected type of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Zero bytes.
    Empty,
    /// No known type.
    Unknown,
    /// An executable.
    Program(Code),
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

impl Kind {
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
pub(super) fn sniff(head: &[u8]) -> Kind {
    let starts = |magic: &[u8]| head.starts_with(magic);
    if head.is_empty() {
        return Kind::Empty;
    }
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") || starts(b"PK\x07\x08PK\x03\x04") {
        return Kind::Zip;
    }
    if starts(b"\x1f\x8b") {
        return Kind::Gzip;
    }
    if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Kind::Ole;
    }
    if let Some(code) = program(head) {
        return Kind::Program(code);
    }
    // Some programs write a blank line first, and readers accept it.
    if head.trim_ascii_start().starts_with(b"%PDF-") {
        return Kind::Pdf;
    }
    if is_tar(head) {
        return Kind::Tar;
    }
    if is_text(head) { text(head) } else { binary(head) }
}

/// Detects executables.
fn program(head: &[u8]) -> Option<Code> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let word = |at: usize| head.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    if starts(b"\x7fELF") {
        return Some(Code::Elf);
    }
    // A text may begin with these letters; a DOS or Windows program is no text.
    if (starts(b"MZ") || starts(b"ZM")) && !is_text(head) {
        return Some(Code::Pe);
    }
    match word(0)? {
        0xfeed_face | 0xfeed_facf | 0xcefa_edfe | 0xcffa_edfe => return Some(Code::MachO),
        // Java classes and Apple's universal binaries share four bytes; Java's versions begin at 45.
        0xcafe_babe | 0xcafe_babf => {
            return Some(if word(4).is_some_and(|n| n & 0xffff >= 45) { Code::Java } else { Code::MachO });
        }
        0x6465_780a | 0x6465_790a => return Some(Code::Android),
        0x4c00_0000 if word(4) == Some(0x0114_0200) => return Some(Code::Shortcut),
        _ => {}
    }
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    line.trim_ascii_start().starts_with(b"/").then_some(Code::Script)
}

/// Returns true if the checksum of the first header is right; it identifies tar archives of any age since 1979.
fn is_tar(head: &[u8]) -> bool {
    head.get(..512).is_some_and(|header| super::tar::checksum_is_right(header) && header[0] != 0)
}

/// Returns true for UTF-8, any 8-bit encoding, or UTF-16 with a byte order mark: no control characters but those of
/// texts.
fn is_text(head: &[u8]) -> bool {
    let binary = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | 0x1b);
    head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || !head.iter().any(binary)
}

/// Detects the kind of text by its beginning; a letter about HTML is plain text.
fn text(head: &[u8]) -> Kind {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.starts_with(b"{\\rtf") {
        return Kind::Rtf;
    }
    if head.first() != Some(&b'<') {
        return Kind::Text;
    }
    let start = String::from_utf8_lossy(&head[..head.len().min(4096)]).to_lowercase();
    let tag = |name: &str| start.match_indices(name).any(|(at, _)| !start[at + name.len()..].starts_with(char::is_alphanumeric));
    if tag("<svg") || tag("<svg:svg") {
        return if tag("<html") || tag("<!doctype html") { Kind::Html } else { Kind::Svg };
    }
    let page = ["<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<title", "<table", "<meta", "<style"];
    if page.into_iter().any(tag) { Kind::Html } else { Kind::Text }
}

fn binary(head: &[u8]) -> Kind {
    // Signatures that `infer` lacks.
    for (magic, name) in
        [(b"conectix".as_slice(), "vhd"), (b"vhdxfile", "vhdx"), (b"KDMV", "vmdk"), (b"-lh", "lzh"), (b"MSWIM", "wim")]
    {
        if head.starts_with(magic) || (name == "lzh" && head.get(2..5) == Some(magic)) {
            return Kind::Closed(name);
        }
    }
    let Some(found) = infer::get(head) else { return Kind::Unknown };
    let (mime, short) = (found.mime_type(), found.extension());
    match (found.matcher_type(), short) {
        (
            _,
            "rar" | "7z" | "xz" | "bz2" | "bz3" | "cab" | "Z" | "lz" | "zst" | "lz4" | "deb" | "rpm" | "ar" | "cpio" | "crx"
            | "qcow2",
        ) => Kind::Closed(short),
        // Two bytes are too few to contradict an extension.
        (_, "bmp") if head.get(6..10) != Some(&[0; 4]) => Kind::Unknown,
        (infer::MatcherType::Image, _) => Kind::Picture(mime),
        (infer::MatcherType::Audio | infer::MatcherType::Video, "mp3" | "aac" | "mpg") => Kind::Unknown,
        (infer::MatcherType::Audio | infer::MatcherType::Video, _) => Kind::Media(mime),
        (_, "der" | "obj" | "bc" | "eot" | "nes" | "ps") => Kind::Unknown,
        _ => Kind::Other(mime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_detected_by_signature() {
        let pe = [b"MZ\x90\0".as_slice(), &[0; 60]].concat();
        for (head, code) in [
            (b"\x7fELF\x02".as_slice(), Code::Elf),
            (&pe, Code::Pe),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", Code::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Code::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", Code::Java),
            (b"dex\n035\0", Code::Android),
            (b"L\0\0\0\x01\x14\x02\0", Code::Shortcut),
            (b"#!/bin/sh\n", Code::Script),
            (b"#! /usr/bin/env python3", Code::Script),
        ] {
            assert_eq!(sniff(head), Kind::Program(code), "{head:?}");
        }
        for text in [b"MZ-2024 informe".as_slice(), b"#![allow(x)]", b"#!hola", b"#! notas\n/x"] {
            assert_eq!(sniff(text), Kind::Text);
        }
    }

    #[test]
    fn text_formats_are_distinguished() {
        for (head, kind) in [
            ("hola ñandú", Kind::Text),
            ("\u{feff}<!DOCTYPE html><p>", Kind::Html),
            (" <html lang=es>", Kind::Html),
            ("<?xml version=\"1.0\"?><!-- x --><svg xmlns=\"\">", Kind::Svg),
            ("<?xml version=\"1.0\"?><nota/>", Kind::Text),
            ("{\\rtf1}", Kind::Rtf),
            ("BM es una marca de carros", Kind::Text),
            ("el <script> de HTML", Kind::Text),
        ] {
            assert_eq!(sniff(head.as_bytes()), kind, "{head}");
        }
        assert_eq!(sniff(b"caf\xe9 en Latin-1\r\n"), Kind::Text);
        assert_eq!(sniff(b"\xff\xfeh\0o\0l\0a\0"), Kind::Text);
    }

    #[test]
    fn known_signatures_are_detected() {
        assert_eq!(sniff(b""), Kind::Empty);
        assert_eq!(sniff(b"\0\x01\x02\x03"), Kind::Unknown);
        assert_eq!(sniff(b"%PDF-1.7\n\0"), Kind::Pdf);
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0"), Kind::Picture("image/png"));
        assert_eq!(sniff(b"Rar!\x1a\x07\x01\0"), Kind::Closed("rar"));
        assert_eq!(sniff(b"7z\xbc\xaf\x27\x1c\0\x04"), Kind::Closed("7z"));
        assert_eq!(sniff(b"\x1f\x8b\x08\0"), Kind::Gzip);
    }
}

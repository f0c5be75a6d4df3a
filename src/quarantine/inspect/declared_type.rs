//! Compares the type that a name or a client declares with the detected one.

use super::findings::{FindingCode, Findings};
use super::package::Package;
use super::sniff::DetectedType;

/// Type that an extension or media type promises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExpectedType {
    /// A raster image of any format: a `.jpg` from the web often is a PNG or a WebP.
    Picture,
    Svg,
    Pdf,
    Ooxml,
    Odf,
    /// A file of an older Office, or what programs have always saved under its extension: RTF, web pages,
    /// tables as text.
    OldOffice,
    Zip,
    Gzip,
    Tar,
    Closed,
    Rtf,
    /// Audio or video; not every such file has a signature.
    Media,
    /// Text of any kind.
    Text,
}

fn of_extension(extension: &str) -> Option<ExpectedType> {
    Some(match extension {
        "png" | "jpg" | "jpeg" | "jpe" | "jfif" | "gif" | "webp" | "bmp" | "dib" | "tif" | "tiff"
        | "heic" | "heif" | "avif" => ExpectedType::Picture,
        "svg" => ExpectedType::Svg,
        "pdf" => ExpectedType::Pdf,
        "docx" | "dotx" | "docm" | "dotm" | "xlsx" | "xltx" | "xlsm" | "xltm" | "xlsb" | "pptx" | "potx"
        | "ppsx" | "pptm" | "ppsm" => ExpectedType::Ooxml,
        "odt" | "ott" | "ods" | "ots" | "odp" | "otp" | "odg" => ExpectedType::Odf,
        "doc" | "dot" | "xls" | "xlt" | "ppt" | "pps" | "pot" => ExpectedType::OldOffice,
        "zip" => ExpectedType::Zip,
        "gz" | "tgz" => ExpectedType::Gzip,
        "tar" => ExpectedType::Tar,
        "rar" | "7z" | "xz" | "bz2" | "zst" | "cab" => ExpectedType::Closed,
        "rtf" => ExpectedType::Rtf,
        "mp3" | "mp4" | "m4a" | "m4v" | "mov" | "wav" | "avi" | "mkv" | "ogg" | "oga" | "opus" | "webm"
        | "flac" | "aac" | "wma" | "wmv" | "mpg" | "mpeg" | "3gp" => ExpectedType::Media,
        "txt" | "csv" | "tsv" | "md" | "log" | "ini" | "json" | "yml" | "yaml" | "xml" | "html" | "htm"
        | "css" | "vcf" | "ics" | "srt" | "eml" | "tex" => ExpectedType::Text,
        _ => return None,
    })
}

/// Considers only types that browsers declare reliably: some declare a `.csv` as Excel's.
fn of_media_type(declared: &str) -> Option<ExpectedType> {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/pdf" => Some(ExpectedType::Pdf),
        "image/svg+xml" => Some(ExpectedType::Svg),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/bmp" | "image/tiff"
        | "image/heic" | "image/avif" => Some(ExpectedType::Picture),
        _ => None,
    }
}

/// Returns true if the content matches the declared type. `strict`: content of unknown type contradicts a
/// type that has a signature.
fn matches(claim: ExpectedType, kind: DetectedType, package: Package, strict: bool) -> bool {
    let unknown =
        matches!(kind, DetectedType::Unknown | DetectedType::Other(_) | DetectedType::Text) && !strict;
    match (claim, kind) {
        (_, DetectedType::Empty) => true,
        (ExpectedType::Picture, DetectedType::Picture(_))
        | (ExpectedType::Svg, DetectedType::Svg)
        | (ExpectedType::Pdf, DetectedType::Pdf) => true,
        // An encrypted Office document is a compound file.
        (ExpectedType::Ooxml, DetectedType::Ole) => true,
        (ExpectedType::Ooxml, DetectedType::Zip) => package == Package::Ooxml,
        (ExpectedType::Odf, DetectedType::Zip) => package == Package::Odf,
        (
            ExpectedType::OldOffice,
            DetectedType::Ole | DetectedType::Rtf | DetectedType::Html | DetectedType::Text,
        ) => true,
        (ExpectedType::OldOffice, DetectedType::Zip) => package == Package::Ooxml,
        (ExpectedType::Zip, DetectedType::Zip)
        | (ExpectedType::Gzip, DetectedType::Gzip)
        | (ExpectedType::Tar, DetectedType::Tar)
        | (ExpectedType::Rtf, DetectedType::Rtf) => true,
        (ExpectedType::Closed, DetectedType::Closed(_)) => true,
        (ExpectedType::Media, DetectedType::Media(_) | DetectedType::Unknown | DetectedType::Other(_)) => {
            true
        }
        (
            ExpectedType::Text,
            DetectedType::Text
            | DetectedType::Html
            | DetectedType::Svg
            | DetectedType::Rtf
            | DetectedType::Unknown
            | DetectedType::Other(_),
        ) => true,
        _ => unknown,
    }
}

/// Compares an extension with the content. `inside`: in archives, where programs name parts freely, only
/// content of another known type counts.
pub(super) fn check(
    extension: Option<&str>,
    kind: DetectedType,
    package: Package,
    at: &str,
    inside: bool,
    findings: &mut Findings,
) {
    let Some(claim) = extension.and_then(of_extension) else { return };
    if !matches(claim, kind, package, !inside) {
        let is = kind.media_type();
        findings.add(FindingCode::ExtensionMismatch, if at.is_empty() { is } else { at });
    }
}

/// Compares the declared media type with the content.
pub(super) fn check_declared(declared: &str, kind: DetectedType, findings: &mut Findings) {
    if of_media_type(declared).is_some_and(|claim| !matches(claim, kind, Package::Plain, true)) {
        findings.add(FindingCode::DeclaredMismatch, declared.split(';').next().unwrap_or_default().trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mismatch(extension: &str, kind: DetectedType, package: Package, inside: bool) -> bool {
        let mut findings = Findings::default();
        check(Some(extension), kind, package, "", inside, &mut findings);
        findings.has(FindingCode::ExtensionMismatch)
    }

    #[test]
    fn extension_contradicting_content_is_found() {
        let png = DetectedType::Picture("image/png");
        for (extension, kind, wrong) in [
            ("png", png, false),
            ("jpg", png, false),
            ("png", DetectedType::Html, true),
            ("png", DetectedType::Svg, true),
            ("jpg", DetectedType::Unknown, true),
            ("jpg", DetectedType::Empty, false),
            ("pdf", DetectedType::Zip, true),
            ("pdf", DetectedType::Text, true),
            ("pdf", DetectedType::Program(FindingCode::Pe), true),
            ("docx", DetectedType::Zip, true),
            ("docx", DetectedType::Ole, false),
            ("xls", DetectedType::Html, false),
            ("xls", DetectedType::Program(FindingCode::Elf), true),
            ("txt", DetectedType::Text, false),
            ("txt", DetectedType::Unknown, false),
            ("csv", DetectedType::Zip, true),
            ("mp4", DetectedType::Unknown, false),
            ("mp4", DetectedType::Html, true),
            ("zip", DetectedType::Zip, false),
            ("zip", DetectedType::Closed("rar"), true),
            ("xyz", DetectedType::Zip, false),
        ] {
            assert_eq!(mismatch(extension, kind, Package::Plain, false), wrong, "{extension} {kind:?}");
        }
        assert!(
            !mismatch("docx", DetectedType::Zip, Package::Ooxml, false)
                && mismatch("docx", DetectedType::Zip, Package::Odf, false)
        );
        assert!(!mismatch("odt", DetectedType::Zip, Package::Odf, false));
        assert!(
            !mismatch("png", DetectedType::Unknown, Package::Plain, true),
            "Office puts what it likes under image1.png"
        );
        assert!(mismatch("png", DetectedType::Html, Package::Plain, true));
    }

    #[test]
    fn only_reliable_declared_types_are_compared() {
        let declared = |declared: &str, kind| {
            let mut findings = Findings::default();
            check_declared(declared, kind, &mut findings);
            findings.lines().join(",")
        };
        assert_eq!(declared("image/png", DetectedType::Html), "declared-mismatch image/png");
        assert_eq!(declared("Image/JPEG; x=y", DetectedType::Picture("image/png")), "");
        assert_eq!(declared("application/pdf", DetectedType::Zip), "declared-mismatch application/pdf");
        for none in ["application/octet-stream", "application/vnd.ms-excel", "text/plain", "", "nonsense"] {
            assert_eq!(declared(none, DetectedType::Zip), "", "{none}");
        }
    }
}

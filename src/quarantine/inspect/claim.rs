//! Compares the type that a name or a client declares with the detected one.

use super::kind::Kind;
use super::package::Package;
use super::reason::{Code, Findings};

/// Type that an extension or media type promises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// A raster image of any format: a `.jpg` from the web often is a PNG or a WebP.
    Picture,
    Svg,
    Pdf,
    Ooxml,
    Odf,
    /// A file of an older Office, or what programs have always saved under its extension: RTF, web pages, tables as
    /// text.
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

fn of_extension(extension: &str) -> Option<Claim> {
    Some(match extension {
        "png" | "jpg" | "jpeg" | "jpe" | "jfif" | "gif" | "webp" | "bmp" | "dib" | "tif" | "tiff" | "heic" | "heif" | "avif" => {
            Claim::Picture
        }
        "svg" => Claim::Svg,
        "pdf" => Claim::Pdf,
        "docx" | "dotx" | "docm" | "dotm" | "xlsx" | "xltx" | "xlsm" | "xltm" | "xlsb" | "pptx" | "potx" | "ppsx" | "pptm"
        | "ppsm" => Claim::Ooxml,
        "odt" | "ott" | "ods" | "ots" | "odp" | "otp" | "odg" => Claim::Odf,
        "doc" | "dot" | "xls" | "xlt" | "ppt" | "pps" | "pot" => Claim::OldOffice,
        "zip" => Claim::Zip,
        "gz" | "tgz" => Claim::Gzip,
        "tar" => Claim::Tar,
        "rar" | "7z" | "xz" | "bz2" | "zst" | "cab" => Claim::Closed,
        "rtf" => Claim::Rtf,
        "mp3" | "mp4" | "m4a" | "m4v" | "mov" | "wav" | "avi" | "mkv" | "ogg" | "oga" | "opus" | "webm" | "flac" | "aac"
        | "wma" | "wmv" | "mpg" | "mpeg" | "3gp" => Claim::Media,
        "txt" | "csv" | "tsv" | "md" | "log" | "ini" | "json" | "yml" | "yaml" | "xml" | "html" | "htm" | "css" | "vcf"
        | "ics" | "srt" | "eml" | "tex" => Claim::Text,
        _ => return None,
    })
}

/// Considers only types that browsers declare reliably: some declare a `.csv` as Excel's.
fn of_media_type(declared: &str) -> Option<Claim> {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/pdf" => Some(Claim::Pdf),
        "image/svg+xml" => Some(Claim::Svg),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/bmp" | "image/tiff" | "image/heic" | "image/avif" => {
            Some(Claim::Picture)
        }
        _ => None,
    }
}

/// Returns true if the content matches the declared type. `strict`: content of unknown type contradicts a type that has
/// a signature.
fn keeps(claim: Claim, kind: Kind, package: Package, strict: bool) -> bool {
    let unknown = matches!(kind, Kind::Unknown | Kind::Other(_) | Kind::Text) && !strict;
    match (claim, kind) {
        (_, Kind::Empty) => true,
        (Claim::Picture, Kind::Picture(_)) | (Claim::Svg, Kind::Svg) | (Claim::Pdf, Kind::Pdf) => true,
        // An encrypted Office document is a compound file.
        (Claim::Ooxml, Kind::Ole) => true,
        (Claim::Ooxml, Kind::Zip) => package == Package::Ooxml,
        (Claim::Odf, Kind::Zip) => package == Package::Odf,
        (Claim::OldOffice, Kind::Ole | Kind::Rtf | Kind::Html | Kind::Text) => true,
        (Claim::OldOffice, Kind::Zip) => package == Package::Ooxml,
        (Claim::Zip, Kind::Zip) | (Claim::Gzip, Kind::Gzip) | (Claim::Tar, Kind::Tar) | (Claim::Rtf, Kind::Rtf) => true,
        (Claim::Closed, Kind::Closed(_)) => true,
        (Claim::Media, Kind::Media(_) | Kind::Unknown | Kind::Other(_)) => true,
        (Claim::Text, Kind::Text | Kind::Html | Kind::Svg | Kind::Rtf | Kind::Unknown | Kind::Other(_)) => true,
        _ => unknown,
    }
}

/// Compares an extension with the content. `inside`: in archives, where programs name parts freely, only content of
/// another known type counts.
pub(super) fn judge(extension: Option<&str>, kind: Kind, package: Package, at: &str, inside: bool, findings: &mut Findings) {
    let Some(claim) = extension.and_then(of_extension) else { return };
    if !keeps(claim, kind, package, !inside) {
        let is = kind.media_type();
        findings.add(Code::ExtensionMismatch, if at.is_empty() { is } else { at });
    }
}

/// Compares the declared media type with the content.
pub(super) fn judge_declared(declared: &str, kind: Kind, findings: &mut Findings) {
    if of_media_type(declared).is_some_and(|claim| !keeps(claim, kind, Package::Plain, true)) {
        findings.add(Code::DeclaredMismatch, declared.split(';').next().unwrap_or_default().trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mismatch(extension: &str, kind: Kind, package: Package, inside: bool) -> bool {
        let mut findings = Findings::default();
        judge(Some(extension), kind, package, "", inside, &mut findings);
        findings.has(Code::ExtensionMismatch)
    }

    #[test]
    fn extension_contradicting_content_is_found() {
        let png = Kind::Picture("image/png");
        for (extension, kind, wrong) in [
            ("png", png, false),
            ("jpg", png, false),
            ("png", Kind::Html, true),
            ("png", Kind::Svg, true),
            ("jpg", Kind::Unknown, true),
            ("jpg", Kind::Empty, false),
            ("pdf", Kind::Zip, true),
            ("pdf", Kind::Text, true),
            ("pdf", Kind::Program(Code::Pe), true),
            ("docx", Kind::Zip, true),
            ("docx", Kind::Ole, false),
            ("xls", Kind::Html, false),
            ("xls", Kind::Program(Code::Elf), true),
            ("txt", Kind::Text, false),
            ("txt", Kind::Unknown, false),
            ("csv", Kind::Zip, true),
            ("mp4", Kind::Unknown, false),
            ("mp4", Kind::Html, true),
            ("zip", Kind::Zip, false),
            ("zip", Kind::Closed("rar"), true),
            ("xyz", Kind::Zip, false),
        ] {
            assert_eq!(mismatch(extension, kind, Package::Plain, false), wrong, "{extension} {kind:?}");
        }
        assert!(!mismatch("docx", Kind::Zip, Package::Ooxml, false) && mismatch("docx", Kind::Zip, Package::Odf, false));
        assert!(!mismatch("odt", Kind::Zip, Package::Odf, false));
        assert!(!mismatch("png", Kind::Unknown, Package::Plain, true), "Office puts what it likes under image1.png");
        assert!(mismatch("png", Kind::Html, Package::Plain, true));
    }

    #[test]
    fn only_reliable_declared_types_are_compared() {
        let declared = |declared: &str, kind| {
            let mut findings = Findings::default();
            judge_declared(declared, kind, &mut findings);
            findings.lines().join(",")
        };
        assert_eq!(declared("image/png", Kind::Html), "declared-mismatch image/png");
        assert_eq!(declared("Image/JPEG; x=y", Kind::Picture("image/png")), "");
        assert_eq!(declared("application/pdf", Kind::Zip), "declared-mismatch application/pdf");
        for none in ["application/octet-stream", "application/vnd.ms-excel", "text/plain", "", "nonsense"] {
            assert_eq!(declared(none, Kind::Zip), "", "{none}");
        }
    }
}

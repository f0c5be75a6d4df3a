//! Media type of a file, for display only; no decision depends on it.

use super::file_name::FileName;

/// Length of the examined head: the signatures of `infer` lie in the first 4 KiB, but office documents differ
/// from other ZIPs by entries some KiB later.
pub(super) const HEAD_BYTES: usize = 8192;

/// Returns the media type by the first bytes, else by the name, else `application/octet-stream`.
pub(super) fn media_type(head: &[u8], name: &FileName) -> String {
    let head = &head[..head.len().min(HEAD_BYTES)];
    infer::get(head)
        .map(|kind| kind.mime_type())
        .or_else(|| mime_guess::from_path(name.as_str()).first_raw())
        .unwrap_or("application/octet-stream")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guess(head: &[u8], name: &str) -> String {
        media_type(head, &FileName::stored(name.to_owned()))
    }

    #[test]
    fn content_overrides_name() {
        assert_eq!(guess(b"\x89PNG\r\n\x1a\n", "foto.txt"), "image/png");
        assert_eq!(guess(b"%PDF-1.7", "a"), "application/pdf");
        assert_eq!(guess(b"hola", "notas.txt"), "text/plain");
        assert_eq!(guess(b"", "a.CSV"), "text/csv");
        assert_eq!(guess(b"", "../..//\0"), "application/octet-stream");
        assert_eq!(guess(b"\x00\x01", "名"), "application/octet-stream");
    }

    /// Signatures of the formats that `infer` parses.
    const SIGNATURES: [&[u8]; 8] = [
        b"PK\x03\x04",
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff[Content_Types].xml",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x1a\x45\xdf\xa3",
        b"\x00\x00\x00\x20ftyp",
        b"MZ",
        b"\x7fELF",
        b"RIFF",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn detection_never_panics(
            signature in proptest::sample::select(SIGNATURES.to_vec()),
            rest in proptest::collection::vec(any::<u8>(), 0..2000),
            keep in 0..2000_usize,
        ) {
            let mut content = [signature, &rest].concat();
            content.truncate(keep);
            prop_assert!(guess(&content, "x").contains('/'));
        }
    }
}

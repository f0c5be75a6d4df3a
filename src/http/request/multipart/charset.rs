//! The few encodings in which programs still send names of files.

/// Bytes 0x80 to 0x9F of Windows-1252; five of them stand for nothing.
const WINDOWS_1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

/// Decodes text in the named encoding; `None` where the encoding is unknown or the bytes are none of it.
pub(crate) fn decode(name: &[u8], bytes: Vec<u8>) -> Option<String> {
    match &*name.to_ascii_lowercase() {
        b"utf-8" | b"utf8" => String::from_utf8(bytes).ok(),
        b"us-ascii" | b"ascii" => String::from_utf8(bytes).ok().filter(|text| text.is_ascii()),
        // WHATWG reads the former as the latter, which only adds to it.
        b"iso-8859-1" | b"latin1" | b"windows-1252" | b"cp1252" => windows_1252(&bytes),
        b"iso-8859-15" | b"latin-9" => Some(bytes.into_iter().map(latin_9).collect()),
        _ => None,
    }
}

/// Decodes Windows-1252; `None` where a byte stands for nothing in it.
pub(crate) fn windows_1252(bytes: &[u8]) -> Option<String> {
    let decode = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => Some(char::from(*byte)),
    };
    bytes.iter().map(decode).collect()
}

/// ISO 8859-15 is ISO 8859-1 but for eight characters.
fn latin_9(byte: u8) -> char {
    match byte {
        0xa4 => '€',
        0xa6 => 'Š',
        0xa8 => 'š',
        0xb4 => 'Ž',
        0xb8 => 'ž',
        0xbc => 'Œ',
        0xbd => 'œ',
        0xbe => 'Ÿ',
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_decode_and_unknown_ones_fail() {
        for (name, bytes, text) in [
            ("UTF-8", &b"a\xc3\xb1o"[..], Some("año")),
            ("utf-8", b"a\xf1o", None),
            ("ISO-8859-1", b"a\xf1o", Some("año")),
            ("windows-1252", b"\x80 \x93x\x94", Some("€ “x”")),
            ("windows-1252", b"\x81", None),
            ("iso-8859-15", b"\xa4\xf1", Some("€ñ")),
            ("us-ascii", b"abc", Some("abc")),
            ("us-ascii", b"a\xc3\xb1o", None),
            ("shift_jis", b"abc", None),
            ("", b"abc", None),
        ] {
            assert_eq!(decode(name.as_bytes(), bytes.to_vec()).as_deref(), text, "{name}");
        }
    }
}

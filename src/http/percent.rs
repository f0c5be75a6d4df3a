//! Percent-encoding of addresses and header values.

use std::fmt::Write as _;

/// Encodes every byte of UTF-8 for which `is_kept` is false, as `%C3`.
pub(in crate::http) fn percent_encode(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_kept(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_bytes_stay_and_others_are_encoded() {
        assert_eq!(percent_encode("año 1/2", |b| b.is_ascii_alphanumeric()), "a%C3%B1o%201%2F2");
    }
}

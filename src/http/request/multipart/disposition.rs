//! `Content-Disposition` of a form's part, as browsers, command-line tools and mail libraries write it.
//!
//! A name comes in one of these ways, the first that is there counts:
//!
//! 1. `filename*=UTF-8''a%C3%B1o.txt` (RFC 8187), also in sections `filename*0*=…; filename*1=…` (RFC 2231).
//! 2. `filename="=?utf-8?B?…?="` (RFC 2047).
//! 3. `filename="a%C3%B1o.txt"`, where all of it is percent-encoded UTF-8 with a character beyond ASCII. So
//!    `100%25.txt` and `5%.txt` stay.
//! 4. `filename="año.txt"` in UTF-8, otherwise in Windows-1252. `%22`, `%0D` and `%0A` are what browsers
//!    write for a quote and line ends.

use http::{HeaderMap, header};

use crate::http::request::multipart::charset;
use crate::http::request::multipart::encoded_word::{self, UnreadableName, hex_pair};

/// Parameters that are looked at; a name of 1024 bytes in sections of 78 characters has 40.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a part that count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    /// The field's name, as its bytes came.
    pub(crate) field: Option<Vec<u8>>,
    /// The file's name; `None` where the part is no file.
    pub(crate) file_name: Option<Result<String, UnreadableName>>,
}

impl Disposition {
    /// Reads the header of a part.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get(header::CONTENT_DISPOSITION)
            .map(|value| Self::parse(value.as_bytes()))
            .unwrap_or_default()
    }

    /// Reads the header's value.
    pub(crate) fn parse(value: &[u8]) -> Self {
        let (mut field, mut plain, mut extended) = (None, None, None);
        let mut sections = Vec::new();
        let start = value.iter().position(|b| *b == b';').unwrap_or(value.len());
        let mut rest = &value[start..];
        for _ in 0..MAX_PARAMETERS {
            let Some((key, value)) = next_parameter(&mut rest) else { break };
            match &*key {
                b"name" => drop(field.get_or_insert(value)),
                b"filename" => drop(plain.get_or_insert(value)),
                b"filename*" => drop(extended.get_or_insert(value)),
                key => {
                    sections.extend(key.strip_prefix(b"filename*").and_then(|key| Section::new(key, value)));
                }
            }
        }
        let extended = extended.map(|value| decode_extended(&value)).or_else(|| join(sections));
        let file_name = match (extended, plain) {
            (Some(Ok(name)), _) => Some(Ok(name)),
            (_, Some(plain)) => Some(decode_plain(&plain)),
            (unreadable, None) => unreadable,
        };
        Self { field, file_name }
    }
}

/// Takes the next parameter: its name in lower case, and its value without quotes.
fn next_parameter(rest: &mut &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    loop {
        let start = rest.iter().position(|b| !matches!(b, b';' | b' ' | b'\t'))?;
        *rest = &rest[start..];
        let end = rest.iter().position(|b| matches!(b, b'=' | b';')).unwrap_or(rest.len());
        let key = rest[..end].trim_ascii().to_ascii_lowercase();
        let Some(value) = rest[end..].strip_prefix(b"=") else {
            // A word without a value.
            *rest = &rest[end..];
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, after) = match value.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
                (value[..end].trim_ascii().to_vec(), &value[end..])
            }
        };
        *rest = after;
        return Some((key, value));
    }
}

/// Reads a quoted string behind its first quote, and what follows the value. A backslash protects a quote or
/// a backslash only, because browsers write the path `C:\dir\x.txt` as it is.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::with_capacity(text.len().min(256));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                value.push(*next);
                at += 1;
            }
            (b'"', _) => {
                let after = &text[at + 1..];
                return (value, &after[after.iter().position(|b| *b == b';').unwrap_or(after.len())..]);
            }
            _ => value.push(*byte),
        }
        at += 1;
    }
    // Not closed: a path that ends with a backslash, or a sloppy program.
    let end = text.iter().rposition(|b| *b == b'"').unwrap_or(text.len());
    (text[..end].to_vec(), &[])
}

/// Decodes `charset'language'percent-encoded`.
fn decode_extended(value: &[u8]) -> Result<String, UnreadableName> {
    let mut parts = value.splitn(3, |b| *b == b'\'');
    let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(UnreadableName);
    };
    charset::decode(charset, percent_decode(text).ok_or(UnreadableName)?).ok_or(UnreadableName)
}

/// One section of a name (RFC 2231 section 3).
struct Section {
    number: usize,
    encoded: bool,
    value: Vec<u8>,
}

impl Section {
    fn new(key: &[u8], value: Vec<u8>) -> Option<Self> {
        let digits = key.strip_suffix(b"*").unwrap_or(key);
        let number = str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self { number, encoded: digits.len() < key.len(), value })
    }
}

fn join(mut sections: Vec<Section>) -> Option<Result<String, UnreadableName>> {
    sections.sort_by_key(|section| section.number);
    let encoded = sections.first()?.encoded;
    let (mut charset, mut bytes) = (b"utf-8".to_vec(), Vec::new());
    for (n, section) in sections.into_iter().enumerate() {
        let mut text = section.value.as_slice();
        if n == 0 && encoded {
            let mut parts = text.splitn(3, |b| *b == b'\'');
            charset = parts.next().unwrap_or_default().to_vec();
            text = parts.nth(1).unwrap_or_default();
        }
        match section.encoded.then(|| percent_decode(text)) {
            _ if section.number != n => return Some(Err(UnreadableName)),
            Some(None) => return Some(Err(UnreadableName)),
            Some(Some(decoded)) => bytes.extend(decoded),
            None => bytes.extend_from_slice(text),
        }
    }
    if encoded {
        return Some(charset::decode(&charset, bytes).ok_or(UnreadableName));
    }
    Some(decode_plain(&bytes))
}

fn decode_plain(value: &[u8]) -> Result<String, UnreadableName> {
    let text = match str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => charset::windows_1252(value).ok_or(UnreadableName)?,
    };
    if let Some(decoded) = encoded_word::decode(&text)? {
        return Ok(decoded);
    }
    let decoded = text
        .is_ascii()
        .then(|| percent_decode(text.as_bytes()))
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(decoded) = decoded.filter(|decoded| !decoded.is_ascii()) {
        return Ok(decoded);
    }
    Ok(unescape(&text))
}

/// Decodes percent-encoded bytes; `None` where a `%` is not followed by two digits.
fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let [high, low, after @ ..] = tail else { return None };
            bytes.push(hex_pair(*high, *low)?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    Some(bytes)
}

/// Decodes the three escapes of browsers (WHATWG HTML, multipart/form-data encoding algorithm).
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escaped = match rest.get(at..at + 3) {
            Some("%22") => Some('"'),
            Some("%0D" | "%0d") => Some('\r'),
            Some("%0A" | "%0a") => Some('\n'),
            _ => None,
        };
        out.push(escaped.unwrap_or('%'));
        rest = &rest[at + if escaped.is_some() { 3 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "disposition_tests.rs"]
mod tests;

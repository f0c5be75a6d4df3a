//! Encoded words (RFC 2047) in names of files, as mail libraries write them: `=?utf-8?B?YcOxbw==?=`.

use data_encoding::BASE64_NOPAD;

use crate::http::request::multipart::charset;

/// Text that looks like an encoded word and cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadableName;

/// Decodes the encoded words of a text; `None` where it has none. Blanks between two of them are dropped
/// (section 6.2).
pub(crate) fn decode(text: &str) -> Result<Option<String>, UnreadableName> {
    let mut decoded = String::new();
    // Characters may be split between words of one charset, so bytes are joined first.
    let mut joined: Option<(&str, Vec<u8>)> = None;
    let (mut rest, mut found) = (text, false);
    while let Some(FoundWord { before, word, after }) = next_word(rest) {
        found = true;
        let bytes = word.bytes()?;
        let follows = joined.is_some() && before.trim().is_empty();
        match &mut joined {
            Some((charset, all)) if follows && charset.eq_ignore_ascii_case(word.charset) => {
                all.extend(bytes);
            }
            _ => {
                decoded.push_str(&text_of(joined.take())?);
                decoded.push_str(if follows { "" } else { before });
                joined = Some((word.charset, bytes));
            }
        }
        rest = after;
    }
    decoded.push_str(&text_of(joined)?);
    decoded.push_str(rest);
    Ok(found.then_some(decoded))
}

fn text_of(joined: Option<(&str, Vec<u8>)>) -> Result<String, UnreadableName> {
    let Some((charset, bytes)) = joined else { return Ok(String::new()) };
    charset::decode(charset.as_bytes(), bytes).ok_or(UnreadableName)
}

struct Word<'a> {
    charset: &'a str,
    base64: bool,
    content: &'a str,
}

/// An encoded word in a text.
struct FoundWord<'a> {
    before: &'a str,
    word: Word<'a>,
    after: &'a str,
}

/// Finds the first encoded word.
fn next_word(text: &str) -> Option<FoundWord<'_>> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("=?")?;
        if let Some((word, after)) = word(&text[at + 2..]) {
            return Some(FoundWord { before: &text[..at], word, after });
        }
        from = at + 2;
    }
}

/// The word whose `=?` was read, and what follows it.
fn word(text: &str) -> Option<(Word<'_>, &str)> {
    let (charset, rest) = text.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (content, after) = rest.split_once("?=")?;
    // RFC 2231 section 5 adds a language.
    let charset = charset.split('*').next().unwrap_or_default();
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:+".contains(&b))
    };
    let base64 = match encoding {
        "B" | "b" => true,
        "Q" | "q" => false,
        _ => return None,
    };
    (token(charset) && !content.contains('?')).then_some((Word { charset, base64, content }, after))
}

impl Word<'_> {
    fn bytes(&self) -> Result<Vec<u8>, UnreadableName> {
        if self.base64 {
            let digits = self.content.trim_end_matches('=');
            return BASE64_NOPAD.decode(digits.as_bytes()).map_err(|_| UnreadableName);
        }
        let mut bytes = Vec::with_capacity(self.content.len());
        let mut rest = self.content.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = tail;
            match (first, tail) {
                (b'_', _) => bytes.push(b' '),
                (b'=', [high, low, after @ ..]) => {
                    bytes.push(hex_pair(*high, *low).ok_or(UnreadableName)?);
                    rest = after;
                }
                (b'=', _) => return Err(UnreadableName),
                (byte, _) => bytes.push(*byte),
            }
        }
        Ok(bytes)
    }
}

/// The byte of two hexadecimal digits.
pub(crate) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |b| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_decode_and_other_text_stays() {
        for (text, want) in [
            ("=?utf-8?B?YcOxby50eHQ=?=", Ok(Some("año.txt"))),
            ("=?UTF-8?b?YcOxby50eHQ?=", Ok(Some("año.txt"))),
            ("=?utf-8?Q?a=C3=B1o_nuevo.txt?=", Ok(Some("año nuevo.txt"))),
            ("=?iso-8859-1?q?a=f1o?=", Ok(Some("año"))),
            ("=?utf-8*es?Q?a=C3=B1o?=", Ok(Some("año"))),
            // A character that is split between two words.
            ("=?utf-8?Q?a=C3?= =?UTF-8?Q?=B1o?=.txt", Ok(Some("año.txt"))),
            ("=?utf-8?Q?a?=  =?iso-8859-1?Q?=F1?= o", Ok(Some("añ o"))),
            ("informe =?utf-8?Q?a=C3=B1o?= 1.pdf", Ok(Some("informe año 1.pdf"))),
            ("año.txt", Ok(None)),
            ("=?x?=.txt", Ok(None)),
            ("a=?b", Ok(None)),
            ("=?utf-8?X?abc?=", Ok(None)),
            ("=?utf-8?B?*?=", Err(UnreadableName)),
            ("=?utf-8?B?/w==?=", Err(UnreadableName)),
            ("=?utf-8?Q?a=C?=", Err(UnreadableName)),
            ("=?utf-8?Q?=ZZ?=", Err(UnreadableName)),
            ("=?koi8-r?Q?a?=", Err(UnreadableName)),
        ] {
            assert_eq!(decode(text), want.map(|w| w.map(str::to_owned)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn encoded_text_comes_back(text in "\\PC{1,20}", upper in any::<bool>()) {
            let base64 = data_encoding::BASE64.encode(text.as_bytes());
            let quoted: String = text.bytes().map(|b| format!("={b:02X}")).collect();
            let (b, q) = if upper { ('B', 'Q') } else { ('b', 'q') };
            prop_assert_eq!(decode(&format!("=?utf-8?{b}?{base64}?=")), Ok(Some(text.clone())));
            prop_assert_eq!(decode(&format!("=?utf-8?{q}?{quoted}?=")), Ok(Some(text)));
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "(=\\?|\\?=|\\?|utf-8|[BbQq]|=C3|\\PC|[A-Z=]{0,4}){0,12}") {
            if let Ok(Some(decoded)) = decode(&text) {
                // A byte of Windows-1252 may become three of UTF-8.
                prop_assert!(decoded.len() <= 3 * text.len());
            }
        }
    }
}

//! Search for the marks of a run in bytes: their encodings, and a stream read in pieces. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;

use data_encoding::{BASE64_NOPAD, HEXLOWER, HEXUPPER};
use memchr::memmem::Finder;

use crate::cli::child_server::client::MASK;

/// Characters of a tag: 60 random bits, so that 2³⁰ bytes of memory hold one by chance with a probability of
/// 2⁻³⁰.
pub(super) const TAG: usize = 12;
/// Characters of the number behind a tag.
pub(super) const ID: usize = 4;
/// Bytes of one read.
const PIECE: usize = 1 << 20;
/// Bytes left out after a failed read: one page.
const PAGE: usize = 4096;

/// Number of a text: transport, room and form.
pub(super) type Id = [u8; ID];

/// Number of a mark whose end is not there.
const UNKNOWN: Id = *b"????";

/// Encoding of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
    Hex,
    HexUpper,
    Base64,
    /// `\u0061` for each character.
    JsonEscapes,
    /// As in a client's frame. The number is the mask's offset.
    Masked(usize),
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Hex | Self::HexUpper => "hex",
            Self::Base64 => "base64",
            Self::JsonEscapes => "json",
            Self::Masked(_) => "mask",
        })
    }
}

impl Encoding {
    /// Encodes characters, the first of them at the beginning of a mark.
    fn encode(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Utf8 => text.to_vec(),
            Self::Utf16 => text.iter().flat_map(|byte| [*byte, 0]).collect(),
            Self::Hex => HEXLOWER.encode(text).into_bytes(),
            Self::HexUpper => HEXUPPER.encode(text).into_bytes(),
            Self::Base64 => BASE64_NOPAD.encode(text).into_bytes(),
            Self::JsonEscapes => json_escapes(text).into_bytes(),
            Self::Masked(offset) => {
                text.iter().zip(MASK.iter().cycle().skip(offset)).map(|(byte, mask)| byte ^ mask).collect()
            }
        }
    }

    /// Bytes of an encoded number; 0 if it is not aligned.
    fn id_bytes(self) -> usize {
        if self == Self::Base64 { 0 } else { self.encode(&UNKNOWN).len() }
    }

    /// Decodes a number. Digits and lower-case letters alone are possible.
    fn decode_id(self, bytes: &[u8]) -> Id {
        let mut id = UNKNOWN;
        for (at, digit) in id.iter_mut().enumerate() {
            let mut possible = (b'0'..=b'9').chain(b'a'..=b'z');
            // A tag has a multiple of four characters, so the mask begins anew behind it.
            let width = self.id_bytes() / ID;
            let encoded = bytes.get(at * width..(at + 1) * width);
            let of = |byte: &u8| {
                let mut text = [0; ID];
                text[at] = *byte;
                self.encode(&text).get(at * width..(at + 1) * width).map(<[u8]>::to_vec)
            };
            match possible.find(|byte| width > 0 && of(byte).as_deref() == encoded) {
                Some(byte) => *digit = byte,
                None => return UNKNOWN,
            }
        }
        id
    }
}

/// Writes each character as an escape of JSON.
pub(super) fn json_escapes(text: &[u8]) -> String {
    text.iter().map(|byte| format!("\\u{byte:04x}")).collect()
}

struct Needle {
    encoding: Encoding,
    finder: Finder<'static>,
    /// Bytes of the encoded tag.
    tag: usize,
    /// Bytes of the encoded tag and number.
    whole: usize,
}

/// All encodings of one tag.
pub(super) struct Needles {
    needles: Vec<Needle>,
    /// Bytes of the longest encoded mark.
    longest: usize,
}

/// Found marks: number, encoding and place, with their count.
pub(super) type Marks = BTreeMap<(Id, Encoding, Rc<str>), usize>;

/// Extent of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchExtent {
    /// Bytes searched.
    pub(super) bytes: u64,
    /// Bytes that could not be read.
    pub(super) unread: u64,
}

impl std::ops::AddAssign for SearchExtent {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.unread += more.unread;
    }
}

impl Needles {
    pub(super) fn new(tag: &str) -> Self {
        use Encoding::{HexUpper, JsonEscapes, Masked, Utf8, Utf16};
        let tag = tag.as_bytes();
        let aligned = [Utf8, Utf16, Encoding::Hex, HexUpper, JsonEscapes];
        let encodings = aligned.into_iter().chain((0..MASK.len()).map(Masked));
        let whole = encodings.map(|encoding| (encoding, encoding.encode(tag)));
        // Three base64 digits in four depend on one byte and its neighbour, so the first ones are left out.
        let base64 = (0..3).map(|skip| (Encoding::Base64, Encoding::Base64.encode(aligned_part(tag, skip))));
        let needles: Vec<_> = whole
            .chain(base64)
            .map(|(encoding, bytes)| {
                let (tag, whole) = (bytes.len(), bytes.len() + encoding.id_bytes());
                Needle { encoding, finder: Finder::new(&bytes).into_owned(), tag, whole }
            })
            .collect();
        let longest = needles.iter().map(|needle| needle.whole).max().unwrap_or(0);
        Self { needles, longest }
    }

    /// Searches bytes `from` to `to` of a source. `read` fills a buffer from an offset and returns the number
    /// of bytes, 0 at the end.
    pub(super) fn search(
        &self,
        mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
        from: u64,
        to: u64,
        place: &Rc<str>,
        marks: &mut Marks,
    ) -> SearchExtent {
        let carry = self.longest.saturating_sub(1);
        let most = usize::try_from(to.saturating_sub(from)).unwrap_or(PIECE).min(PIECE);
        let mut buf = vec![0; carry + most];
        let (mut kept, mut at, mut extent) = (0, from, SearchExtent::default());
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(PIECE).min(PIECE);
            match read(&mut buf[kept..kept + len], at) {
                Ok(0) => break,
                Ok(n) => {
                    let filled = kept + n.min(len);
                    at += n as u64;
                    extent.bytes += n as u64;
                    self.scan(&buf[..filled], kept, false, place, marks);
                    let rest = filled.saturating_sub(carry);
                    buf.copy_within(rest..filled, 0);
                    kept = filled - rest;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.scan(&buf[..kept], kept, true, place, marks);
                    kept = 0;
                    let page = PAGE.min(len) as u64;
                    extent.unread += page;
                    at += page;
                }
            }
        }
        self.scan(&buf[..kept], kept, true, place, marks);
        extent
    }

    /// Counts the marks of a buffer whose first `seen` bytes were in the previous one. Marks that reach beyond
    /// the buffer are counted with the next one, or now if it is the `last`.
    fn scan(&self, bytes: &[u8], seen: usize, last: bool, place: &Rc<str>, marks: &mut Marks) {
        for needle in &self.needles {
            for start in needle.finder.find_iter(bytes) {
                let end = start + needle.whole;
                let counted = end <= seen;
                if counted || (!last && end > bytes.len()) {
                    continue;
                }
                let id = bytes.get(start + needle.tag..end);
                let id = id.map_or(UNKNOWN, |id| needle.encoding.decode_id(id));
                *marks.entry((id, needle.encoding, Rc::clone(place))).or_default() += 1;
            }
        }
    }
}

/// Returns the part of a tag that fills whole groups of three bytes if `skip` bytes precede them.
fn aligned_part(tag: &[u8], skip: usize) -> &[u8] {
    let whole = (tag.len() - skip) / 3 * 3;
    &tag[skip..skip + whole]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THIS_TAG: &str = "q3v7k2m5x8zw";

    fn marks_of(bytes: &[u8], reads: &[usize]) -> Marks {
        let (mut marks, mut reads) = (Marks::new(), reads.iter().cycle());
        let read = |buf: &mut [u8], at: u64| {
            let rest = &bytes[usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len())..];
            let n = rest.len().min(buf.len()).min(*reads.next().unwrap_or(&PIECE));
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        let extent = Needles::new(THIS_TAG).search(read, 0, u64::MAX, &"here".into(), &mut marks);
        assert_eq!(extent, SearchExtent { bytes: bytes.len() as u64, unread: 0 });
        marks
    }

    fn count(marks: &Marks, id: Id, encoding: Encoding) -> usize {
        marks.get(&(id, encoding, "here".into())).copied().unwrap_or(0)
    }

    proptest! {
        /// Each mark is counted once, wherever the reads divide it.
        #[test]
        fn marks_are_counted_once_at_any_cut(
            gaps in prop::collection::vec(0..300_usize, 1..6), reads in prop::collection::vec(1..150_usize, 1..8),
            kind in 0..9_usize,
        ) {
            let encoding = [Encoding::Utf8, Encoding::Utf16, Encoding::Hex, Encoding::HexUpper,
                Encoding::JsonEscapes, Encoding::Masked(0), Encoding::Masked(1), Encoding::Masked(2),
                Encoding::Masked(3)][kind];
            let mark = encoding.encode(format!("{THIS_TAG}pl03").as_bytes());
            let bytes: Vec<u8> = gaps.iter().flat_map(|gap| [vec![b'.'; *gap], mark.clone()].concat()).collect();
            prop_assert_eq!(count(&marks_of(&bytes, &reads), *b"pl03", encoding), gaps.len());
        }

        /// Base64 is found at every alignment.
        #[test]
        fn base64_is_found_at_any_alignment(before in 0..40_usize, after in 0..40_usize) {
            let text = format!("{:-<before$}{THIS_TAG}pl03{:-<after$}", "", "");
            let bytes = BASE64_NOPAD.encode(text.as_bytes());
            prop_assert_eq!(count(&marks_of(bytes.as_bytes(), &[7]), UNKNOWN, Encoding::Base64), 1);
        }
    }

    #[test]
    fn cut_mark_is_counted_without_its_number() {
        for end in [&b""[..], b"p", b"pl0"] {
            let bytes = [THIS_TAG.as_bytes(), end].concat();
            assert_eq!(count(&marks_of(&bytes, &[5]), UNKNOWN, Encoding::Utf8), 1, "{end:?}");
        }
        assert!(marks_of(&THIS_TAG.as_bytes()[1..], &[5]).is_empty());
    }

    #[test]
    fn unreadable_page_is_left_out_and_counted() {
        let mark = format!("{THIS_TAG}pl03");
        let mut marks = Marks::new();
        let read = |buf: &mut [u8], at: u64| {
            if at < PAGE as u64 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let n = buf.len().min(mark.len());
            buf[..n].copy_from_slice(&mark.as_bytes()[..n]);
            Ok(if at == PAGE as u64 { n } else { 0 })
        };
        let extent = Needles::new(THIS_TAG).search(read, 0, 2 * PAGE as u64, &"here".into(), &mut marks);
        assert_eq!(extent, SearchExtent { bytes: mark.len() as u64, unread: PAGE as u64 });
        assert_eq!(count(&marks, *b"pl03", Encoding::Utf8), 1);
    }
}

//! The `Range` header of a download.

/// Byte range that a `Range` header requests of a file of known size (RFC 9110 section 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// The whole file, status 200. Several ranges, an unknown unit and an invalid header are ignored, as
    /// section 14.2 allows.
    Whole,
    /// Bytes `first..=last`, status 206; `first <= last < size`.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, included.
        last: u64,
    },
    /// No byte of the file lies in the range; status 416.
    Unsatisfiable,
}

impl ByteRange {
    /// Parses the header's value for a file of `size` bytes.
    pub fn parse(header: &str, size: u64) -> Self {
        Self::single(header).map_or(Self::Whole, |spec| spec.resolve(size))
    }

    /// Returns the only range of the header; `None` if it is not exactly one valid range.
    fn single(header: &str) -> Option<Spec> {
        let (unit, set) = header.trim_matches(BLANKS).split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        // A recipient must accept empty list elements (section 5.6.1.2).
        let mut specs = set.split(',').map(|spec| spec.trim_matches(BLANKS)).filter(|spec| !spec.is_empty());
        match (specs.next(), specs.next()) {
            (Some(spec), None) => Spec::parse(spec),
            _ => None,
        }
    }
}

/// Optional whitespace (OWS, RFC 9110 section 5.6.3).
const BLANKS: [char; 2] = [' ', '\t'];

/// One range as written, not yet resolved against the file's size.
enum Spec {
    /// `first-` or `first-last`.
    From { first: u64, last: Option<u64> },
    /// `-length`: the last bytes.
    Suffix { length: u64 },
}

impl Spec {
    fn parse(spec: &str) -> Option<Self> {
        let (first, last) = spec.split_once('-')?;
        if first.is_empty() {
            return Some(Self::Suffix { length: number(last)? });
        }
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        // "An int-range is invalid if the last-pos value is present and less than first-pos" (section
        // 14.1.1).
        last.is_none_or(|last| first <= last).then_some(Self::From { first, last })
    }

    fn resolve(self, size: u64) -> ByteRange {
        let first = match self {
            Self::From { first, .. } => first,
            Self::Suffix { length: 0 } => return ByteRange::Unsatisfiable,
            Self::Suffix { length } => size.saturating_sub(length),
        };
        if first >= size {
            return ByteRange::Unsatisfiable;
        }
        let last = match self {
            Self::From { last: Some(last), .. } => last.min(size - 1),
            _ => size - 1,
        };
        ByteRange::Part { first, last }
    }
}

/// Parses digits only, without the sign that `parse` accepts. A number beyond `u64` lies past the end of
/// every file.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::ByteRange::{self, Part, Unsatisfiable, Whole};
    use proptest::prelude::*;

    #[test]
    fn rfc_9110_examples_parse() {
        // Section 14.1.2, a representation of 10000 bytes.
        assert_eq!(ByteRange::parse("bytes=0-499", 10_000), Part { first: 0, last: 499 });
        assert_eq!(ByteRange::parse("bytes=500-999", 10_000), Part { first: 500, last: 999 });
        assert_eq!(ByteRange::parse("bytes=-500", 10_000), Part { first: 9500, last: 9999 });
        assert_eq!(ByteRange::parse("bytes=9500-", 10_000), Part { first: 9500, last: 9999 });
        assert_eq!(ByteRange::parse("bytes= 0-999, 4500-5499, -1000", 10_000), Whole);
    }

    #[test]
    fn boundary_ranges_resolve() {
        for (header, want) in [
            ("bytes=9-", Part { first: 9, last: 9 }),
            ("bytes=9-9", Part { first: 9, last: 9 }),
            ("bytes=3-99", Part { first: 3, last: 9 }),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=-1", Part { first: 9, last: 9 }),
            ("bytes=-10", Part { first: 0, last: 9 }),
            ("bytes=-11", Part { first: 0, last: 9 }),
            ("bytes=-99999999999999999999999", Part { first: 0, last: 9 }),
            ("bytes=0-99999999999999999999999", Part { first: 0, last: 9 }),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("Bytes=,\t1-2 ,", Part { first: 1, last: 2 }),
        ] {
            assert_eq!(ByteRange::parse(header, 10), want, "{header}");
        }
    }

    #[test]
    fn invalid_header_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1 - 2",
            "bytes=--1",
            "bytes=1-2-3",
            "bytes=1-2,3-4",
            "bytes=0x1-2",
            "bytes=١-٢",
            "items=1-2",
            "bytes =1-2",
            "1-2",
            "bytes=1-2;",
        ] {
            assert_eq!(ByteRange::parse(header, 10), Whole, "{header}");
        }
    }

    #[test]
    fn empty_file_has_no_satisfiable_range() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=7-9"] {
            assert_eq!(ByteRange::parse(header, 0), Unsatisfiable, "{header}");
        }
    }

    proptest! {
        #[test]
        fn part_lies_within_the_file(header in "(bytes=)?[0-9, -]{0,24}|.{0,24}", size: u64) {
            if let Part { first, last } = ByteRange::parse(&header, size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn range_selects_exactly_its_bytes(first in 0..40_u64, length in 0..40_u64, size in 0..40_u64) {
            let in_file: Vec<u64> = (first..=first + length).filter(|at| *at < size).collect();
            let want = match (in_file.first(), in_file.last()) {
                (Some(&first), Some(&last)) => Part { first, last },
                _ => Unsatisfiable,
            };
            prop_assert_eq!(ByteRange::parse(&format!("bytes={first}-{}", first + length), size), want);
        }

        #[test]
        fn suffix_selects_the_end(length in 0..40_u64, size in 0..40_u64) {
            let want = match length.min(size) {
                0 => Unsatisfiable,
                taken => Part { first: size - taken, last: size - 1 },
            };
            prop_assert_eq!(ByteRange::parse(&format!("bytes=-{length}"), size), want);
        }
    }
}

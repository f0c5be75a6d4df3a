//! Preconditions of a request (RFC 9110 section 13), in the order of section 13.2.2.

use std::time::SystemTime;

use http::header::{self, HeaderName};
use http::{HeaderMap, Method};

use crate::http::request::tags::{Tag, tags};

/// The validators of a representation that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The strong entity tag, with its quotes.
    pub(crate) etag: &'a str,
    /// `Last-Modified`, in whole seconds. It is a strong validator: the bytes under an address of a file
    /// never change.
    pub(crate) modified: Option<SystemTime>,
}

/// The answer that the preconditions lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The method is performed; a `Range` counts only where `ranged`.
    Perform { ranged: bool },
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since` and `If-Range`.
pub(crate) fn evaluate(method: &Method, headers: &HeaderMap, current: Validators<'_>) -> Precondition {
    let safe = matches!(*method, Method::GET | Method::HEAD);
    if headers.contains_key(header::IF_MATCH) {
        if !lists(headers, &header::IF_MATCH, |tag| tag.matches_strongly(current.etag)) {
            return Precondition::Failed;
        }
    } else if let (Some(since), Some(modified)) =
        (date(headers, &header::IF_UNMODIFIED_SINCE), current.modified)
        && modified > since
    {
        return Precondition::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if lists(headers, &header::IF_NONE_MATCH, |tag| tag.matches_weakly(current.etag)) {
            return if safe { Precondition::NotModified } else { Precondition::Failed };
        }
    } else if safe
        && let (Some(since), Some(modified)) = (date(headers, &header::IF_MODIFIED_SINCE), current.modified)
        && modified <= since
    {
        return Precondition::NotModified;
    }
    // `Range` is defined for GET alone (section 14.2).
    Precondition::Perform { ranged: *method == Method::GET && is_same_version(headers, current) }
}

/// Evaluates `If-Range` (section 13.1.5): a strong tag or the exact date; without it every range counts.
fn is_same_version(headers: &HeaderMap, current: Validators<'_>) -> bool {
    let mut lines = headers.get_all(header::IF_RANGE).iter();
    let Some(line) = lines.next() else { return true };
    let Ok(text) = line.to_str() else { return false };
    let text = text.trim_matches([' ', '\t']);
    if lines.next().is_some() {
        return false;
    }
    text == current.etag
        || current
            .modified
            .is_some_and(|modified| httpdate::parse_http_date(text).is_ok_and(|date| date == modified))
}

/// The only date of a header; what is no date is ignored.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut lines = headers.get_all(name).iter();
    let date = httpdate::parse_http_date(lines.next()?.to_str().ok()?.trim_matches([' ', '\t'])).ok()?;
    lines.next().is_none().then_some(date)
}

/// Returns true if one tag of a header's lines passes the test.
fn lists(headers: &HeaderMap, name: &HeaderName, test: impl Fn(&Tag<'_>) -> bool) -> bool {
    let mut lines = headers.get_all(name).iter().filter_map(|line| str::from_utf8(line.as_bytes()).ok());
    lines.any(|line| tags(line).any(|tag| test(&tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const ETAG: &str = "\"abc\"";
    const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    const EXACT: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const AFTER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";

    fn verdict(method: &Method, lines: &[(HeaderName, &str)]) -> Precondition {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().expect("a value"));
        }
        evaluate(
            method,
            &headers,
            Validators { etag: ETAG, modified: Some(UNIX_EPOCH + Duration::from_secs(1_000_000_000)) },
        )
    }

    #[track_caller]
    fn assert_get(lines: &[(HeaderName, &str)], want: Precondition) {
        assert_eq!(verdict(&Method::GET, lines), want, "{lines:?}");
    }

    const WHOLE: Precondition = Precondition::Perform { ranged: false };
    const RANGED: Precondition = Precondition::Perform { ranged: true };

    #[test]
    fn tags_are_compared_strongly_or_weakly() {
        use header::{IF_MATCH, IF_NONE_MATCH};
        for same in ["\"abc\"", "*", "\"x,y\", \"abc\"", "W/\"abc\",, \"abc\"", "\"x\" , \"abc\" "] {
            assert_get(&[(IF_MATCH, same)], RANGED);
            assert_get(&[(IF_NONE_MATCH, same)], Precondition::NotModified);
            assert_eq!(verdict(&Method::DELETE, &[(IF_NONE_MATCH, same)]), Precondition::Failed);
        }
        for other in ["\"x\"", "abc", "\"abc", "\"x, \"abc\"\"", "", "W/*", "\"*\""] {
            assert_get(&[(IF_MATCH, other)], Precondition::Failed);
            assert_get(&[(IF_NONE_MATCH, other)], RANGED);
        }
        assert_get(&[(IF_MATCH, "W/\"abc\"")], Precondition::Failed);
        assert_get(&[(IF_NONE_MATCH, "W/\"abc\"")], Precondition::NotModified);
        assert_get(&[(IF_MATCH, "\"x\""), (IF_MATCH, "\"abc\"")], RANGED);
    }

    #[test]
    fn dates_are_compared_by_the_second() {
        use header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
        for (date, unmodified, modified) in [
            (BEFORE, Precondition::Failed, RANGED),
            (EXACT, RANGED, Precondition::NotModified),
            ("Sunday, 09-Sep-01 01:46:40 GMT", RANGED, Precondition::NotModified),
            ("Sun Sep  9 01:46:40 2001", RANGED, Precondition::NotModified),
            (AFTER, RANGED, Precondition::NotModified),
            ("yesterday", RANGED, RANGED),
        ] {
            assert_get(&[(IF_UNMODIFIED_SINCE, date)], unmodified);
            assert_get(&[(IF_MODIFIED_SINCE, date)], modified);
        }
        assert_get(&[(IF_MODIFIED_SINCE, EXACT), (IF_MODIFIED_SINCE, EXACT)], RANGED);
        assert_eq!(verdict(&Method::DELETE, &[(IF_MODIFIED_SINCE, EXACT)]), WHOLE);
    }

    #[test]
    fn preconditions_are_evaluated_in_order() {
        use header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
        assert_get(&[(IF_MATCH, ETAG), (IF_UNMODIFIED_SINCE, BEFORE)], RANGED);
        assert_get(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AFTER)], RANGED);
        assert_get(&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, ETAG)], Precondition::Failed);
        assert_get(&[(IF_MATCH, ETAG), (IF_NONE_MATCH, ETAG)], Precondition::NotModified);
        assert_get(&[(IF_UNMODIFIED_SINCE, AFTER), (IF_MODIFIED_SINCE, AFTER)], Precondition::NotModified);
    }

    #[test]
    fn range_counts_for_the_same_version_only() {
        use header::IF_RANGE;
        for same in [ETAG, EXACT] {
            assert_get(&[(IF_RANGE, same)], RANGED);
            assert_eq!(verdict(&Method::HEAD, &[(IF_RANGE, same)]), WHOLE);
        }
        for other in ["\"x\"", "W/\"abc\"", BEFORE, AFTER, "*", "yesterday", ""] {
            assert_get(&[(IF_RANGE, other)], WHOLE);
        }
        assert_get(&[(IF_RANGE, ETAG), (IF_RANGE, ETAG)], WHOLE);
    }
}

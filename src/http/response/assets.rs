//! Style sheets, scripts, pictures and lists under `/static/`, as `build.rs` embeds them.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::http::request::tags::matches_any;
use crate::http::response::body::Body;
use crate::http::response::headers::response;

mod embedded {
    use super::Embedded;

    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

pub(crate) use embedded::PAGES;
use embedded::{FILES, VERSION};

/// One file.
struct Embedded {
    /// Below `/static/`, without a version. The list is sorted by it.
    path: &'static str,
    media_type: &'static str,
    tag: &'static str,
    gzip_tag: &'static str,
    bytes: &'static [u8],
    /// None where packing makes it no smaller.
    gzip: Option<&'static [u8]>,
}

/// For an address with this build's version, which never names anything else.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");
/// For every other address: asked for again each time, answered in a few bytes.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Rest of an address behind `/static/`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AssetPath<'a> {
    /// Version that the address carries.
    pub(crate) version: Option<&'a str>,
    /// Path of the file.
    pub(crate) file: &'a str,
}

/// Splits what follows `/static/` into version and path.
pub(crate) fn split_version(path: &str) -> AssetPath<'_> {
    let is_version = |word: &str| {
        word.len() == VERSION.len() && word.starts_with('v') && word[1..].bytes().all(is_hex_digit)
    };
    match path.split_once('/') {
        Some((word, rest)) if is_version(word) => AssetPath { version: Some(word), file: rest },
        _ => AssetPath { version: None, file: path },
    }
}

fn is_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Returns the file at a path below `/static/`, packed where the client takes that, or 304 where it has it.
///
/// An address with another version is one of a page from before an update: it gets the file as it is now.
pub(crate) fn get(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let AssetPath { version, file: path } = split_version(path);
    let file = FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|at| FILES.get(at))?;
    let packed = file.gzip.filter(|_| prefers_gzip(headers));
    let tag = if packed.is_some() { file.gzip_tag } else { file.tag };
    let mut known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|seen| seen.to_str().ok());
    let is_known = known.any(|seen| matches_any(seen, tag));
    let bytes = Bytes::from_static(packed.unwrap_or(file.bytes));
    let mut response = response(if is_known { Body::empty() } else { Body::from(bytes) });
    *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, HeaderValue::from_static(tag));
    fields.insert(header::CACHE_CONTROL, if version == Some(VERSION) { FOR_GOOD } else { ASK_AGAIN });
    if file.gzip.is_some() {
        fields.insert(header::VARY, const { HeaderValue::from_static("Accept-Encoding") });
    }
    // What one has needs no description (RFC 9110 section 15.4.5).
    if !is_known {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
        if packed.is_some() {
            fields.insert(header::CONTENT_ENCODING, const { HeaderValue::from_static("gzip") });
        }
    }
    Some(response)
}

/// Returns true if a client takes gzip and does not like the plain bytes better (RFC 9110 section 12.5.3).
fn prefers_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for element in lines.flat_map(|line| line.split(',')) {
        let mut parts = element.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default().to_ascii_lowercase();
        let Some(weight) = parts.next().map_or(Some(1.0), weight) else { continue };
        match coding.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "identity" => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    name.trim().eq_ignore_ascii_case("q").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, fields: &[(header::HeaderName, &'static str)]) -> Option<Response<Body>> {
        let headers =
            fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        get(path, &headers)
    }

    #[test]
    fn files_are_sorted_and_none_is_packed_for_nothing() {
        assert!(FILES.is_sorted_by(|a, b| a.path < b.path) && FILES.len() > 15);
        for file in FILES {
            assert!(file.gzip.is_none_or(|packed| packed.len() < file.bytes.len()), "{}", file.path);
        }
        let [plain, packed] = [false, true].map(|packed| {
            FILES
                .iter()
                .map(|f| if packed { f.gzip.unwrap_or(f.bytes) } else { f.bytes }.len())
                .sum::<usize>()
        });
        assert!(packed * 2 < plain, "{packed} of {plain} bytes");
    }

    #[test]
    fn versions_are_told_from_folders() {
        let own = format!("{VERSION}/css/base.css");
        assert_eq!(split_version(&own), AssetPath { version: Some(VERSION), file: "css/base.css" });
        assert_eq!(
            split_version("v0123456789abcdef/a"),
            AssetPath { version: Some("v0123456789abcdef"), file: "a" }
        );
        for path in [
            "css/base.css",
            "vendor/a",
            "v0123456789abcde/a",
            "v0123456789ABCDEF/a",
            VERSION,
            "w0123456789abcdef/a",
        ] {
            assert_eq!(split_version(path), AssetPath { version: None, file: path });
        }
        for path in [
            "",
            "/",
            "css",
            "css/",
            "../css/base.css",
            &format!("{VERSION}/{VERSION}/css/base.css"),
            "v0123456789abcdef/",
        ] {
            assert!(ask(path, &[]).is_none(), "{path}");
        }
    }

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        for (accepts, packed) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP ; q=0.5", true),
            ("*", true),
            ("identity;q=0, *;q=0.1", true),
            ("gzip;q=0.5, identity;q=0.5", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.2, identity", false),
            ("gzip;q=2", false),
            ("gzip;x=1", false),
            ("gzipped", false),
        ] {
            let response = ask("css/base.css", &[(header::ACCEPT_ENCODING, accepts)]).expect("is there");
            assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), packed, "{accepts:?}");
            assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
        }
    }
}

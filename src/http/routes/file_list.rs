//! The list of files: in pages, sent as it is made, answered with 304 where the reader has it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::http::request::auth::SignedIn;
use crate::http::request::form::field;
use crate::http::request::tags::matches_any;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::quarantine::{FileRecord, ListedStates, Quarantine, QuarantineError, visible};
use crate::store::FileFilter;
use crate::types::crypto::{Sha256Hasher, hex};

use super::files::FileDto;

/// Files of a page that names no limit, and the most that one may ask for. An object is some 400 bytes, at
/// most 1.5 KB.
const PAGE: usize = 200;
const MAX_PAGE: usize = 500;
/// Files that are read and encoded at once: some 10 KB, which is also what a page that is being sent holds in
/// memory.
const BATCH: usize = 25;
/// A page of so many bytes is kept while its tag is made, and sent with its length. A larger one is read once
/// more as it is sent.
const KEPT_BYTES: usize = 16 * 1024;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Parameters of the query. An empty value is none; other parameters are for other versions.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    limit: usize,
    /// `after` as it was given.
    position: Option<String>,
    states: ListedStates,
    /// `state` as it was given.
    state: Option<String>,
}

impl Asked {
    fn read(query: &str) -> Result<Self, Problem> {
        let value =
            |name| field(query.as_bytes(), name).map(|text| text.to_string()).filter(|text| !text.is_empty());
        let wrong = |name| Problem::new(ProblemCode::BadRequest).about(name);
        let limit = match value("limit") {
            None => PAGE,
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) && text.bytes().any(|b| b != b'0') => {
                // Digits that do not fit into a number are more than enough too.
                text.parse().unwrap_or(MAX_PAGE).min(MAX_PAGE)
            }
            Some(_) => return Err(wrong("limit")),
        };
        let state = value("state");
        let states = match &state {
            None => ListedStates::Any,
            Some(word) => ListedStates::from_word(word).ok_or_else(|| wrong("state"))?,
        };
        Ok(Self { limit, position: value("after"), states, state })
    }

    /// Address of the next page, relative to this server. All values are plain words.
    fn next(&self, after: &str) -> String {
        let state = self.state.as_ref().map(|word| format!("&state={word}")).unwrap_or_default();
        format!("</api/files?limit={}&after={after}{state}>; rel=\"next\"", self.limit)
    }
}

/// Objects as elements of one JSON array.
#[derive(Default)]
struct Elements {
    begun: bool,
}

impl Elements {
    fn encode(&mut self, files: &[FileRecord], into: &mut Vec<u8>) -> io::Result<()> {
        for file in files {
            into.push(if std::mem::replace(&mut self.begun, true) { b',' } else { b'[' });
            serde_json::to_writer(&mut *into, &FileDto::from(file))?;
        }
        Ok(())
    }

    fn end(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(if self.begun { b"]" } else { b"[]" });
    }
}

/// A page after one look at all of it.
struct Looked {
    tag: String,
    /// All of it, where it is small.
    whole: Option<Vec<u8>>,
}

async fn look(
    quarantine: &Quarantine,
    filter: &FileFilter,
    arrivals: &[i64],
    total: u64,
) -> Result<Looked, Problem> {
    let (mut hasher, mut elements) = (Sha256Hasher::default(), Elements::default());
    let (mut whole, mut piece) = (Some(Vec::new()), Vec::new());
    hasher.update(&total.to_be_bytes());
    let mut batches = arrivals.chunks(BATCH);
    loop {
        piece.clear();
        let batch = batches.next();
        match batch {
            Some(batch) => {
                let files = quarantine.at(filter.clone(), batch.to_vec()).await?;
                elements
                    .encode(&files, &mut piece)
                    .map_err(|error| crate::http::response::problem::internal(&error))?;
            }
            None => elements.end(&mut piece),
        }
        hasher.update(&piece);
        whole = whole.filter(|kept| kept.len() + piece.len() <= KEPT_BYTES);
        if let Some(kept) = &mut whole {
            kept.extend_from_slice(&piece);
        }
        if batch.is_none() {
            let digest = hasher.finish();
            return Ok(Looked { tag: format!("W/\"{}\"", hex(&digest.0[..16])), whole });
        }
    }
}

/// A page as it is sent, read again batch by batch. A file that has gone meanwhile is left out.
fn pieces(
    quarantine: Arc<Quarantine>,
    filter: FileFilter,
    arrivals: Vec<i64>,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(Some((arrivals, 0, Elements::default())), move |state| {
        let (quarantine, filter) = (Arc::clone(&quarantine), filter.clone());
        async move {
            let Some((arrivals, mut at, mut elements)) = state else { return Ok(None) };
            let mut piece = Vec::new();
            // A batch of which nothing is left makes no piece.
            while piece.is_empty() {
                let batch = arrivals[at..].iter().copied().take(BATCH).collect::<Vec<_>>();
                if batch.is_empty() {
                    elements.end(&mut piece);
                    return Ok(Some((piece.into(), None)));
                }
                at += batch.len();
                let files = quarantine.at(filter.clone(), batch).await.map_err(QuarantineError::into_io)?;
                elements.encode(&files, &mut piece)?;
            }
            Ok(Some((Bytes::from(piece), Some((arrivals, at, elements)))))
        }
    })
}

pub(super) async fn show(call: RoutedRequest, who: SignedIn) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(call.request.uri().query().unwrap_or_default())?;
    let open = |text: &String| {
        call.app.positions.open(text).ok_or_else(|| Problem::new(ProblemCode::BadRequest).about("after"))
    };
    let before = asked.position.as_ref().map(open).transpose()?;
    let filter = visible((!who.is_admin()).then_some(who.session().person.id), asked.states);
    let quarantine = &call.app.quarantine;
    let page = quarantine.page(filter.clone(), before, asked.limit).await?;
    let looked = look(quarantine, &filter, &page.arrivals, page.total).await?;
    quarantine.count_list();

    let mut known =
        call.request.headers().get_all(header::IF_NONE_MATCH).iter().filter_map(|seen| seen.to_str().ok());
    let is_known = known.any(|seen| matches_any(seen, looked.tag.trim_start_matches("W/")));
    let last = page.arrivals.last().filter(|_| page.more).copied();
    let mut response = response(match looked.whole {
        _ if is_known || call.request.method() == Method::HEAD => Body::empty(),
        Some(whole) => Body::from(whole),
        None => Body::pieces(pieces(Arc::clone(quarantine), filter, page.arrivals)),
    });
    *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let fields = response.headers_mut();
    if !is_known {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    fields.insert(TOTAL_COUNT, page.total.into());
    if let Ok(tag) = HeaderValue::try_from(looked.tag) {
        fields.insert(header::ETAG, tag);
    }
    if let Some(next) =
        last.and_then(|last| HeaderValue::try_from(asked.next(&call.app.positions.seal(last))).ok())
    {
        fields.insert(header::LINK, next);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let read = |query| Asked::read(query).map_err(|problem| problem.code);
        let plain = Asked { limit: PAGE, position: None, states: ListedStates::Any, state: None };
        for query in ["", "limit=&after=&state=", "q=acta&sort=name&x", "Limit=0"] {
            assert_eq!(read(query), Ok(Asked { ..read("").expect("plain") }), "{query}");
        }
        assert_eq!(read(""), Ok(plain));
        let limit = |query| read(query).map(|asked| asked.limit);
        assert_eq!((limit("limit=1"), limit("limit=500"), limit("limit=007")), (Ok(1), Ok(500), Ok(7)));
        assert_eq!((limit("limit=501"), limit("limit=99999999999999999999999")), (Ok(500), Ok(500)));
        for rubbish in [
            "limit=0",
            "limit=000",
            "limit=-1",
            "limit=+1",
            "limit=1.5",
            "limit=x",
            "limit=%31%00",
            "state=nada",
        ] {
            assert_eq!(read(rubbish), Err(ProblemCode::BadRequest), "{rubbish}");
        }
        let held = read("limit=20&state=held&after=ab").expect("is read");
        assert_eq!((held.states, held.position.as_deref()), (ListedStates::Held, Some("ab")));
        assert_eq!(held.next("cd"), "</api/files?limit=20&after=cd&state=held>; rel=\"next\"");
    }
}

//! Bodies of requests, read in pieces or whole.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::http::response::problem::{Problem, ProblemCode};
use crate::types::texts::key;

/// A JSON or form body (`docs/LIMITS.md`).
const MAX_SMALL: usize = 64 * 1024;
/// A client that sends no byte of a body for so long has stalled.
const STALLED: Duration = Duration::from_secs(10);
/// Time limit of a JSON or form body, against clients that send a byte now and then.
const WHOLE: Duration = Duration::from_secs(15);

/// Returns the next data of a request's body, or `None` at its end.
pub(crate) async fn next_data<B>(body: &mut B, stalled: Duration) -> Result<Option<Bytes>, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    loop {
        match timeout(stalled, body.frame()).await {
            Err(_) => return Err(Problem::new(ProblemCode::RequestTimeout)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => {
                return Err(
                    Problem::new(ProblemCode::BadRequest).with_detail(key::PROBLEM_CUT_OFF, Vec::new())
                );
            }
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Refuses a body that is not of the media type `wanted`.
pub(crate) fn require_content_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Problem::new(ProblemCode::UnsupportedMediaType).about(wanted))
    }
}

/// Reads a body of at most 64 KiB whole; it may hold a password, so it is wiped when dropped.
pub(crate) async fn read_small(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if http_body::Body::size_hint(&body).lower() > MAX_SMALL as u64 {
        return Err(Problem::new(ProblemCode::TooLarge));
    }
    let read = async {
        let mut whole = Zeroizing::new(Vec::with_capacity(1024));
        while let Some(data) = next_data(&mut body, STALLED).await? {
            if whole.len() + data.len() > MAX_SMALL {
                return Err(Problem::new(ProblemCode::TooLarge));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole)
    };
    timeout(WHOLE, read).await.unwrap_or_else(|_| Err(Problem::new(ProblemCode::RequestTimeout)))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body whose next byte never comes.
    struct Stalled;

    impl http_body::Body for Stalled {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_pause_for_so_long() {
        for limit in [STALLED, Duration::from_secs(30)] {
            let begin = tokio::time::Instant::now();
            let problem = next_data(&mut Stalled, limit).await.err().map(|problem| problem.code);
            assert_eq!((problem, begin.elapsed()), (Some(ProblemCode::RequestTimeout), limit));
        }
    }
}

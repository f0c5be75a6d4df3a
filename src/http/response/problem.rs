//! Errors as RFC 9457 `application/problem+json`: `code` is stable, `detail` is for people, in their
//! language.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::limits::{RetryAfter, whole_seconds};
use crate::types::Lang;
use crate::types::texts::{Key, key};

use crate::http::response::body::Body;
use crate::http::response::headers::response;

/// Retry time after resource exhaustion, equal to the interval of the accept loop.
const SHORT_RETRY: Duration = Duration::from_secs(1);

/// Stable error codes (`docs/API.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemCode {
    BadRequest,
    Unauthenticated,
    InvalidCredentials,
    WrongPassword,
    Forbidden,
    PasswordChangeRequired,
    CrossOrigin,
    Held,
    WrongClaim,
    NotClaimable,
    AccountLocked,
    NotFound,
    Conflict,
    Gone,
    MethodNotAllowed,
    RequestTimeout,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    Misdirected,
    TooLong,
    BadName,
    BadUserName,
    PasswordsDiffer,
    WeakPassword,
    UpgradeRequired,
    LockedOut,
    RateLimited,
    Internal,
    DeleteIncomplete,
    Busy,
    StorageFull,
    QuotaExceeded,
}

/// Status, stable word and text of a problem code.
struct ProblemSpec {
    status: StatusCode,
    code: &'static str,
    text: Key,
}

impl ProblemCode {
    /// Row of the table of problem codes.
    const fn spec(self) -> ProblemSpec {
        use StatusCode as S;
        const fn row(status: StatusCode, code: &'static str, text: Key) -> ProblemSpec {
            ProblemSpec { status, code, text }
        }
        match self {
            Self::BadRequest => row(S::BAD_REQUEST, "bad_request", key::PROBLEM_BAD_REQUEST),
            Self::Unauthenticated => row(S::UNAUTHORIZED, "unauthenticated", key::PROBLEM_UNAUTHENTICATED),
            Self::InvalidCredentials => {
                row(S::UNAUTHORIZED, "invalid_credentials", key::PROBLEM_INVALID_CREDENTIALS)
            }
            Self::WrongPassword => row(S::UNAUTHORIZED, "wrong_password", key::PROBLEM_WRONG_PASSWORD),
            Self::Forbidden => row(S::FORBIDDEN, "forbidden", key::PROBLEM_FORBIDDEN),
            Self::PasswordChangeRequired => {
                row(S::FORBIDDEN, "password_change_required", key::PROBLEM_PASSWORD_CHANGE_REQUIRED)
            }
            Self::CrossOrigin => row(S::FORBIDDEN, "cross_origin", key::PROBLEM_CROSS_ORIGIN),
            Self::Held => row(S::FORBIDDEN, "held", key::PROBLEM_HELD),
            Self::WrongClaim => row(S::FORBIDDEN, "wrong_code", key::PROBLEM_WRONG_CODE),
            Self::NotClaimable => row(S::CONFLICT, "not_claimable", key::PROBLEM_NOT_CLAIMABLE),
            Self::AccountLocked => row(S::FORBIDDEN, "account_locked", key::PROBLEM_ACCOUNT_LOCKED),
            Self::NotFound => row(S::NOT_FOUND, "not_found", key::PROBLEM_NOT_FOUND),
            Self::Conflict => row(S::CONFLICT, "conflict", key::PROBLEM_CONFLICT),
            Self::Gone => row(S::GONE, "gone", key::PROBLEM_GONE),
            Self::MethodNotAllowed => {
                row(S::METHOD_NOT_ALLOWED, "method_not_allowed", key::PROBLEM_METHOD_NOT_ALLOWED)
            }
            Self::RequestTimeout => row(S::REQUEST_TIMEOUT, "request_timeout", key::PROBLEM_REQUEST_TIMEOUT),
            Self::PreconditionFailed => {
                row(S::PRECONDITION_FAILED, "precondition_failed", key::PROBLEM_PRECONDITION_FAILED)
            }
            Self::TooLarge => row(S::PAYLOAD_TOO_LARGE, "too_large", key::PROBLEM_TOO_LARGE),
            Self::UnsupportedMediaType => {
                row(S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", key::PROBLEM_UNSUPPORTED_MEDIA_TYPE)
            }
            Self::RangeNotSatisfiable => {
                row(S::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", key::PROBLEM_RANGE_NOT_SATISFIABLE)
            }
            Self::Misdirected => row(S::MISDIRECTED_REQUEST, "misdirected", key::PROBLEM_MISDIRECTED),
            Self::TooLong => row(S::UNPROCESSABLE_ENTITY, "too_long", key::PROBLEM_TOO_LONG),
            Self::BadName => row(S::UNPROCESSABLE_ENTITY, "bad_name", key::PROBLEM_BAD_NAME),
            Self::BadUserName => row(S::UNPROCESSABLE_ENTITY, "bad_name", key::PROBLEM_BAD_USER_NAME),
            Self::PasswordsDiffer => {
                row(S::UNPROCESSABLE_ENTITY, "passwords_differ", key::PROBLEM_PASSWORDS_DIFFER)
            }
            Self::WeakPassword => row(S::UNPROCESSABLE_ENTITY, "weak_password", key::PROBLEM_WEAK_PASSWORD),
            Self::UpgradeRequired => row(S::UPGRADE_REQUIRED, "bad_request", key::PROBLEM_UPGRADE_REQUIRED),
            Self::LockedOut => row(S::TOO_MANY_REQUESTS, "locked_out", key::PROBLEM_LOCKED_OUT),
            Self::RateLimited => row(S::TOO_MANY_REQUESTS, "rate_limited", key::PROBLEM_RATE_LIMITED),
            Self::Internal => row(S::INTERNAL_SERVER_ERROR, "internal", key::PROBLEM_INTERNAL),
            Self::DeleteIncomplete => {
                row(S::INTERNAL_SERVER_ERROR, "delete_incomplete", key::PROBLEM_DELETE_INCOMPLETE)
            }
            Self::Busy => row(S::SERVICE_UNAVAILABLE, "busy", key::PROBLEM_BUSY),
            Self::StorageFull => row(S::INSUFFICIENT_STORAGE, "storage_full", key::PROBLEM_STORAGE_FULL),
            Self::QuotaExceeded => {
                row(S::INSUFFICIENT_STORAGE, "quota_exceeded", key::PROBLEM_QUOTA_EXCEEDED)
            }
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        self.spec().status
    }

    /// The stable word.
    pub(crate) const fn code(self) -> &'static str {
        self.spec().code
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: ProblemCode,
    /// A more precise sentence than the code's own.
    text: Option<Box<Sentence>>,
    because: Option<Box<Because>>,
    retry: Option<u64>,
    /// `Allow`, `Content-Range`, …
    headers: Vec<(header::HeaderName, HeaderValue)>,
    /// Further members (RFC 9457 section 3.2).
    members: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

/// Detail after the sentence.
#[derive(Debug)]
enum Because {
    Text(Sentence),
    /// The same in every language.
    Name(String),
}

/// A text with what it says of one case.
#[derive(Debug)]
struct Sentence {
    text: Key,
    values: Vec<(&'static str, String)>,
}

impl Sentence {
    fn get(&self, lang: Lang) -> String {
        let values: Vec<(_, &dyn fmt::Display)> =
            self.values.iter().map(|(name, value)| (*name, value as _)).collect();
        self.text.fill(lang, &values)
    }
}

#[derive(Serialize)]
struct Json<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(flatten)]
    members: Option<&'a serde_json::Map<String, serde_json::Value>>,
}

impl Problem {
    /// An error with its code's own words.
    pub(crate) fn new(code: ProblemCode) -> Self {
        Self { code, text: None, because: None, retry: None, headers: Vec::new(), members: None }
    }

    /// Says it with a more precise sentence than the code's own.
    pub(crate) fn saying(mut self, text: Key, values: Vec<(&'static str, String)>) -> Self {
        self.text = Some(Box::new(Sentence { text, values }));
        self
    }

    /// Adds the exact fault; never a value that the client sent in secret.
    pub(crate) fn with_detail(mut self, text: Key, values: Vec<(&'static str, String)>) -> Self {
        self.because = Some(Box::new(Because::Text(Sentence { text, values })));
        self
    }

    /// Names a header, a field or a media type: the same in every language.
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.because = Some(Box::new(Because::Name(what.to_owned())));
        self
    }

    /// Says when to come again.
    pub(crate) fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(whole_seconds(after));
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds the members of an object to the answer.
    pub(crate) fn describing(mut self, object: &impl Serialize) -> Self {
        if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(object) {
            self.members.get_or_insert_default().extend(members);
        }
        self
    }

    /// Returns the text for people, one or two sentences.
    pub(crate) fn detail(&self, lang: Lang) -> String {
        let mut detail = match self.text.as_deref() {
            Some(sentence) => sentence.get(lang),
            None => self.code.spec().text.get(lang).to_owned(),
        };
        match self.because.as_deref() {
            Some(Because::Text(sentence)) => detail = format!("{detail}: {}", sentence.get(lang)),
            Some(Because::Name(name)) => detail = format!("{detail}: {name}"),
            None => {}
        }
        detail.push('.');
        if let Some(seconds) = self.retry {
            detail.push(' ');
            detail.push_str(&key::WAIT_AGAIN.fill(lang, &[("wait", &lang.wait(seconds))]));
        }
        detail
    }

    /// The answer with another body than JSON.
    pub(crate) fn response(&self, media_type: &'static str, body: impl Into<Body>) -> Response<Body> {
        let mut response = response(body.into());
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(seconds) = self.retry {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        headers.extend(self.headers.iter().cloned());
        // For the tally of refusals.
        response.extensions_mut().insert(self.code);
        response
    }

    /// The answer as problem+json.
    pub(crate) fn json(&self, lang: Lang) -> Response<Body> {
        let ProblemSpec { status, code, .. } = self.code.spec();
        let title = status.canonical_reason().unwrap_or("Error");
        let json = Json {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            code,
            detail: &self.detail(lang),
            retry_after: self.retry,
            members: self.members.as_deref(),
        };
        self.response("application/problem+json", serde_json::to_vec(&json).unwrap_or_default())
    }
}

impl From<RetryAfter> for Problem {
    fn from(wait: RetryAfter) -> Self {
        Self::new(ProblemCode::RateLimited).retry(wait.retry)
    }
}

impl From<crate::accounts::WeakPassword> for Problem {
    fn from(weak: crate::accounts::WeakPassword) -> Self {
        Self::new(ProblemCode::WeakPassword).with_detail(weak.text(), Vec::new())
    }
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Self {
        Self::of_store(&error)
    }
}

impl From<crate::quarantine::QuarantineError> for Problem {
    fn from(error: crate::quarantine::QuarantineError) -> Self {
        match error {
            crate::quarantine::QuarantineError::Store(error) => error.into(),
            crate::quarantine::QuarantineError::NotAllowed => Self::new(ProblemCode::Unauthenticated),
            momentary if momentary.is_momentary() => Self::new(ProblemCode::Busy).retry(SHORT_RETRY),
            error => internal(&error),
        }
    }
}

impl Problem {
    /// A database that another process keeps locked is busy; all else is for the operator.
    pub(crate) fn of_store(error: &crate::store::StoreError) -> Self {
        if error.is_busy() { Self::new(ProblemCode::Busy).retry(SHORT_RETRY) } else { internal(error) }
    }
}

/// Internals go to the operator, never to the client.
#[allow(clippy::print_stderr, reason = "systemd takes standard error to the journal")]
pub(crate) fn internal(error: &dyn std::error::Error) -> Problem {
    eprintln!("pichat: internal error: {error}");
    Problem::new(ProblemCode::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_said_in_words() {
        let detail =
            |s, lang| Problem::new(ProblemCode::LockedOut).retry(Duration::from_secs(s)).detail(lang);
        assert_eq!(
            detail(900, Lang::Es),
            "Demasiados intentos fallidos con ese usuario. Inténtalo de nuevo en 15 minutos."
        );
        assert_eq!(
            detail(1, Lang::En),
            "Too many failed attempts with that user name. Try again in 1 second."
        );
        assert_eq!(
            Problem::new(ProblemCode::NotFound).detail(Lang::Es),
            "Esa dirección no existe, o el archivo ya se borró."
        );
    }
}

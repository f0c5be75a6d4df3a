//! Errors as RFC 9457 `application/problem+json`: `code` is stable, `detail` is for people, in their language.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::limits::{RetryAfter, whole_seconds};
use crate::types::{Lang, Localized};

use super::body::Body;
use super::headers::response;

/// How soon to come again where the machine had run out of something: the accept loop looks as often.
const SHORT_RETRY: Duration = Duration::from_secs(1);

/// Stable error codes (`docs/API.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemCode {
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
    Gone,
    MethodNotAllowed,
    RequestTimeout,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    Misdirected,
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

impl ProblemCode {
    /// Status, stable word, and what a person reads.
    const fn spec(self) -> (StatusCode, &'static str, Localized) {
        use StatusCode as S;
        match self {
            Self::BadRequest => {
                (S::BAD_REQUEST, "bad_request", Localized::new("No entendí la petición", "The request was not understood"))
            }
            Self::Unauthenticated => {
                (S::UNAUTHORIZED, "unauthenticated", Localized::new("Primero entra con tu usuario", "Sign in first"))
            }
            Self::InvalidCredentials => (
                S::UNAUTHORIZED,
                "invalid_credentials",
                Localized::new("Usuario o contraseña incorrectos", "Wrong name or password"),
            ),
            Self::WrongPassword => (
                S::UNAUTHORIZED,
                "wrong_password",
                Localized::new("La contraseña actual no es correcta", "The current password is wrong"),
            ),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", Localized::new("No tienes permiso para eso", "You may not do that")),
            Self::PasswordChangeRequired => (
                S::FORBIDDEN,
                "password_change_required",
                Localized::new("Primero cambia la contraseña que te dieron", "First change the password that you were given"),
            ),
            Self::CrossOrigin => (
                S::FORBIDDEN,
                "cross_origin",
                Localized::new("La petición viene de otro sitio web", "The request comes from another web site"),
            ),
            Self::Held => (S::FORBIDDEN, "held", Localized::new("El archivo está retenido", "The file is held")),
            Self::WrongClaim => (
                S::FORBIDDEN,
                "wrong_code",
                Localized::new(
                    "Ese no es el código; míralo en la pantalla del equipo o en el archivo PICHAT-CODIGO.txt de la tarjeta",
                    "That is not the code; look at the device's screen or at the file PICHAT-CODIGO.txt of the card",
                ),
            ),
            Self::NotClaimable => (
                S::CONFLICT,
                "not_claimable",
                Localized::new("Este equipo ya tiene administrador", "This device has an administrator already"),
            ),
            Self::AccountLocked => (
                S::FORBIDDEN,
                "account_locked",
                Localized::new(
                    "Un administrador bloqueó esta cuenta; habla con esa persona",
                    "An administrator has locked this account; talk to that person",
                ),
            ),
            Self::NotFound => (S::NOT_FOUND, "not_found", Localized::new("Eso no existe aquí", "There is no such thing here")),
            Self::Gone => (
                S::GONE,
                "gone",
                Localized::new(
                    "El contenido de este archivo se perdió; habla con quien administra",
                    "The content of this file is lost; talk to an administrator",
                ),
            ),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                Localized::new("Eso no se puede hacer así", "It cannot be done that way"),
            ),
            Self::RequestTimeout => (
                S::REQUEST_TIMEOUT,
                "request_timeout",
                Localized::new("La petición se quedó a medias", "The request stopped half-way"),
            ),
            Self::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                "precondition_failed",
                Localized::new("El archivo no es el que esperabas", "The file is not the one that you expected"),
            ),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", Localized::new("Es demasiado grande", "It is too large")),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                Localized::new("Ese tipo de contenido no se acepta aquí", "That type of content is not accepted here"),
            ),
            Self::RangeNotSatisfiable => (
                S::RANGE_NOT_SATISFIABLE,
                "range_not_satisfiable",
                Localized::new("El archivo no tiene esa parte", "The file has no such part"),
            ),
            Self::Misdirected => (
                S::MISDIRECTED_REQUEST,
                "misdirected",
                Localized::new("Este equipo no atiende con ese nombre", "This device does not answer to that name"),
            ),
            Self::BadName => (
                S::UNPROCESSABLE_ENTITY,
                "bad_name",
                Localized::new("El archivo necesita un nombre válido", "The file needs a valid name"),
            ),
            Self::BadUserName => (
                S::UNPROCESSABLE_ENTITY,
                "bad_name",
                Localized::new(
                    "El usuario lleva hasta 32 letras, números, puntos, guiones o guiones bajos, sin espacios",
                    "A user name has up to 32 letters, digits, dots, hyphens or underscores, without blanks",
                ),
            ),
            Self::PasswordsDiffer => (
                S::UNPROCESSABLE_ENTITY,
                "passwords_differ",
                Localized::new("Las dos contraseñas no son iguales", "The two passwords differ"),
            ),
            Self::WeakPassword => {
                (S::UNPROCESSABLE_ENTITY, "weak_password", Localized::new("Esa contraseña no sirve", "That password will not do"))
            }
            Self::UpgradeRequired => (
                S::UPGRADE_REQUIRED,
                "bad_request",
                Localized::new("Aquí solo se habla WebSocket", "Only WebSocket is spoken here"),
            ),
            Self::LockedOut => (
                S::TOO_MANY_REQUESTS,
                "locked_out",
                Localized::new("Demasiados intentos fallidos con ese usuario", "Too many wrong tries for that name"),
            ),
            Self::RateLimited => (
                S::TOO_MANY_REQUESTS,
                "rate_limited",
                Localized::new("Demasiadas peticiones seguidas", "Too many requests in a row"),
            ),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                Localized::new("Algo falló en el equipo; inténtalo de nuevo", "Something failed on the device; try again"),
            ),
            Self::DeleteIncomplete => (
                S::INTERNAL_SERVER_ERROR,
                "delete_incomplete",
                Localized::new(
                    "El archivo ya no está en la lista, pero su contenido no se pudo borrar del disco; el equipo lo intenta de nuevo",
                    "The file is off the list, but its content could not be removed from the disk; the device tries again",
                ),
            ),
            Self::Busy => {
                (S::SERVICE_UNAVAILABLE, "busy", Localized::new("El equipo está muy ocupado", "The device is very busy"))
            }
            Self::StorageFull => (
                S::INSUFFICIENT_STORAGE,
                "storage_full",
                Localized::new("No queda espacio para más archivos", "There is no space left for more files"),
            ),
            Self::QuotaExceeded => (
                S::INSUFFICIENT_STORAGE,
                "quota_exceeded",
                Localized::new(
                    "Ya usaste tu parte del espacio para archivos",
                    "You have used up your share of the space for files",
                ),
            ),
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        self.spec().0
    }

    /// The stable word.
    pub(super) const fn code(self) -> &'static str {
        self.spec().1
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: ProblemCode,
    /// Spanish and English.
    because: Option<(String, String)>,
    retry: Option<u64>,
    /// `Allow`, `Content-Range`, …
    headers: Vec<(header::HeaderName, HeaderValue)>,
    /// Further members (RFC 9457 section 3.2).
    members: Option<Box<serde_json::Map<String, serde_json::Value>>>,
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
    pub(super) fn new(code: ProblemCode) -> Self {
        Self { code, because: None, retry: None, headers: Vec::new(), members: None }
    }

    /// Adds what exactly was wrong; never a value that the client sent in secret.
    pub(super) fn with_detail(mut self, es: impl Into<String>, en: impl Into<String>) -> Self {
        self.because = Some((es.into(), en.into()));
        self
    }

    /// Names a header, a field or a media type: the same in every language.
    pub(super) fn about(self, what: &str) -> Self {
        self.with_detail(what, what)
    }

    /// Says when to come again.
    pub(super) fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(whole_seconds(after));
        self
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds the members of an object to the answer.
    pub(super) fn describing(mut self, object: &impl Serialize) -> Self {
        if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(object) {
            self.members.get_or_insert_default().extend(members);
        }
        self
    }

    /// What a person reads, as one sentence or two.
    pub(super) fn detail(&self, lang: Lang) -> String {
        let mut detail = self.code.spec().2.get(lang).to_owned();
        if let Some((es, en)) = &self.because {
            let why = if lang == Lang::Es { es } else { en };
            detail = format!("{detail}: {why}");
        }
        detail.push('.');
        if let Some(seconds) = self.retry {
            detail.push_str(&match lang {
                Lang::Es => {
                    format!(" Inténtalo de nuevo en {}.", duration(seconds, ["segundo", "segundos", "minuto", "minutos"]))
                }
                Lang::En => format!(" Try again in {}.", duration(seconds, ["second", "seconds", "minute", "minutes"])),
            });
        }
        detail
    }

    /// The answer with another body than JSON.
    pub(super) fn response(&self, media_type: &'static str, body: impl Into<Body>) -> Response<Body> {
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
    pub(super) fn json(&self, lang: Lang) -> Response<Body> {
        let (status, code, _) = self.code.spec();
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

fn duration(seconds: u64, [second, seconds_word, minute, minutes]: [&str; 4]) -> String {
    match seconds {
        1 => format!("1 {second}"),
        2..=119 => format!("{seconds} {seconds_word}"),
        _ => match seconds.div_ceil(60) {
            1 => format!("1 {minute}"),
            n => format!("{n} {minutes}"),
        },
    }
}

impl From<RetryAfter> for Problem {
    fn from(wait: RetryAfter) -> Self {
        Self::new(ProblemCode::RateLimited).retry(wait.retry)
    }
}

impl From<crate::accounts::password::WeakPassword> for Problem {
    fn from(weak: crate::accounts::password::WeakPassword) -> Self {
        let Localized { es, en } = weak.text();
        Self::new(ProblemCode::WeakPassword).with_detail(es, en)
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
    pub(super) fn of_store(error: &crate::store::StoreError) -> Self {
        if error.is_busy() { Self::new(ProblemCode::Busy).retry(SHORT_RETRY) } else { internal(error) }
    }
}

/// Internals go to the operator, never to the client.
#[allow(clippy::print_stderr, reason = "systemd takes standard error to the journal")]
pub(super) fn internal(error: &dyn std::error::Error) -> Problem {
    eprintln!("pichat: internal error: {error}");
    Problem::new(ProblemCode::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_said_in_words() {
        let detail = |s, lang| Problem::new(ProblemCode::LockedOut).retry(Duration::from_secs(s)).detail(lang);
        assert_eq!(detail(900, Lang::Es), "Demasiados intentos fallidos con ese usuario. Inténtalo de nuevo en 15 minutos.");
        assert_eq!(detail(1, Lang::En), "Too many wrong tries for that name. Try again in 1 second.");
        assert_eq!(Problem::new(ProblemCode::NotFound).detail(Lang::Es), "Eso no existe aquí.");
    }
}

//! Rights as types: a handler that deletes cannot be called without an [`Admin`].

use std::sync::Arc;

use http::{HeaderMap, header};

use crate::accounts::Session;
use crate::types::Role;
use crate::types::crypto::Token;

use crate::http::AppState;
use crate::http::response::problem::Problem;

/// User with a session, who may first have to replace an assigned password.
pub(crate) struct PartialSession(Arc<Session>);

/// Signed-in user whose password is the user's own choice.
#[derive(Clone)]
pub(crate) struct SignedIn(Arc<Session>);

/// User who may upload files.
pub(crate) struct Uploader(SignedIn);

/// Administrator.
pub(crate) struct Admin(SignedIn);

/// A client that may read figures without names: an administrator, or a program with the metrics token.
pub(crate) struct MetricsReader(());

impl MetricsReader {
    /// Checks a bearer token; `None` for any other than the metrics token.
    pub(crate) async fn by_token(app: &AppState, bearer: &Bearer) -> Result<Option<Self>, Problem> {
        let is_right = match &bearer.0 {
            Some(token) => app.accounts.is_metrics_token(token).await?,
            None => false,
        };
        Ok(is_right.then_some(Self(())))
    }
}

impl From<Admin> for MetricsReader {
    fn from(_: Admin) -> Self {
        Self(())
    }
}

/// Token behind `Bearer` in `Authorization` (RFC 6750 section 2.1); none where that cannot be a token.
pub(crate) struct Bearer(Option<Token>);

impl Bearer {
    /// Reads the header; other schemes are a proxy's affair.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, rest) = value.as_bytes().split_at_checked(6)?;
            let behind = rest.first().is_none_or(u8::is_ascii_whitespace);
            (behind && scheme.eq_ignore_ascii_case(b"bearer")).then(|| rest.trim_ascii())
        });
        let (first, second) = (sent.next()?, sent.next());
        Some(Self(second.is_none().then(|| str::from_utf8(first).ok().and_then(Token::parse)).flatten()))
    }
}

impl PartialSession {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self(session)
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// None as long as the password must be changed.
    pub(crate) fn signed_in(self) -> Option<SignedIn> {
        (!self.0.must_change()).then_some(SignedIn(self.0))
    }
}

impl SignedIn {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.0
    }

    /// Returns true for an administrator; only for differences in what is shown.
    pub(crate) fn is_admin(&self) -> bool {
        self.0.role == Role::Administrator
    }

    pub(crate) fn uploader(self) -> Option<Uploader> {
        self.0.role.may_upload().then_some(Uploader(self))
    }

    pub(crate) fn admin(self) -> Option<Admin> {
        self.is_admin().then_some(Admin(self))
    }
}

impl Uploader {
    pub(crate) fn session(&self) -> &Arc<Session> {
        self.0.session()
    }
}

impl Admin {
    pub(crate) fn session(&self) -> &Arc<Session> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_is_one_whole_token_or_none() {
        let token = "0123456789abcdef".repeat(4);
        let read = |lines: &[String]| {
            let headers =
                lines.iter().map(|line| (header::AUTHORIZATION, line.parse().expect("a value"))).collect();
            Bearer::read(&headers).map(|bearer| bearer.0.is_some())
        };
        for good in [format!("Bearer {token}"), format!("bearer  {token} "), format!("BEARER\t{token}")] {
            assert_eq!(read(&[good]), Some(true));
        }
        for bad in [
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Bearer {token}0"),
            format!("Bearer {token}, x"),
        ] {
            assert_eq!(read(&[bad]), Some(false));
        }
        let twice = format!("Bearer {token}");
        assert_eq!(read(&[twice.clone(), twice]), Some(false), "which of them is meant");
        for other in [format!("Basic {token}"), format!("Bearer{token}"), token.clone(), String::new()] {
            assert_eq!(read(&[other]), None);
        }
        assert_eq!(read(&[]), None);
    }
}

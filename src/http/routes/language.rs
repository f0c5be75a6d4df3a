//! The switch of languages on every page.

use http::{Response, StatusCode, header};

use crate::http::request::form;
use crate::http::request::language;
use crate::http::request::request_body::read_small;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::Lang;

use super::session::require_content_type;

const FIELD: &str = "idioma";

/// Keeps the choice in a cookie and leads back to the page that it was made on.
pub(super) async fn choose(call: RoutedRequest) -> Result<Response<Body>, Problem> {
    let RoutedRequest { request, context, .. } = call;
    require_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let back = language::origin_place(request.headers(), context.authority.as_ref());
    let body = read_small(request.into_body()).await?;
    let lang = form::field(&body, FIELD).and_then(|tag| Lang::from_tag(&tag));
    let lang = lang.ok_or_else(|| Problem::new(ProblemCode::BadRequest).about(FIELD))?;
    let mut response = response(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let fields = response.headers_mut();
    fields.insert(header::LOCATION, back);
    fields.insert(header::SET_COOKIE, language::cookie(lang, context.cookies));
    Ok(response)
}

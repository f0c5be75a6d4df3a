//! The switch of languages on every page.

use http::{Response, StatusCode, header};

use crate::http::request::language;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::response::problem::Problem;
use crate::http::router::RoutedRequest;
use crate::types::Lang;

use super::form_page::{FormFields, bad_field};

const FIELD: &str = "idioma";

/// Keeps the choice in a cookie and leads back to the page that it was made on.
pub(super) async fn choose(call: RoutedRequest) -> Result<Response<Body>, Problem> {
    let RoutedRequest { request, context, .. } = call;
    let back = language::origin_place(request.headers(), context.authority.as_ref());
    let tag = FormFields::read(request).await?.require(FIELD)?;
    let lang = Lang::from_tag(&tag).ok_or_else(|| bad_field(FIELD))?;
    let mut response = response(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let fields = response.headers_mut();
    fields.insert(header::LOCATION, back);
    fields.insert(header::SET_COOKIE, language::cookie(lang, context.cookies));
    Ok(response)
}

//! Plain HTTP beside HTTPS: pages that explain how to trust this device and test whether a browser does. All
//! other requests are redirected to HTTPS. There is no sign-in, and no cookie is read or set.

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::types::{Host, Lang, WebOrigin};

use crate::http::AppState;
use crate::http::onboarding::trust::{CERTIFICATE, CaDownload, HttpsInfo, PROFILE};
use crate::http::onboarding::trust_page;
use crate::http::request::arrival::Arrival;
use crate::http::request::context::RequestContext;
use crate::http::request::language;
use crate::http::response::assets;
use crate::http::response::body::Body;
use crate::http::response::headers::{apply_security_headers, response};
use crate::http::response::pages::{HTML, Page, escape};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::service::check_host;

/// Static files of these pages.
const ASSETS: [&str; 5] =
    ["css/base.css", "css/trust.css", "css/no-script.css", "js/trust.js", "img/seedling.svg"];

/// Answers a request that came without TLS although there is TLS.
pub(crate) async fn answer(
    app: &AppState,
    context: RequestContext,
    request: &Request<Incoming>,
) -> Response<Body> {
    let lang = trust_page::asked_language(request).unwrap_or_else(|| language::preferred(request.headers()));
    let mut response = match route(app, &context, request, lang).await {
        Ok(response) => response,
        Err(problem) => {
            app.refusals.count("http", problem.code.code());
            problem.response(HTML, bare(&problem.detail(lang), lang))
        }
    };
    apply_security_headers(response.headers_mut(), false);
    response
}

/// A page of one sentence; what it would load is not needed to read it.
fn bare(detail: &str, lang: Lang) -> String {
    let (tag, detail) = (lang.tag(), escape(detail));
    format!(
        "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><title>PiChat</title><p role=\"alert\">{detail}</p>"
    )
}

async fn route(
    app: &AppState,
    context: &RequestContext,
    request: &Request<Incoming>,
    lang: Lang,
) -> Result<Response<Body>, Problem> {
    let is_asset = request.uri().path().strip_prefix("/static/").is_some_and(|path| ASSETS.contains(&path));
    Arrival::stranger(app, context.addr, is_asset).admit(app, context.addr).await?;
    check_host(app, context, request.version()).await?;
    // It goes into a header and into a page: a name or an address, and nothing else.
    let host = context
        .authority
        .as_ref()
        .map(|at| &at.host)
        .filter(|host| !host.is_empty())
        .ok_or_else(|| Problem::new(ProblemCode::BadRequest).about("Host"))?;
    let side = app.https.as_ref().ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let offer = side.offer.as_ref().filter(|_| matches!(*request.method(), Method::GET | Method::HEAD));
    Ok(match offer.and_then(|offer| own(app, request, side, offer, host, lang)) {
        Some(own) => own,
        None => to_https(request, &base(host, side.https_port))?,
    })
}

/// The few things that are here.
fn own(
    app: &AppState,
    request: &Request<Incoming>,
    side: &HttpsInfo,
    offer: &CaDownload,
    host: &Host,
    lang: Lang,
) -> Option<Response<Body>> {
    let page = |page| trust_page::plain(app, page, offer, &base(host, side.https_port), lang);
    match request.uri().path() {
        "/" | "/confianza" => Some(page(Page::Trust)),
        "/probar" => Some(page(Page::TrustCheck)),
        // No name in the answer: it comes from the address, and a browser that can install it does so.
        CERTIFICATE => Some(file(offer.certificate.clone(), "application/x-x509-ca-cert")),
        PROFILE => Some(file(offer.profile.clone(), "application/x-apple-aspen-config")),
        "/favicon.ico" => assets::get("img/seedling.svg", request.headers()),
        path => {
            let path = path
                .strip_prefix("/static/")
                .filter(|path| ASSETS.contains(&assets::split_version(path).file))?;
            assets::get(path, request.headers())
        }
    }
}

fn file(bytes: bytes::Bytes, media_type: &'static str) -> Response<Body> {
    let mut response = response(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// The same place over HTTPS. Never for good: browsers keep that, and TLS may be switched off again. What was
/// sent here in a body was sent in the clear, and is not to be sent again.
fn to_https(request: &Request<Incoming>, base: &str) -> Result<Response<Body>, Problem> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let place = request.uri().path_and_query().map_or("/", |place| place.as_str());
    let place = if place.starts_with('/') { place } else { "/" };
    let to = HeaderValue::from_str(&format!("{base}{place}"))
        .map_err(|_| Problem::new(ProblemCode::BadRequest))?;
    let mut response = response(Body::empty());
    *response.status_mut() = if safe { StatusCode::TEMPORARY_REDIRECT } else { StatusCode::SEE_OTHER };
    response.headers_mut().insert(header::LOCATION, to);
    Ok(response)
}

/// `https://host` or `https://host:port`.
fn base(host: &Host, port: u16) -> String {
    WebOrigin::new(true, host.clone(), port).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::HostPort;

    #[test]
    fn the_usual_port_is_left_out() {
        let base = |host, port| base(&HostPort::parse(host).expect("a host").host, port);
        assert_eq!(base("pichat.local", 443), "https://pichat.local");
        assert_eq!(base("[fd00::0:20]:80", 443), "https://[fd00::20]");
        assert_eq!(base("[::1]", 8443), "https://[::1]:8443");
    }
}

//! Trust check, which the pages about trust call over HTTPS. It is open to any client and reveals only that
//! it works.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::http::AppState;
use crate::http::io::connection::UpgradeTo;
use crate::http::onboarding::plain_http::host;
use crate::http::onboarding::trust_page;
use crate::http::request::origin::is_same;
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::ws::ProbeReason;

use super::socket::handshake;

type Result = std::result::Result<Response<Body>, Problem>;

/// 30 days. Long enough that who comes every month never meets plain HTTP again; short enough that a name
/// which another device gets can be reached before long. Each check renews it.
const HSTS: &str = "max-age=2592000";

#[derive(Serialize)]
struct Trusted {
    trusted: bool,
}

/// Only who trusts the certificate gets an answer; a page of this device without TLS may read it.
pub(super) async fn show(call: RoutedRequest) -> Result {
    let own = own_authority(&call)?;
    let mut response = super::json(StatusCode::OK, &Trusted { trusted: true });
    let fields = response.headers_mut();
    fields.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = from_plain_page(&call.app, call.request.headers(), own) {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    // In front of a proxy this is for the proxy to say.
    if !call.context.proxied && call.app.https.as_ref().is_some_and(|side| may_insist(own, side.http_port)) {
        fields.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    Ok(response)
}

/// A socket that says nothing and closes with 1000.
pub(super) async fn socket(call: RoutedRequest) -> Result {
    let own = own_authority(&call)?;
    let headers = call.request.headers();
    let config = call.app.config.get();
    if from_plain_page(&call.app, headers, own).is_none()
        && !is_same(headers, own, call.context.secure, &config.http.allowed_origins)
    {
        return Err(Problem::new(ProblemCode::CrossOrigin));
    }
    let mut response = handshake(&call.request)?;
    response.extensions_mut().insert(UpgradeTo::Closed(ProbeReason::Checked));
    Ok(response)
}

/// The page that tries both.
pub(super) async fn page(call: RoutedRequest) -> Result {
    own_authority(&call)?;
    Ok(trust_page::render(
        &call.app,
        Page::TrustCheck,
        "",
        "",
        trust_page::asked_language(&call.request).unwrap_or(call.lang),
    ))
}

/// Without TLS there is nothing here.
fn own_authority(call: &RoutedRequest) -> std::result::Result<&str, Problem> {
    if call.context.secure { Ok(call.context.authority()) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

/// The origin, when it is that of this very host's pages without TLS.
fn from_plain_page<'a>(app: &AppState, headers: &'a HeaderMap, own: &str) -> Option<&'a HeaderValue> {
    let port = app.https.as_ref()?.http_port;
    let host = host(own)?;
    let plain = if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") };
    headers.get(header::ORIGIN).filter(|origin| origin.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
}

/// Returns true if HSTS may be sent. Not for an address, which may belong to another device later (and
/// browsers ignore it), and not for `localhost`, which all programs share. Only on the usual ports: with HSTS
/// a browser would use TLS on the plain port.
fn may_insist(own: &str, http_port: u16) -> bool {
    let name =
        host(own).is_some_and(|host| host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('['));
    let usual = !own.contains(':') || own.ends_with(":443");
    name && usual && http_port == 80 && own.trim_end_matches('.') != "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_on_the_usual_ports_are_insisted_on() {
        for (own, port, may) in [
            ("pichat.local", 80, true),
            ("pichat.local:443", 80, true),
            ("recepcion", 80, true),
            ("pichat.local", 8080, false),
            ("pichat.local:8443", 80, false),
            ("192.168.1.20", 80, false),
            ("[fd00::1]", 80, false),
            ("[fd00::1]:443", 80, false),
            ("localhost", 80, false),
            ("", 80, false),
        ] {
            assert_eq!(may_insist(own, port), may, "{own} beside {port}");
        }
    }
}

//! Trust check, which the pages about trust call over HTTPS. It is open to any client and reveals only that
//! it works.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::http::AppState;
use crate::http::io::connection::UpgradeTo;
use crate::http::onboarding::trust_page;
use crate::http::request::origin::{is_same, origin};
use crate::http::response::body::Body;
use crate::http::response::pages::Page;
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::RoutedRequest;
use crate::types::{HostPort, WebOrigin};
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
    require_tls(&call)?;
    let own = call.context.authority.as_ref();
    let mut response = super::json(StatusCode::OK, &Trusted { trusted: true });
    let fields = response.headers_mut();
    fields.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = from_plain_page(&call.app, call.request.headers(), own) {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    // In front of a proxy this is for the proxy to say.
    let http_port = call.app.https.as_ref().map(|side| side.http_port);
    if !call.context.proxied && own.zip(http_port).is_some_and(|(own, port)| may_insist(own, port)) {
        fields.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    Ok(response)
}

/// A socket that says nothing and closes with 1000.
pub(super) async fn socket(call: RoutedRequest) -> Result {
    require_tls(&call)?;
    let own = call.context.authority.as_ref();
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
    require_tls(&call)?;
    Ok(trust_page::render(
        &call.app,
        Page::TrustCheck,
        "",
        "",
        trust_page::asked_language(&call.request).unwrap_or(call.lang),
    ))
}

/// Without TLS there is nothing here.
fn require_tls(call: &RoutedRequest) -> std::result::Result<(), Problem> {
    if call.context.secure { Ok(()) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

/// The origin, when it is that of this very host's pages without TLS.
fn from_plain_page<'a>(
    app: &AppState,
    headers: &'a HeaderMap,
    own: Option<&HostPort>,
) -> Option<&'a HeaderValue> {
    let plain = WebOrigin::new(false, own?.host.clone(), app.https.as_ref()?.http_port);
    headers.get(header::ORIGIN).filter(|sent| origin(sent).as_ref() == Some(&plain))
}

/// Returns true if HSTS may be sent. Not for an address, which may belong to another device later (and
/// browsers ignore it), and not for `localhost`, which all programs share. Only on the usual ports: with HSTS
/// a browser would use TLS on the plain port.
fn may_insist(own: &HostPort, http_port: u16) -> bool {
    let name = own.host.name().is_some_and(|name| !name.is_empty() && name != "localhost");
    let usual = own.port_or_default(true) == 443;
    name && usual && http_port == 80
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
            let at = HostPort::parse(own).expect("a host");
            assert_eq!(may_insist(&at, port), may, "{own} beside {port}");
        }
    }
}

//! The two pages about trust. A link leads to each in another language: without TLS no cookie is read or set.

use http::{HeaderValue, Request, Response, header};

use crate::types::Lang;

use crate::http::AppState;
use crate::http::onboarding::trust::CaDownload;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::response::pages::{HTML, Page};

/// Placeholders for fingerprint, HTTPS address and language in the files.
pub(crate) const FINGERPRINT_MARK: &str = "<!--FINGERPRINT-->";
pub(crate) const ADDRESS_MARK: &str = "HTTPS_ADDRESS";

/// Returns the language that the address asks for (`?es`, `?en`).
pub(crate) fn asked_language<B>(request: &Request<B>) -> Option<Lang> {
    request.uri().query().and_then(Lang::from_tag)
}

/// Returns a page for plain HTTP, which may ask only this device whether the browser trusts it.
pub(crate) fn plain(
    app: &AppState,
    page: Page,
    offer: &CaDownload,
    base: &str,
    lang: Lang,
) -> Response<Body> {
    let mut response = render(app, page, &offer.fingerprint.join("\n"), base, lang);
    // No form, no frame, nothing inline; an IPv6 address cannot be said in a source list (CSP 3, section
    // 2.3.1).
    let asked = if base.contains('[') {
        "https: wss:".to_owned()
    } else {
        format!("{base} {}", base.replacen("https", "wss", 1))
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {asked}; form-action 'none'; \
         base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A page with what is known only now; `base` is made of letters that need no escaping.
pub(crate) fn render(
    app: &AppState,
    page: Page,
    fingerprint: &str,
    base: &str,
    lang: Lang,
) -> Response<Body> {
    let text = String::from_utf8_lossy(&app.pages.bytes(page, lang)).into_owned();
    let text = text.replace(FINGERPRINT_MARK, fingerprint).replace(ADDRESS_MARK, base);
    let mut response = response(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    response
}

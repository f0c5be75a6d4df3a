//! Security headers of every answer.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use crate::http::response::body::Body;

// Each is looked at once, by the compiler: a value made of text when it is needed is checked byte for byte,
// for every answer.

/// Nothing but this device's own files; nothing inline; no frame, no plug-in, no other base; forms go home.
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
);

/// Policy of an uploaded file: even if a browser rendered it, it could do nothing.
pub(crate) const CSP_FILE: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// Browser features that PiChat never uses. Only known names are listed, as browsers warn about others.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
     magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()",
);

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Headers of most answers: those of [`apply_security_headers`] and four more.
const ROOM: usize = 12;

/// An answer with `body`, with status 200 and room for its headers: a map that grows step by step is copied
/// each time.
pub(crate) fn response(body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().reserve(ROOM);
    response
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// Adds what is not there yet.
pub(crate) fn apply_security_headers(headers: &mut HeaderMap, secure: bool) {
    default(headers, header::CONTENT_SECURITY_POLICY, CSP);
    default(headers, header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    default(headers, header::X_FRAME_OPTIONS, DENY);
    default(headers, header::REFERRER_POLICY, SAME_ORIGIN);
    default(headers, PERMISSIONS_POLICY, PERMISSIONS);
    default(headers, RESOURCE_POLICY, SAME_ORIGIN);
    default(headers, header::CACHE_CONTROL, NO_STORE);
    if secure {
        // Browsers ignore it over plain HTTP, and say so in the console.
        default(headers, OPENER_POLICY, SAME_ORIGIN);
    }
}

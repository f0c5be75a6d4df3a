//! What every answer says to the browser about itself.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Nothing but this device's own files; nothing inline; no frame, no plug-in, no other base; forms go home.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// For a file that somebody uploaded: even if a browser showed it, it could do nothing.
pub(super) const CSP_FILE: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// What a chat and file box never asks a browser for. Only names that browsers know: they complain of others in the console.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
                           magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()";

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

/// Adds what is not there yet.
pub(super) fn harden(headers: &mut HeaderMap, secure: bool) {
    default(headers, header::CONTENT_SECURITY_POLICY, CSP);
    default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(headers, header::X_FRAME_OPTIONS, "DENY");
    default(headers, header::REFERRER_POLICY, "same-origin");
    default(headers, HeaderName::from_static("permissions-policy"), PERMISSIONS);
    default(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(headers, header::CACHE_CONTROL, "no-store");
    if secure {
        // Browsers ignore it over plain HTTP, and say so in the console.
        default(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
}

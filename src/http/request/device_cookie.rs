//! The device cookie in a request and in an answer. It stands beside the session's, with the same flags.

use std::net::IpAddr;

use http::{HeaderMap, Response, header};

use crate::accounts::{DEVICE_DAYS, DeviceCookie, Session};

use crate::http::AppState;
use crate::http::request::cookies::{CookieScope, header_value};
use crate::http::response::body::Body;

const BASE: &str = "pichat-device";

/// Returns the device cookie of a request; an empty one where it carries none.
pub(crate) fn of_request(
    app: &AppState,
    headers: &HeaderMap,
    cookies: CookieScope,
    addr: IpAddr,
) -> DeviceCookie {
    let name = cookies.name(BASE);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find_map(|(key, value)| (key == name).then_some(value));
    value.map(|value| app.accounts.read_devices(value, addr)).unwrap_or_default()
}

/// Puts the device cookie of a person who has just signed in into `response`. To be called before the
/// session's cookie is put there.
pub(crate) async fn remember(
    response: &mut Response<Body>,
    app: &AppState,
    session: &Session,
    old: &DeviceCookie,
    cookies: CookieScope,
) {
    let Some(value) = app.accounts.device_value(session, old).await else { return };
    let life = cookie::time::Duration::days(DEVICE_DAYS.into());
    response
        .headers_mut()
        .append(header::SET_COOKIE, header_value(&cookies.build(BASE, value).max_age(life).build()));
}

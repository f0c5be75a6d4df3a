//! Renders the device's state as at most 80 columns and 24 lines, the size of a serial console.

use std::fmt;
use std::net::IpAddr;

use crate::app::Status;
use crate::net::is_link_local;
use crate::types::texts::key;
use crate::types::{Lang, base_url, printable};

use super::device::{ClockState, DeviceProbe, DiskStatus};
use super::qr;

/// Columns of the smallest console.
const COLUMNS: usize = 80;
/// Maximum addresses shown.
const ADDRESSES: usize = 3;

/// Draws the state and the last errors.
pub(super) fn draw(look: &DeviceProbe, errors: &[String], lang: Lang) -> String {
    let look = &look.printable();
    let version = look.server.as_ref().map_or(env!("CARGO_PKG_VERSION"), |s| s.version.as_str());
    let mut screen = vec![format!(" PiChat {version} · {}", look.host_name), String::new()];
    let Invitation { urls, text } = invitation(look, lang);
    let code = urls.first().filter(|_| look.server.is_some()).map(|url| qr::lines(url)).unwrap_or_default();
    let text: Vec<_> = text.into_iter().chain([String::new()]).chain(state(look, lang)).collect();
    let indent = code.first().map_or(0, |line| line.chars().count() + 1);
    for i in 0..code.len().max(text.len()) {
        let left = code.get(i).map_or_else(|| " ".repeat(indent), |line| format!("{line} "));
        screen.push(format!("{left} {}", text.get(i).map_or("", String::as_str)).trim_end().to_owned());
    }
    let settings = look.settings_error.iter().flat_map(|text| text.lines());
    let errors: Vec<_> = settings.chain(errors.iter().map(String::as_str)).collect();
    if !errors.is_empty() {
        screen.push(String::new());
        screen.push(format!(" {}", key::SCREEN_ERRORS.get(lang)));
        screen.extend(errors.into_iter().map(|error| format!(" - {}", printable(error))));
    }
    screen.iter().map(|line| cut(line)).collect::<Vec<_>>().join("\n")
}

/// Addresses and next steps.
struct Invitation {
    /// Addresses, the best first.
    urls: Vec<String>,
    /// Lines beside the QR code.
    text: Vec<String>,
}

/// Returns the addresses and the next steps.
fn invitation(look: &DeviceProbe, lang: Lang) -> Invitation {
    let Some(server) = &look.server else {
        let text = if look.on_card { key::SCREEN_STARTING } else { key::SCREEN_NOT_RUNNING };
        return Invitation { urls: Vec::new(), text: vec![text.get(lang).to_owned()] };
    };
    let urls = urls(look, server);
    let mut text = Vec::new();
    match server.claim.as_ref().map(|claim| claim.kind.as_str()) {
        None => {}
        Some("again") => text.push(key::SCREEN_CLAIM_AGAIN.get(lang).to_owned()),
        Some(_) => text.push(key::SCREEN_CLAIM_FIRST.get(lang).to_owned()),
    }
    // With an own certificate one step precedes the setup, so the steps are numbered.
    let steps = server.fingerprint.is_some() && server.claim.is_some();
    let open = if steps { key::SCREEN_STEP_OPEN } else { key::SCREEN_OPEN };
    text.extend(open.get(lang).lines().map(str::to_owned));
    text.extend(urls.iter().map(|url| format!("     {url}")));
    if !look.addresses.iter().any(|addr| !is_link_local(addr)) {
        text.extend(key::SCREEN_NO_NETWORK.get(lang).lines().map(str::to_owned));
    }
    if let Some(lines) = &server.fingerprint {
        let certificate = if steps { key::SCREEN_STEP_CERTIFICATE } else { key::SCREEN_FINGERPRINT };
        text.extend(certificate.get(lang).lines().map(str::to_owned));
        text.extend(lines.iter().map(|line| format!("     {line}")));
    }
    if let Some(claim) = &server.claim {
        if steps {
            text.push(key::SCREEN_STEP_PAGE.fill(lang, &[("url", &claim_page(look, server))]));
        }
        let code = if steps { key::SCREEN_STEP_CODE } else { key::SCREEN_CODE };
        text.push(code.get(lang).to_owned());
        text.push(format!("     {}", claim.code));
    }
    Invitation { urls, text }
}

/// Returns the URLs: IPv4 before the name before IPv6, which is hard to type.
fn urls(look: &DeviceProbe, server: &Status) -> Vec<String> {
    // A browser that does not trust this device yet starts at the trust page, without TLS.
    let (scheme, listen, path) = match (server.plain.filter(|_| server.fingerprint.is_some()), &server.claim)
    {
        (Some(plain), _) => ("http", plain, ""),
        (None, Some(_)) => (server.scheme.as_str(), server.listen, "/activar"),
        (None, None) => (server.scheme.as_str(), server.listen, ""),
    };
    let url = |host: String| base_url(scheme, &host, listen.port()) + path;
    let host = |addr: &IpAddr| if addr.is_ipv6() { format!("[{addr}]") } else { addr.to_string() };
    if !listen.ip().is_unspecified() {
        return vec![url(host(&listen.ip()))];
    }
    let usable: Vec<_> = look.addresses.iter().filter(|addr| !is_link_local(addr)).collect();
    let (v4, v6): (Vec<_>, Vec<_>) = usable.into_iter().partition(|addr| addr.is_ipv4());
    let best = if v4.is_empty() { v6 } else { v4 };
    let mut urls: Vec<_> = best.into_iter().take(ADDRESSES).map(host).map(url).collect();
    urls.push(url(format!("{}.local", look.host_name)));
    urls
}

/// Returns the address of the claim page.
fn claim_page(look: &DeviceProbe, server: &Status) -> String {
    base_url(&server.scheme, &format!("{}.local", look.host_name), server.listen.port()) + "/activar"
}

fn state(look: &DeviceProbe, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(server) = &look.server {
        let people = lang.count(server.people as u64, key::SCREEN_PEOPLE_ONE, key::SCREEN_PEOPLE);
        let rooms = lang.count(server.rooms as u64, key::SCREEN_ROOMS_ONE, key::SCREEN_ROOMS);
        lines.push(key::SCREEN_ONLINE.fill(lang, &[("people", &people), ("rooms", &rooms)]));
    }
    let clock = match look.clock {
        ClockState::Synchronised => Some(key::SCREEN_CLOCK),
        ClockState::Unsynchronised => Some(key::SCREEN_CLOCK_UNCONFIRMED),
        ClockState::Unknown => None,
    };
    lines.extend(clock.map(|clock| clock.fill(lang, &[("time", &minute(look, lang))])));
    if let Some(degrees) = look.temperature {
        lines.push(key::SCREEN_TEMPERATURE.fill(lang, &[("degrees", &degrees)]));
    }
    if look.under_voltage == Some(true) {
        lines.push(key::SCREEN_LOW_VOLTAGE.get(lang).to_owned());
    }
    if let Some(DiskStatus { total, free }) = look.disk {
        lines.push(key::SCREEN_DISK.fill(lang, &[("free", &gb(free, lang)), ("total", &gb(total, lang))]));
    }
    if look.forgetful {
        lines.push(key::SCREEN_CARD_FAILING.get(lang).to_owned());
    }
    lines
}

/// Formats the time to the minute, in the device's time zone.
fn minute(look: &DeviceProbe, lang: Lang) -> String {
    let now = jiff::Timestamp::from_millisecond(look.now.0).unwrap_or_default();
    let time = look.zone.to_datetime(now);
    let values: [(_, &dyn fmt::Display); 5] = [
        ("year", &time.year()),
        ("month", &format_args!("{:02}", time.month())),
        ("day", &format_args!("{:02}", time.day())),
        ("hour", &format_args!("{:02}", time.hour())),
        ("minute", &format_args!("{:02}", time.minute())),
    ];
    key::SCREEN_TIME.fill(lang, &values)
}

/// Formats with one decimal, rounded down, so that the figure does not flicker.
fn gb(bytes: u64, lang: Lang) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}{}{}", tenths / 10, key::NUMBER_DECIMAL_MARK.get(lang), tenths % 10)
}

fn cut(line: &str) -> String {
    if line.chars().count() <= COLUMNS {
        return line.to_owned();
    }
    line.chars().take(COLUMNS - 1).chain(['…']).collect()
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;

//! Renders the device's state as at most 80 columns and 24 lines, the size of a serial console.

use std::net::IpAddr;

use crate::app::Status;
use crate::net::is_link_local;
use crate::types::{Lang, Localized, printable};

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
        screen.push(Localized::new(" Últimos errores", " Last errors").get(lang).to_owned());
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
        let text = Localized::new(
            "PiChat aún no responde. Espera un momento.",
            "PiChat does not respond yet. Wait a moment.",
        );
        return Invitation { urls: Vec::new(), text: vec![text.get(lang).to_owned()] };
    };
    let urls = urls(look, server);
    let mut text = Vec::new();
    match server.claim.as_ref().map(|claim| claim.kind.as_str()) {
        None => {}
        Some("again") => text.push(
            Localized::new("Se pidió un código nuevo de activación.", "A new setup code was requested.")
                .get(lang)
                .to_owned(),
        ),
        Some(_) => {
            let wait = Localized::new("PiChat está listo. Falta activarlo.", "PiChat is ready to be set up.");
            text.push(wait.get(lang).to_owned());
        }
    }
    // With an own certificate one step precedes the setup, so the steps are numbered.
    let steps = server.fingerprint.is_some() && server.claim.is_some();
    let step = |n: u8| if steps { format!("{n}. ") } else { String::new() };
    let open = Localized::new("Abre en un navegador de esta red:", "Open in a browser on this network:");
    text.push(format!("{}{}", step(1), open.get(lang)));
    text.extend(urls.iter().map(|url| format!("  {url}")));
    if !look.addresses.iter().any(|addr| !is_link_local(addr)) {
        text.push(
            Localized::new(
                "Sin red. Conecta un cable o escribe los datos",
                "No network. Plug in a cable, or write the",
            )
            .get(lang)
            .to_owned(),
        );
        text.push(
            Localized::new(
                "de tu Wi-Fi en pichat.toml, en la tarjeta.",
                "Wi-Fi settings in pichat.toml, on the card.",
            )
            .get(lang)
            .to_owned(),
        );
    }
    if let Some(lines) = &server.fingerprint {
        let install = Localized::new(
            "Instala el certificado con esta huella:",
            "Install the certificate with this fingerprint:",
        );
        let known = Localized::new("Huella de su certificado:", "Fingerprint of its certificate:");
        text.push(format!("{}{}", step(2), if steps { install } else { known }.get(lang)));
        text.extend(lines.iter().map(|line| format!("  {line}")));
    }
    if let Some(claim) = &server.claim {
        let code = if steps {
            text.push(format!(
                "{}{} {}",
                step(3),
                Localized::new("Abre", "Open").get(lang),
                claim_page(look, server)
            ));
            Localized::new("Escribe este código:", "Type this code:")
        } else {
            Localized::new("y escribe este código:", "and type this code:")
        };
        text.push(format!("{}{}", step(4), code.get(lang)));
        text.push(format!("  {}", claim.code));
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
    let port = port(scheme, listen.port());
    let url = |host: String| format!("{scheme}://{host}{port}{path}");
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
    format!(
        "{}://{}.local{}/activar",
        server.scheme,
        look.host_name,
        port(&server.scheme, server.listen.port())
    )
}

/// Returns the port as part of a URL; empty for the default port.
fn port(scheme: &str, port: u16) -> String {
    if matches!((scheme, port), ("http", 80) | ("https", 443)) { String::new() } else { format!(":{port}") }
}

fn state(look: &DeviceProbe, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(server) = &look.server {
        let (people, rooms) = (server.people, server.rooms);
        lines.push(match lang {
            Lang::Es => format!("Personas {people} · Salas {rooms}"),
            Lang::En => format!("People {people} · Rooms {rooms}"),
        });
    }
    let minute = look.now.to_string().get(..16).unwrap_or_default().replace('T', " ");
    let clock = match look.clock {
        ClockState::Synchronised => Some(Localized::new("en hora", "set")),
        ClockState::Unsynchronised => Some(Localized::new("sin confirmar", "not confirmed")),
        ClockState::Unknown => None,
    };
    if let Some(clock) = clock {
        lines.push(format!(
            "{} {minute} UTC, {}",
            Localized::new("Reloj", "Clock").get(lang),
            clock.get(lang)
        ));
    }
    if let Some(degrees) = look.temperature {
        lines.push(format!("{} {degrees} °C", Localized::new("Temperatura", "Temperature").get(lang)));
    }
    if look.under_voltage == Some(true) {
        lines.push(
            Localized::new("Voltaje bajo: usa otro cargador", "Low voltage: use another power supply")
                .get(lang)
                .to_owned(),
        );
    }
    if let Some(DiskStatus { total, free }) = look.disk {
        lines.push(match lang {
            Lang::Es => {
                format!("Disco {} libres de {}", gib(free).replace('.', ","), gib(total).replace('.', ","))
            }
            Lang::En => format!("Disk {} free of {}", gib(free), gib(total)),
        });
    }
    if look.forgetful {
        lines.push(
            Localized::new(
                "La tarjeta falla y no guarda nada. Cámbiala.",
                "Card failing: nothing is saved. Replace it.",
            )
            .get(lang)
            .to_owned(),
        );
    }
    lines
}

/// Formats with one decimal, so that the figure does not flicker.
fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
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

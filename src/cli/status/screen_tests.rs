#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::app::ClaimStatus;
use crate::clock::Timestamp;

fn look() -> DeviceProbe {
    DeviceProbe {
        host_name: "pichat".to_owned(),
        server: Some(Status {
            version: "0.1.0".to_owned(),
            pid: 1,
            scheme: "http".to_owned(),
            listen: "[::]:80".parse().unwrap(),
            plain: None,
            fingerprint: None,
            claim: Some(ClaimStatus { kind: "first".to_owned(), code: "K7QM-2D9X-4HTVB".to_owned() }),
            rooms: 0,
            people: 0,
            sockets: 0,
            language: "es".to_owned(),
        }),
        addresses: vec![
            "192.168.1.20".parse().unwrap(),
            "fd00::20".parse().unwrap(),
            "fe80::1".parse().unwrap(),
        ],
        now: Timestamp(1_769_860_800_123),
        zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(-5)),
        clock: ClockState::Unsynchronised,
        temperature: Some(47),
        under_voltage: Some(false),
        disk: Some(DiskStatus { total: 28 << 30, free: 27 << 30 }),
        forgetful: false,
        on_card: true,
        settings_error: None,
    }
}

/// Text beside the QR code.
fn text(screen: &str) -> Vec<&str> {
    screen
        .lines()
        .map(|line| line.trim_start_matches(|c: char| " █▀▄".contains(c)))
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn unclaimed_device_shows_how_to_set_it_up() {
    let screen = draw(&look(), &[], Lang::Es);
    let want = [
        "PiChat 0.1.0 · pichat",
        "PiChat está listo. Falta activarlo.",
        "Abre en un navegador de esta red:",
        "http://192.168.1.20/activar",
        "http://pichat.local/activar",
        "y escribe este código de activación:",
        "K7QM-2D9X-4HTVB",
        "En línea: 0 personas, 0 salas",
        "Hora: 31/01/2026 07:00 (sin confirmar)",
        "Temperatura: 47 °C",
        "Espacio libre: 27,0 de 28,0 GB",
    ];
    assert_eq!(text(&screen), want, "\n{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= COLUMNS), "\n{screen}");
    assert!(screen.lines().count() <= 24, "\n{screen}");
}

#[test]
fn claimed_device_shows_no_code() {
    let mut look = look();
    let server = look.server.as_mut().unwrap();
    (server.claim, server.people, server.rooms) = (None, 5, 1);
    let screen = draw(&look, &[], Lang::En);
    let want = [
        "PiChat 0.1.0 · pichat",
        "Open in a browser on this network:",
        "http://192.168.1.20",
        "http://pichat.local",
        "Online: 5 people, 1 room",
        "Time: 2026-01-31 07:00 (not confirmed)",
        "Temperature: 47 °C",
        "Free space: 27.0 of 28.0 GB",
    ];
    assert_eq!(text(&screen), want, "\n{screen}");
}

fn over_tls() -> DeviceProbe {
    let mut look = look();
    let server = look.server.as_mut().unwrap();
    (server.scheme, server.listen, server.plain) =
        ("https".into(), "[::]:443".parse().unwrap(), "[::]:80".parse().ok());
    server.fingerprint = Some([["0A1B"; 8].join(" "), ["C2D3"; 8].join(" ")]);
    look
}

#[test]
fn own_certificate_adds_the_trust_step() {
    let mut look = over_tls();
    let screen = draw(&look, &[], Lang::Es);
    let want = [
        "PiChat 0.1.0 · pichat",
        "PiChat está listo. Falta activarlo.",
        "1. En un celular o computador de la red, abre",
        "http://192.168.1.20",
        "http://pichat.local",
        "2. Instala el certificado. Su huella debe ser",
        "0A1B 0A1B 0A1B 0A1B 0A1B 0A1B 0A1B 0A1B",
        "C2D3 C2D3 C2D3 C2D3 C2D3 C2D3 C2D3 C2D3",
        "3. Abre https://pichat.local/activar",
        "4. Escribe este código de activación:",
        "K7QM-2D9X-4HTVB",
        "En línea: 0 personas, 0 salas",
        "Hora: 31/01/2026 07:00 (sin confirmar)",
        "Temperatura: 47 °C",
        "Espacio libre: 27,0 de 28,0 GB",
    ];
    assert_eq!(text(&screen), want, "\n{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= COLUMNS), "\n{screen}");
    assert!(screen.lines().count() <= 24, "\n{screen}");

    look.server.as_mut().unwrap().claim = None;
    let screen = draw(&look, &[], Lang::En);
    assert_eq!(
        text(&screen)[1..4],
        ["Open in a browser on this network:", "http://192.168.1.20", "http://pichat.local"]
    );
    assert_eq!(text(&screen)[4], "Fingerprint of its certificate:");
    assert!(!screen.contains("https://"), "\n{screen}");

    // A certificate of another authority: no step before.
    let server = look.server.as_mut().unwrap();
    (server.fingerprint, server.claim) =
        (None, Some(ClaimStatus { kind: "first".to_owned(), code: "K7QM-2D9X-4HTVB".to_owned() }));
    assert_eq!(urls(&look, look.server.as_ref().unwrap())[0], "https://192.168.1.20/activar");
}

#[test]
fn problems_are_shown() {
    let mut look = look();
    look.addresses = vec!["fe80::1".parse().unwrap()];
    look.under_voltage = Some(true);
    look.forgetful = true;
    look.settings_error = Some("pichat.toml:3:1: la opción x no existe".to_owned());
    let errors = ["x".repeat(200), "evil\x1b[2Jline\u{202e}".to_owned()];
    let screen = draw(&look, &errors, Lang::Es);
    for part in [
        "Sin red. Conecta un cable",
        "Voltaje bajo: usa otro cargador",
        "La tarjeta falla y no guarda nada",
        "Últimos errores",
        " - pichat.toml:3:1: la opción x no existe",
        "http://pichat.local/activar",
        " - evil [2Jline",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(!screen.contains('\x1b') && !screen.contains('\u{202e}'));
    assert!(screen.lines().all(|line| line.chars().count() <= COLUMNS), "\n{screen}");
    assert!(screen.lines().count() <= 25, "\n{screen}");
}

#[test]
fn screen_without_server_shows_no_address() {
    let mut look = look();
    look.server = None;
    let screen = draw(&look, &[], Lang::Es);
    assert!(screen.contains("PiChat está arrancando. Espera un momento."), "\n{screen}");
    assert!(!screen.contains("http") && !screen.contains('█'));
    look.on_card = false;
    let screen = draw(&look, &[], Lang::Es);
    assert!(screen.contains("PiChat no está en ejecución en este equipo."), "\n{screen}");
}

#[test]
fn unusual_ports_and_addresses_are_shown() {
    let mut look = look();
    let server = look.server.as_mut().unwrap();
    (server.scheme, server.listen, server.claim) =
        ("https".to_owned(), "0.0.0.0:8443".parse().unwrap(), None);
    look.addresses = vec!["fd00::20".parse().unwrap()];
    assert_eq!(
        urls(&look, look.server.as_ref().unwrap()),
        ["https://[fd00::20]:8443", "https://pichat.local:8443"]
    );
    look.server.as_mut().unwrap().listen.set_port(443);
    assert_eq!(urls(&look, look.server.as_ref().unwrap())[0], "https://[fd00::20]");
    look.server.as_mut().unwrap().listen = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(urls(&look, look.server.as_ref().unwrap()), ["https://127.0.0.1:8080"], "only there");
}

#[test]
fn screen_has_no_control_characters() {
    let evil = |text: &str| format!("\x1b[2J{text}\u{9b}31m\r\n\x07\u{202e}\u{200f}");
    let mut look = look();
    look.host_name = evil("pichat");
    look.settings_error = Some(evil("pichat.toml:3:1"));
    let server = look.server.as_mut().unwrap();
    for text in [&mut server.version, &mut server.scheme, &mut server.language] {
        *text = evil(text);
    }
    server.plain = Some("[::]:80".parse().unwrap());
    server.fingerprint = Some([evil("0A1B"), evil("4E5F")]);
    let claim = server.claim.as_mut().unwrap();
    (claim.kind, claim.code) = (evil(&claim.kind), evil(&claim.code));
    for with_claim in [true, false] {
        if !with_claim {
            look.server.as_mut().unwrap().claim = None;
        }
        let screen = draw(&look, &[evil("journal")], Lang::Es);
        assert!(screen.contains("0A1B") && screen.contains("journal"), "\n{screen}");
        let steering = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200f}".contains(c));
        assert!(!screen.contains(steering), "\n{screen:?}");
        assert!(screen.lines().all(|line| line.chars().count() <= COLUMNS), "\n{screen}");
    }
}

#[test]
fn lines_fit_beside_the_qr_code() {
    // A code of an IPv4 address has 25 modules and 8 of quiet zone, and there is a blank on both sides.
    const FREE: usize = COLUMNS - 33 - 2;
    let mut look = over_tls();
    look.addresses = vec!["fe80::1".parse().unwrap()];
    look.under_voltage = Some(true);
    look.forgetful = true;
    for (claim, certificate) in [(true, true), (true, false), (false, true)] {
        let mut look = look.clone();
        let server = look.server.as_mut().unwrap();
        server.claim = server.claim.take().filter(|_| claim);
        server.fingerprint = server.fingerprint.take().filter(|_| certificate);
        for lang in Lang::ALL {
            let Invitation { text, .. } = invitation(&look, *lang);
            for line in text.into_iter().chain(state(&look, *lang)) {
                assert!(line.chars().count() <= FREE, "{}: {line}", lang.tag());
            }
        }
    }
}

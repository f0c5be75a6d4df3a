//! `pichat appliance code`: writes PICHAT-CODIGO.txt to the card while PiChat can be set up. A person without
//! a screen reads the code by putting the card into a computer.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use crate::atomic_file;
use crate::cli::exit::Failure;
use crate::config::TlsMode;
use crate::private_file;
use crate::types::ClaimCode;

use super::effective_settings::{NAME, Settings};
use super::partition::Partition;
use super::report::Steps;
use super::root::Root;

/// Maximum bytes of a small file that another program wrote.
const SMALL: u64 = 64 * 1024;

/// Reads a small regular file, if there is one. Its folder belongs to the server's user, so the entry may be
/// anything.
fn small_file(path: &Path) -> Option<String> {
    private_file::text(path, SMALL)
}

const FILE: &str = "PICHAT-CODIGO.txt";

/// Part of the server's state file that is read.
#[derive(Deserialize)]
struct Address {
    scheme: String,
    listen: SocketAddr,
    /// Address of plain HTTP beside HTTPS.
    #[serde(default)]
    plain: Option<SocketAddr>,
    /// Fingerprint of this device's own certificate authority.
    #[serde(default)]
    fingerprint: Option<[String; 2]>,
}

pub(super) fn run(root: &Root) -> Result<(), Failure> {
    let mut steps = Steps::default();
    let partition = Partition::of(root);
    let file = partition.at(FILE);
    let code: Option<ClaimCode> =
        small_file(&root.at("run/pichat/claim")).and_then(|text| text.trim().parse().ok());
    let outcome = match code {
        Some(code) => {
            let text = text(&code, &Ways::of(root));
            // Each write wears the card and leaves it writable for a moment.
            let there = small_file(&file).is_some_and(|there| there == text);
            if there { Ok(()) } else { partition.replace(FILE, text.as_bytes()) }
        }
        None => partition.remove(&[atomic_file::beside(&file), file.clone()]),
    };
    steps.took(&file, outcome);
    steps.end()
}

/// Step that makes browsers trust the device.
struct TrustStep {
    /// Address of the trust page.
    page: String,
    /// Fingerprint of the certificate, in two lines.
    fingerprint: [String; 2],
}

/// Addresses that a person needs, with the device's own name.
struct Ways {
    /// Address of the claim page.
    claim: String,
    /// Step before it, if browsers must trust the device first.
    trust: Option<TrustStep>,
}

impl Ways {
    fn of(root: &Root) -> Self {
        let name = small_file(&root.at("proc/sys/kernel/hostname")).map(|name| name.trim().to_owned());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "pichat".to_owned());
        let url = |scheme: &str, listen: SocketAddr| match (scheme, listen.port()) {
            ("http", 80) | ("https", 443) => format!("{scheme}://{name}.local"),
            (_, port) => format!("{scheme}://{name}.local:{port}"),
        };
        let Address { scheme, listen, plain, fingerprint } = address(root);
        let trust = plain
            .zip(fingerprint)
            .map(|(plain, fingerprint)| TrustStep { page: url("http", plain), fingerprint });
        Self { claim: format!("{}/activar", url(&scheme, listen)), trust }
    }
}

/// Returns the address of the running server; otherwise that of the effective settings.
fn address(root: &Root) -> Address {
    let state = small_file(&root.at("run/pichat/status.json"));
    let told = state.and_then(|text| serde_json::from_str::<Address>(&text).ok());
    let plain = |listen| Address { scheme: "http".into(), listen, plain: None, fingerprint: None };
    told.filter(|told| matches!(told.scheme.as_str(), "http" | "https")).unwrap_or_else(|| {
        let settings = Settings::read(&root.at("run/pichat-settings").join(NAME), Path::new(NAME));
        match settings.map(|settings| settings.config) {
            Err(_) => plain(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80)),
            Ok(config) if config.tls.mode == TlsMode::Off => plain(config.http.listen),
            Ok(config) => Address {
                scheme: "https".into(),
                listen: config.tls_listen(),
                plain: Some(config.http.listen),
                // Known only to the running server.
                fingerprint: None,
            },
        }
    })
}

/// Returns the content of the file. CRLF, which every computer's editor shows right.
fn text(code: &ClaimCode, ways: &Ways) -> String {
    let page = &ways.claim;
    let (first_es, first_en, then_es, then_en) = match &ways.trust {
        None => (String::new(), String::new(), "abre", "open"),
        Some(TrustStep { page: start, fingerprint: [one, two] }) => (
            format!(
                "abre primero la página que explica cómo instalar su certificado:\n\n    {start}\n\n\
                 La huella del certificado debe ser esta:\n\n    {one}\n    {two}\n\nDespués abre"
            ),
            format!(
                "open first the page that explains how to install its certificate:\n\n    {start}\n\n\
                 The fingerprint of the certificate must be this:\n\n    {one}\n    {two}\n\nThen open"
            ),
            "",
            "",
        ),
    };
    format!(
        "PiChat\n\
         \n\
         Código de activación de este PiChat:\n\
         \n    {code}\n\
         \n\
         Pon la tarjeta en la Raspberry Pi, enciéndela y, desde un computador o un celular de la red de la oficina, {first_es}{then_es}:\n\
         \n    {page}\n\
         \n\
         Si ese nombre no abre, usa la dirección que muestra la pantalla de la Raspberry Pi.\n\
         No compartas este código: con él, cualquiera puede volverse administrador.\n\
         Este archivo desaparece solo cuando el código deja de valer.\n\
         \n\
         \n\
         Setup code of this PiChat:\n\
         \n    {code}\n\
         \n\
         Put the card into the Pi, switch it on and, on a computer or a phone of the office network, {first_en}{then_en}:\n\
         \n    {page}\n\
         \n\
         If that name does not open, use the address on the screen of the Pi.\n\
         Do not share this code: anyone who has it can become the administrator.\n\
         This file goes away by itself when the code expires.\n"
    )
    .replace('\n', "\r\n")
}

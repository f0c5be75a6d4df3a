//! `pichat appliance code`: PICHAT-CODIGO.txt on the card while the device can be claimed, so that a person without a screen finds the
//! code by putting the card into a computer.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use crate::cli::exit::Failure;
use crate::types::ClaimCode;

use super::chosen::{NAME, Settings};
use super::partition::Partition;
use super::{Root, Steps, durable, small_file};

const FILE: &str = "PICHAT-CODIGO.txt";

/// What is read of the server's state file.
#[derive(Deserialize)]
struct Address {
    scheme: String,
    listen: SocketAddr,
}

pub(super) fn run(root: &Root) -> Result<(), Failure> {
    let mut steps = Steps::default();
    let partition = Partition::of(root);
    let file = partition.at(FILE);
    let code: Option<ClaimCode> = small_file(&root.at("run/pichat/claim")).and_then(|text| text.trim().parse().ok());
    let outcome = match code {
        Some(code) => {
            let text = text(&code, &page(root));
            // Each write wears the card, and each is a moment in which it can be written.
            let there = small_file(&file).is_some_and(|there| there == text);
            if there { Ok(()) } else { partition.replace(FILE, text.as_bytes()) }
        }
        None => partition.remove(&[durable::beside(&file), file.clone()]),
    };
    steps.took(&file, outcome);
    steps.end()
}

/// The address of the page, under the device's own name.
fn page(root: &Root) -> String {
    let name = small_file(&root.at("proc/sys/kernel/hostname")).map(|name| name.trim().to_owned());
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "pichat".to_owned());
    let Address { scheme, listen } = address(root);
    match (scheme.as_str(), listen.port()) {
        ("http", 80) | ("https", 443) => format!("{scheme}://{name}.local/reclamar"),
        (_, port) => format!("{scheme}://{name}.local:{port}/reclamar"),
    }
}

/// As the running server says; between two runs of it, as the settings in force do.
fn address(root: &Root) -> Address {
    let state = small_file(&root.at("run/pichat/status.json"));
    let told = state.and_then(|text| serde_json::from_str::<Address>(&text).ok());
    told.filter(|told| matches!(told.scheme.as_str(), "http" | "https")).unwrap_or_else(|| {
        let settings = Settings::read(&root.at("run/pichat-settings").join(NAME), Path::new(NAME));
        let usual = Address { scheme: "http".into(), listen: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80) };
        settings.map_or(usual, |settings| {
            let scheme = if settings.config.tls.mode() == "off" { "http" } else { "https" };
            Address { scheme: scheme.into(), listen: settings.config.http.listen }
        })
    })
}

/// What the person reads. CRLF, because every computer's editor shows it right.
fn text(code: &ClaimCode, page: &str) -> String {
    format!(
        "PiChat\n\
         \n\
         Código para reclamar este equipo:\n\
         \n    {code}\n\
         \n\
         Pon la tarjeta en el equipo, enciéndelo y abre, desde un computador o un teléfono de la misma red:\n\
         \n    {page}\n\
         \n\
         Si ese nombre no abre, usa la dirección que muestra la pantalla del equipo, seguida de /reclamar.\n\
         Quien tenga este código puede quedarse con el equipo: no lo compartas.\n\
         Este archivo desaparece solo cuando el código ya no sirve.\n\
         \n\
         \n\
         Code to claim this device:\n\
         \n    {code}\n\
         \n\
         Put the card into the device, switch it on and open, on a computer or a phone of the same network:\n\
         \n    {page}\n\
         \n\
         If that name does not open, use the address on the device's screen, followed by /reclamar.\n\
         Whoever has this code can take the device over: do not share it.\n\
         This file goes away by itself when the code is of no more use.\n"
    )
    .replace('\n', "\r\n")
}

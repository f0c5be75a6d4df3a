//! `pichat appliance code`: writes PICHAT-CODIGO.txt to the card while PiChat can be set up. A person without
//! a screen reads the code by putting the card into a computer.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use crate::atomic_file;
use crate::cli::exit::Failure;
use crate::config::TlsMode;
use crate::private_file;
use crate::types::texts::key;
use crate::types::{ClaimCode, Lang, base_url};

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
        let url =
            |scheme: &str, listen: SocketAddr| base_url(scheme, &format!("{name}.local"), listen.port());
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

/// Returns the content of the file in every language. CRLF, which every computer's editor shows right.
fn text(code: &ClaimCode, ways: &Ways) -> String {
    let texts: Vec<_> = Lang::ALL.iter().map(|lang| text_in(*lang, code, ways)).collect();
    texts.join("\n\n").replace('\n', "\r\n")
}

fn text_in(lang: Lang, code: &ClaimCode, ways: &Ways) -> String {
    let lines = |lines: &[&str]| lines.iter().map(|line| format!("       {line}\n")).collect::<String>();
    let page = lines(&[&ways.claim]);
    let mut steps = vec![(key::CARD_STEP_INSERT, String::new())];
    match &ways.trust {
        None => steps.push((key::CARD_STEP_OPEN_AND_TYPE, page)),
        Some(TrustStep { page: start, fingerprint: [one, two] }) => steps.extend([
            (key::CARD_STEP_OPEN, lines(&[start])),
            (key::CARD_STEP_CERTIFICATE, lines(&[one, two])),
            (key::CARD_STEP_TYPE, page),
        ]),
    }
    let steps: String =
        (1..).zip(steps).map(|(n, (step, lines))| format!("{n}. {}\n{lines}", step.get(lang))).collect();
    let [title, label, notes] = [key::CARD_SETUP, key::CARD_CODE, key::CARD_NOTES].map(|text| text.get(lang));
    format!("{title}\n\n{label}\n\n    {code}\n\n{steps}\n{notes}\n")
}

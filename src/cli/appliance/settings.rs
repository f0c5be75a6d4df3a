//! `pichat appliance settings`: applies the card's pichat.toml. It never keeps the device down: with a broken
//! file it applies the last good or the shipped settings and reports the error. A step that fails does not
//! stop the others.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use zeroize::Zeroizing;

use crate::atomic_file;
use crate::cli::exit::Failure;
use crate::types::texts::key;

use super::effective_settings::{NAME, Settings, laid_over};
use super::last_good::LastGood;
use super::partition::Partition;
use super::report::{ERROR, Steps, WARNING, tell};
use super::root::Root;
use super::secrets::Kept;
use super::{networkd, reclaim, wpa_supplicant};

pub(super) fn run(root: &Root) -> Result<(), Failure> {
    let mut steps = Steps::default();
    let partition = Partition::of(root);
    let shipped = Settings::shipped(root)?;
    let kept = Kept::read(root);
    let card = Settings::of_card(root, &partition.at(NAME), &shipped);
    let last_good = LastGood::of(root);
    let before = card.is_err().then(|| last_good.read()).flatten();
    let (chosen, broken) = match (&card, &before) {
        (Ok(card), _) => (card, None),
        (Err(error), Some(before)) => (before, Some(error)),
        (Err(error), None) => (&shipped, Some(error)),
    };
    // Name and network are applied in any case, the server's settings only if it starts with them.
    let server = match (&card, &before) {
        (Ok(card), _) => Some(card),
        (Err(_), before) => before.as_ref().filter(|before| before.check(root, &shipped).is_ok()),
    };
    let zone = chosen.unknown_zone(root);
    let time_zone = if zone.is_some() { "UTC" } else { &chosen.config.device.time_zone };
    // The second line about a broken file, on the console and in the journal.
    let lang = chosen.config.device.language;
    let applies = if before.is_some() { key::CONFIG_LAST_GOOD_APPLIES } else { key::CONFIG_FACTORY_APPLIES };
    let meanwhile = broken.map(|_| applies.get(lang));
    let wrong = broken.or(zone.as_ref()).map(|error| error.text(lang));

    // First the files that server and network need to start, then the rest; the card itself is changed last.
    let run = root.at("run/pichat-settings");
    steps.took(&run, atomic_file::folder(&run, 0o755));
    let mut put = |path: &Path, text: Option<&str>, mode| steps.took(path, put(path, text, mode));
    let server = server.and_then(|card| for_server(card, &kept, &shipped));
    put(&run.join(NAME), Some(server.as_ref().unwrap_or(&shipped.text)), 0o600);
    let wifi = &chosen.config.wifi;
    let wpa = wpa_supplicant::configuration(wifi, kept.password(wifi));
    put(&run.join("wpa_supplicant.conf"), wpa.as_ref().map(|text| text.as_str()), 0o600);
    put(
        &root.at("run/systemd/network/40-pichat.network"),
        networkd::configuration(&chosen.config.network).as_deref(),
        0o644,
    );
    // The console, which runs as the server's user, shows it. No error contains a secret.
    let lines: Vec<_> = wrong.iter().map(String::as_str).chain(meanwhile).collect();
    let shown = (!lines.is_empty()).then(|| format!("{}\n", lines.join("\n")));
    put(&run.join("error.txt"), shown.as_deref(), 0o644);
    for (line, severity) in lines.iter().zip([ERROR, WARNING]) {
        tell(severity, line);
    }
    let localtime = run.join("localtime");
    steps.took(&localtime, link(&localtime, &Path::new("/usr/share/zoneinfo").join(time_zone)));
    let hostname = root.at("proc/sys/kernel/hostname");
    steps.took(&hostname, fs::write(&hostname, &chosen.config.device.hostname));

    // If the data folder is only in memory, the secrets stay on the card.
    if root.at("data").is_dir() && !root.at("run/pichat-data-fallback").exists() {
        if let Ok(card) = &card {
            last_good.keep(card, &mut steps);
            kept.import(card, &partition, &mut steps);
        }
        reclaim::forward(root, &partition, &mut steps);
    }
    steps.end()
}

/// Returns the server's settings text; `None` if it cannot be read back, which the earlier checks should have
/// reported.
fn for_server(card: &Settings, kept: &Kept, shipped: &Settings) -> Option<Zeroizing<String>> {
    let text = laid_over(&card.written().ok()?, kept.hash(&card.config), &shipped.written().ok()?);
    Settings::parse(text, Path::new(NAME)).ok().map(|settings| settings.text)
}

/// Writes a text, in a folder that all users can search; without a text it removes the file.
fn put(path: &Path, text: Option<&str>, mode: u32) -> io::Result<()> {
    match text {
        Some(text) => {
            path.parent().map_or(Ok(()), |folder| atomic_file::folder(folder, 0o755))?;
            atomic_file::replace(path, text.as_bytes(), Some(mode))
        }
        None => atomic_file::remove(path).map(drop),
    }
}

/// Makes a symbolic link, or changes its target in one step.
fn link(path: &Path, target: &Path) -> io::Result<()> {
    let new = atomic_file::beside(path);
    atomic_file::remove(&new)?;
    symlink(target, &new)?;
    fs::rename(new, path)
}

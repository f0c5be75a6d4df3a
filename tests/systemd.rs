//! What systemd is told, over a socket as it would be.
#![allow(clippy::expect_used, reason = "tests")]

mod common;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{Options, Server};

#[test]
fn systemd_hears_ready_then_the_watchdog_then_stopping() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("sets");
    let next = || {
        let mut text = [0; 256];
        let len = socket.recv(&mut text).expect("a notice within 30 s");
        String::from_utf8_lossy(&text[..len]).trim().to_owned()
    };
    let mut server = Server::start(Options::default().env("NOTIFY_SOCKET", path.display().to_string()));
    assert_eq!(next(), "READY=1");
    for _ in 0..3 {
        assert_eq!(next(), "WATCHDOG=1", "again and again");
    }
    server.signal("TERM");
    while next() != "STOPPING=1" {}
    assert!(server.wait().success());
}

fn unit(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).expect("text")
}

#[test]
fn root_units_are_sandboxed() {
    let help = Command::new("systemd-analyze").arg("--help").output();
    let offline = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--offline"));
    if !offline {
        return;
    }
    for name in ["pichat-settings.service", "pichat-code.service"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
        let mut analyze = Command::new("systemd-analyze");
        let told = analyze.args(["security", "--no-pager", "--offline=true", "--threshold=40"]).arg(path).output().expect("runs");
        assert!(told.status.success(), "{name}: {}", String::from_utf8_lossy(&told.stdout));
    }
}

#[test]
fn root_units_run_on_the_card_only_and_reach_what_they_write() {
    for name in ["pichat-settings.service", "pichat-code.service"] {
        let text = unit(name);
        assert!(text.contains("\nConditionPathExists=/usr/lib/pichat/appliance\n"), "{name}");
        // The host name is written to /proc/sys, and the boot partition is mounted anew.
        for breaks in ["ProtectHostname=", "ProtectKernelTunables=", "ProcSubset=", "PrivateUsers=", "User="] {
            assert!(!text.contains(&format!("\n{breaks}")), "{name}: {breaks}");
        }
        let written = text.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).expect("is there");
        assert!(written.split(' ').all(|path| path.starts_with('-')), "{name}: a path that is missing must not end the boot");
        assert!(written.contains("-/boot/firmware"), "{name}");
    }
    assert!(unit("pichat-settings.service").contains("ReadWritePaths=-/boot/firmware -/data -/run -/var/lib\n"));
}

#[test]
fn reload_checks_the_file_before_it_is_taken() {
    let text = unit("pichat.service");
    let steps: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("ExecReload=")).collect();
    let [copy, check, take, signal] = steps[..] else { panic!("{steps:?}") };
    assert!(copy.starts_with("+/bin/sh ") && copy.contains("setpriv --reuid=pichat"), "{copy}");
    assert_eq!(check, "/usr/local/bin/pichat check /run/pichat/pichat.toml.new");
    assert_eq!(take, "/bin/mv -fT /run/pichat/pichat.toml.new /run/pichat/pichat.toml");
    assert!(signal.contains("-HUP"), "{signal}");
    assert!(text.contains("\nLimitCORE=0\n"));
    let folder = tempfile::tempdir().expect("a folder");
    for (settings, good) in [("[limits]\nrooms = 7\n", true), ("[limits]\nrums = 7\n", false)] {
        let file = folder.path().join("pichat.toml.new");
        std::fs::write(&file, settings).expect("writes");
        assert_eq!(common::server::pichat().arg("check").arg(file).status().expect("runs").success(), good);
    }
}

/// Values of a key in the unit's section.
fn unit_values(section: &str, key: &str) -> Vec<String> {
    let unit = include_str!("../systemd/pichat.service");
    let start = unit.find(&format!("[{section}]")).expect("the section");
    let body = unit[start..].lines().skip(1).take_while(|line| !line.starts_with('['));
    body.filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}

#[test]
fn unit_gives_up_on_bad_data_and_on_nothing_else() {
    assert_eq!(unit_values("Service", "RestartPreventExitStatus"), ["74"]);
    assert_eq!(unit_values("Service", "Restart"), ["always"]);
    assert_eq!(unit_values("Unit", "StartLimitIntervalSec"), ["0"], "no limit after which it stays down");
    // The least pause, and the only one that systemd before 254 knows.
    let pause: u64 = unit_values("Service", "RestartSec")[0].parse().expect("seconds");
    assert!((3..=30).contains(&pause), "{pause}");
}

#[test]
fn refused_data_ends_with_the_code_of_the_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret.key"), "x".repeat(64)).expect("writes");
    let status = common::server::pichat()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .env("PICHAT_TLS_MODE", "off")
        .status()
        .expect("runs");
    assert_eq!(status.code().map(|code| code.to_string()), unit_values("Service", "RestartPreventExitStatus").pop());
}

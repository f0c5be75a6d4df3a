//! Notifications to systemd over its socket, and the units.
#![allow(clippy::expect_used, reason = "tests")]

mod common;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{Options, Server};

#[test]
fn systemd_is_notified_of_ready_watchdog_and_stopping() {
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
        let told = analyze
            .args(["security", "--no-pager", "--offline=true", "--threshold=40"])
            .arg(path)
            .output()
            .expect("runs");
        assert!(told.status.success(), "{name}: {}", String::from_utf8_lossy(&told.stdout));
    }
}

#[test]
fn root_units_run_on_the_card_only_and_reach_what_they_write() {
    for name in ["pichat-settings.service", "pichat-code.service"] {
        let text = unit(name);
        assert!(text.contains("\nConditionPathExists=/usr/lib/pichat/appliance\n"), "{name}");
        // The command writes the host name to /proc/sys and remounts the boot partition.
        for breaks in ["ProtectHostname=", "ProtectKernelTunables=", "ProcSubset=", "PrivateUsers=", "User="]
        {
            assert!(!text.contains(&format!("\n{breaks}")), "{name}: {breaks}");
        }
        let written = text.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).expect("is there");
        assert!(
            written.split(' ').all(|path| path.starts_with('-')),
            "{name}: a path that is missing must not end the boot"
        );
        assert!(written.contains("-/boot/firmware"), "{name}");
    }
    assert!(
        unit("pichat-settings.service").contains("ReadWritePaths=-/boot/firmware -/data -/run -/var/lib\n")
    );
}

#[test]
fn reload_checks_the_file_first() {
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
        assert_eq!(
            common::server::pichat_command().arg("check").arg(file).status().expect("runs").success(),
            good
        );
    }
}

/// Returns the values of a key in a section of the unit.
fn unit_values(section: &str, key: &str) -> Vec<String> {
    let unit = include_str!("../systemd/pichat.service");
    let start = unit.find(&format!("[{section}]")).expect("the section");
    let body = unit[start..].lines().skip(1).take_while(|line| !line.starts_with('['));
    body.filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}

/// Returns the exit codes after which systemd does not restart the server.
fn final_codes() -> Vec<i32> {
    let [codes] = &unit_values("Service", "RestartPreventExitStatus")[..] else { panic!("one line") };
    codes.split(' ').map(|code| code.parse().expect("a number")).collect()
}

#[test]
fn unit_gives_up_only_where_a_person_must_act() {
    assert_eq!(final_codes(), [65, 74, 77, 78]);
    assert_eq!(unit_values("Service", "Restart"), ["always"]);
    assert_eq!(unit_values("Unit", "StartLimitIntervalSec"), ["0"], "no limit after which it stays down");
    assert_eq!(unit_values("Service", "RestartSec"), ["5"]);
    let longest: u64 = unit_values("Service", "TimeoutStartSec")[0].parse().expect("seconds");
    assert!(longest > 60 + 30, "the pause counts as a part of the start");
}

#[test]
fn units_are_understood_by_the_systemd_of_this_machine() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let units = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let units = units.filter(|path| path.extension().is_some_and(|end| end == "service" || end == "path"));
    for path in units {
        let told =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().expect("runs");
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        // A missing program is a property of this machine; every other message is a fault of the unit.
        let ours = told.lines().filter(|line| line.contains("/systemd/") && line.contains("ignoring"));
        assert_eq!(ours.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

/// Runs a shell command of the unit in a test folder, with `sleep` replaced by its argument.
fn shell(command: &str, folder: &Path, env: &[(&str, &str)]) -> String {
    let script =
        command.strip_prefix("-/bin/sh -c '").and_then(|rest| rest.strip_suffix('\'')).expect("a script");
    let script = script
        .replace("$$", "$")
        .replace("/run/pichat", &folder.display().to_string())
        .replace("sleep ", "echo ");
    let told = Command::new("sh")
        .arg("-c")
        .arg(script)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(env.iter().copied())
        .output();
    let told = told.expect("runs");
    assert!(told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn pause_grows_with_failed_starts_and_ends_with_a_good_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, after) = (unit_values("Service", "ExecStartPre"), unit_values("Service", "ExecStopPost"));
    let pause = || shell(&before[0], folder.path(), &[]);
    let ended = |result: &str, status: &str| {
        shell(&after[0], folder.path(), &[("SERVICE_RESULT", result), ("EXIT_STATUS", status)])
    };
    let mut pauses = vec![pause()];
    for (result, status) in [
        ("exit-code", "75"),
        ("exit-code", "69"),
        ("watchdog", "ABRT"),
        ("signal", "SEGV"),
        ("exit-code", "75"),
    ] {
        ended(result, status);
        pauses.push(pause());
    }
    for _ in 0..50 {
        ended("exit-code", "75");
    }
    pauses.push(pause());
    // With the 5 s of RestartSec: 5, 10, 20, 60 s.
    assert_eq!(pauses, ["", "", "5", "15", "55", "55", "55"]);
    let count = folder.path().join("failed-starts");
    assert!(count.metadata().expect("is there").len() < 8, "bounded");
    for final_code in final_codes() {
        ended("exit-code", &final_code.to_string());
        assert!(!count.exists(), "{final_code}: the next start is a person's, and waits for nothing");
        ended("exit-code", "75");
    }
    assert!(count.exists());
    ended("success", "0");
    assert!(!count.exists(), "stopped");
    assert_eq!(unit_values("Service", "ExecStartPost"), ["/bin/rm -f /run/pichat/failed-starts"]);
}

#[test]
fn refusals_end_with_a_code_of_the_unit() {
    type Prepare = fn(&Path, &mut Command);
    let cases: [(i32, Prepare); 4] = [
        (74, |folder, _| std::fs::write(folder.join("secret.key"), "x".repeat(64)).expect("writes")),
        (78, |folder, command| {
            std::fs::write(folder.join("wrong.toml"), "[limits]\nrums = 7\n").expect("writes");
            command.arg("--config").arg(folder.join("wrong.toml"));
        }),
        (78, |folder, _| {
            std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))
                .expect("sets");
        }),
        (65, |_, command| {
            command.env("ADMIN_PASS", "admin");
        }),
    ];
    for (code, prepare) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = common::server::pichat_command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path())
            .env("PICHAT_TLS_MODE", "off");
        prepare(folder.path(), &mut command);
        let ended = command.output().expect("runs");
        assert_eq!(ended.status.code(), Some(code), "{}", String::from_utf8_lossy(&ended.stderr));
        assert!(final_codes().contains(&code));
    }
}

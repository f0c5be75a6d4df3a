//! `pichat prove-ephemeral`: its verdict on this build, on planted canaries, and without the right to search.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::Server;
use common::server::pichat_command;

/// User id that no account of this machine has.
const STRANGER: u32 = 64_124;

/// Adds the arguments of a run without a wait: rooms are wiped as soon as no socket is in them.
fn prove(command: &mut Command, data_dir: &Path) {
    command.args(["prove-ephemeral", "--wipe-minutes", "0", "--data-dir"]).arg(data_dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn line<'a>(text: &'a str, place: &str) -> &'a str {
    text.lines().find(|line| line.trim_start().starts_with(place)).unwrap_or_default()
}

#[test]
fn wiped_rooms_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = pichat_command();
    prove(&mut command, folder.path());
    let output = command.output().expect("runs");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Demostrado"), "{text}");
    for place in ["memoria, HTTP ", "memoria, HTTPS", "carpeta de datos", "registro de PiChat"] {
        assert!(line(&text, place).contains("nada en "), "{place}: {text}");
    }
    assert!(line(&text, "antes de borrar").contains("copias en la memoria"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "servers and files are gone");
}

#[test]
fn planted_canary_is_found_in_each_place() {
    let runs: Vec<_> = [
        ("memory", "memoria, HTTP "),
        ("file", "carpeta de datos"),
        ("database", "carpeta de datos"),
        ("log", "registro de PiChat"),
        ("core", "volcados de memoria"),
    ]
    .into_iter()
    .map(|(plant, place)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = pichat_command();
        prove(&mut command, folder.path());
        (place, command.args(["--plant", plant]).spawn().expect("starts"), folder)
    })
    .collect();
    for (place, child, _folder) in runs {
        let output = child.wait_with_output().expect("ends");
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{place}: {text}");
        assert!(line(&text, place).contains(" copias en "), "{place}: {text}");
        assert!(text.contains("no es efímero"), "{text}");
    }
}

#[test]
fn unreadable_memory_is_no_proof() {
    if fs::metadata("/proc/self").expect("is there").uid() != 0 {
        // Only root can make a program that its users cannot read, which takes the right to its memory.
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let set_mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("sets");
    set_mode(folder.path(), 0o755);
    let (program, data) = (folder.path().join("pichat"), folder.path().join("data"));
    fs::copy(pichat_command().get_program(), &program).expect("copies");
    set_mode(&program, 0o711);
    fs::create_dir(&data).expect("makes");
    set_mode(&data, 0o700);
    chown(&data, Some(STRANGER), Some(STRANGER)).expect("root may");
    let mut command = Command::new(&program);
    command.env_clear().uid(STRANGER).gid(STRANGER).current_dir("/");
    prove(&mut command, &data);
    let output = command.output().expect("runs");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    for place in ["memoria, HTTP ", "memoria, HTTPS"] {
        assert!(line(&text, place).contains("sin revisar /proc/"), "{place}: {text}");
    }
    assert!(text.contains("no se pudo revisar todo") && !text.contains("Demostrado"), "{text}");
}

#[test]
fn server_makes_no_core_files() {
    let server = Server::demo();
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("reads");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("a line");
    let figures: Vec<_> = line.split_whitespace().collect();
    assert_eq!(figures[..2], ["0", "0"], "soft and hard limit");
}

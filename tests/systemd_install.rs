//! systemd/install below a test folder; skipped where systemd's tools are missing.
#![allow(clippy::expect_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = "etc/systemd/system/pichat.service";
const PROGRAM: &str = "usr/local/bin/pichat";

/// Stand-in for the binary that satisfies the script.
fn write_binary(path: &Path, version: &str) {
    fs::write(path, format!("#!/bin/sh\necho pichat {version}\n")).expect("writes");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("sets");
}

/// Runs the script in the folder of the binary.
fn install(folder: &Path, binary: &str, root: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/install");
    Command::new(script).arg(binary).current_dir(folder).env("DESTDIR", root).output().expect("runs")
}

fn has_systemd() -> bool {
    ["systemd-sysusers", "systemd-tmpfiles"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok())
}

#[test]
fn install_takes_a_bare_name_and_keeps_the_old_binary() {
    if !has_systemd() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (root, at) = (folder.path().join("root"), |path: &str| folder.path().join("root").join(path));
    let read = |path: &str| fs::read_to_string(at(path)).expect("is there");
    for version in ["1", "2", "2"] {
        write_binary(&folder.path().join("-p"), version);
        let done = install(folder.path(), "-p", &root);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(read(PROGRAM).contains("pichat 2") && read(&format!("{PROGRAM}.old")).contains("pichat 1"));
    assert!(!at(&format!("{PROGRAM}.new")).exists() && at(UNIT).is_file());
    assert!(!at("etc/systemd/journald.conf.d").exists(), "the journal is the machine's");
}

#[test]
fn install_follows_no_link() {
    let folder = tempfile::tempdir().expect("a folder");
    write_binary(&folder.path().join("p"), "1");
    let foreign = folder.path().join("foreign");
    fs::write(&foreign, "another program's").expect("writes");
    for target in [UNIT, PROGRAM, "etc/sysusers.d/pichat.conf"] {
        let root = folder.path().join("root");
        let path = root.join(target);
        fs::create_dir_all(path.parent().expect("has one")).expect("a folder");
        symlink(&foreign, &path).expect("a link");
        let refused = install(folder.path(), "p", &root);
        assert_eq!(refused.status.code(), Some(73), "{target}: {}", String::from_utf8_lossy(&refused.stderr));
        assert_eq!(fs::read_to_string(&foreign).expect("is there"), "another program's");
        fs::remove_file(&path).expect("is there");
        assert!(!root.join(UNIT).exists() && !root.join(PROGRAM).exists(), "nothing was installed");
        fs::remove_dir_all(root).expect("is there");
    }
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    fs::create_dir_all(&root).expect("a folder");
    fs::create_dir_all(&outside).expect("a folder");
    symlink(&outside, root.join("etc")).expect("a link");
    assert_eq!(install(folder.path(), "p", &root).status.code(), Some(73));
    assert_eq!(fs::read_dir(outside).expect("a folder").count(), 0);
}

//! Commands of root on a folder of the server's user, and untrusted folders and keys.
//! Parts that need root are skipped for other users.
#![allow(clippy::expect_used, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::server::{Options, add_user, pichat_command, user_command};
use common::tls::said;

/// User id that no account of this machine has.
const OWNER: u32 = 64_123;

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("is there").uid() == 0
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("sets");
}

/// Returns every file below the folder that does not belong to [`OWNER`].
fn foreign(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("is there");
        if meta.uid() != OWNER || meta.gid() != OWNER {
            found.push(path.display().to_string());
        }
        if meta.is_dir() {
            found.extend(foreign(&path));
        }
    }
    found
}

fn ca(command: &str, data_dir: &Path) -> Output {
    pichat_command()
        .args(["ca", command, "--data-dir"])
        .arg(data_dir)
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .output()
        .expect("runs")
}

#[test]
fn command_as_root_writes_as_the_owner_of_the_folder() {
    if !is_root() {
        return;
    }
    let outer = tempfile::tempdir().expect("a folder");
    set_mode(outer.path(), 0o755);
    let data = outer.path().join("data");
    fs::create_dir(&data).expect("a folder");
    set_mode(&data, 0o700);
    chown(&data, Some(OWNER), Some(OWNER)).expect("root may");
    add_user(&data, "ana", "una-clave-larga", "administrator");
    assert!(user_command(&["lock", "ana"], &data, "").0.success());
    let renewed = ca("renew", &data);
    assert!(renewed.status.success() && said(&renewed).contains("BEGIN CERTIFICATE"), "{}", said(&renewed));
    let line = said(&renewed);
    assert!(line.contains("event=tls.authority_renewed result=ok by=command:root:0 "), "{line}");
    assert!(data.join("pichat.db").exists());
    assert_eq!(foreign(&data), Vec::<String>::new());

    // Link by the server's user to a file that only root may write.
    let (secret, file) = (outer.path().join("secret"), fs::read_dir(&data).expect("a folder"));
    fs::write(&secret, "of root").expect("writes");
    set_mode(&secret, 0o600);
    let authority = file
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "pem"))
        .expect("there");
    fs::remove_file(&authority).expect("is there");
    symlink(&secret, &authority).expect("a link");
    symlink(&secret, data.join("pichat.toml.last-good")).expect("a link");
    assert_eq!(ca("show", &data).status.code(), Some(78));
    assert!(ca("renew", &data).status.success(), "the link is put aside");
    assert_eq!(fs::read_to_string(&secret).expect("text"), "of root");
    let list = pichat_command().args(["user", "list", "--data-dir"]).arg(&data).output().expect("runs");
    assert!(said(&list).contains("ana"), "{}", said(&list));
}

#[test]
fn serve_refuses_folders_and_keys_that_others_can_change() {
    let outer = tempfile::tempdir().expect("a folder");
    let serve = |data: &Path| {
        let log = outer.path().join("log");
        let mut serve = pichat_command();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data-dir"])
            .arg(data);
        serve.env("PICHAT_AUDIT_SYSLOG", "stderr").stderr(fs::File::create(&log).expect("a log"));
        let mut child = serve.spawn().expect("runs");
        // A server that starts here fails the test at once.
        let started = Instant::now();
        let status = loop {
            match child.try_wait().expect("waits") {
                Some(status) => break status.code(),
                None if started.elapsed() > Duration::from_secs(30) => {
                    child.kill().and_then(|()| child.wait()).expect("ends");
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        (status, fs::read_to_string(&log).expect("text"))
    };
    let data = outer.path().join("data");
    fs::create_dir(&data).expect("a folder");
    for mode in [0o775, 0o777, 0o702] {
        set_mode(&data, mode);
        let (code, said) = serve(&data);
        assert!(
            code == Some(78) && said.contains(&format!("chmod go-w {}", data.display())),
            "{code:?} {said}"
        );
        assert_eq!(fs::read_dir(&data).expect("a folder").count(), 0, "nothing is made there");
    }
    set_mode(&data, 0o755);
    add_user(&data, "ana", "una-clave-larga", "administrator");
    fs::write(data.join("secret.key"), "ab".repeat(32)).expect("writes");
    set_mode(&data.join("secret.key"), 0o640);
    let (code, text) = serve(&data);
    assert!(
        code == Some(78) && text.contains(&format!("chmod 600 {}", data.join("secret.key").display())),
        "{code:?} {text}"
    );
    assert_eq!(
        data.join("secret.key").metadata().expect("is there").permissions().mode() & 0o777,
        0o640,
        "nor is it changed"
    );
    fs::rename(data.join("secret.key"), outer.path().join("elsewhere")).expect("renames");
    set_mode(&outer.path().join("elsewhere"), 0o600);
    symlink(outer.path().join("elsewhere"), data.join("secret.key")).expect("a link");
    let (code, text) = serve(&data);
    assert!(code == Some(78) && text.contains("enlace"), "{code:?} {text}");
    fs::remove_file(data.join("secret.key")).expect("is there");
    if is_root() {
        let all = Command::new("chown")
            .arg("-R")
            .arg(format!("{OWNER}:{OWNER}"))
            .arg(&data)
            .status()
            .expect("runs");
        assert!(all.success());
        let (code, text) = serve(&data);
        assert!(code == Some(77) && text.contains(&OWNER.to_string()), "{code:?} {text}");
        assert_eq!(foreign(&data), Vec::<String>::new());
    }
}

#[test]
fn demo_serves_from_a_folder_that_others_can_write_to() {
    let folder = tempfile::tempdir().expect("a folder");
    set_mode(folder.path(), 0o775);
    let server = common::Server::start(Options::default().data_dir(folder.path()));
    assert!(server.banner.contains("127.0.0.1"));
}

//! Copy of the last good settings file in the data folder.
#![allow(clippy::expect_used, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use common::server::pichat_command;
use common::tls::said;
use common::{Options, Server};

const COPY: &str = "pichat.toml.last-good";

#[test]
fn good_settings_are_kept_and_named_when_the_file_breaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = "# todo\n[limits]\nrooms = 7\n";
    // Whatever lies there is replaced and never followed.
    let foreign = folder.path().join("foreign");
    fs::write(&foreign, "untouched").expect("writes");
    symlink(&foreign, folder.path().join(COPY)).expect("a link");
    let mut server = Server::start(Options { serve: true, ..Options::config(first) }.data_dir(folder.path()));
    let copy = folder.path().join(COPY);
    let kept = || fs::read_to_string(&copy).expect("is there");
    assert_eq!(
        (kept().as_str(), fs::read_to_string(&foreign).expect("is there").as_str()),
        (first, "untouched")
    );
    let meta = copy.symlink_metadata().expect("is there");
    assert!(meta.is_file() && meta.permissions().mode() & 0o777 == 0o600);

    let second = "# todo\n[limits]\nrooms = 9\n";
    fs::write(server.config_file(), second).expect("writes");
    server.signal("HUP");
    server.wait_for_line("event=server.reloaded");
    assert_eq!(kept(), second);
    fs::write(server.config_file(), "[limits]\nrums = 3\n").expect("writes");
    server.signal("HUP");
    server.wait_for_line("event=config.rejected");
    assert_eq!(kept(), second, "a broken file is not kept");
    server.signal("TERM");
    assert!(server.wait().success());

    let start = |text: &str, flag: bool| {
        let file = folder.path().join("broken.toml");
        fs::write(&file, text).expect("writes");
        let mut serve = pichat_command();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
        if flag {
            serve.arg("--data-dir").arg(folder.path());
        }
        let run = serve.output().expect("runs");
        (run.status.code(), said(&run))
    };
    let named = format!("data_dir = \"{}\"\n[limits]\nrooms = = 3\n", folder.path().display());
    for (text, flag) in [("[limits]\nrooms = = 3\n", true), (named.as_str(), false)] {
        let (code, said) = start(text, flag);
        assert!(code == Some(78) && said.contains("rooms") | said.contains("TOML"), "{said}");
        assert!(
            said.contains(&format!("La última configuración buena está en {}", copy.display())),
            "{said}"
        );
    }
    fs::remove_file(&copy).expect("is there");
    let (code, said) = start("[limits]\nrooms = = 3\n", true);
    assert!(code == Some(78) && !said.contains("última"), "{said}");
}

#[test]
fn demo_keeps_no_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let _server = Server::start(Options::config("[limits]\nrooms = 7\n").data_dir(folder.path()));
    assert!(!folder.path().join(COPY).exists());
}

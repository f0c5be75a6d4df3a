//! `pichat selftest` on this machine: its report, its proposal, and no files afterwards.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::process::Output;

use common::server::pichat_command;

fn selftest(data_dir: &std::path::Path) -> Output {
    pichat_command().args(["selftest", "--data-dir"]).arg(data_dir).output().expect("runs")
}

#[test]
fn selftest_reports_capacity_and_leaves_no_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let output = selftest(&data);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for words in [
        "Este equipo aguanta unas ",
        "This device supports about ",
        "El Wi-Fi no hace parte",
        "Wi-Fi is not part",
        "Lo que pone el límite",
        "What limits it",
    ] {
        assert!(text.contains(words), "{words:?} is missing in: {text}");
    }
    assert_eq!(data.read_dir().expect("was made").count(), 0, "the server under test and its files are gone");
    // The proposed settings are accepted.
    let (_, limits) = text.split_once("[limits]\n").expect("proposes limits");
    let file = folder.path().join("pichat.toml");
    std::fs::write(&file, format!("[limits]\n{limits}")).expect("writes");
    let checked = pichat_command().arg("check").arg(&file).output().expect("runs");
    assert!(checked.status.success(), "{limits}{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn uncreatable_folder_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("taken");
    std::fs::write(&file, "").expect("writes");
    let output = selftest(&file);
    assert_eq!(output.status.code(), Some(73), "{}", String::from_utf8_lossy(&output.stderr));
}

//! Files of the device's authority over restarts, renewal and damage.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::Options;
use common::server::pichat_command;
use common::tls::{Secure, authority_file, said};

#[test]
fn authority_is_kept_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Secure::start(Options::default().data_dir(folder.path()));
    let first = start();
    let file = authority_file(folder.path());
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("PRIVATE KEY"));
    first.server.wait_for_line("event=tls.authority_made result=ok reason=first");
    for path in ["", "/static", "/static/..", "/static/%2e%2e"].map(|folder| format!("{folder}/{name}")) {
        let path = path.as_str();
        assert_ne!(first.plain().get(path).status, 200, "{path}");
        assert_ne!(first.get(path, "").status, 200, "{path}");
    }
    assert!(!first.authority.contains("PRIVATE"));
    let (authority, log) = (first.authority.clone(), first.server.stderr());
    assert!(!log.contains("PRIVATE"));
    drop(first);
    let again = start();
    assert_eq!(again.authority, authority);
    assert!(!again.server.stderr().contains("tls.authority_made"));
    drop(again);

    let ca = |command: &str| {
        pichat_command().args(["ca", command, "--data-dir"]).arg(folder.path()).output().unwrap()
    };
    let before = said(&ca("show"));
    assert!(before.starts_with("Huella: ") && before.contains(authority.trim_end()), "{before}");
    let renewed = said(&ca("renew"));
    assert!(renewed.contains("BEGIN CERTIFICATE") && !renewed.contains(authority.trim_end()), "{renewed}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let aside = folder.path().join(format!("{name}.replaced-1"));
    assert!(std::fs::read_to_string(&aside).unwrap().contains(authority.trim_end()), "the old one is kept");
    let after = start();
    assert!(renewed.contains(after.authority.trim_end()));
    drop(after);

    std::fs::write(&file, "noise").unwrap();
    let damaged = start();
    damaged.server.wait_for_line("event=tls.authority_damaged result=failed kept=");
    damaged.server.wait_for_line("event=tls.authority_made result=ok reason=damaged");
    let aside = format!("{name}.damaged-1");
    let line = damaged.server.wait_for_line("pichat: la autoridad de certificados no se podía usar");
    assert!(line.contains(&aside) && !damaged.authority.contains(authority.trim_end()), "{line}");
    assert_eq!(std::fs::read_to_string(folder.path().join(aside)).unwrap(), "noise");
    drop(damaged);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut open = pichat_command();
    open.args(["serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data-dir"]);
    let refused = open.arg(folder.path()).output().unwrap();
    assert!(refused.status.code() == Some(78) && said(&refused).contains("chmod 600"), "{}", said(&refused));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(
        pichat_command().args(["ca", "show", "--data-dir"]).arg(empty.path()).output().unwrap().status.code(),
        Some(66)
    );
}

//! What systemd is told, over a socket as it would be.
#![allow(clippy::expect_used, reason = "tests")]

mod common;

use std::os::unix::net::UnixDatagram;
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

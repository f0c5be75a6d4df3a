//! Cases 7: close frames, their codes, and what comes after them.

use crate::peer::{CLOSE, CONTINUATION, Chops, EVERY, FIN, PING, Stage, TEXT, echo, frame, hello};

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

#[test]
fn frames_after_close_are_ignored() {
    let stage = Stage::new();
    let mut peer = stage.open();
    peer.send(&hello("Hello World!"));
    assert_eq!(peer.next(), echo("Hello World!"), "case 7.1.1");
    peer.send(&close(1000, ""));
    peer.ends("7.1.1", Some(1000));

    for chops in EVERY {
        let closes = |id: &str, frames: &[Vec<u8>]| stage.closes(id, chops, frames, Some(1000));
        closes("7.1.2", &[close(1000, ""), frame(FIN | CLOSE, "")]);
        closes("7.1.3", &[close(1000, ""), frame(FIN | PING, "")]);
        closes("7.1.4", &[close(1000, ""), hello("Hello World!")]);
        closes("7.1.5", &[frame(TEXT, "fragment1"), close(1000, ""), frame(FIN | CONTINUATION, "fragment2")]);
    }
    let long = frame(FIN | TEXT, "BAsd7&jh23".repeat(1 << 15));
    stage.closes(
        "7.1.6",
        Chops::Whole,
        &[long, hello("Hello World!"), close(1000, ""), frame(FIN | PING, "")],
        Some(1009),
    );
}

#[test]
fn close_frame_lengths() {
    let stage = Stage::new();
    for chops in EVERY {
        let closes = |id: &str, sent: Vec<u8>, code| stage.closes(id, chops, &[sent], code);
        closes("7.3.1", frame(FIN | CLOSE, ""), None);
        closes("7.3.2", frame(FIN | CLOSE, "a"), Some(1002));
        closes("7.3.3", close(1000, ""), Some(1000));
        closes("7.3.4", close(1000, "Hello World!"), Some(1000));
        closes("7.3.5", close(1000, [b'*'; 123]), Some(1000));
        closes("7.3.6", close(1000, [b'*'; 124]), Some(1002));
    }
}

#[test]
fn codes_and_reasons() {
    let stage = Stage::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        stage.closes(&format!("7.7.X, {code}"), Chops::Whole, &[close(code, "")], Some(code));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999] {
        stage.closes(&format!("7.9.X, {code}"), Chops::Whole, &[close(code, "")], Some(1002));
    }
    for (id, code) in [("7.13.1", 5000), ("7.13.2", 65_535)] {
        stage.closes(id, Chops::Whole, &[close(code, "")], Some(1002));
    }
    let mut peer = stage.open();
    peer.send(&close(
        1000,
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
    ));
    // RFC 6455 section 8.1 allows either.
    peer.ends_with_one_of("7.5.1", &[1002, 1007]);
}

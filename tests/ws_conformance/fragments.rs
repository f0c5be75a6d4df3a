//! Cases 5: messages in fragments, and control frames between them.

use crate::peer::{CONTINUATION, Chops, EVERY, Event, FIN, PING, PONG, Stage, TEXT, echo, frame, request};

/// Returns a request in that many fragments.
fn fragments(count: usize) -> Vec<Vec<u8>> {
    let text = request("fragment1fragment2");
    let pieces: Vec<_> = text.as_bytes().chunks(text.len().div_ceil(count)).collect();
    assert_eq!(pieces.len(), count);
    let first = |n: usize| if n == 0 { TEXT } else { CONTINUATION } | if n + 1 == count { FIN } else { 0 };
    pieces.into_iter().enumerate().map(|(n, piece)| frame(first(n), piece)).collect()
}

#[test]
fn legal_fragmentation_is_accepted() {
    let stage = Stage::new();
    let back = || echo("fragment1fragment2");
    let ping = |payload: &str| frame(FIN | PING, payload);
    let pong = |payload: &str| Event::Pong(payload.as_bytes().to_vec());
    let two = fragments(2);
    for (id, chops) in [("5.3", Chops::Whole), ("5.4", Chops::Frames), ("5.5", Chops::Octets)] {
        stage.answers(id, chops, &two, &[back()]);
    }
    let between = [two[0].clone(), ping("ping payload"), two[1].clone()];
    for (id, chops) in [("5.6", Chops::Whole), ("5.7", Chops::Frames), ("5.8", Chops::Octets)] {
        stage.answers(id, chops, &between, &[pong("ping payload"), back()]);
    }
    // The first ping is answered before the message is complete.
    let five = fragments(5);
    for (id, frames) in [("5.19", false), ("5.20", true)] {
        let mut peer = stage.open();
        let mut send = |parts: [&[u8]; 3], want: Event| {
            if frames {
                parts.iter().for_each(|part| peer.send(part));
            } else {
                peer.send(&parts.concat());
            }
            assert_eq!(peer.next(), want, "case {id}");
        };
        send([&five[0], &five[1], &ping("pongme 1!")], pong("pongme 1!"));
        send([&five[2], &five[3], &ping("pongme 2!")], pong("pongme 2!"));
        send([&five[4], b"", b""], back());
    }
    for chops in EVERY {
        stage.answers("5 many", chops, &fragments(20), &[back()]);
    }
}

#[test]
fn illegal_fragmentation_is_refused() {
    let stage = Stage::new();
    let whole = || frame(FIN | TEXT, request("antes"));
    let stray = |fin: u8| frame(fin | CONTINUATION, "non-continuation payload");
    let fails = |id: &str, chops: Chops, frames: &[Vec<u8>]| stage.closes(id, chops, frames, Some(1002));
    for chops in EVERY {
        fails("5.1", chops, &[frame(PING, "fragment1"), frame(FIN | CONTINUATION, "fragment2")]);
        fails("5.2", chops, &[frame(PONG, "fragment1"), frame(FIN | CONTINUATION, "fragment2")]);
    }
    for (id, fin, chops) in [
        ("5.9", FIN, Chops::Whole),
        ("5.10", FIN, Chops::Frames),
        ("5.11", FIN, Chops::Octets),
        ("5.12", 0, Chops::Whole),
        ("5.13", 0, Chops::Frames),
        ("5.14", 0, Chops::Octets),
    ] {
        fails(id, chops, &[stray(fin), whole()]);
    }
    let text = request("antes");
    let (start, rest) = text.split_at(9);
    let legal = [frame(TEXT, start), frame(FIN | CONTINUATION, rest)];
    fails("5.15", Chops::Whole, &[legal.concat(), stray(0), whole()]);
    for (id, fin) in [("5.16", 0), ("5.17", FIN)] {
        let once = [stray(fin), legal.concat()].concat();
        fails(id, Chops::Whole, &[once.clone(), once]);
    }
    fails("5.18", Chops::Whole, &[frame(TEXT, "fragment1"), frame(FIN | TEXT, "fragment2")]);
}

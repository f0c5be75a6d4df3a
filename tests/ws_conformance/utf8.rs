//! Cases 6: UTF-8 in text messages, complete, in fragments and split within a character.
//!
//! The sequences of 6.5 to 6.23 are those of Markus Kuhn's UTF-8 decoder stress test, in the suite's order.

use crate::peer::{CONTINUATION, Chops, EVERY, Event, FIN, PING, Stage, TEXT, echo, frame, request};

const KOSME: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
const EDITED: &[u8] = b"edited";

/// Sends one octet in each frame.
fn split(payload: &[u8]) -> Vec<Vec<u8>> {
    let last = payload.len().saturating_sub(1);
    let first = |n: usize| if n == 0 { TEXT } else { CONTINUATION } | if n == last { FIN } else { 0 };
    payload.iter().enumerate().map(|(n, octet)| frame(first(n), [*octet])).collect()
}

#[test]
fn valid_messages_in_fragments() {
    let stage = Stage::new();
    stage.answers("6.1.1", Chops::Whole, &[frame(FIN | TEXT, "")], &[echo("bad_request")]);
    let empty = [frame(TEXT, ""), frame(CONTINUATION, ""), frame(FIN | CONTINUATION, "")];
    stage.answers("6.1.2", Chops::Whole, &empty, &[echo("bad_request")]);
    let middle = [frame(TEXT, ""), frame(CONTINUATION, request("middle")), frame(FIN | CONTINUATION, "")];
    stage.answers("6.1.3", Chops::Whole, &middle, &[echo("middle")]);

    let text = "Hello-µ@ßöäüàá-UTF-8!!";
    let sent = request(text);
    let at = sent.find('ü').expect("is there");
    for chops in EVERY {
        stage.answers("6.2.1", chops, &[frame(FIN | TEXT, &sent)], &[echo(text)]);
        let two = [frame(TEXT, &sent[..at]), frame(FIN | CONTINUATION, &sent[at..])];
        stage.answers("6.2.2", chops, &two, &[echo(text)]);
        stage.answers("6.2.3", chops, &split(sent.as_bytes()), &[echo(text)]);
        stage.answers("6.2.4", chops, &split(request("κόσμε").as_bytes()), &[echo("κόσμε")]);
    }
}

#[test]
fn invalid_messages_in_fragments() {
    let stage = Stage::new();
    let invalid = [KOSME, b"\xed\xa0\x80", EDITED].concat();
    for chops in EVERY {
        stage.closes("6.3.1", chops, &[frame(FIN | TEXT, &invalid)], Some(1007));
        stage.closes("6.3.2", chops, &split(&invalid), Some(1007));
    }
}

#[test]
fn invalid_messages_fail_fast() {
    let stage = Stage::new();
    let past = b"\xf4\x90\x80\x80";
    let whole = [KOSME, past, EDITED].concat();
    for (id, valid, wrong) in [("6.4.1", KOSME, &past[..]), ("6.4.2", &whole[..12], &whole[12..13])] {
        let mut peer = stage.open();
        peer.send(&[frame(TEXT, valid), frame(FIN | PING, "A")].concat());
        assert_eq!(peer.next(), Event::Pong(b"A".to_vec()), "case {id}: the first fragment is taken");
        // The fault is found before the final fragment.
        peer.send(&frame(CONTINUATION, wrong));
        peer.ends(id, Some(1007));
    }
    // Within one frame the server waits for its end, which the suite calls non-strict.
    let one = frame(FIN | TEXT, &whole);
    let head = one.len() - whole.len();
    for (id, cuts) in [("6.4.3", [KOSME.len(), 15]), ("6.4.4", [12, 13])] {
        let mut peer = stage.open();
        let [first, second] = cuts.map(|cut| head + cut);
        for piece in [&one[..first], &one[first..second], &one[second..]] {
            peer.send(piece);
        }
        peer.ends(id, Some(1007));
    }
}

/// Groups of sequences; the standard library decides which are UTF-8, and the count confirms it.
fn sequences() -> Vec<(&'static str, Vec<Vec<u8>>, usize)> {
    let list = |items: &[&[u8]]| items.iter().map(|item| item.to_vec()).collect::<Vec<_>>();
    let range = |from: u8, to: u8| (from..to).collect::<Vec<u8>>();
    let starts =
        |from: u8, to: u8| range(from, to).into_iter().flat_map(|octet| [octet, b' ']).collect::<Vec<u8>>();
    let cut: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    let surrogates: [&[u8]; 7] = [
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbe\x80",
        b"\xed\xbf\xbf",
    ];
    let pairs = [0, 1, 2, 3]
        .into_iter()
        .flat_map(|high| [4, 6].map(|low| [surrogates[high], surrogates[low]].concat()))
        .collect();
    let continuations: [&[u8]; 7] = [
        b"\x80",
        b"\xbf",
        b"\x80\xbf",
        b"\x80\xbf\x80",
        b"\x80\xbf\x80\xbf",
        b"\x80\xbf\x80\xbf\x80",
        b"\x80\xbf\x80\xbf\x80\xbf",
    ];
    let planes = (0..=16_u32)
        .flat_map(|plane| [0xfffe, 0xffff].map(|last| plane << 16 | last))
        .filter_map(char::from_u32);
    vec![
        (
            "6.5",
            list(&[
                b"hello$world",
                b"hello\xc2\xa2world",
                b"hello\xe2\x82\xacworld",
                b"hello\xf0\xa4\xad\xa2world",
                KOSME,
            ]),
            5,
        ),
        ("6.6", (1..=KOSME.len()).map(|end| KOSME[..end].to_vec()).collect(), 5),
        ("6.7", list(&[b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]), 4),
        ("6.8", list(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]), 0),
        ("6.9", list(&[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]), 4),
        ("6.10", list(&[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]), 0),
        (
            "6.11",
            list(&[
                b"\xed\x9f\xbf",
                b"\xee\x80\x80",
                b"\xef\xbf\xbd",
                b"\xf4\x8f\xbf\xbf",
                b"\xf4\x90\x80\x80",
            ]),
            4,
        ),
        ("6.12", [list(&continuations), vec![range(0x80, 0xbf)]].concat(), 0),
        (
            "6.13",
            [(0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd)]
                .map(|(a, b)| starts(a, b))
                .to_vec(),
            0,
        ),
        ("6.14", list(&cut), 0),
        ("6.15", vec![cut.concat()], 0),
        ("6.16", list(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]), 0),
        (
            "6.17",
            list(&[
                b"\xc0\xaf",
                b"\xe0\x80\xaf",
                b"\xf0\x80\x80\xaf",
                b"\xf8\x80\x80\x80\xaf",
                b"\xfc\x80\x80\x80\x80\xaf",
            ]),
            0,
        ),
        (
            "6.18",
            list(&[
                b"\xc1\xbf",
                b"\xe0\x9f\xbf",
                b"\xf0\x8f\xbf\xbf",
                b"\xf8\x87\xbf\xbf\xbf",
                b"\xfc\x83\xbf\xbf\xbf\xbf",
            ]),
            0,
        ),
        (
            "6.19",
            list(&[
                b"\xc0\x80",
                b"\xe0\x80\x80",
                b"\xf0\x80\x80\x80",
                b"\xf8\x80\x80\x80\x80",
                b"\xfc\x80\x80\x80\x80\x80",
            ]),
            0,
        ),
        ("6.20", list(&surrogates), 0),
        ("6.21", pairs, 0),
        ("6.22", planes.map(|c| c.to_string().into_bytes()).collect(), 34),
        ("6.23", ('\u{fff9}'..='\u{ffff}').map(|c| c.to_string().into_bytes()).collect(), 7),
    ]
}

#[test]
fn utf8_stress_test() {
    let stage = Stage::new();
    for (group, sequences, valid) in sequences() {
        assert_eq!(
            sequences.iter().filter(|s| std::str::from_utf8(s).is_ok()).count(),
            valid,
            "case {group}"
        );
        for (n, sequence) in (1..).zip(sequences) {
            let id = format!("{group}.{n}");
            for frames in [vec![frame(FIN | TEXT, &sequence)], split(&sequence)] {
                let Ok(text) = std::str::from_utf8(&sequence) else {
                    stage.closes(&id, Chops::Whole, &frames, Some(1007));
                    continue;
                };
                // A valid text that is no request; as the `ref` of a request it is echoed.
                stage.answers(&id, Chops::Whole, &frames, &[echo("bad_request")]);
                stage.answers(&id, Chops::Whole, &split(request(text).as_bytes()), &[echo(text)]);
            }
        }
    }
}

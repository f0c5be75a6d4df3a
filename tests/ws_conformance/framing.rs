//! Cases 1 to 4, 9 and 10: framing, pings and pongs, reserved bits, opcodes, and messages over the limit.

use crate::peer::{
    BINARY, CLOSE, CONTINUATION, Chops, EVERY, Event, FIN, PING, PONG, Stage, TEXT, echo, frame, hello,
    request,
};

/// Returns a request of exactly that many octets.
fn padded(length: usize) -> String {
    let text = request("eco");
    let blanks = " ".repeat(length - text.len());
    text + &blanks
}

#[test]
fn text_messages() {
    let stage = Stage::new();
    stage.answers("1.1.1", Chops::Whole, &[frame(FIN | TEXT, "")], &[echo("bad_request")]);
    for (id, length) in [("1.1.2", 125), ("1.1.3", 126), ("1.1.4", 127), ("1.1.5", 128)] {
        for chops in EVERY {
            stage.answers(id, chops, &[frame(FIN | TEXT, padded(length))], &[echo("eco")]);
        }
    }
    stage.answers("1.1 at the limit", Chops::Whole, &[frame(FIN | TEXT, padded(49_024))], &[echo("eco")]);
    for (id, length) in [("1.1 over it", 49_025), ("1.1.6", 65_535), ("1.1.7", 65_536), ("9.1.1", 1 << 18)] {
        stage.closes(id, Chops::Whole, &[frame(FIN | TEXT, padded(length))], Some(1009));
    }
    let long = frame(FIN | TEXT, padded(65_536));
    let chops: Vec<_> = long.chunks(997).map(<[u8]>::to_vec).collect();
    stage.closes("1.1.8", Chops::Frames, &chops, Some(1009));
    for (id, size) in [("9.3.1", 64), ("9.3.5", 4096), ("10.1.1", 1300)] {
        let text = padded(65_536);
        let pieces = text.as_bytes().chunks(size).enumerate();
        let frames: Vec<_> =
            pieces.map(|(n, piece)| frame(if n == 0 { TEXT } else { CONTINUATION }, piece)).collect();
        stage.closes(id, Chops::Whole, &frames, Some(1009));
    }
}

#[test]
fn binary_messages_are_refused() {
    let stage = Stage::new();
    for (id, length) in [("1.2.1", 0), ("1.2.2", 125), ("1.2.3", 126), ("1.2.4", 127), ("1.2.5", 128)] {
        for chops in EVERY {
            stage.closes(id, chops, &[frame(FIN | BINARY, vec![0xfe; length])], Some(1003));
        }
    }
    stage.closes("1.2 in fragments", Chops::Frames, &[frame(BINARY, [0xfe]), frame(FIN, [0xfe])], Some(1003));
    for (id, length) in [("1.2.6", 65_535), ("1.2.7", 65_536), ("9.2.1", 1 << 18)] {
        stage.closes(id, Chops::Whole, &[frame(FIN | BINARY, vec![0xfe; length])], Some(1009));
    }
    let long = frame(FIN | BINARY, vec![0xfe; 65_536]);
    let chops: Vec<_> = long.chunks(997).map(<[u8]>::to_vec).collect();
    stage.closes("1.2.8", Chops::Frames, &chops, Some(1009));
}

#[test]
fn pings_and_pongs() {
    let stage = Stage::new();
    let ping = |payload: &[u8]| frame(FIN | PING, payload);
    let pong = |payload: &[u8]| Event::Pong(payload.to_vec());
    for (id, payload) in [
        ("2.1", &b""[..]),
        ("2.2", b"Hello, world!"),
        ("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        ("2.4", &[0xfe; 125]),
    ] {
        stage.answers(id, Chops::Whole, &[ping(payload)], &[pong(payload)]);
    }
    for chops in EVERY {
        stage.closes("2.5", chops, &[ping(&[0xfe; 126])], Some(1002));
    }
    stage.answers("2.6", Chops::Octets, &[ping(&[0xfe; 125])], &[pong(&[0xfe; 125])]);
    stage.answers("2.7", Chops::Whole, &[frame(FIN | PONG, "")], &[]);
    stage.answers("2.8", Chops::Whole, &[frame(FIN | PONG, "unsolicited pong payload")], &[]);
    stage.answers(
        "2.9",
        Chops::Whole,
        &[frame(FIN | PONG, "unsolicited"), ping(b"ping payload")],
        &[pong(b"ping payload")],
    );
    let payloads: Vec<_> = (0..10).map(|n| format!("payload-{n}")).collect();
    let pings: Vec<_> = payloads.iter().map(|payload| ping(payload.as_bytes())).collect();
    let pongs: Vec<_> = payloads.iter().map(|payload| pong(payload.as_bytes())).collect();
    stage.answers("2.10", Chops::Whole, &pings, &pongs);
    stage.answers("2.11", Chops::Octets, &pings, &pongs);
}

#[test]
fn reserved_bits() {
    let stage = Stage::new();
    let reserved = |bits: u8, opcode: u8| frame(FIN | bits << 4 | opcode, "Hello, world!");
    let ping = frame(FIN | PING, "");
    stage.closes("3.1", Chops::Whole, &[reserved(1, TEXT)], Some(1002));
    for (id, bits, chops) in [("3.2", 2, Chops::Whole), ("3.3", 3, Chops::Frames), ("3.4", 4, Chops::Octets)]
    {
        stage.closes(id, chops, &[hello("antes"), reserved(bits, TEXT), ping.clone()], Some(1002));
    }
    stage.closes("3.5", Chops::Whole, &[reserved(5, BINARY)], Some(1002));
    stage.closes("3.6", Chops::Whole, &[reserved(6, PING)], Some(1002));
    stage.closes("3.7", Chops::Whole, &[frame(FIN | 0x70 | CLOSE, 1000_u16.to_be_bytes())], Some(1002));
}

#[test]
fn reserved_opcodes() {
    let stage = Stage::new();
    let ping = frame(FIN | PING, "");
    for (group, opcodes) in [("4.1", 3..=7_u8), ("4.2", 11..=15)] {
        for (n, opcode) in (1..).zip(opcodes) {
            for payload in ["", "reserved opcode payload"] {
                let id = format!("{group}.{n} with {payload:?}");
                let unknown = frame(FIN | opcode, payload);
                stage.closes(&id, Chops::Whole, &[unknown.clone(), ping.clone()], Some(1002));
                for chops in EVERY {
                    stage.closes(&id, chops, &[hello("antes"), unknown.clone(), ping.clone()], Some(1002));
                }
            }
        }
    }
}

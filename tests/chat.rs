//! Rooms: joins, presence, messages and their order (`docs/API.md`).
#![allow(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Client, Options, Server, Socket, here};
use serde_json::{Value, json};

/// Rate limits out of reach, where a test is not about them.
const UNHURRIED: &str =
    "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\njoins_per_minute = 1000000\n";

fn unhurried(more: &str) -> Server {
    Server::start(Options::config(&format!("{UNHURRIED}{more}")))
}

/// Asserts that the answer is the next frame, and returns it.
fn at_once(socket: &mut Socket, request: Value) -> Value {
    socket.send(&request);
    socket.recv()
}

#[track_caller]
fn assert_error(frame: &Value, code: &str) {
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!(code)), "{frame}");
    assert!(frame["detail"].as_str().is_some_and(|d| !d.is_empty()), "people are told too: {frame}");
}

#[track_caller]
fn assert_presence(frame: &Value, room: &str, user: &str, event: &str) {
    assert_time(&frame["at"]);
    let mut rest = frame.clone();
    rest["at"].take();
    assert_eq!(rest, json!({"type": "presence", "room": room, "user": user, "event": event, "at": null}));
}

/// Checks for RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.999Z`.
#[track_caller]
fn assert_time(at: &Value) {
    let text = at.as_str().expect("a text");
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{text}");
}

/// Returns the texts that `socket` receives until `last` arrives.
fn texts_until(socket: &mut Socket, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let text = socket.recv_type("message")["text"].as_str().expect("a text").to_owned();
        if text == last {
            return texts;
        }
        texts.push(text);
    }
}

#[test]
fn create_join_talk_leave() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    let made = at_once(
        &mut a,
        json!({"type": "join", "ref": "1", "room": "Sala_1-b", "password": "secreta", "kind": "private"}),
    );
    assert_eq!(
        made,
        json!({"type": "joined", "ref": "1", "room": "Sala_1-b", "kind": "private", "created": true, "members": here(&["cliente"]),
               "seq": 0, "read": 0, "maker": true})
    );
    // The kind of an existing room is ignored.
    let entered = b.join("Sala_1-b", "secreta", "group");
    assert_eq!((&entered["kind"], &entered["created"]), (&json!("private"), &json!(false)));
    assert_eq!(entered["members"], here(&["cliente", "usuario"]));
    assert_presence(&a.recv(), "Sala_1-b", "usuario", "joined");

    a.send(&json!({"type": "send", "ref": "2", "room": "Sala_1-b", "text": "hola"}));
    let mut frames = [a.recv(), a.recv()];
    frames.sort_by_key(|frame| frame["type"] == "sent");
    let [message, sent] = frames;
    assert_time(&sent["at"]);
    let at = &sent["at"];
    assert_eq!(sent, json!({"type": "sent", "ref": "2", "room": "Sala_1-b", "seq": 1, "at": at}));
    let want =
        json!({"type": "message", "room": "Sala_1-b", "seq": 1, "user": "cliente", "text": "hola", "at": at});
    assert_eq!(message, want, "the sender gets it like all others");
    assert_eq!(b.recv(), want);

    let left = at_once(&mut b, json!({"type": "leave", "ref": "3", "room": "Sala_1-b"}));
    assert_eq!(left, json!({"type": "left", "ref": "3", "room": "Sala_1-b", "reason": "left"}));
    assert_presence(&a.recv(), "Sala_1-b", "usuario", "left");
    assert_eq!(a.send_message("Sala_1-b", "¿sigues?")["seq"], 2);
    let again = at_once(&mut b, json!({"type": "leave", "ref": "4", "room": "Sala_1-b"}));
    assert_error(&again, "not_member");
    let back = b.join("Sala_1-b", "secreta", "private");
    assert_eq!((&back["type"], &back["seq"]), (&json!("joined"), &json!(2)), "the last number given");
}

#[test]
fn wrong_room_password_costs_a_doubling_pause() {
    let server = Server::demo();
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    let mut owner = Client::admin(&server).socket();
    owner.join_default("sala");
    owner.join_default("otra");
    let wrong = |socket: &mut Socket, seconds: u64| {
        let started = Instant::now();
        let refused = socket.join("sala", "no es esta", "group");
        assert_error(&refused, "wrong_password");
        assert_eq!(refused["retry_after"], seconds);
        // During the pause the right password is not checked either; a slow machine may have missed the
        // pause.
        let meanwhile = socket.join("sala", "secreta", "group");
        if started.elapsed() < Duration::from_secs(seconds) {
            assert_error(&meanwhile, "rate_limited");
            assert!(
                meanwhile["retry_after"].as_u64().is_some_and(|s| (1..=seconds).contains(&s)),
                "{meanwhile}"
            );
        }
    };
    let after_the_pause = |socket: &mut Socket, password: &str| loop {
        let answer = socket.join("sala", password, "group");
        if answer["code"] != "rate_limited" {
            return answer;
        }
        std::thread::sleep(Duration::from_secs(answer["retry_after"].as_u64().expect("seconds")));
    };
    wrong(&mut a, 3);
    assert_eq!(b.join("otra", "secreta", "group")["type"], "joined", "another person");
    assert_eq!(a.join("otra", "secreta", "group")["type"], "joined", "another room");
    wrong(&mut b, 3);
    let second = after_the_pause(&mut a, "tampoco");
    assert_error(&second, "wrong_password");
    assert_eq!(second["retry_after"], 6);
    let right = after_the_pause(&mut b, "secreta");
    assert_eq!(right["members"], here(&["admin", "usuario"]), "who guessed wrong was never in: {right}");
    assert_presence(&owner.recv_type("presence"), "otra", "usuario", "joined");
}

#[test]
fn lobby_lists_group_rooms_and_all_to_administrators() {
    let server = unhurried("");
    let (cliente, admin) = (Client::cliente(&server), Client::admin(&server));
    let (mut a, mut a2, mut b) = (cliente.socket(), cliente.socket(), Client::usuario(&server).socket());
    for socket in [&mut a, &mut a2, &mut b] {
        socket.join("abierta", "secreta", "group");
    }
    b.join("secreto", "secreta", "private");
    let group = json!({"room": "abierta", "kind": "group", "members": 2});
    let private = json!({"room": "secreto", "kind": "private", "members": 1});
    assert_eq!(cliente.get("/api/rooms").json(), json!([group]), "people, not sockets");
    let mut all = admin.get("/api/rooms").json();
    all.as_array_mut().expect("a list").sort_by_key(|row| row["room"].to_string());
    assert_eq!(all, json!([group, private]));
    assert_eq!(Client::usuario(&server).get("/api/rooms").json(), json!([group]), "not even to its member");
}

#[test]
fn presence_is_per_user_not_per_session() {
    let server = unhurried("");
    let (mut a, mut a2) = (Client::cliente(&server).socket(), Client::cliente(&server).socket());
    let mut b = Client::usuario(&server).socket();
    b.join_default("sala");
    a.join_default("sala");
    assert_presence(&b.recv(), "sala", "cliente", "joined");
    assert_eq!(a2.join_default("sala")["members"], here(&["cliente", "usuario"]));
    a.request(json!({"type": "leave", "room": "sala"}));
    a2.send_message("sala", "aquí sigo");
    let next = b.recv();
    assert_eq!(next["text"], "aquí sigo", "neither a second `joined` nor a first `left`: {next}");
    a2.request(json!({"type": "leave", "room": "sala"}));
    assert_presence(&b.recv(), "sala", "cliente", "left");
}

#[test]
fn rejoining_on_one_socket_keeps_one_seat() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    assert_presence(&b.recv(), "sala", "cliente", "joined");
    let second = a.join("sala", "secreta", "private");
    assert_eq!(
        (&second["type"], &second["created"], &second["kind"]),
        (&json!("joined"), &json!(false), &json!("group"))
    );
    assert_eq!(second["members"], here(&["cliente", "usuario"]));
    a.send_message("sala", "una vez");
    assert_eq!(b.recv()["text"], "una vez", "no presence came before");
    a.request(json!({"type": "leave", "room": "sala"}));
    assert_presence(&b.recv(), "sala", "cliente", "left");
    assert_error(&a.send_message("sala", "¿sigo dentro?"), "not_member");
}

#[test]
fn ref_is_echoed_to_the_sender_only() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    b.join_default("sala");
    a.join_default("sala");
    b.recv_type("presence");
    let longest = "ñ".repeat(32);
    for reference in [json!(longest), json!(""), json!("a\"b")] {
        let answer = at_once(&mut a, json!({"type": "leave", "ref": reference, "room": "ajena"}));
        assert_eq!((&answer["code"], &answer["ref"]), (&json!("not_member"), &reference));
    }
    for request in
        [json!({"type": "leave", "ref": null, "room": "ajena"}), json!({"type": "leave", "room": "ajena"})]
    {
        let answer = at_once(&mut a, request);
        assert_eq!((&answer["code"], &answer["ref"]), (&json!("not_member"), &Value::Null), "null is no ref");
    }
    let too_long =
        at_once(&mut a, json!({"type": "send", "ref": "x".repeat(33), "room": "sala", "text": "no sale"}));
    assert_error(&too_long, "bad_request");
    assert_eq!(too_long["ref"], Value::Null);
    let number = at_once(&mut a, json!({"type": "send", "ref": 7, "room": "sala", "text": "no sale"}));
    assert_error(&number, "bad_request");
    a.send(&json!({"type": "send", "ref": longest, "room": "sala", "text": "sale"}));
    let message = b.recv();
    assert_eq!(
        (&message["text"], message.get("ref")),
        (&json!("sale"), None),
        "refused messages are not delivered"
    );
}

#[test]
fn text_arrives_unchanged_but_for_deceptive_characters() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    let bidi = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    let same =
        ["<b>\"&'</b>\\ &lt; %3C {}", "  ni recortado  ", "uno\ndos\ttres\n", "👩‍👩‍👧 \u{2028} ñandú 名", "null"];
    let cleaned = [
        ("a\0b\u{7}c\u{1b}[31md\r\ne\u{7f}f\u{85}g\u{9b}", "abc[31md\nefg"),
        (&*format!("txt.{bidi}exe"), "txt.exe"),
        ("cafe\u{301} A\u{30a} \u{212b}", "café Å Å"),
        ("a\u{202e}\u{301}", "á"),
    ];
    for (raw, want) in same.iter().map(|text| (*text, *text)).chain(cleaned) {
        assert_eq!(a.send_message("sala", raw)["type"], "sent", "{raw:?}");
        assert_eq!(b.recv_type("message")["text"], want, "{raw:?}");
    }
    let blanks = ["", " ", "\n\t \r", "\0\u{7}", bidi, "\u{a0}\u{3000}\u{2003}\u{202e}"];
    for blank in blanks {
        assert_error(&a.send_message("sala", blank), "bad_request");
    }
    assert_eq!(a.send_message("sala", "fin")["seq"], 10, "refused messages have no number");
    assert!(texts_until(&mut b, "fin").is_empty());
}

#[test]
fn text_has_at_most_4000_scalar_values() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    assert_error(&a.send_message("sala", &"a".repeat(4001)), "too_long");
    assert_error(&a.send_message("sala", &"🦀".repeat(4001)), "too_long");
    let crabs = "🦀".repeat(4000);
    for whole in [
        "a".repeat(4000),
        crabs.clone(),
        format!("{}\u{7}\u{202e}", "b".repeat(4000)),
        "e\u{301}".repeat(4000),
    ] {
        assert_eq!(a.send_message("sala", &whole)["type"], "sent", "counted after cleaning");
    }
    // A strict JSON encoder writes twelve bytes a character, which the frame limit must allow.
    let escaped = r"\ud83e\udd80".repeat(4000);
    a.send_text(&format!(r#"{{"type":"send","ref":"esc","room":"sala","text":"{escaped}"}}"#));
    a.send_message("sala", "fin");
    let texts = texts_until(&mut b, "fin");
    assert_eq!(texts, ["a".repeat(4000), crabs.clone(), "b".repeat(4000), "é".repeat(4000), crabs]);
}

#[test]
fn sequence_numbers_count_by_one_in_each_room() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    for room in ["uno", "dos"] {
        a.join_default(room);
    }
    b.join_default("uno");
    for n in 1..=30 {
        let speaker = if n % 3 == 0 { &mut b } else { &mut a };
        assert_eq!(speaker.send_message("uno", "x")["seq"], n);
        if n % 5 == 0 {
            assert_eq!(a.send_message("dos", "y")["seq"], n / 5, "another room has its own");
        }
    }
    let mut c = Client::admin(&server).socket();
    assert_eq!((&c.join_default("uno")["seq"], &c.join_default("dos")["seq"]), (&json!(30), &json!(6)));
}

#[test]
fn concurrent_rooms_stay_apart() {
    let server = unhurried("");
    let (mut a, mut b, mut c) = (
        Client::cliente(&server).socket(),
        Client::usuario(&server).socket(),
        Client::admin(&server).socket(),
    );
    for room in ["uno", "dos", "tres"] {
        a.join_default(room);
    }
    b.join_default("uno");
    c.join_default("dos");
    assert_presence(&a.recv_type("presence"), "uno", "usuario", "joined");
    assert_presence(&a.recv_type("presence"), "dos", "admin", "joined");
    a.send_message("dos", "para admin");
    a.send_message("tres", "para nadie");
    a.send_message("uno", "para usuario");
    let (to_b, to_c) = (b.recv(), c.recv());
    assert_eq!((&to_b["room"], &to_b["text"]), (&json!("uno"), &json!("para usuario")));
    assert_eq!((&to_c["room"], &to_c["text"]), (&json!("dos"), &json!("para admin")));
    a.request(json!({"type": "leave", "room": "uno"}));
    assert_error(&a.send_message("uno", "x"), "not_member");
    assert_eq!(a.send_message("dos", "sigo aquí")["type"], "sent", "leaving one room leaves one room");
    assert_presence(&b.recv(), "uno", "cliente", "left");
    assert_eq!(c.recv()["text"], "sigo aquí", "no `left` of another room");
}

#[test]
fn typing_reaches_others_and_is_never_rate_refused() {
    let server = unhurried("");
    let (mut a, mut b) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    a.join_default("sala");
    b.join_default("sala");
    a.recv_type("presence");
    let started = Instant::now();
    for _ in 0..200 {
        a.send(&json!({"type": "typing", "room": "sala"}));
    }
    a.send(&json!({"type": "send", "room": "sala", "text": "ya"}));
    for frame in [a.recv(), a.recv()] {
        assert!(["sent", "message"].contains(&frame["type"].as_str().unwrap_or_default()), "{frame}");
    }
    let mut seen = 0;
    loop {
        let frame = b.recv();
        if frame["type"] == "message" {
            break;
        }
        assert_eq!(frame, json!({"type": "typing", "room": "sala", "user": "cliente"}));
        seen += 1;
    }
    let allowed = 31 + started.elapsed().as_secs() / 2;
    assert!((1..=allowed).contains(&seen), "30 a minute, so {seen} are not 1 to {allowed}");
    assert_error(&at_once(&mut a, json!({"type": "typing", "room": "ajena"})), "not_member");
    // Typing has its own limit and uses none of the messages.
    assert_eq!(a.send_message("sala", "más")["type"], "sent");
}

#[test]
fn concurrent_speakers_fill_no_queue() {
    const SPEAKERS: usize = 8;
    const EACH: usize = 80;
    const LISTENERS: usize = 12;
    let server = unhurried("sockets_per_session = 64\nconnections_per_address = 64\n");
    let client = Client::cliente(&server);
    let mut sockets: Vec<_> = (0..SPEAKERS + LISTENERS).map(|_| client.socket()).collect();
    for socket in &mut sockets {
        socket.join_default("sala");
    }
    std::thread::scope(|scope| {
        for (who, socket) in sockets.iter_mut().enumerate() {
            scope.spawn(move || {
                // More messages in total than a socket's queue holds, as fast as they can be written.
                for n in 0..if who < SPEAKERS { EACH } else { 0 } {
                    socket.send(&json!({"type": "send", "room": "sala", "text": format!("{who} {n}")}));
                }
                let seen: Vec<_> =
                    (0..SPEAKERS * EACH).map(|_| socket.recv_type("message")["seq"].as_u64()).collect();
                assert!(
                    seen.iter().copied().eq((1..=SPEAKERS as u64 * EACH as u64).map(Some)),
                    "{who} has all, in order"
                );
            });
        }
    });
}

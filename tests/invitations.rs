//! Invitations to rooms: who makes them, who joins by them, and their end.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::data::content_of;
use common::{Client, Options, Response, Server, Socket, here};
use serde_json::{Value, json};

fn make(client: &Client, room: &str, hours: u64, uses: u64) -> Response {
    client.post_json(&format!("/api/rooms/{room}/invites"), &json!({"hours": hours, "uses": uses}))
}

/// Makes an invitation, which must succeed.
fn invite(client: &Client, room: &str, uses: u64) -> Value {
    let answer = make(client, room, 1, uses);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn join(socket: &mut Socket, invitation: &Value) -> Value {
    socket.request(json!({"type": "join", "invite": invitation["invite"]}))
}

fn assert_over(answer: &Value) {
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("invite_over")), "{answer}");
}

/// A private room `Secreta` of `cliente`, with its socket.
fn room(server: &Server) -> (Client, Socket) {
    let ana = Client::cliente(server);
    let mut socket = ana.socket();
    assert_eq!(socket.join("Secreta", "7391", "private")["created"], true);
    (ana, socket)
}

#[test]
fn one_use_lets_one_session_in_and_back() {
    let server = Server::demo();
    let (ana, mut own) = room(&server);
    let invitation = invite(&ana, "secreta", 1);
    let text = invitation["invite"].as_str().expect("a text");
    assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()), "128 bits: {text}");
    assert_eq!(invitation["url"], format!("/chat#invitacion={text}"));
    assert!(invitation["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    assert!(invitation["qr"].as_str().is_some_and(|svg| svg.starts_with("<svg xmlns=")));

    let beto = Client::usuario(&server);
    let mut socket = beto.socket();
    let joined = join(&mut socket, &invitation);
    assert_eq!((&joined["type"], &joined["created"]), (&json!("joined"), &json!(false)), "{joined}");
    assert_eq!((&joined["room"], &joined["kind"]), (&json!("Secreta"), &json!("private")));
    assert_eq!(joined["members"], here(&["cliente", "usuario"]));
    assert_eq!(own.recv_type("presence")["event"], "joined");
    assert_eq!(socket.send_message("Secreta", "hola")["type"], "sent");
    // A member who asks again uses none: the guest on another socket, and the maker.
    assert_eq!(join(&mut beto.socket(), &invitation)["type"], "joined");
    assert_eq!(join(&mut own, &invitation)["type"], "joined");
    for mut other in [Client::admin(&server).socket(), Client::usuario(&server).socket()] {
        assert_over(&join(&mut other, &invitation));
    }
}

#[test]
fn last_use_is_taken_by_exactly_one() {
    let server = Server::demo();
    let (ana, _own) = room(&server);
    let invitation = invite(&ana, "Secreta", 1);
    let sessions: Vec<_> = (0..6).map(|_| Client::usuario(&server)).collect();
    let mut sockets: Vec<_> = sessions.iter().map(Client::socket).collect();
    for socket in &mut sockets {
        socket.send(&json!({"type": "join", "ref": "x", "invite": invitation["invite"]}));
    }
    let answer = |socket: &mut Socket| {
        std::iter::repeat_with(|| socket.recv()).find(|frame| frame["ref"] == "x").expect("an answer")
    };
    let answers: Vec<_> = sockets.iter_mut().map(answer).collect();
    assert_eq!(answers.iter().filter(|answer| answer["type"] == "joined").count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["code"] == "invite_over").count(), 5, "{answers:?}");
}

#[test]
fn invitation_ends_with_its_room() {
    let server = Server::demo();
    let (ana, mut own) = room(&server);
    let invitation = invite(&ana, "Secreta", 5);
    let ended = own.request(json!({"type": "moderate", "room": "Secreta", "do": "end"}));
    assert_eq!(ended["reason"], "ended");
    let mut beto = Client::usuario(&server).socket();
    assert_over(&join(&mut beto, &invitation));
    own.join("Secreta", "7391", "private");
    assert_over(&join(&mut beto, &invitation));
}

#[test]
fn guesser_is_limited_and_learns_nothing() {
    let server = Server::demo();
    let (ana, _own) = room(&server);
    let invitation = invite(&ana, "Secreta", 1);
    let mut guesser = Client::usuario(&server).socket();
    let mut answers = Vec::new();
    for guess in 0..40 {
        let text = match guess {
            0 => String::new(),
            1 => "no".to_owned(),
            2 => "x".repeat(5000),
            _ => format!("{guess:032x}"),
        };
        let mut answer = guesser.request(json!({"type": "join", "invite": text}));
        answer.as_object_mut().expect("an object").remove("ref");
        answers.push(answer);
    }
    let (heard, limited): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer["code"] == "invite_over");
    // 30 joins a minute, and a half more in a second that passed.
    assert!((30..=32).contains(&heard.len()), "{}", heard.len());
    assert!(heard.iter().all(|answer| answer == &heard[0]), "one answer, whatever the cause");
    assert!(limited.iter().all(|answer| answer["code"] == "rate_limited"), "{limited:?}");
    assert_eq!(join(&mut guesser, &invitation)["code"], "rate_limited", "the right one too");
    let line = server.wait_for_line("event=room.invitation_refused");
    assert!(line.contains("result=failed user=\"usuario\" addr=127.0.0.1"), "{line}");
}

#[test]
fn only_members_invite_within_bounds() {
    let server = Server::demo();
    let (ana, _own) = room(&server);
    assert_eq!(make(&Client::new(&server), "Secreta", 1, 1).refusal(), (401, "unauthenticated".to_owned()));
    let stranger = Client::usuario(&server);
    assert_eq!(make(&stranger, "Secreta", 1, 1).refusal(), (403, "forbidden".to_owned()));
    assert_eq!(make(&Client::cliente(&server), "Secreta", 1, 1).refusal(), (403, "forbidden".to_owned()));
    for room in ["otra", "con%20espacio"] {
        assert_eq!(make(&stranger, room, 1, 1).refusal(), (404, "not_found".to_owned()));
    }
    for (hours, uses) in [(0, 1), (169, 1), (1, 0), (1, 101)] {
        assert_eq!(make(&ana, "Secreta", hours, uses).refusal(), (400, "bad_request".to_owned()));
    }
    let unknown = json!({"hours": 1, "uses": 1, "room": "Secreta"});
    assert_eq!(ana.post_json("/api/rooms/Secreta/invites", &unknown).status, 400);
    assert_eq!(make(&ana, "Secreta", 168, 100).status, 201);
}

#[test]
fn seventeenth_invitation_of_a_room_is_refused() {
    let server = Server::demo();
    let (ana, _own) = room(&server);
    for _ in 0..16 {
        invite(&ana, "Secreta", 1);
    }
    let refused = make(&ana, "Secreta", 1, 1);
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    assert!(
        refused.json()["detail"].as_str().is_some_and(|detail| detail.contains("16")),
        "{}",
        refused.text()
    );
}

#[test]
fn invitations_count_as_joins_of_their_maker() {
    let server = Server::start(Options::config("[limits]\njoins_per_minute = 3\n"));
    let (ana, _own) = room(&server);
    // One join has made the room.
    invite(&ana, "Secreta", 1);
    invite(&ana, "Secreta", 1);
    let refused = make(&ana, "Secreta", 1, 1);
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert!(refused.header("retry-after").is_some());
}

#[test]
fn invitation_excludes_other_fields_of_a_join() {
    let server = Server::demo();
    let (ana, _own) = room(&server);
    let invitation = invite(&ana, "Secreta", 1);
    let mut beto = Client::usuario(&server).socket();
    for (field, value) in [
        ("room", json!("Secreta")),
        ("password", json!("7391")),
        ("kind", json!("private")),
        ("create", json!(false)),
    ] {
        let mut request = json!({"type": "join", "invite": invitation["invite"]});
        request[field] = value;
        assert_eq!(beto.request(request)["code"], "bad_request", "{field}");
    }
    assert_eq!(
        beto.request(json!({"type": "leave", "room": "Secreta", "invite": "x"}))["code"],
        "bad_request"
    );
    assert_eq!(join(&mut beto, &invitation)["type"], "joined");
}

#[test]
fn token_is_neither_stored_nor_logged() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(Options::default().data_dir(dir.path()));
    let (ana, _own) = room(&server);
    let invitation = invite(&ana, "Secreta", 2);
    assert_eq!(join(&mut Client::usuario(&server).socket(), &invitation)["type"], "joined");
    let made = server.wait_for_line("event=room.invitation_made");
    assert!(made.contains("user=\"cliente\"") && made.contains("room=Secreta hours=1 uses=2"), "{made}");
    let joined = server.wait_for_line("event=room.joined");
    assert!(joined.contains("user=\"usuario\"") && joined.contains("means=invitation"), "{joined}");
    server.signal("TERM");
    assert!(server.wait().success());
    let token = invitation["invite"].as_str().expect("a text");
    let bytes: Vec<u8> = (0..token.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&token[at..at + 2], 16).expect("a byte"))
        .collect();
    assert!(!server.stderr().contains(token));
    let files = content_of(dir.path());
    assert!(files.keys().any(|path| path.ends_with("pichat.db")), "{:?}", files.keys());
    for (path, content) in files {
        let holds = |secret: &[u8]| content.windows(secret.len()).any(|part| part == secret);
        assert!(!holds(token.as_bytes()) && !holds(&bytes), "{}", path.display());
    }
}

#[test]
fn qr_code_is_of_the_address_in_use() {
    let server = Server::start(Options::config(common::TRUSTING));
    let (ana, _own) = room(&server);
    // Over HTTPS the same session has a cookie of another name.
    let secure = ana.cookie.as_ref().map(|cookie| format!("__Host-{cookie}"));
    let secure = Client { cookie: secure, ..Client::new(&server) };
    let shown = |client: &Client, extra: &[(&str, &str)]| {
        let headers = [&[("Content-Type", "application/json")], extra].concat();
        let answer = client.send("POST", "/api/rooms/Secreta/invites", &headers, br#"{"hours":1,"uses":1}"#);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json();
        let url = made["url"].as_str().expect("a text").to_owned();
        (url, made["qr"].as_str().expect("a text").to_owned())
    };
    let drawn = |site: &str, url: &str| {
        let text = format!("{site}{url}");
        let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).expect("fits");
        let dark = code.to_colors().iter().filter(|color| **color == qrcode::Color::Dark).count();
        (code.width() + 8, dark)
    };
    let modules = |svg: &str| {
        let side = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split(' ').next());
        let runs = svg.split('h').skip(1).filter_map(|run| run.split_once("v1")?.0.parse::<usize>().ok());
        (side.and_then(|side| side.parse().ok()).expect("a number"), runs.sum::<usize>())
    };
    let port = server.addr.port();
    let (url, svg) = shown(&ana, &[("Host", &format!("pichat.local:{port}"))]);
    assert_eq!(modules(&svg), drawn(&format!("http://pichat.local:{port}"), &url));
    let (url, svg) = shown(&secure, &[("Host", "pichat.local"), ("X-Forwarded-Proto", "https")]);
    assert_eq!(modules(&svg), drawn("https://pichat.local", &url));
}

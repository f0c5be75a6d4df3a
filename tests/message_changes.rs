//! Replies, edits, removals and reactions (`docs/API.md`).
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, Socket};
use serde_json::{Value, json};

fn server(more: &str) -> Server {
    Server::start(Options::config(&format!(
        "[limits]\nmessages_per_minute = 1000000\nmessage_burst = 1000000\n{more}"
    )))
}

fn request(socket: &mut Socket, kind: &str, seq: u64, more: &Value) -> Value {
    let mut request = json!({"type": kind, "room": "sala", "seq": seq});
    for (name, value) in more.as_object().expect("fields") {
        request[name] = value.clone();
    }
    socket.request(request)
}

fn edit(socket: &mut Socket, seq: u64, text: &str) -> Value {
    request(socket, "edit", seq, &json!({"text": text}))
}

fn react(socket: &mut Socket, seq: u64, emoji: &str) -> Value {
    request(socket, "react", seq, &json!({"emoji": emoji}))
}

#[track_caller]
fn assert_sent(answer: &Value, seq: u64) {
    assert_eq!((&answer["type"], &answer["seq"]), (&json!("sent"), &json!(seq)), "{answer}");
    assert!(answer["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{answer}");
}

#[track_caller]
fn assert_error(answer: &Value, code: &str) {
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{answer}");
}

/// Returns the sockets of two members.
fn pair(server: &Server) -> (Socket, Socket) {
    let (mut ana, mut luis) = (Client::cliente(server).socket(), Client::usuario(server).socket());
    ana.join_default("sala");
    luis.join_default("sala");
    (ana, luis)
}

/// Returns the frames that a new socket of `client` gets after `since`, without times, up to `count`.
fn replay(client: &Client, since: u64, count: usize) -> Vec<Value> {
    let mut socket = client.socket();
    let joined = socket.request(json!({"type": "enter", "room": "sala", "since": since}));
    assert_eq!(joined["type"], "joined", "{joined}");
    let frames = (0..count).map(|_| socket.recv()).map(|mut frame| {
        frame.as_object_mut().expect("fields").remove("at");
        frame
    });
    let frames = frames.collect();
    socket.send(&json!({"type": "leave", "ref": "end", "room": "ajena"}));
    assert_eq!(socket.recv()["ref"], "end", "nothing else came");
    frames
}

#[test]
fn reply_names_an_earlier_message() {
    let server = server("");
    let (mut ana, mut luis) = pair(&server);
    ana.send_message("sala", "¿quién tiene el acta?");
    let reply = |n: u64| json!({"type": "send", "room": "sala", "text": "yo", "reply": n});
    assert_eq!(luis.request(reply(1))["seq"], 2);
    let told = ana.recv_type("message");
    assert_eq!((&told["reply"], &told["seq"]), (&json!(1), &json!(2)));
    for bad in [0, 3, u64::MAX] {
        assert_error(&luis.request(reply(bad)), "bad_request");
    }
}

#[test]
fn edit_reaches_members_and_later_comers_to_the_message() {
    let server = server("");
    let (mut ana, mut luis) = pair(&server);
    ana.send_message("sala", "a las dies");
    luis.send(&json!({"type": "send", "room": "sala", "text": "ok", "reply": 1}));
    assert_eq!(luis.recv_type("message")["seq"], 1);
    assert_eq!(luis.recv_type("message")["seq"], 2);
    assert_sent(&edit(&mut ana, 1, "a las die\u{202e}z"), 1);
    let told = luis.recv_type("edited");
    let at = told["at"].clone();
    let want = json!({"type": "edited", "room": "sala", "seq": 1, "user": "cliente", "text": "a las diez", "at": at});
    assert_eq!(told, want, "cleaned as a message");
    assert_error(&edit(&mut luis, 1, "a las once"), "not_yours");
    assert_error(&edit(&mut ana, 3, "x"), "gone");
    assert_error(&edit(&mut ana, 1, " \u{200b}"), "bad_request");
    assert_error(&edit(&mut ana, 1, &"x".repeat(4001)), "too_long");
    let client = Client::cliente(&server);
    client.socket().join_default("sala");
    assert_eq!(replay(&client, 2, 0), Vec::<Value>::new(), "nothing from before the membership");
}

#[test]
fn change_made_while_a_member_is_away_is_told_at_enter() {
    let server = server("");
    let client = Client::usuario(&server);
    let (mut ana, mut luis) = (Client::cliente(&server).socket(), client.socket());
    ana.join_default("sala");
    luis.join_default("sala");
    for text in ["uno", "dos", "tres"] {
        ana.send_message("sala", text);
    }
    drop(luis);
    assert_sent(&edit(&mut ana, 1, "UNO"), 1);
    assert_sent(&request(&mut ana, "remove", 2, &json!({})), 2);
    assert_sent(&react(&mut ana, 3, "👍"), 3);
    let message = |seq: u64, text: &str| json!({"type": "message", "room": "sala", "user": "cliente", "text": text, "seq": seq});
    let removed = json!({"type": "removed", "room": "sala", "seq": 2, "user": "cliente"});
    let mut reacted = message(3, "tres");
    reacted["reactions"] = json!([{"emoji": "👍", "users": ["cliente"]}]);
    let mut frames = replay(&client, 0, 3);
    let edited_at = frames[0].as_object_mut().expect("fields").remove("edited");
    assert!(edited_at.is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))));
    assert_eq!(frames, [message(1, "UNO"), removed.clone(), reacted], "as they are now");
    let told = json!({"type": "reacted", "room": "sala", "seq": 3, "user": "cliente", "emoji": "👍", "on": true,
        "reactions": [{"emoji": "👍", "users": ["cliente"]}]});
    let edited = json!({"type": "edited", "room": "sala", "seq": 1, "user": "cliente", "text": "UNO"});
    assert_eq!(replay(&client, 3, 3), [edited.clone(), removed.clone(), told], "each change once");
    let mut third = message(3, "tres");
    third["reactions"] = json!([{"emoji": "👍", "users": ["cliente"]}]);
    assert_eq!(replay(&client, 2, 3), [third, edited, removed], "messages first");
    assert_eq!(replay(&client, 9, 0), Vec::<Value>::new(), "a number that was never given");
}

#[test]
fn removed_message_leaves_no_text() {
    let server = server("");
    let (mut ana, mut luis) = pair(&server);
    ana.send_message("sala", "mi clave es 1234");
    assert_eq!(luis.recv_type("message")["seq"], 1);
    assert_error(&request(&mut luis, "remove", 1, &json!({})), "not_yours");
    assert_sent(&request(&mut ana, "remove", 1, &json!({})), 1);
    let told = luis.recv();
    assert_eq!(
        (&told["type"], &told["seq"], &told["user"]),
        (&json!("removed"), &json!(1), &json!("cliente"))
    );
    for answer in
        [request(&mut ana, "remove", 1, &json!({})), edit(&mut ana, 1, "otra vez"), react(&mut luis, 1, "👍")]
    {
        assert_error(&answer, "gone");
    }
    assert_eq!(ana.send_message("sala", "sigo")["seq"], 2, "numbers go on");
}

#[test]
fn reaction_is_one_emoji_of_each_person() {
    let server = server("");
    let (mut ana, mut luis) = pair(&server);
    ana.send_message("sala", "¿almorzamos?");
    assert_eq!(luis.recv_type("message")["seq"], 1);
    for (on, emoji) in [(true, "👍🏽"), (false, "👍🏽"), (true, "❤️")] {
        assert_sent(&react(&mut luis, 1, emoji), 1);
        let told = ana.recv_type("reacted");
        let want =
            json!({"type": "reacted", "room": "sala", "seq": 1, "user": "usuario", "emoji": emoji, "on": on});
        assert_eq!(told, want);
    }
    for bad in ["", "ok", "👍👍", "❤", "<b>", "1"] {
        assert_error(&react(&mut luis, 1, bad), "bad_request");
    }
    for face in ["😀", "😁", "😂", "😃", "😄", "😅", "😆"] {
        assert_sent(&react(&mut ana, 1, face), 1);
    }
    assert_error(&react(&mut ana, 1, "😇"), "bad_request");
    assert_sent(&react(&mut ana, 1, "❤️"), 1);
}

#[test]
fn changes_take_tokens_of_messages() {
    let server = Server::start(Options::config("[limits]\nmessages_per_minute = 1\nmessage_burst = 4\n"));
    let mut ana = Client::cliente(&server).socket();
    ana.join_default("sala");
    ana.send_message("sala", "uno");
    assert_sent(&edit(&mut ana, 1, "dos"), 1);
    assert_sent(&react(&mut ana, 1, "👍"), 1);
    assert_error(&react(&mut ana, 1, "no"), "bad_request");
    assert_sent(&request(&mut ana, "remove", 1, &json!({})), 1);
    let answer = edit(&mut ana, 1, "tres");
    assert_error(&answer, "rate_limited");
    assert!(answer["retry_after"].as_u64().is_some_and(|wait| wait > 0), "{answer}");
}

#[test]
fn change_in_a_room_that_was_left_is_refused() {
    let server = server("room_ring = 5\n");
    let (mut ana, _luis) = pair(&server);
    for n in 1..=6 {
        assert_eq!(ana.send_message("sala", "x")["seq"], n);
    }
    assert_error(&edit(&mut ana, 1, "y"), "gone");
    assert_sent(&edit(&mut ana, 2, "y"), 2);
    ana.request(json!({"type": "leave", "room": "sala"}));
    assert_error(&edit(&mut ana, 2, "z"), "not_member");
    ana.join_default("sala");
    assert_error(&edit(&mut ana, 2, "z"), "gone");
}

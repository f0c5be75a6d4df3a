//! Scenarios of users, well-behaved and hostile.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Client, Socket};
use crate::frames::frame;
use crate::runner::{Context, Rng};

/// Room with a constant sender, three readers and one client that does not read.
const LOUD: &str = "ruidosa";
/// Longest text, 4 KB.
const LONGEST_TEXT_CHARS: usize = 990;
/// Receive buffer of a slow client, soon full.
const SMALL_BUFFER: u32 = 4096;

/// Signs in, visits rooms and signs out, repeatedly.
pub fn walk(context: &Context, rng: &mut Rng, name: &str, last: u8) {
    while !context.is_over() {
        let client = context.signed_in(name, last);
        for _ in 0..8 {
            if !context.is_over() {
                // The pace is fixed: on a fast server more turns would leave more lost seats.
                let due = Instant::now() + rng.millis(2500, 3500);
                turn(context, rng, &client);
                context.pause(due.saturating_duration_since(Instant::now()));
            }
        }
        context.sign_out(&client);
    }
}

/// Joins some rooms, sends some messages and leaves in one of four ways.
fn turn(context: &Context, rng: &mut Rng, client: &Client) {
    let mut socket = client.socket();
    let mut rooms = Vec::new();
    for _ in 0..=rng.below(3) {
        // Mostly a shared room, sometimes one that is used once.
        let room = if rng.below(4) == 0 {
            format!("paso-{}", rng.below(1 << 40))
        } else {
            format!("sala-{}", rng.below(12))
        };
        let joined = socket.join(&room, "secreta", "group");
        if joined["type"] == "joined" {
            context.count("joins");
            rooms.push((room, joined));
        } else {
            context.count(format!("joins answered {}", joined["code"].as_str().expect("a code")));
        }
    }
    for _ in 0..rng.below(8) {
        let Some((room, _)) = rooms.get(rng.below(3) as usize) else { continue };
        if rng.below(3) == 0 {
            socket.send(&json!({"type": "typing", "room": room}));
        }
        socket.send_message(room, "algo que decir a quien esté");
        context.count("messages");
        context.pause(rng.millis(20, 200));
    }
    match rng.below(4) {
        0 => leave(socket, &rooms),
        1 => socket.close(),
        2 => socket.abort(),
        _ => {
            socket.abort();
            context.pause(rng.millis(1, 400));
            let mut socket = client.socket();
            for (room, joined) in &rooms {
                let back = socket.request(json!({"type": "enter", "room": room, "since": joined["seq"]}));
                assert_eq!(back["type"], "joined", "{back}");
                context.count("returns");
            }
            leave(socket, &rooms);
        }
    }
}

fn leave(mut socket: Socket, rooms: &[(String, Value)]) {
    for (room, _) in rooms {
        socket.request(json!({"type": "leave", "room": room}));
    }
    socket.close();
}

/// Sends 1000 messages at once until it is closed, then reconnects.
pub fn flood(context: &Context, rng: &mut Rng) {
    let client = context.signed_in("inunda", 20);
    while !context.is_over() {
        let mut socket = client.socket();
        socket.join("inundada", "secreta", "private");
        let words = frame("{\"type\":\"send\",\"room\":\"inundada\",\"text\":\"y otra cosa\"}").repeat(1000);
        // The server may close it before all is sent.
        let _ = socket.stream.write_all(&words);
        context.count(format!("floods closed with {}", socket.close_code()));
        context.pause(rng.millis(1000, 4000));
    }
    context.sign_out(&client);
}

/// Joins the loud room, repeating refused attempts: at the start all clients join at once.
fn enter_loud(context: &Context, socket: &mut Socket) {
    while socket.join(LOUD, "secreta", "group")["type"] != "joined" {
        assert!(!context.is_over(), "the join was never accepted");
        context.pause(Duration::from_millis(500));
    }
}

/// Sends 160 KB a second.
pub fn talk(context: &Context, _: &mut Rng) {
    let client = context.signed_in("habla", 21);
    let mut socket = client.socket();
    enter_loud(context, &mut socket);
    let text = "🦀".repeat(LONGEST_TEXT_CHARS);
    while !context.is_over() {
        let sent = socket.send_message(LOUD, &text);
        assert_eq!(sent["type"], "sent", "{sent}");
        context.count("long messages");
        context.pause(Duration::from_millis(25));
    }
    socket.send_message(LOUD, "fin");
    socket.request(json!({"type": "leave", "room": LOUD}));
    socket.close();
    context.sign_out(&client);
}

/// Reads every message and checks the order.
pub fn listen(context: &Context, last: u8) {
    let client = context.signed_in("victima", last);
    let mut socket = client.socket();
    enter_loud(context, &mut socket);
    let mut seq = None;
    loop {
        let frame = socket.recv_type("message");
        let now = frame["seq"].as_u64().expect("a number");
        assert!(seq.is_none_or(|before| now == before + 1), "each one, in order: {seq:?}, {now}");
        seq = Some(now);
        if frame["text"] == "fin" {
            break;
        }
    }
    socket.close();
    context.sign_out(&client);
}

/// Joins the loud room and reads nothing for a while, then everything that is left.
pub fn read_slowly(context: &Context, rng: &mut Rng) {
    let client = context.signed_in("lenta", 22);
    let join = json!({"type": "join", "room": LOUD, "password": "secreta", "kind": "group"}).to_string();
    while !context.is_over() {
        let mut stream = connect_with_small_buffer(context.addr);
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(format!("{}{upgrade}", client.head("GET", "/ws", &[])).as_bytes()).expect("writes");
        stream.read_exact(&mut [0; 100]).expect("reads");
        stream.write_all(&frame(&join)).expect("writes");
        context.pause(rng.millis(10_000, 20_000));
        // The server may have closed it; otherwise this hangs up.
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("sets");
        let closed =
            std::io::copy(&mut std::io::Read::take(&mut stream, 4 << 20), &mut std::io::sink()).is_ok();
        context.count(if closed { "slow readers closed" } else { "slow readers gone" });
    }
    context.sign_out(&client);
}

fn connect_with_small_buffer(addr: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(SMALL_BUFFER).expect("sets");
        socket.connect(addr).await.expect("connects").into_std().expect("a stream")
    });
    stream.set_nonblocking(false).expect("sets");
    stream
}

/// Signs in without signing out and tries a wrong room password. Each session over the limit ends the oldest.
pub fn forget(context: &Context, rng: &mut Rng) {
    let mut sockets = VecDeque::new();
    // Joins late: the first member chooses the room's password.
    context.pause(Duration::from_secs(3));
    while !context.is_over() {
        let client = context.signed_in("olvida", 23);
        let mut socket = client.socket();
        let told = socket.join(LOUD, "equivocada", "group");
        if let Some(code) = told["code"].as_str() {
            context.count(format!("wrong room passwords answered {code}"));
        } else {
            // The room had ended, so that this join created it.
            socket.request(json!({"type": "leave", "room": LOUD}));
        }
        sockets.push_back(socket);
        if sockets.len() > 20 {
            let mut oldest: Socket = sockets.pop_front().expect("twenty");
            context.count(format!("forgotten sockets closed with {}", oldest.close_code()));
        }
        context.pause(rng.millis(1000, 3000));
    }
}

/// Sends wrong passwords for 40 names from 40 addresses: locked, unlocked, locked again.
pub fn guess(context: &Context, rng: &mut Rng) {
    while !context.is_over() {
        let mut client = context.client(1, 1 + rng.below(40) as u8);
        let name = match rng.below(40) {
            0..8 => "victima".to_owned(),
            n => format!("nadie{n}"),
        };
        let status = client.sign_in(&name, "no es esta").status;
        assert!([401, 429, 503].contains(&status), "{status}");
        context.count(format!("wrong passwords answered {status}"));
        context.pause(rng.millis(50, 250));
    }
}

/// Opens connections that send part of a request; the oldest is closed when there are many.
pub fn half_open(context: &Context, rng: &mut Rng) {
    let client = context.signed_in("victima", 24);
    let mut open = VecDeque::new();
    let mut due = Instant::now();
    while !context.is_over() {
        due += Duration::from_millis(100);
        let stranger = context.client(2, 1 + rng.below(100) as u8);
        let mut stream = stranger.connect();
        let begun = match rng.below(5) {
            0 => String::new(),
            1 => "GET /login HTTP/1.1\r\nHost: loc".to_owned(),
            2 => format!(
                "{}Content-Length: 500\r\n\r\n{{\"username\":",
                stranger.head("POST", "/api/session", &[])
            ),
            3 => format!("{}\r\n", stranger.head("GET", "/login", &[])),
            _ => {
                let (answer, mut upgraded) = client.handshake(&[]);
                // A session has eight sockets at most.
                if answer.status == 101 {
                    // Three bytes of a frame of 300.
                    upgraded.write_all(&[0x81, 0xfe, 1, 44, 1, 2, 3, 4, 5, 6, 7]).expect("writes");
                }
                stream = upgraded;
                String::new()
            }
        };
        let _ = stream.write_all(begun.as_bytes());
        context.count("connections left half open");
        open.push_back(stream);
        // More than the time limit of a head.
        if open.len() > 120 {
            open.pop_front();
        }
        context.pause(due.saturating_duration_since(Instant::now()));
    }
    drop(open);
    context.sign_out(&client);
}

/// Requests pages, known and unknown.
pub fn visit_pages(context: &Context, rng: &mut Rng) {
    const PLACES: [&str; 7] =
        ["/login", "/", "/chat", "/static/js/app.js", "/api/health", "/no/hay", "/api/rooms"];
    while !context.is_over() {
        let client = context.client(3, 1 + rng.below(50) as u8);
        client.get(PLACES[rng.below(PLACES.len() as u64) as usize]);
        context.count("pages");
        context.pause(rng.millis(20, 120));
    }
}

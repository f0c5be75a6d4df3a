//! Those who talk, and those who do not behave.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Client, Socket};
use crate::frames::frame;
use crate::runner::{Chance, World};

/// The room in which somebody talks all the time, to three who listen and one who does not.
const LOUD: &str = "ruidosa";
/// The longest text: 4 KB.
const CRABS: usize = 990;
/// A kernel's buffer that is soon full.
const SMALL_BUFFER: u32 = 4096;

/// Signs in, goes through rooms, signs out, again and again.
pub fn walk(world: &World, chance: &mut Chance, name: &str, last: u8) {
    while !world.is_over() {
        let client = world.signed_in(name, last);
        for _ in 0..8 {
            if !world.is_over() {
                // A turn has its time, however fast the server is: who comes twice as often leaves twice as many lost places.
                let due = Instant::now() + chance.millis(2500, 3500);
                turn(world, chance, &client);
                world.pause(due.saturating_duration_since(Instant::now()));
            }
        }
        world.sign_out(&client);
    }
}

/// Some rooms, some words, and one of the ways to go.
fn turn(world: &World, chance: &mut Chance, client: &Client) {
    let mut socket = client.socket();
    let mut rooms = Vec::new();
    for _ in 0..=chance.below(3) {
        // Mostly where others are; now and then a room that never was and will not be again.
        let room =
            if chance.below(4) == 0 { format!("paso-{}", chance.below(1 << 40)) } else { format!("sala-{}", chance.below(12)) };
        let joined = socket.join(&room, "secreta", "group");
        if joined["type"] == "joined" {
            world.count("joins");
            rooms.push((room, joined));
        } else {
            world.count(format!("joins told {}", joined["code"].as_str().expect("a code")));
        }
    }
    for _ in 0..chance.below(8) {
        let Some((room, _)) = rooms.get(chance.below(3) as usize) else { continue };
        if chance.below(3) == 0 {
            socket.send(&json!({"type": "typing", "room": room}));
        }
        socket.send_message(room, "algo que decir a quien esté");
        world.count("messages");
        world.pause(chance.millis(20, 200));
    }
    match chance.below(4) {
        0 => leave(socket, &rooms),
        1 => socket.close(),
        2 => socket.abort(),
        _ => {
            socket.abort();
            world.pause(chance.millis(1, 400));
            let mut socket = client.socket();
            for (room, joined) in &rooms {
                let back =
                    socket.request(json!({"type": "resume", "room": room, "resume": joined["resume"], "since": joined["seq"]}));
                world.count(if back["type"] == "joined" { "resumes" } else { "resumes too late" });
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

/// Says a thousand things at once until it is closed, comes again.
pub fn flood(world: &World, chance: &mut Chance) {
    let client = world.signed_in("inunda", 20);
    while !world.is_over() {
        let mut socket = client.socket();
        socket.join("inundada", "secreta", "private");
        let words = frame("{\"type\":\"send\",\"room\":\"inundada\",\"text\":\"y otra cosa\"}").repeat(1000);
        // It may be closed before it has said everything.
        let _ = socket.stream.write_all(&words);
        world.count(format!("floods closed with {}", socket.close_code()));
        world.pause(chance.millis(1000, 4000));
    }
    world.sign_out(&client);
}

/// Until it is let in: at the start everybody comes at once.
fn enter_loud(world: &World, socket: &mut Socket) {
    while socket.join(LOUD, "secreta", "group")["type"] != "joined" {
        assert!(!world.is_over(), "was never let in");
        world.pause(Duration::from_millis(500));
    }
}

/// 160 KB a second.
pub fn talk(world: &World, _: &mut Chance) {
    let client = world.signed_in("habla", 21);
    let mut socket = client.socket();
    enter_loud(world, &mut socket);
    let text = "🦀".repeat(CRABS);
    while !world.is_over() {
        let sent = socket.send_message(LOUD, &text);
        assert_eq!(sent["type"], "sent", "{sent}");
        world.count("long messages");
        world.pause(Duration::from_millis(25));
    }
    socket.send_message(LOUD, "fin");
    socket.request(json!({"type": "leave", "room": LOUD}));
    socket.close();
    world.sign_out(&client);
}

/// Reads all of it.
pub fn listen(world: &World, last: u8) {
    let client = world.signed_in("victima", last);
    let mut socket = client.socket();
    enter_loud(world, &mut socket);
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
    world.sign_out(&client);
}

/// Comes into the loud room and reads nothing for a while, then what is left, up to the end.
pub fn read_slowly(world: &World, chance: &mut Chance) {
    let client = world.signed_in("lenta", 22);
    let join = json!({"type": "join", "room": LOUD, "password": "secreta", "kind": "group"}).to_string();
    while !world.is_over() {
        let mut stream = connect_with_small_buffer(world.addr);
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(format!("{}{upgrade}", client.head("GET", "/ws", &[])).as_bytes()).expect("writes");
        stream.read_exact(&mut [0; 100]).expect("reads");
        stream.write_all(&frame(&join)).expect("writes");
        world.pause(chance.millis(10_000, 20_000));
        // Closed meanwhile, or else hung up on now.
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("sets");
        let closed = std::io::copy(&mut std::io::Read::take(&mut stream, 4 << 20), &mut std::io::sink()).is_ok();
        world.count(if closed { "slow readers closed" } else { "slow readers gone" });
    }
    world.sign_out(&client);
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

/// Signs in and never out, and tries a wrong room password; each session that is too many ends the oldest, with its socket.
pub fn forget(world: &World, chance: &mut Chance) {
    let mut sockets = VecDeque::new();
    // Not the first, who would choose the room's password.
    world.pause(Duration::from_secs(3));
    while !world.is_over() {
        let client = world.signed_in("olvida", 23);
        let mut socket = client.socket();
        let told = socket.join(LOUD, "equivocada", "group");
        if let Some(code) = told["code"].as_str() {
            world.count(format!("wrong room passwords told {code}"));
        } else {
            // The room had just ended: this made it anew.
            socket.request(json!({"type": "leave", "room": LOUD}));
        }
        sockets.push_back(socket);
        if sockets.len() > 20 {
            let mut oldest: Socket = sockets.pop_front().expect("twenty");
            world.count(format!("forgotten sockets closed with {}", oldest.close_code()));
        }
        world.pause(chance.millis(1000, 3000));
    }
}

/// Wrong passwords for 40 names from 40 addresses: locked, let in, locked again.
pub fn guess(world: &World, chance: &mut Chance) {
    while !world.is_over() {
        let mut client = world.client(1, 1 + chance.below(40) as u8);
        let name = match chance.below(40) {
            0..8 => "victima".to_owned(),
            n => format!("nadie{n}"),
        };
        let status = client.sign_in(&name, "no es esta").status;
        assert!([401, 429, 503].contains(&status), "{status}");
        world.count(format!("wrong passwords told {status}"));
        world.pause(chance.millis(50, 250));
    }
}

/// Connections that begin something and never end it; the oldest is let go when there are many.
pub fn half_open(world: &World, chance: &mut Chance) {
    let client = world.signed_in("victima", 24);
    let mut open = VecDeque::new();
    let mut due = Instant::now();
    while !world.is_over() {
        due += Duration::from_millis(100);
        let stranger = world.client(2, 1 + chance.below(100) as u8);
        let mut stream = stranger.connect();
        let begun = match chance.below(5) {
            0 => String::new(),
            1 => "GET /login HTTP/1.1\r\nHost: loc".to_owned(),
            2 => format!("{}Content-Length: 500\r\n\r\n{{\"username\":", stranger.head("POST", "/api/session", &[])),
            3 => format!("{}\r\n", stranger.head("GET", "/login", &[])),
            _ => {
                let (answer, mut upgraded) = client.handshake(&[]);
                // Eight at most of one session.
                if answer.status == 101 {
                    // A frame of 300 bytes of which three come.
                    upgraded.write_all(&[0x81, 0xfe, 1, 44, 1, 2, 3, 4, 5, 6, 7]).expect("writes");
                }
                stream = upgraded;
                String::new()
            }
        };
        let _ = stream.write_all(begun.as_bytes());
        world.count("connections left half open");
        open.push_back(stream);
        // Longer than a head may take.
        if open.len() > 120 {
            open.pop_front();
        }
        world.pause(due.saturating_duration_since(Instant::now()));
    }
    drop(open);
    world.sign_out(&client);
}

/// Pages and what is not there.
pub fn visit_pages(world: &World, chance: &mut Chance) {
    const PLACES: [&str; 7] = ["/login", "/", "/chat", "/static/js/chat.js", "/api/health", "/no/hay", "/api/rooms"];
    while !world.is_over() {
        let client = world.client(3, 1 + chance.below(50) as u8);
        client.get(PLACES[chance.below(PLACES.len() as u64) as usize]);
        world.count("pages");
        world.pause(chance.millis(20, 120));
    }
}

//! Latency of sign-ins and messages on a quiet server and under 2,000 slowloris connections.
//!
//! `cargo bench --bench slowloris` prints a table and judges nothing. The clients share the machine with the
//! server, so their load is part of both columns. The attacker runs at nice 19. Quiet and attacked rounds
//! alternate. The median of the ratios of all rounds counts, since other load falls on single rounds.
#![allow(missing_docs, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Client, Options, Server, Socket};
use serde_json::json;

/// Slow connections, and their number from one address; the limit of an address is 64.
const SLOW_CONNECTIONS: usize = 2_000;
const PER_ADDRESS: usize = 50;
/// Pairs of a quiet and an attacked round.
const ROUNDS: usize = 5;
/// Operations of each kind in a round.
const SIGN_INS: usize = 100;
const MESSAGES: usize = 1_000;
/// Every slow connection gets one more byte within this time; a head must be complete within 10 s.
const DRIP_INTERVAL: Duration = Duration::from_secs(2);

const LIMITS: &str = "[limits]\nrequests_per_minute = 1000000\nrequest_burst = 1000000\nmessages_per_minute = 1000000\n\
    message_burst = 1000000\n";

fn main() {
    // Under `cargo test --benches` one small round shows that the program works.
    let small = std::env::args().any(|a| a == "--test");
    let (rounds, slow, sign_ins, messages) =
        if small { (1, 100, 3, 10) } else { (ROUNDS, SLOW_CONNECTIONS, SIGN_INS, MESSAGES) };
    raise_file_limit();
    let server = Server::start(Options::config(LIMITS));
    let (mut ana, mut beto) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    ana.join_default("sala");
    beto.join_default("sala");
    ana.recv_type("presence");
    let mut people = People { server: &server, ana: &mut ana, beto: &mut beto };
    people.measure(sign_ins / 10 + 1, messages / 10);
    let (mut quiet, mut under_attack) = (Figures::default(), Figures::default());
    let mut rounds_of = Ratios::default();
    let (mut least, mut rss) = (usize::MAX, 0);
    for _ in 0..rounds {
        let mut calm = people.measure(sign_ins, messages);
        let attack = Attack::start(server.addr, slow);
        let mut storm = people.measure(sign_ins, messages);
        rounds_of.add(&mut calm, &mut storm);
        quiet.add(calm);
        under_attack.add(storm);
        least = least.min(attack.open());
        rss = server.rss_kib("VmRSS");
        attack.end();
    }
    println!(
        "{} sign-ins and {} messages of each column; {slow} slow connections, {least} of them open at the end of the worst round; the server held {rss} KiB with them",
        quiet.sign_in.len(),
        quiet.message.len()
    );
    println!(
        "{:<22} {:>10} {:>10} {:>10} {:>10} {:>14}",
        "ms", "quiet p50", "attack p50", "quiet p99", "attack p99", "p99 ×, median"
    );
    row("sign-in", &mut quiet.sign_in, &mut under_attack.sign_in, &mut rounds_of.sign_in);
    row("message to another", &mut quiet.message, &mut under_attack.message, &mut rounds_of.message);
}

/// Ratio of the 99th percentiles, attacked to quiet, of each round.
#[derive(Default)]
struct Ratios {
    sign_in: Vec<f64>,
    message: Vec<f64>,
}

impl Ratios {
    fn add(&mut self, calm: &mut Figures, storm: &mut Figures) {
        self.sign_in.push(at(&mut storm.sign_in, 99) / at(&mut calm.sign_in, 99));
        self.message.push(at(&mut storm.message, 99) / at(&mut calm.message, 99));
    }
}

fn at(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn row(name: &str, quiet: &mut [f64], under_attack: &mut [f64], ratios: &mut [f64]) {
    let (q50, b50, q99, b99) = (at(quiet, 50), at(under_attack, 50), at(quiet, 99), at(under_attack, 99));
    println!("{name:<22} {q50:>10.2} {b50:>10.2} {q99:>10.2} {b99:>10.2} {:>14.2}", at(ratios, 50));
    println!(
        "{:<22} {}",
        "  its rounds",
        ratios.iter().map(|r| format!("{r:.2}")).collect::<Vec<_>>().join(" ")
    );
}

#[derive(Default)]
struct Figures {
    sign_in: Vec<f64>,
    message: Vec<f64>,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.sign_in.extend(other.sign_in);
        self.message.extend(other.message);
    }
}

struct People<'a> {
    server: &'a Server,
    ana: &'a mut Socket,
    beto: &'a mut Socket,
}

impl People<'_> {
    fn measure(&mut self, sign_ins: usize, messages: usize) -> Figures {
        let mut figures = Figures::default();
        for n in 0..messages {
            let begin = Instant::now();
            self.ana.send(&json!({"type": "send", "room": "sala", "text": format!("mensaje {n}")}));
            let heard = self.beto.recv();
            figures.message.push(begin.elapsed().as_secs_f64() * 1e3);
            // Her own copy and the answer with the number.
            let (own, sent) = (self.ana.recv(), self.ana.recv());
            assert_eq!(
                (&heard["type"], &own["type"], &sent["type"]),
                (&json!("message"), &json!("message"), &json!("sent")),
                "{heard} {own} {sent}"
            );
        }
        for n in 0..sign_ins {
            // Each from a new connection and another address.
            let mut client = Client {
                from: Some(Ipv4Addr::new(127, 9, 0, 1 + u8::try_from(n % 200).expect("small"))),
                ..Client::new(self.server)
            };
            let begin = Instant::now();
            // Not a user of the chat: a new session may end the oldest of the same user.
            assert_eq!(client.sign_in("admin", "admin123").status, 200);
            figures.sign_in.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        figures
    }
}

/// Connections that send one byte of a head now and then, and reconnect when they are closed.
struct Attack {
    stop: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Attack {
    /// Returns when all connections are open.
    fn start(addr: SocketAddr, wanted: usize) -> Self {
        let (stop, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopping, counting) = (Arc::clone(&stop), Arc::clone(&open));
        let mut slow: Vec<_> = (0..wanted).map(|n| connect(addr, n)).collect();
        open.store(slow.len(), Ordering::Relaxed);
        let thread = std::thread::spawn(move || {
            // On Linux this affects this thread only.
            let _ = rustix::process::nice(19);
            let pause = DRIP_INTERVAL / u32::try_from(wanted / 20 + 1).expect("small");
            while !stopping.load(Ordering::Relaxed) {
                let mut gone = 0;
                for (n, stream) in slow.iter_mut().enumerate() {
                    if n % 20 == 0 {
                        std::thread::sleep(pause);
                    }
                    if stopping.load(Ordering::Relaxed) {
                        break;
                    }
                    let hung_up = match stream.read(&mut [0; 64]) {
                        Ok(_) => true,
                        Err(e) => e.kind() != ErrorKind::WouldBlock,
                    };
                    if hung_up || stream.write(b"y").is_err() {
                        gone += 1;
                        *stream = connect(addr, n);
                    }
                }
                counting.store(slow.len() - gone, Ordering::Relaxed);
            }
        });
        Self { stop, open, thread }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("ends");
    }
}

fn connect(addr: SocketAddr, n: usize) -> TcpStream {
    let last = u8::try_from(n / PER_ADDRESS + 1).expect("few addresses");
    let client =
        Client { addr, cookie: None, headers: Vec::new(), from: Some(Ipv4Addr::new(127, 8, 0, last)) };
    let mut stream = client.connect();
    // A refused connection is opened again in the next round.
    let _ = stream.write_all(b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: ");
    stream.set_nonblocking(true).expect("sets");
    stream
}

//! Fan-out: what it takes to hand one message to everybody in a room, beside a loop that writes the same bytes to as many TCP
//! sockets and does nothing else.
//!
//! `cargo bench --bench fanout`. Prints a table and judges nothing but that everybody gets everything. With a window of 8 there are eight
//! messages under way all the time, and both may write what waits for a socket in one call. Only the column `÷ raw` means something
//! on a machine that others use too; the raw loop is timed just before and just after, without TLS in both blocks.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadgen::frames::frame;
use loadgen::host::{Host, OPEN_WIDE, Stream};
use loadgen::stats::{is_small, percentile, raise_file_limit};
use loadgen::{Crowd, Stretch, room};

const RECEIVERS: [usize; 4] = [10, 50, 200, 1000];
const WINDOWS: [usize; 2] = [1, 8];
/// Of the server; the raw loop has half of it before and half after.
const TIME: Duration = Duration::from_secs(2);
/// 64 characters: a sentence.
const TEXT: &str = "Una frase como las que se dicen en una sala: ni larga, ni corta.";

fn main() {
    let small = is_small();
    raise_file_limit();
    let (receivers, time) = if small { (&RECEIVERS[..2], TIME / 20) } else { (&RECEIVERS[..], TIME) };
    println!(
        "{:<6} {:>5} {:>6} | {:>12} {:>12} {:>6} | {:>8} {:>8} | {:>8} {:>8} | {:>8} {:>8}",
        "", "N", "window", "deliveries/s", "raw", "÷ raw", "CPU µs", "raw", "p50 ms", "raw", "p99 ms", "raw"
    );
    for tls in [false, true] {
        for &n in receivers {
            measure(tls, n, time);
        }
    }
}

fn measure(tls: bool, n: usize, time: Duration) {
    let host = Host::start(tls, OPEN_WIDE);
    let (gate, cookie) = (host.gate(), host.sign_in("beto"));
    let mut people = Crowd::new();
    people.gather(&gate, &cookie, 0..n, n);
    people.let_speak(&gate, &cookie, TEXT);
    // How long a frame is, and everything has been warm once.
    let length = people.speak_in_windows(1, time / 10).bytes_per_frame.round() as usize;

    let raw = Raw::start(n, length);
    let mut sockets = Crowd::new();
    for _ in 0..n {
        let stream = connect(&sockets, raw.addr);
        sockets.receive_from(stream);
    }
    let stream = connect(&sockets, raw.addr);
    sockets.speaker(stream, TEXT);

    for window in WINDOWS {
        let raw_cpu = raw.cpu_seconds();
        let before = sockets.speak_in_windows(window, time / 2);
        let halfway = raw.cpu_seconds();
        let cpu = host.cpu_seconds();
        let heard = people.speak_in_windows(window, time);
        let cpu = (host.cpu_seconds() - cpu) * 1e6 / heard.ages.len() as f64;
        let again = raw.cpu_seconds();
        let after = sockets.speak_in_windows(window, time / 2);
        let raw_cpu = (halfway - raw_cpu + raw.cpu_seconds() - again) * 1e6 / (before.ages.len() + after.ages.len()) as f64;
        let both = |of: fn(&Stretch) -> f64| f64::midpoint(of(&before), of(&after));
        let raw_per_s = both(Stretch::per_s);
        println!(
            "{:<6} {n:>5} {window:>6} | {:>12.0} {raw_per_s:>12.0} {:>6.2} | {cpu:>8.2} {raw_cpu:>8.2} | {:>8.2} {:>8.2} | {:>8.2} {:>8.2}",
            if tls { "TLS" } else { "plain" },
            heard.per_s(),
            heard.per_s() / raw_per_s,
            percentile(&heard.ages, 50),
            both(|stretch| percentile(&stretch.ages, 50)),
            percentile(&heard.ages, 99),
            both(|stretch| percentile(&stretch.ages, 99)),
        );
    }
    assert!(people.closed().is_empty() && sockets.closed().is_empty(), "nobody is hung up on");
}

fn connect(crowd: &Crowd, addr: SocketAddr) -> Box<dyn Stream> {
    crowd.open(async move {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("connects");
        stream.set_nodelay(true).expect("sets");
        Box::new(stream)
    })
}

/// The loop: for each request that comes over the last connection, a frame to all others; all that has come goes out in one call a socket.
struct Raw {
    addr: SocketAddr,
    cpu_ns: Arc<AtomicU64>,
}

impl Raw {
    fn start(receivers: usize, frame_length: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let (addr, cpu_ns) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
        let cpu = Arc::clone(&cpu_ns);
        let request = frame(&format!("{{\"type\":\"send\",\"room\":\"{}\",\"text\":\"{TEXT}\"}}", room(0))).len();
        std::thread::spawn(move || {
            let accept = || -> TcpStream {
                let (stream, _) = listener.accept().expect("accepts");
                stream.set_nodelay(true).expect("sets");
                stream
            };
            let mut sockets: Vec<_> = (0..receivers).map(|_| accept()).collect();
            let mut control = accept();
            let length = u16::try_from(frame_length - 4).expect("a frame of middle length");
            let mut one = vec![0x81, 126];
            one.extend(length.to_be_bytes());
            one.resize(frame_length, b'x');
            let (mut buffer, mut pending) = (vec![0; 64 * 1024], 0);
            while let Ok(read @ 1..) = control.read(&mut buffer) {
                pending += read;
                let frames = one.repeat(pending / request);
                pending %= request;
                // The crowd has gone where a write fails.
                if sockets.iter_mut().any(|socket| socket.write_all(&frames).is_err()) {
                    break;
                }
                let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                cpu.store(used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64, Ordering::Relaxed);
            }
        });
        Self { addr, cpu_ns }
    }

    fn cpu_seconds(&self) -> f64 {
        self.cpu_ns.load(Ordering::Relaxed) as f64 / 1e9
    }
}

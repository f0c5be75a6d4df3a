//! Fan-out: deliveries per second in a room, compared with a bare loop that writes the same bytes to as many
//! TCP sockets.
//!
//! `cargo bench --bench fanout` prints a table and fails only if a message is lost. A window of 8 keeps eight
//! messages in flight; both sides may then write several in one call. On a shared machine only the column `÷
//! raw` is meaningful. The raw loop runs just before and after, in both blocks without TLS.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints a table"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod loadgen;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadgen::frames::frame;
use loadgen::host::{Host, Stream, UNLIMITED};
use loadgen::stats::{is_small, percentile, raise_file_limit};
use loadgen::{Clients, Sample, room};

const RECEIVERS: [usize; 4] = [10, 50, 200, 1000];
const WINDOWS: [usize; 2] = [1, 8];
/// Duration for the server; the raw loop runs half of it before and half after.
const TIME: Duration = Duration::from_secs(2);
/// Sentence of 64 characters.
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
    let host = Host::start(tls, UNLIMITED);
    let (connector, cookie) = (host.connector(), host.sign_in("beto"));
    let mut people = Clients::new();
    people.connect_all(&connector, &cookie, 0..n, n);
    people.start_sender(&connector, &cookie, TEXT);
    // Warms up and measures the length of a frame.
    let length = people.closed_loop(1, time / 10).bytes_per_frame.round() as usize;

    let raw = Raw::start(n, length);
    let mut sockets = Clients::new();
    for _ in 0..n {
        let stream = connect(&sockets, raw.addr);
        sockets.receive_from(stream);
    }
    let stream = connect(&sockets, raw.addr);
    sockets.set_sender(stream, TEXT);

    for window in WINDOWS {
        let raw_cpu = raw.cpu_seconds();
        let before = sockets.closed_loop(window, time / 2);
        let halfway = raw.cpu_seconds();
        let cpu = host.cpu_seconds();
        let recorder = people.closed_loop(window, time);
        let cpu = (host.cpu_seconds() - cpu) * 1e6 / recorder.latencies.len() as f64;
        let again = raw.cpu_seconds();
        let after = sockets.closed_loop(window, time / 2);
        let raw_cpu = (halfway - raw_cpu + raw.cpu_seconds() - again) * 1e6
            / (before.latencies.len() + after.latencies.len()) as f64;
        let both = |of: fn(&Sample) -> f64| f64::midpoint(of(&before), of(&after));
        let raw_per_s = both(Sample::per_s);
        println!(
            "{:<6} {n:>5} {window:>6} | {:>12.0} {raw_per_s:>12.0} {:>6.2} | {cpu:>8.2} {raw_cpu:>8.2} | {:>8.2} {:>8.2} | {:>8.2} {:>8.2}",
            if tls { "TLS" } else { "plain" },
            recorder.per_s(),
            recorder.per_s() / raw_per_s,
            percentile(&recorder.latencies, 50),
            both(|stretch| percentile(&stretch.latencies, 50)),
            percentile(&recorder.latencies, 99),
            both(|stretch| percentile(&stretch.latencies, 99)),
        );
    }
    assert!(people.closed().is_empty() && sockets.closed().is_empty(), "sockets were closed");
}

fn connect(clients: &Clients, addr: SocketAddr) -> Box<dyn Stream> {
    clients.open(async move {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("connects");
        stream.set_nodelay(true).expect("sets");
        Box::new(stream)
    })
}

/// Raw loop: for each request on the last connection it writes a frame to all others, in one call a socket.
struct Raw {
    addr: SocketAddr,
    cpu_ns: Arc<AtomicU64>,
}

impl Raw {
    fn start(receivers: usize, frame_length: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let (addr, cpu_ns) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
        let cpu = Arc::clone(&cpu_ns);
        let request =
            frame(&format!("{{\"type\":\"send\",\"room\":\"{}\",\"text\":\"{TEXT}\"}}", room(0))).len();
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
                // A write fails once the clients are gone.
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

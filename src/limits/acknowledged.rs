//! Bytes that a TCP peer has not acknowledged, read from the kernel's tables of connections.
//!
//! A write becomes possible again only when a third of the kernel's send buffer is free, which may be
//! megabytes. A slow reader is told from one that stopped by what it acknowledged meanwhile. The standard
//! library offers no `TCP_INFO` without `unsafe`; the tables in `/proc/self/net` hold the same figure, and
//! the hardened service may read them.

use crate::locks::lock;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The tables of IPv4 and of IPv6. The latter also has the IPv4 peers of a listener on `[::]`.
const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
/// Bytes read of a table: 150 a line, so 16384 connections are 2.4 MiB and 65,536 more in `TIME_WAIT` are 9.4
/// MiB.
const MAX_TABLE_BYTES: u64 = 16 * 1024 * 1024;
/// One reading serves all who ask within this time. Looks of one connection are further apart; tests have a
/// clock of their own.
const SNAPSHOT_LIFE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(1) };
/// Connection states without a send queue (`net/tcp_states.h`): `TIME_WAIT` and `LISTEN`.
const WITHOUT_QUEUE: [&str; 2] = ["06", "0A"];

/// The two ends of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    local: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    /// The ends of a connection; IPv4 addresses that were mapped into IPv6 are IPv4.
    pub fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        // Without flow and scope, which the tables do not hold.
        let key = |addr: SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
        Self { local: key(local), peer: key(peer) }
    }
}

/// A stream that may run over TCP.
pub trait Endpoints {
    /// The ends of the TCP connection below; `None` where there is none.
    fn ends(&self) -> Option<Ends>;
}

impl Endpoints for tokio::net::TcpStream {
    fn ends(&self) -> Option<Ends> {
        Some(Ends::new(self.local_addr().ok()?, self.peer_addr().ok()?))
    }
}

#[cfg(test)]
impl Endpoints for tokio::io::DuplexStream {
    fn ends(&self) -> Option<Ends> {
        None
    }
}

/// Send queues of one moment; a connection that is not listed has an empty one.
struct Snapshot {
    taken: Instant,
    queues: HashMap<Ends, u64>,
}

static LATEST: Mutex<Option<Snapshot>> = Mutex::new(None);

/// Returns the bytes written to a connection that its peer has not acknowledged; `None` where the kernel does
/// not say. Blocks for milliseconds.
pub(super) fn unacknowledged(ends: Ends) -> Option<u64> {
    let mut latest = lock(&LATEST);
    if latest.as_ref().is_none_or(|snapshot| snapshot.taken.elapsed() >= SNAPSHOT_LIFE) {
        *latest = read_tables().ok().map(|queues| Snapshot { taken: Instant::now(), queues });
    }
    latest.as_ref().map(|snapshot| snapshot.queues.get(&ends).copied().unwrap_or(0))
}

fn read_tables() -> io::Result<HashMap<Ends, u64>> {
    let mut queues = HashMap::new();
    for table in TABLES {
        let file = match File::open(table) {
            // A machine without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && table != TABLES[0] => continue,
            opened => opened?,
        };
        let mut lines = BufReader::with_capacity(32 * 1024, file.take(MAX_TABLE_BYTES));
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            queues.extend(send_queue(&line));
            line.clear();
        }
    }
    Ok(queues)
}

/// Reads one line: number, local address, peer's address, state, `send queue:receive queue`, …
fn send_queue(line: &str) -> Option<(Ends, u64)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, peer) = (address(words.next()?)?, address(words.next()?)?);
    let state = words.next()?;
    let queued = u64::from_str_radix(words.next()?.split_once(':')?.0, 16).ok()?;
    (queued > 0 && !WITHOUT_QUEUE.contains(&state)).then_some((Ends { local, peer }, queued))
}

/// Reads an address and a port in hexadecimal digits; each 32 bits of the address stand in the machine's byte
/// order.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(digits.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match digits.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (n, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(8 * n)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
#[path = "acknowledged_tests.rs"]
mod tests;

//! Simulated users: sockets in rooms, messages at a pace, and the latency of each delivery.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::verdict::ROOM;
use crate::cli::child_server::client::{Target, frame, take};
use crate::locks::lock;

/// Number of rooms, of [`ROOM`] sockets each.
pub(super) const ROOMS: usize = 4;
/// Time limit of an answer to a join, which waits for the hash of a room's password.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time during which messages are sent at one pace.
pub(super) const SEND_WINDOW: Duration = Duration::from_millis(1500);
/// Time for the last messages to arrive.
const DRAIN_WINDOW: Duration = Duration::from_millis(1000);
/// Characters of a message: one sentence.
const TEXT: usize = 64;
/// Bytes read from the kernel at once.
const CHUNK: usize = 16 * 1024;

/// Measurements of the current round.
#[derive(Default)]
struct Round {
    /// Scheduled time of message number 0.
    start: Option<Instant>,
    /// Time between two messages.
    pace: Duration,
    /// Mark of the round's messages.
    mark: u32,
    /// Latency of each delivery.
    ages: Vec<Duration>,
}

/// All simulated users.
#[derive(Default)]
pub(super) struct LoadClients {
    writers: Vec<OwnedWriteHalf>,
    readers: JoinSet<()>,
    round: Arc<Mutex<Round>>,
    delivered: Arc<AtomicU64>,
    /// True once a socket was closed.
    broken: Arc<AtomicBool>,
    marks: u32,
}

/// Result of one pace.
#[derive(Clone, Copy, Debug)]
pub(super) struct LatencyRecorder {
    /// Deliveries a second.
    pub(super) per_s: f64,
    /// 99th percentile of the latency.
    pub(super) p99: Duration,
    /// True if all messages arrived.
    pub(super) whole: bool,
}

impl LoadClients {
    /// Opens sockets until there are `people`.
    pub(super) async fn gather(&mut self, target: &Target, cookie: &str, people: usize) -> io::Result<()> {
        for number in self.writers.len()..people {
            let (reader, writer) = timeout(PATIENCE, enter(target, cookie, number % ROOMS)).await??;
            self.writers.push(writer);
            let (round, delivered, broken) =
                (Arc::clone(&self.round), Arc::clone(&self.delivered), Arc::clone(&self.broken));
            self.readers.spawn(async move {
                listen(reader, &round, &delivered).await;
                broken.store(true, Ordering::Release);
            });
        }
        Ok(())
    }

    /// Returns true if all sockets are open.
    pub(super) fn is_whole(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }

    /// Sends messages so that `per_s` messages a second are delivered.
    pub(super) async fn speak(&mut self, per_s: u64) -> io::Result<LatencyRecorder> {
        let pace = Duration::from_secs_f64(ROOM as f64 / per_s as f64);
        let messages = (SEND_WINDOW.as_secs_f64() / pace.as_secs_f64()).ceil().max(1.0) as u32;
        self.marks += 1;
        let before = self.delivered.load(Ordering::Acquire);
        let start = Instant::now();
        *self.lock() = Round {
            start: Some(start),
            pace,
            mark: self.marks,
            ages: Vec::with_capacity(messages as usize * ROOM),
        };
        for number in 0..messages {
            sleep_until((start + pace * number).into()).await;
            let who = number as usize % self.writers.len();
            let text = format!("{:08}.{number:08}", self.marks);
            let frame = frame(&format!(
                "{{\"type\":\"send\",\"room\":\"prueba{}\",\"text\":\"{text:-<TEXT$}\"}}",
                who % ROOMS
            ));
            if timeout(DRAIN_WINDOW, self.writers[who].write_all(&frame)).await.is_err() {
                // A socket took no more: this pace is beyond the server.
                break;
            }
        }
        let wanted = u64::from(messages) * ROOM as u64;
        let over = start + pace * messages + DRAIN_WINDOW;
        while self.delivered.load(Ordering::Acquire) - before < wanted
            && Instant::now() < over
            && self.is_whole()
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut ages = std::mem::take(&mut self.lock().ages);
        ages.sort_unstable();
        let per_s = ages.len() as f64 / start.elapsed().as_secs_f64().max((pace * messages).as_secs_f64());
        let p99 = ages.get(ages.len() * 99 / 100).copied().unwrap_or(DRAIN_WINDOW);
        Ok(LatencyRecorder { per_s, p99, whole: ages.len() as u64 >= wanted && self.is_whole() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Round> {
        lock(&self.round)
    }
}

/// Opens a socket and joins a room.
async fn enter(target: &Target, cookie: &str, room: usize) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let mut stream = TcpStream::connect(target.addr).await?;
    stream.set_nodelay(true)?;
    stream.write_all(target.handshake(cookie).as_bytes()).await?;
    read_until(&mut stream, b"\r\n\r\n").await?;
    let join = format!(
        "{{\"type\":\"join\",\"room\":\"prueba{room}\",\"password\":\"selftest\",\"kind\":\"private\"}}"
    );
    stream.write_all(&frame(&join)).await?;
    // The answer follows the frame with the session's rooms and ends with a boolean, which that has not.
    read_until(&mut stream, b"e}").await?;
    Ok(stream.into_split())
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<()> {
    let mut last = Vec::new();
    while !last.ends_with(end) {
        last.push(stream.read_u8().await?);
        if last.len() > CHUNK {
            return Err(io::Error::other("an answer of another kind"));
        }
    }
    Ok(())
}

/// Reads one socket until it ends.
async fn listen(mut reader: OwnedReadHalf, round: &Mutex<Round>, delivered: &AtomicU64) {
    let mut buf = Vec::with_capacity(CHUNK);
    let mut marks = Vec::new();
    while reader.read_buf(&mut buf).await.is_ok_and(|n| n > 0) {
        let now = Instant::now();
        let mut rest = &*buf;
        while take(&mut rest, &mut |payload| marks.extend(mark_of(payload))) {}
        let used = buf.len() - rest.len();
        buf.drain(..used);
        let mut round = lock(round);
        let Round { start: Some(start), pace, mark, .. } = *round else { continue };
        let before = round.ages.len();
        let ages = marks
            .drain(..)
            .filter(|of| of.round == mark)
            .map(|of| now.saturating_duration_since(start + pace * of.number));
        round.ages.extend(ages);
        delivered.fetch_add((round.ages.len() - before) as u64, Ordering::AcqRel);
    }
}

/// Mark of a test message: its round and its number in the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MessageMark {
    round: u32,
    number: u32,
}

/// Parses the mark of a message; `None` for other frames.
fn mark_of(payload: &[u8]) -> Option<MessageMark> {
    let text = str::from_utf8(payload).ok()?;
    let (_, text) = text.strip_prefix("{\"type\":\"message\"")?.split_once("\"text\":\"")?;
    let (round, rest) = text.split_once('.')?;
    Some(MessageMark { round: round.parse().ok()?, number: rest.get(..8)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_number_is_parsed_from_messages_only() {
        let message = br#"{"type":"message","room":"prueba1","user":"cliente","text":"00000003.00000041-----","at":"x","seq":9}"#;
        assert_eq!(mark_of(message), Some(MessageMark { round: 3, number: 41 }));
        for other in [
            &br#"{"type":"sent","room":"prueba1","seq":9,"at":"x"}"#[..],
            b"",
            b"\xff",
            br#"{"type":"message","text":"hola"}"#,
        ] {
            assert_eq!(mark_of(other), None);
        }
    }
}

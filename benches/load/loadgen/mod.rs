//! Load generator: many sockets on one thread, cheap enough to run on the server's machine.
//!
//! Frames are counted by their headers and not parsed. A room has one order, so a receiver's frame number 7
//! is message number 7.

#![allow(dead_code, reason = "each program uses its own part")]

pub mod frames;
pub mod host;
pub mod stats;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use frames::{Counter, frame};
use host::{Connector, Stream};

/// A message that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Joins in flight: each waits for the hash of a room's password, and the server queues 64.
const JOINS_IN_FLIGHT: usize = 16;
/// Bytes of one read.
const READ_BUFFER: usize = 64 * 1024;

/// Deliveries of all receivers.
#[derive(Default)]
struct Recorder {
    receivers: usize,
    /// Time at which each message was sent or due.
    sent: Vec<Instant>,
    /// Receivers that have each message.
    got: Vec<usize>,
    /// Messages that every receiver has.
    whole: usize,
    /// Latency of every delivery in microseconds.
    latencies: Vec<u32>,
    bytes: u64,
    closed: Vec<u16>,
}

/// Sockets in rooms, one of which sends.
pub struct Clients {
    runtime: tokio::runtime::Runtime,
    tasks: LocalSet,
    recorder: Rc<RefCell<Recorder>>,
    news: Rc<Notify>,
    sender: Option<WriteHalf<Box<dyn Stream>>>,
    /// Frame of one message.
    message_frame: Vec<u8>,
}

/// Result of one measurement.
pub struct Sample {
    pub messages: usize,
    pub seconds: f64,
    /// Latencies in milliseconds, sorted.
    pub latencies: Vec<f64>,
    pub bytes_per_frame: f64,
}

impl Sample {
    pub fn per_s(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }
}

impl Clients {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self {
            runtime,
            tasks: LocalSet::new(),
            recorder: Rc::default(),
            news: Rc::default(),
            sender: None,
            message_frame: Vec::new(),
        }
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, work)
    }

    /// Connects receivers of one session, `members_per_room` in each room; `numbers` selects the receivers.
    pub fn connect_all(
        &self,
        connector: &Connector,
        cookie: &str,
        numbers: Range<usize>,
        members_per_room: usize,
    ) {
        // Each is read from as soon as it has joined: among thousands the first is pinged before the last has
        // joined.
        self.run(async {
            let each = numbers.map(|n| connector.enter(cookie, room(n / members_per_room)));
            stream::iter(each.collect::<Vec<_>>())
                .buffer_unordered(JOINS_IN_FLIGHT)
                .for_each(async |stream| self.receive_from(stream))
                .await;
        });
    }

    /// Counts what arrives over `stream` as deliveries to one receiver.
    pub fn receive_from(&self, stream: Box<dyn Stream>) {
        self.recorder.borrow_mut().receivers += 1;
        self.tasks.spawn_local(listen(stream, Rc::clone(&self.recorder), Rc::clone(&self.news)));
    }

    /// Makes `stream` the sender of the first room; its own deliveries are not counted.
    pub fn set_sender(&mut self, stream: Box<dyn Stream>, text: &str) {
        let (reader, writer) = tokio::io::split(stream);
        self.tasks.spawn_local(discard(reader));
        self.sender = Some(writer);
        self.message_frame =
            frame(&format!("{{\"type\":\"send\",\"room\":\"{}\",\"text\":\"{text}\"}}", room(0)));
    }

    /// Connects a sender to the first room.
    pub fn start_sender(&mut self, connector: &Connector, cookie: &str, text: &str) {
        let stream = self.run(connector.enter(cookie, room(0)));
        self.set_sender(stream, text);
    }

    /// Runs a future on the thread of these sockets.
    pub fn open<T>(&self, work: impl Future<Output = T>) -> T {
        self.run(work)
    }

    /// Keeps the sockets alive for a time.
    pub fn wait(&self, time: Duration) {
        self.run(async { tokio::time::sleep(time).await });
    }

    /// Counts closed sockets by close code.
    pub fn closed(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for code in &self.recorder.borrow().closed {
            *counts.entry(*code).or_default() += 1;
        }
        counts
    }

    /// Keeps `window` messages in flight: the next one is sent when every receiver has the oldest (closed
    /// loop).
    pub fn closed_loop(&mut self, window: usize, time: Duration) -> Sample {
        let (recorder, news, message_frame) =
            (Rc::clone(&self.recorder), Rc::clone(&self.news), self.message_frame.clone());
        let mut sender = self.sender.take().expect("a sender");
        let stretch = self.run(async {
            let begin = StartMark::of(&recorder);
            let mut under_way = Vec::new();
            while begin.at.elapsed() < time {
                under_way.clear();
                {
                    let mut recorder = recorder.borrow_mut();
                    while recorder.sent.len() < recorder.whole + window {
                        recorder.sent.push(Instant::now());
                        recorder.got.push(0);
                        under_way.extend_from_slice(&message_frame);
                    }
                }
                if !under_way.is_empty() {
                    sender.write_all(&under_way).await.expect("is read from");
                    sender.flush().await.expect("is read from");
                }
                wait_for(&recorder, &news).await;
            }
            begin.ends(&recorder, &news).await
        });
        self.sender = Some(sender);
        stretch
    }

    /// Sends a message every `pace` and measures the delay from its due time (open loop).
    pub fn open_loop(&mut self, pace: Duration, messages: usize) -> Sample {
        let (recorder, news, message_frame) =
            (Rc::clone(&self.recorder), Rc::clone(&self.news), self.message_frame.clone());
        let mut sender = self.sender.take().expect("a sender");
        let stretch = self.run(async {
            let begin = StartMark::of(&recorder);
            for number in 0..messages {
                let due = begin.at + pace * u32::try_from(number).expect("few");
                tokio::time::sleep_until(due.into()).await;
                {
                    let mut recorder = recorder.borrow_mut();
                    recorder.sent.push(due);
                    recorder.got.push(0);
                }
                sender.write_all(&message_frame).await.expect("is read from");
                sender.flush().await.expect("is read from");
            }
            begin.ends(&recorder, &news).await
        });
        self.sender = Some(sender);
        stretch
    }
}

/// Returns the code of room `n`.
pub fn room(n: usize) -> String {
    format!("sala-{n}")
}

/// State at the start of a measurement.
struct StartMark {
    at: Instant,
    sent: usize,
    bytes: u64,
}

impl StartMark {
    fn of(recorder: &RefCell<Recorder>) -> Self {
        let mut recorder = recorder.borrow_mut();
        recorder.latencies.clear();
        Self { at: Instant::now(), sent: recorder.sent.len(), bytes: recorder.bytes }
    }

    /// Waits for the last delivery and checks that every receiver has each message once.
    async fn ends(self, recorder: &RefCell<Recorder>, news: &Notify) -> Sample {
        let whole = || {
            let recorder = recorder.borrow();
            recorder.whole == recorder.sent.len()
        };
        while !whole() {
            wait_for(recorder, news).await;
        }
        let seconds = self.at.elapsed().as_secs_f64();
        let mut recorder = recorder.borrow_mut();
        let messages = recorder.sent.len() - self.sent;
        assert_eq!(
            recorder.latencies.len(),
            messages * recorder.receivers,
            "every message once per receiver"
        );
        let mut latencies: Vec<_> = recorder.latencies.drain(..).map(|age| f64::from(age) / 1e3).collect();
        latencies.sort_by(f64::total_cmp);
        let bytes_per_frame = (recorder.bytes - self.bytes) as f64 / latencies.len().max(1) as f64;
        Sample { messages, seconds, latencies, bytes_per_frame }
    }
}

/// Waits until every receiver has one more message.
async fn wait_for(recorder: &RefCell<Recorder>, news: &Notify) {
    if tokio::time::timeout(PATIENCE, news.notified()).await.is_err() {
        let Recorder { receivers, sent, got, whole, closed, .. } = &*recorder.borrow();
        panic!(
            "of {} messages {whole} came to all {receivers}, the next to {:?}; closed: {closed:?}",
            sent.len(),
            got.get(*whole)
        );
    }
}

thread_local! {
    /// Shared by all sockets: a read is counted before the next one.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

/// Reads into the shared buffer and counts frames; returns `None` at the end of the stream.
async fn count(stream: &mut Box<dyn Stream>, counter: &mut Counter) -> Option<usize> {
    std::future::poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut into = tokio::io::ReadBuf::new(buffer);
            std::task::ready!(std::pin::Pin::new(&mut **stream).poll_read(cx, &mut into)).ok();
            let read = into.filled();
            counter.take(read);
            std::task::Poll::Ready((!read.is_empty()).then_some(read.len()))
        })
    })
    .await
}

async fn listen(mut stream: Box<dyn Stream>, recorder: Rc<RefCell<Recorder>>, news: Rc<Notify>) {
    let mut counter = Counter::default();
    let mut next = recorder.borrow().sent.len();
    while let Some(bytes) = count(&mut stream, &mut counter).await {
        let pinged = std::mem::take(&mut counter.pings) > 0;
        {
            let now = Instant::now();
            let recorder = &mut *recorder.borrow_mut();
            let texts = std::mem::take(&mut counter.texts);
            recorder.bytes += bytes as u64;
            for _ in 0..texts {
                let sent = *recorder.sent.get(next).expect("no more frames than messages");
                recorder
                    .latencies
                    .push(u32::try_from(now.saturating_duration_since(sent).as_micros()).unwrap_or(u32::MAX));
                recorder.got[next] += 1;
                next += 1;
            }
            let before = recorder.whole;
            while recorder.got.get(recorder.whole) == Some(&recorder.receivers) {
                recorder.whole += 1;
            }
            if recorder.whole > before {
                news.notify_one();
            }
        }
        // An unsolicited pong counts as input too (RFC 6455 section 5.5.3).
        if pinged && stream.write_all(&frames::PONG).await.is_err() {
            break;
        }
    }
    recorder.borrow_mut().closed.push(counter.close.unwrap_or(1006));
}

async fn discard(mut reader: tokio::io::ReadHalf<Box<dyn Stream>>) {
    let mut buffer = vec![0; READ_BUFFER];
    while reader.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}

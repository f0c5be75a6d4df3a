//! A crowd of sockets on one thread, cheap enough to stand beside the server on the same machine: what comes is counted frame by frame by
//! the headers, and nothing is parsed. A receiver's frame number 7 is message number 7, for a room has one order.

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
use host::{Gate, Stream};

/// What has not come within this time will not come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Joins under way at once: each waits for the hash of a room's password, and 64 may.
const AT_ONCE: usize = 16;
/// Read from the kernel at once.
const CHUNK: usize = 64 * 1024;

/// What the receivers noted.
#[derive(Default)]
struct Heard {
    receivers: usize,
    /// When each message was (or was to be) sent.
    sent: Vec<Instant>,
    /// How many receivers have each.
    got: Vec<usize>,
    /// Messages that all have.
    whole: usize,
    /// In microseconds, of every delivery.
    ages: Vec<u32>,
    bytes: u64,
    closed: Vec<u16>,
}

/// Sockets in rooms, and one that speaks.
pub struct Crowd {
    runtime: tokio::runtime::Runtime,
    tasks: LocalSet,
    heard: Rc<RefCell<Heard>>,
    news: Rc<Notify>,
    speaker: Option<WriteHalf<Box<dyn Stream>>>,
    /// The frames that it sends.
    words: Vec<u8>,
}

/// What came of one stretch of time.
pub struct Stretch {
    pub messages: usize,
    pub seconds: f64,
    /// Milliseconds, sorted.
    pub ages: Vec<f64>,
    pub bytes_per_frame: f64,
}

impl Stretch {
    pub fn per_s(&self) -> f64 {
        self.ages.len() as f64 / self.seconds
    }
}

impl Crowd {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, tasks: LocalSet::new(), heard: Rc::default(), news: Rc::default(), speaker: None, words: Vec::new() }
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, work)
    }

    /// Lets receivers of one session into rooms of `of_a_room` each; `numbers` says which of them.
    pub fn gather(&self, gate: &Gate, cookie: &str, numbers: Range<usize>, of_a_room: usize) {
        // Each is listened to as soon as it is in: with thousands the first is pinged before the last has come.
        self.run(async {
            let each = numbers.map(|n| gate.enter(cookie, room(n / of_a_room)));
            stream::iter(each.collect::<Vec<_>>())
                .buffer_unordered(AT_ONCE)
                .for_each(async |stream| self.receive_from(stream))
                .await;
        });
    }

    /// What comes over `stream` counts as delivered to one receiver.
    pub fn receive_from(&self, stream: Box<dyn Stream>) {
        self.heard.borrow_mut().receivers += 1;
        self.tasks.spawn_local(listen(stream, Rc::clone(&self.heard), Rc::clone(&self.news)));
    }

    /// Who speaks in the first room from now on; what comes back to that socket is not counted.
    pub fn speaker(&mut self, stream: Box<dyn Stream>, text: &str) {
        let (reader, writer) = tokio::io::split(stream);
        self.tasks.spawn_local(swallow(reader));
        self.speaker = Some(writer);
        self.words = frame(&format!("{{\"type\":\"send\",\"room\":\"{}\",\"text\":\"{text}\"}}", room(0)));
    }

    /// Somebody enters the first room and speaks there.
    pub fn let_speak(&mut self, gate: &Gate, cookie: &str, text: &str) {
        let stream = self.run(gate.enter(cookie, room(0)));
        self.speaker(stream, text);
    }

    /// Opens something on this crowd's thread.
    pub fn open<T>(&self, work: impl Future<Output = T>) -> T {
        self.run(work)
    }

    /// Lets the sockets live for a while.
    pub fn wait(&self, time: Duration) {
        self.run(async { tokio::time::sleep(time).await });
    }

    /// How many sockets were closed, with each code.
    pub fn closed(&self) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for code in &self.heard.borrow().closed {
            *counts.entry(*code).or_default() += 1;
        }
        counts
    }

    /// `window` messages under way all the time: a further one is sent when everybody has the oldest.
    pub fn speak_in_windows(&mut self, window: usize, time: Duration) -> Stretch {
        let (heard, news, words) = (Rc::clone(&self.heard), Rc::clone(&self.news), self.words.clone());
        let mut speaker = self.speaker.take().expect("somebody speaks");
        let stretch = self.run(async {
            let begin = Beginning::of(&heard);
            let mut under_way = Vec::new();
            while begin.at.elapsed() < time {
                under_way.clear();
                {
                    let mut heard = heard.borrow_mut();
                    while heard.sent.len() < heard.whole + window {
                        heard.sent.push(Instant::now());
                        heard.got.push(0);
                        under_way.extend_from_slice(&words);
                    }
                }
                if !under_way.is_empty() {
                    speaker.write_all(&under_way).await.expect("is read from");
                    speaker.flush().await.expect("is read from");
                }
                wait_for(&heard, &news).await;
            }
            begin.ends(&heard, &news).await
        });
        self.speaker = Some(speaker);
        stretch
    }

    /// A message every `pace`, and how much later than that each came.
    pub fn speak_at_pace(&mut self, pace: Duration, messages: usize) -> Stretch {
        let (heard, news, words) = (Rc::clone(&self.heard), Rc::clone(&self.news), self.words.clone());
        let mut speaker = self.speaker.take().expect("somebody speaks");
        let stretch = self.run(async {
            let begin = Beginning::of(&heard);
            for number in 0..messages {
                let due = begin.at + pace * u32::try_from(number).expect("few");
                tokio::time::sleep_until(due.into()).await;
                {
                    let mut heard = heard.borrow_mut();
                    heard.sent.push(due);
                    heard.got.push(0);
                }
                speaker.write_all(&words).await.expect("is read from");
                speaker.flush().await.expect("is read from");
            }
            begin.ends(&heard, &news).await
        });
        self.speaker = Some(speaker);
        stretch
    }
}

/// The code of the room that number `n` is called by.
pub fn room(n: usize) -> String {
    format!("sala-{n}")
}

/// Where a stretch began.
struct Beginning {
    at: Instant,
    sent: usize,
    bytes: u64,
}

impl Beginning {
    fn of(heard: &RefCell<Heard>) -> Self {
        let mut heard = heard.borrow_mut();
        heard.ages.clear();
        Self { at: Instant::now(), sent: heard.sent.len(), bytes: heard.bytes }
    }

    /// When the last has come; everybody must have each message once.
    async fn ends(self, heard: &RefCell<Heard>, news: &Notify) -> Stretch {
        let whole = || {
            let heard = heard.borrow();
            heard.whole == heard.sent.len()
        };
        while !whole() {
            wait_for(heard, news).await;
        }
        let seconds = self.at.elapsed().as_secs_f64();
        let mut heard = heard.borrow_mut();
        let messages = heard.sent.len() - self.sent;
        assert_eq!(heard.ages.len(), messages * heard.receivers, "each one once to everybody");
        let mut ages: Vec<_> = heard.ages.drain(..).map(|age| f64::from(age) / 1e3).collect();
        ages.sort_by(f64::total_cmp);
        let bytes_per_frame = (heard.bytes - self.bytes) as f64 / ages.len().max(1) as f64;
        Stretch { messages, seconds, ages, bytes_per_frame }
    }
}

/// Until another message is whole.
async fn wait_for(heard: &RefCell<Heard>, news: &Notify) {
    if tokio::time::timeout(PATIENCE, news.notified()).await.is_err() {
        let Heard { receivers, sent, got, whole, closed, .. } = &*heard.borrow();
        panic!(
            "of {} messages {whole} came to all {receivers}, the next to {:?}; closed: {closed:?}",
            sent.len(),
            got.get(*whole)
        );
    }
}

thread_local! {
    /// One for all sockets: what a read brings is counted before the next.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Reads into the shared buffer and counts; `None` when the stream has ended.
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

async fn listen(mut stream: Box<dyn Stream>, heard: Rc<RefCell<Heard>>, news: Rc<Notify>) {
    let mut counter = Counter::default();
    let mut next = heard.borrow().sent.len();
    while let Some(bytes) = count(&mut stream, &mut counter).await {
        let pinged = std::mem::take(&mut counter.pings) > 0;
        {
            let now = Instant::now();
            let heard = &mut *heard.borrow_mut();
            let texts = std::mem::take(&mut counter.texts);
            heard.bytes += bytes as u64;
            for _ in 0..texts {
                let sent = *heard.sent.get(next).expect("no more frames than messages");
                heard.ages.push(u32::try_from(now.saturating_duration_since(sent).as_micros()).unwrap_or(u32::MAX));
                heard.got[next] += 1;
                next += 1;
            }
            let before = heard.whole;
            while heard.got.get(heard.whole) == Some(&heard.receivers) {
                heard.whole += 1;
            }
            if heard.whole > before {
                news.notify_one();
            }
        }
        // A pong that nobody asked for is a sign of life too (RFC 6455 section 5.5.3).
        if pinged && stream.write_all(&frames::PONG).await.is_err() {
            break;
        }
    }
    heard.borrow_mut().closed.push(counter.close.unwrap_or(1006));
}

async fn swallow(mut reader: tokio::io::ReadHalf<Box<dyn Stream>>) {
    let mut buffer = vec![0; CHUNK];
    while reader.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}

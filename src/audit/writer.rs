//! Thread that writes the lines.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::event::Event;
use super::record::Record;
use super::sink::Sink;
use crate::clock::Clock;

/// Item of the writer's queue.
pub(super) enum Item {
    /// Line to write.
    Line(Record),
    /// Stops the writer after the queued lines.
    Stop,
}

/// Interval at which [`Writer::finish`] retries on a full queue.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Handle of the writer's thread, to finish at the end of the program. If it is dropped instead, the thread
/// runs until the last [`Audit`](super::Audit) is dropped.
#[derive(Debug)]
pub struct Writer {
    queue: mpsc::Sender<Item>,
    done: std_mpsc::Receiver<()>,
}

impl Writer {
    pub(super) fn start(
        queue: mpsc::Sender<Item>,
        waiting: mpsc::Receiver<Item>,
        sink: Sink,
        dropped: Arc<AtomicU64>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let (tell, done) = std_mpsc::channel();
        thread::Builder::new().name("audit".into()).spawn(move || {
            WriterThread { sink, dropped, told: 0, clock }.run(waiting);
            let _ = tell.send(());
        })?;
        Ok(Self { queue, done })
    }

    /// Writes the queued lines and ends the thread, also while handles exist; their later events are lost.
    /// Returns true if all lines were written. Returns false after `within` and abandons the thread, because
    /// a socket or terminal that does not answer must not keep the process alive. Blocks: not for an async
    /// task.
    pub fn finish(self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            match self.queue.try_send(Item::Stop) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => break,
                Err(mpsc::error::TrySendError::Full(_)) if Instant::now() >= deadline => {
                    return false;
                }
                Err(mpsc::error::TrySendError::Full(_)) => thread::sleep(LOOK_AGAIN),
            }
        }
        self.done.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok()
    }
}

/// State of the thread.
struct WriterThread {
    sink: Sink,
    dropped: Arc<AtomicU64>,
    /// Number of lost events that were reported.
    told: u64,
    clock: Arc<dyn Clock>,
}

impl WriterThread {
    fn run(&mut self, mut waiting: mpsc::Receiver<Item>) {
        while let Some(item) = waiting.blocking_recv() {
            match item {
                Item::Stop => waiting.close(),
                Item::Line(record) => {
                    self.report_losses();
                    self.write(&record);
                }
            }
        }
        self.report_losses();
    }

    fn report_losses(&mut self) {
        let lost = self.dropped.load(Ordering::Relaxed);
        if lost > self.told {
            let event = Event::AuditDropped { count: lost - self.told };
            self.told = lost;
            self.write(&Record::of(&event, &*self.clock));
        }
    }

    fn write(&mut self, record: &Record) {
        self.sink.write(record, self.clock.monotonic());
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;

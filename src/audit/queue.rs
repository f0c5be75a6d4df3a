//! Handle to record events.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::SendTimeoutError};

use super::entry::{Class, Threshold};
use super::event::Event;
use super::record::Record;
use super::sink::{AuditTarget, Sink};
use super::throttle::Throttle;
use super::writer::{Item, Writer};
use crate::clock::Clock;

/// Maximum number of queued events (`docs/LIMITS.md`). A line has about 250 bytes, so that a full queue has 1
/// MiB. The longest possible lines (three values of 256 characters, 8 bytes each when escaped) need 25 MiB.
pub const QUEUE_EVENTS: usize = 4096;

/// Divisor of the queue's part that counters leave free (one in eight), so that a flood of them never delays
/// a sign-in.
const KEPT_FOR_SECURITY: usize = 8;

/// Time that a security event waits for a free place before it is counted as dropped.
const PATIENCE: Duration = Duration::from_secs(2);

/// Handle to record events; clones share one queue.
#[derive(Clone)]
pub struct Audit {
    queue: mpsc::Sender<Item>,
    dropped: Arc<AtomicU64>,
    throttle: Arc<Throttle>,
    clock: Arc<dyn Clock>,
    threshold: Threshold,
}

impl Audit {
    /// Starts the writer's thread. A missing socket is no error: lines go to stderr until it exists.
    ///
    /// # Errors
    /// Fails if the system cannot start a thread.
    pub fn start(
        target: AuditTarget,
        threshold: Threshold,
        clock: Arc<dyn Clock>,
    ) -> io::Result<(Self, Writer)> {
        let sink = Sink::new(target, Box::new(io::stderr()));
        Self::start_with(sink, QUEUE_EVENTS, threshold, clock)
    }

    pub(super) fn start_with(
        sink: Sink,
        events: usize,
        threshold: Threshold,
        clock: Arc<dyn Clock>,
    ) -> io::Result<(Self, Writer)> {
        let (queue, waiting) = mpsc::channel(events);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer::start(queue.clone(), waiting, sink, Arc::clone(&dropped), Arc::clone(&clock))?;
        Ok((Self { queue, dropped, throttle: Arc::default(), clock, threshold }, writer))
    }

    /// Records `event`. One of class security waits up to 2 s for a free place; a counter never waits.
    /// Dropped events are counted, and the next line reports their number. Must be called inside a tokio
    /// runtime with time enabled.
    pub async fn record(&self, event: Event) {
        let Some(record) = self.admit(&event) else {
            return;
        };
        match event.class() {
            Class::Counter => self.offer(record),
            Class::Security | Class::Stranger | Class::Sampled => {
                match self.queue.try_send(Item::Line(record)) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Closed(_)) => self.drop_one(),
                    Err(mpsc::error::TrySendError::Full(item)) => {
                        match self.queue.send_timeout(item, PATIENCE).await {
                            Ok(()) => {}
                            Err(SendTimeoutError::Timeout(_) | SendTimeoutError::Closed(_)) => {
                                self.drop_one();
                            }
                        }
                    }
                }
            }
        }
    }

    /// Records `event` without waiting. If the queue is full, it is counted as dropped, whatever its class.
    #[allow(clippy::needless_pass_by_value, reason = "an event is made to be recorded, once")]
    pub fn try_record(&self, event: Event) {
        if let Some(record) = self.admit(&event) {
            self.offer(record);
        }
    }

    /// Records the number of throttled lines of each event. To be called every second or so; writes once a
    /// minute.
    pub async fn report_throttled(&self) {
        for (of, count) in self.throttle.report(self.clock.monotonic()) {
            self.record(Event::AuditThrottled { of, count }).await;
        }
    }

    /// Returns the number of events lost since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns the number of queued events.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Formats the event, unless the threshold hides it, its budget is used up, or it is a counter and the
    /// queue is full.
    fn admit(&self, event: &Event) -> Option<Record> {
        let entry = event.entry();
        if !self.threshold.admits(entry) {
            return None;
        }
        if !self.throttle.admits(entry, self.clock.monotonic()) {
            return None;
        }
        let kept = self.queue.max_capacity() / KEPT_FOR_SECURITY;
        if entry.class == Class::Counter && self.queue.capacity() <= kept {
            self.drop_one();
            return None;
        }
        Some(Record::of(event, &*self.clock))
    }

    fn offer(&self, record: Record) {
        if self.queue.try_send(Item::Line(record)).is_err() {
            self.drop_one();
        }
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("queued", &self.queued())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

//! Bounded send queue of one socket.
//!
//! Queueing never blocks. A full queue drops the least important frames, then closes its socket.
//!
//! # Write access
//! Over plain TCP two parties write to one socket: its own task, and producers, which are the tasks of
//! sockets that publish to the room. The queue's lock covers every write, and [`WriteState`] tells which
//! party may write:
//!
//! ```text
//!             take(): nothing left to write         enqueue()
//!   TaskOnly ─────────────────────────────▶ Inline ───────────▶ FlushPending
//!    ▲  ▲                                   │    ▲                  │    │
//!    │  └───── kernel full, close, end ─────┘    └───── flush() ────┘    │
//!    └──────────────────── kernel full, close, end ──────────────────────┘
//! ```
//!
//! - `TaskOnly`: the task has frames of its own, or one is partly written, or the transport is TLS. A
//!   producer enqueues and wakes the task.
//! - `Inline`: queue and task are idle. The producer that enqueues next must call [`SendQueue::flush`].
//! - `FlushPending`: a producer owes the flush. Others only enqueue; above the high-water mark they write at
//!   once.
//!
//! A partly written frame always leads to `TaskOnly`, and the task completes that frame before any other. A
//! producer that cannot flush calls [`SendQueue::abandon_flush`], which wakes the task. Each `take()` of the
//! task sets the state anew.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use rustix::net::{SendFlags, send};
use tokio::net::tcp::OwnedWriteHalf;

use crate::chat::Priority;
use crate::locks::lock;
use crate::ws::conn::pulse::Pulse;
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::frame::{Frame, PING};
use crate::ws::send::batch::{CoalescedBatch, Gathered, advance, gather, would_block_as_zero};
use crate::ws::send::queue_stats::{DroppedFrames, QueueStats};

/// Maximum number of queued frames (`docs/LIMITS.md`): four rooms' default rings.
pub(crate) const MAX_FRAMES: usize = 256;
/// Maximum number of queued bytes: 256 messages of 1 KiB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// Above this high-water mark the producer flushes inline, so that a queue fills only because the peer is
/// slow.
const HIGH_WATER_FRAMES: usize = MAX_FRAMES / 4;
/// The same in bytes.
const HIGH_WATER_BYTES: usize = MAX_BYTES / 4;
/// A queue that grew beyond this capacity is freed once it is empty.
const KEEP_CAPACITY: usize = 16;

/// Send queue of one socket, and the client's signs of life.
#[derive(Default)]
pub struct SendQueue {
    queue: Mutex<QueueState>,
    pub(crate) pulse: Pulse,
}

/// Party that may write to the socket, as in the diagram above.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum WriteState {
    /// The socket's task; producers wake it.
    #[default]
    TaskOnly,
    /// The next producer.
    Inline,
    /// The producer that owes a flush.
    FlushPending,
}

#[derive(Default)]
struct QueueState {
    frames: VecDeque<(Frame, Priority)>,
    bytes: usize,
    /// Bytes of the first frame that are out already: the kernel accepted a part of an inline write.
    written: usize,
    waker: Option<Waker>,
    closing: Option<CloseCode>,
    /// A ping is due.
    ping: bool,
    dropped: DroppedFrames,
    /// Write half of plain TCP; `None` over TLS.
    writer: Option<OwnedWriteHalf>,
    write_state: WriteState,
}

impl SendQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        lock(&self.queue)
    }

    /// Queues a frame and wakes the socket's task.
    pub fn push(&self, frame: Frame, urgency: Priority) {
        let mut queue = self.lock();
        queue.push(frame, urgency);
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }

    /// Queues a frame. Returns true if the caller must call [`flush`](SendQueue::flush) soon; otherwise
    /// another producer or the task, which is woken, writes it.
    pub(crate) fn enqueue(&self, frame: Frame, urgency: Priority) -> bool {
        let mut queue = self.lock();
        queue.push(frame, urgency);
        if queue.write_state != WriteState::TaskOnly {
            if queue.frames.len() >= HIGH_WATER_FRAMES || queue.bytes >= HIGH_WATER_BYTES {
                queue.flush(&mut CoalescedBatch::default());
            }
            let must_flush = queue.write_state == WriteState::Inline;
            if must_flush {
                queue.write_state = WriteState::FlushPending;
            }
            return must_flush;
        }
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
        false
    }

    /// Writes queued frames as far as the kernel accepts them at once; the socket's task writes the rest.
    /// `run` is the copy shared with other receivers.
    pub(crate) fn flush(&self, run: &mut CoalescedBatch) {
        let mut queue = self.lock();
        queue.flush(run);
        if queue.write_state == WriteState::FlushPending {
            queue.write_state = WriteState::Inline;
        }
        queue.shrink_if_idle();
    }

    /// Cancels a pending inline flush and wakes the socket's own task.
    pub(crate) fn abandon_flush(&self) {
        self.lock().wake();
    }

    /// Stores the write half for inline writes.
    pub(crate) fn attach(&self, writer: OwnedWriteHalf) {
        self.lock().writer = Some(writer);
    }

    /// Drops the write half at the end of the connection.
    pub(crate) fn detach(&self) {
        let mut queue = self.lock();
        (queue.writer, queue.write_state) = (None, WriteState::TaskOnly);
    }

    /// Disables inline writes; used before the close frame.
    pub(crate) fn disable_inline_write(&self) {
        self.lock().write_state = WriteState::TaskOnly;
    }

    /// Moves a partly written frame to the front of `batch`, before the task's own frames.
    pub(crate) fn take_partial_write(&self, batch: &mut VecDeque<Frame>, written: &mut usize) {
        self.lock().reclaim(batch, written);
    }

    /// Calls `write` with the write half, for the socket's task.
    pub(crate) fn with_writer<T>(
        &self,
        write: impl FnOnce(Pin<&mut OwnedWriteHalf>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.lock().writer {
            Some(writer) => write(Pin::new(writer)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Asks the socket to close and drops queued frames; the first code counts.
    pub fn close(&self, code: CloseCode) {
        let mut queue = self.lock();
        queue.close(code);
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }

    /// Asks the socket's task to ping the client.
    pub(crate) fn ping(&self) {
        let mut queue = self.lock();
        queue.ping = true;
        queue.wake();
    }

    /// Moves frames to `batch` up to `most` frames and `room` more bytes. Returns the close code if the
    /// socket must close. Wakes `cx` on the next change. `written` are bytes of the batch's first frame that
    /// are out. Allows inline writes if the task is `idle` and nothing is left.
    pub fn take(
        &self,
        batch: &mut VecDeque<Frame>,
        written: &mut usize,
        TakeBudget { most, room, idle }: TakeBudget,
        cx: &Context<'_>,
    ) -> Option<CloseCode> {
        let mut queue = self.lock();
        queue.reclaim(batch, written);
        let mut moved = 0;
        while batch.len() < most
            && moved < room
            && let Some((frame, _)) = queue.frames.pop_front()
        {
            moved += frame.as_bytes().len();
            queue.bytes -= frame.as_bytes().len();
            batch.push_back(frame);
        }
        if std::mem::take(&mut queue.ping) {
            batch.push_back(Frame::raw(PING.to_vec()));
        }
        queue.shrink_if_idle();
        let is_idle = idle && batch.is_empty() && queue.frames.is_empty() && queue.closing.is_none();
        queue.write_state =
            if is_idle && queue.writer.is_some() { WriteState::Inline } else { WriteState::TaskOnly };
        if !queue.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            queue.waker = Some(cx.waker().clone());
        }
        queue.closing
    }

    /// Returns the number of queued frames.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().frames.len()
    }

    /// Returns the capacity of the queue in frames.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.lock().frames.capacity()
    }

    /// Returns true if producers may write.
    pub(crate) fn allows_inline_write(&self) -> bool {
        let queue = self.lock();
        queue.write_state != WriteState::TaskOnly && !queue.ping
    }

    /// Returns true if the socket must close.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing.is_some()
    }

    pub(crate) fn stats(&self) -> QueueStats {
        let queue = self.lock();
        let too_slow = queue.closing == Some(CloseCode::TooSlow);
        QueueStats { frames: queue.frames.len(), bytes: queue.bytes, dropped: queue.dropped, too_slow }
    }
}

/// Limits of one [`SendQueue::take`].
#[derive(Clone, Copy, Debug)]
pub struct TakeBudget {
    /// Maximum number of frames in the batch.
    pub most: usize,
    /// Maximum number of bytes added to the batch.
    pub room: usize,
    /// True if the task has nothing else to write.
    pub idle: bool,
}

impl QueueState {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn flush(&mut self, run: &mut CoalescedBatch) {
        while self.write_state != WriteState::TaskOnly && !self.frames.is_empty() {
            if !matches!(self.write(run), Ok(n) if n > 0) {
                // The buffer is full, or the connection is over: the task waits for the one and detects the
                // other.
                self.write_state = WriteState::TaskOnly;
            }
        }
        if !self.frames.is_empty() || self.closing.is_some() {
            self.wake();
        }
    }

    /// Writes once; returns 0 if the kernel accepts nothing now.
    fn write(&mut self, run: &mut CoalescedBatch) -> io::Result<usize> {
        let Some(writer) = &self.writer else { return Ok(0) };
        // Calls send(2) directly instead of going through tokio's readiness state, which would touch two more
        // cache lines per receiver.
        let send =
            |bytes: &[u8]| Ok(send(writer.as_ref(), bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?);
        let frames = self.frames.iter().map(|(frame, _)| frame);
        if self.written == 0
            && let Some(bytes) = run.of(frames.clone())
        {
            let n = would_block_as_zero(send(bytes))?;
            if n == bytes.len() {
                self.frames.clear();
                self.bytes = 0;
            } else {
                self.advance(n);
            }
            return Ok(n);
        }
        let n = would_block_as_zero(gather(frames, self.written, |gathered| match gathered {
            Gathered::Contiguous(bytes) => send(bytes),
            Gathered::Vectored(parts) => writer.try_write_vectored(parts),
        }))?;
        self.advance(n);
        Ok(n)
    }

    fn advance(&mut self, n: usize) {
        self.written = advance(&mut self.frames, |(frame, _)| frame.as_bytes().len(), self.written, n);
        self.count();
    }

    fn reclaim(&mut self, batch: &mut VecDeque<Frame>, written: &mut usize) {
        if self.written > 0
            && let Some((frame, _)) = self.frames.pop_front()
        {
            self.bytes -= frame.as_bytes().len();
            batch.push_front(frame);
            *written = std::mem::take(&mut self.written);
        }
    }

    /// Frees the memory of an empty queue that had grown.
    fn shrink_if_idle(&mut self) {
        if self.frames.is_empty() && self.frames.capacity() > KEEP_CAPACITY {
            self.frames = VecDeque::new();
        }
    }

    fn count(&mut self) {
        self.bytes = self.frames.iter().map(|(frame, _)| frame.as_bytes().len()).sum();
    }

    fn fits(&self, frame: &Frame) -> bool {
        self.frames.len() < MAX_FRAMES && self.bytes + frame.as_bytes().len() <= MAX_BYTES
    }

    fn push(&mut self, frame: Frame, urgency: Priority) {
        if self.closing.is_some() {
            return;
        }
        for worth in [Priority::Typing, Priority::Presence] {
            if self.fits(&frame) {
                break;
            }
            if urgency <= worth {
                self.dropped.count(urgency, 1);
                return;
            }
            self.drop_all(worth);
        }
        if self.fits(&frame) {
            self.bytes += frame.as_bytes().len();
            self.frames.push_back((frame, urgency));
        } else {
            self.close(CloseCode::TooSlow);
        }
    }

    fn drop_all(&mut self, worth: Priority) {
        let before = self.frames.len();
        // A partly written frame must be completed.
        let mut begun = self.written > 0;
        self.frames.retain(|(_, urgency)| std::mem::take(&mut begun) || *urgency != worth);
        self.dropped.count(worth, before - self.frames.len());
        self.count();
    }

    fn close(&mut self, code: CloseCode) {
        if self.closing.is_none() {
            (self.closing, self.write_state) = (Some(code), WriteState::TaskOnly);
            // A partly written frame must be completed, or the client would read the close frame as a part of
            // it.
            self.frames.truncate(usize::from(self.written > 0));
            self.count();
        }
    }
}

#[cfg(test)]
#[path = "send_queue_tests.rs"]
mod tests;

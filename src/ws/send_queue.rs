//! The bounded queue of frames that wait for one socket. Pushing never waits: a queue that is full drops what is worth least
//! and then closes its socket, which resumes.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::net::{SendFlags, send};
use tokio::net::tcp::OwnedWriteHalf;

use crate::chat::Priority;

use super::batch::{CoalescedBatch, Gathered, advance, gather, would_block_as_zero};
use super::close_code::CloseCode;
use super::frame::{Frame, PING};
use super::pulse::Pulse;

/// Frames that may wait (`docs/LIMITS.md`): four rooms' default rings.
pub(super) const MAX_FRAMES: usize = 256;
/// Bytes that may wait: 256 messages of 1 KiB.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Where so many frames or bytes wait, whoever adds to them writes: a queue must not fill up for want of a writer, only for want of a reader.
const MUCH: (usize, usize) = (MAX_FRAMES / 4, MAX_BYTES / 4);
/// A queue that grew beyond this gives its memory back once it is empty.
const KEEP_CAPACITY: usize = 16;

/// Frames that wait for one socket, and its signs of life.
#[derive(Default)]
pub struct SendQueue {
    queue: Mutex<QueueState>,
    pub(super) pulse: Pulse,
}

#[derive(Default)]
struct QueueState {
    frames: VecDeque<(Frame, Priority)>,
    bytes: usize,
    /// Bytes of the first frame that are out already: the kernel took a part of what a speaker wrote.
    written: usize,
    waker: Option<Waker>,
    closing: Option<CloseCode>,
    /// A ping is to go out.
    ping: bool,
    /// Typing notices and presence that were dropped.
    dropped: [u64; 2],
    /// TCP's writing half, where frames go onto TCP as they are.
    writer: Option<OwnedWriteHalf>,
    /// The socket's task has nothing of its own to write and nothing half written: whoever speaks may write.
    inline_write_allowed: bool,
    /// A speaker has promised to write, or to wake the task.
    flush_pending: bool,
}

/// What waits for a socket, and what was lost for want of room.
#[derive(Clone, Copy)]
pub(super) struct QueueStats {
    pub(super) frames: usize,
    pub(super) bytes: usize,
    pub(super) dropped: [u64; 2],
    pub(super) too_slow: bool,
}

impl SendQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame.
    pub fn push(&self, frame: Frame, urgency: Priority) {
        let mut queue = self.lock();
        queue.push(frame, urgency);
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }

    /// Queues a frame as [`SendQueue::push`] does, but where the caller may write it, nobody is woken: `true` means that the caller must
    /// [`flush`](Outbound::flush) before long, `false` that somebody else will.
    pub(super) fn enqueue(&self, frame: Frame, urgency: Priority) -> bool {
        let mut queue = self.lock();
        queue.push(frame, urgency);
        if queue.inline_write_allowed && queue.closing.is_none() {
            if queue.frames.len() >= MUCH.0 || queue.bytes >= MUCH.1 {
                queue.flush(&mut CoalescedBatch::default());
            }
            return !std::mem::replace(&mut queue.flush_pending, true);
        }
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
        false
    }

    /// Hands what waits to the kernel, as far as it takes it at once; the rest is the socket's task's. `run` is what was handed over before.
    pub(super) fn flush(&self, run: &mut CoalescedBatch) {
        let mut queue = self.lock();
        queue.flush_pending = false;
        queue.flush(run);
        queue.shrink_if_idle();
    }

    /// Leaves it to the socket's task: who had promised to write cannot.
    pub(super) fn abandon_flush(&self) {
        self.lock().wake();
    }

    /// From now on speakers may write through `writer`.
    pub(super) fn attach(&self, writer: OwnedWriteHalf) {
        self.lock().writer = Some(writer);
    }

    /// The connection is over.
    pub(super) fn detach(&self) {
        let mut queue = self.lock();
        (queue.writer, queue.inline_write_allowed) = (None, false);
    }

    /// From now on nothing is written but by the socket's task: a close frame is the last.
    pub(super) fn disable_inline_write(&self) {
        self.lock().inline_write_allowed = false;
    }

    /// Moves a frame that a speaker left half written to the front of `batch`, before anything of the task's own.
    pub(super) fn take_partial_write(&self, batch: &mut VecDeque<Frame>, written: &mut usize) {
        self.lock().reclaim(batch, written);
    }

    /// Writes as the socket's task.
    pub(super) fn with_writer<T>(
        &self,
        write: impl FnOnce(Pin<&mut OwnedWriteHalf>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.lock().writer {
            Some(writer) => write(Pin::new(writer)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Asks the socket to close; the first reason counts. What waits is forgotten.
    pub fn close(&self, code: CloseCode) {
        let mut queue = self.lock();
        queue.close(code);
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }

    /// Makes the socket's task ping the client.
    pub(super) fn ping(&self) {
        let mut queue = self.lock();
        queue.ping = true;
        queue.wake();
    }

    /// Moves what waits to `batch` until that has `most` frames or `room` bytes more, and tells whether the socket is to close.
    /// Wakes `cx` on the next change. `written` are bytes of the batch's first frame that are out. With nothing to write at all,
    /// `idle` says whether speakers may write from now on.
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
        queue.inline_write_allowed =
            idle && batch.is_empty() && queue.frames.is_empty() && queue.closing.is_none() && queue.writer.is_some();
        queue.flush_pending = false;
        if !queue.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            queue.waker = Some(cx.waker().clone());
        }
        queue.closing
    }

    /// How many frames wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().frames.len()
    }

    /// For how many frames there is room without asking for memory.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.lock().frames.capacity()
    }

    /// Whether speakers may write.
    pub(super) fn is_open(&self) -> bool {
        let queue = self.lock();
        queue.inline_write_allowed && queue.closing.is_none() && !queue.ping
    }

    /// Whether the socket is to close.
    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing.is_some()
    }

    pub(super) fn stats(&self) -> QueueStats {
        let queue = self.lock();
        let too_slow = queue.closing == Some(CloseCode::TooSlow);
        QueueStats { frames: queue.frames.len(), bytes: queue.bytes, dropped: queue.dropped, too_slow }
    }
}

/// How much of a queue is taken.
#[derive(Clone, Copy, Debug)]
pub struct TakeBudget {
    /// Frames in the batch.
    pub most: usize,
    /// Further bytes in the batch.
    pub room: usize,
    /// The task has nothing else to write.
    pub idle: bool,
}

impl QueueState {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn flush(&mut self, run: &mut CoalescedBatch) {
        while self.inline_write_allowed && !self.frames.is_empty() {
            if !matches!(self.write(run), Ok(n) if n > 0) {
                // A full buffer, or a connection that is over: the task waits for the one and finds out about the other.
                self.inline_write_allowed = false;
            }
        }
        if !self.frames.is_empty() || self.closing.is_some() {
            self.wake();
        }
    }

    /// One write of what waits; nought when the kernel takes nothing now.
    fn write(&mut self, run: &mut CoalescedBatch) -> io::Result<usize> {
        let Some(writer) = &self.writer else { return Ok(0) };
        // Past tokio's notes on what is ready, two more places in memory for each receiver: the kernel says so itself.
        let send = |bytes: &[u8]| Ok(send(writer.as_ref(), bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?);
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

    /// Quiet sockets hold nothing.
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
                self.dropped[urgency as usize] += 1;
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
        // What is half out must be finished.
        let mut begun = self.written > 0;
        self.frames.retain(|(_, urgency)| std::mem::take(&mut begun) || *urgency != worth);
        self.dropped[worth as usize] += (before - self.frames.len()) as u64;
        self.count();
    }

    fn close(&mut self, code: CloseCode) {
        if self.closing.is_none() {
            self.closing = Some(code);
            // One that is half out must be finished, or the close frame would be read as a part of it.
            self.frames.truncate(usize::from(self.written > 0));
            self.count();
        }
    }
}

#[cfg(test)]
#[path = "send_queue_tests.rs"]
mod tests;

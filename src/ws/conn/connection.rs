//! WebSocket connection of one client.
//!
//! [`FrameReader`] parses input and answers control frames without the network. Encoded frames bypass it; all
//! that is queued goes out in one vectored write. [`send_queue`](crate::ws::send::send_queue) shows, as a
//! diagram, when this task writes and when producers do.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tungstenite::Utf8Bytes;
use zeroize::Zeroize as _;

use crate::limits::{Endpoints, WriteStall};

use crate::ws::conn::frame_reader::{FrameReader, ReadOutcome};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::protocol::frame::{ALIVE, Frame, PING};
use crate::ws::send::batch::{BATCH_FRAMES, Gathered, advance, gather};
use crate::ws::send::fanout::MAX_READS_PER_TURN;
use crate::ws::send::send_queue::{SendQueue, TakeBudget};

/// Interval of pings.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(25);
/// Close the connection after this long without input.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// Close the connection after this long without an acknowledged byte while data waits.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// Time for the client to read the close frame and hang up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes per read; the buffer is on the stack for one call.
const READ_CHUNK: usize = 4096;
/// Bytes after which no more frames are added to a batch. Limits what has left the bounded queue but is not
/// written.
const BATCH_BYTES: usize = 64 * 1024;

/// Event of a connection.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// Text message.
    Text(Utf8Bytes),
    /// The connection is over. The code is that of the server or the client, or 1006 without one.
    Closed(u16),
}

/// Work that `poll` skips in this call.
#[derive(Clone, Copy, Default)]
pub(crate) struct PollMode {
    /// Reads nothing.
    pub(crate) pause_reads: bool,
    /// Writes no frames that producers may write: the caller flushes them and then polls again.
    pub(crate) leave_writes_to_caller: bool,
}

enum State {
    Open,
    /// A close frame is queued or written; no other frame follows.
    Closing {
        code: u16,
        until: Instant,
        flushed: bool,
    },
}

/// WebSocket connection of one client.
pub(crate) struct WsConnection<S> {
    io: S,
    reader: FrameReader,
    state: State,
    inbox: VecDeque<Utf8Bytes>,
    /// Texts returned since the last write.
    returned: usize,
    out: Arc<SendQueue>,
    /// Frames sent before those in `out`: the answer to `enter` and missed messages.
    replay: VecDeque<Frame>,
    /// Frames being written; `written` bytes of the first one are out.
    batch: VecDeque<Frame>,
    written: usize,
    last_read: Instant,
    next_ping: Instant,
    /// Set while the kernel accepts no data.
    stall: Option<Box<WriteStall>>,
    timer: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Endpoints + Unpin> WsConnection<S> {
    /// Wraps an upgraded connection. `early` are bytes read with the request, `max_frame` is the largest
    /// message in bytes.
    pub(crate) fn new(io: S, early: &[u8], max_frame: usize, out: Arc<SendQueue>) -> Self {
        let now = Instant::now();
        let mut link = Self {
            io,
            reader: FrameReader::new(max_frame),
            state: State::Open,
            inbox: VecDeque::new(),
            returned: 0,
            out,
            replay: VecDeque::new(),
            batch: VecDeque::new(),
            written: 0,
            last_read: now,
            next_ping: now + PING_EVERY,
            stall: None,
            timer: Box::pin(sleep_until(now + PING_EVERY)),
        };
        link.process_input(early);
        link
    }

    /// Puts frames before all queued ones.
    pub(crate) fn replay(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.replay.extend(frames);
    }

    /// Returns true if all frames of [`WsConnection::replay`] are in a batch.
    pub(crate) fn is_replayed(&self) -> bool {
        self.replay.is_empty() && self.batch.len() < BATCH_FRAMES && matches!(self.state, State::Open)
    }

    /// Writes queued frames and returns the next event.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        PollMode { pause_reads, leave_writes_to_caller }: PollMode,
    ) -> Poll<Inbound> {
        loop {
            if !pause_reads && self.returned < MAX_READS_PER_TURN && !self.inbox.is_empty() {
                if self.out.is_closing() {
                    // Input that was not processed must not take effect any more: the session may be over.
                    self.inbox.clear();
                }
                if let Some(text) = self.inbox.pop_front() {
                    self.returned += 1;
                    return Poll::Ready(Inbound::Text(text));
                }
            }
            self.returned = 0;
            let held = leave_writes_to_caller
                && self.batch.is_empty()
                && self.replay.is_empty()
                && self.out.allows_inline_write();
            if !held && self.poll_write(cx).is_err() {
                return Poll::Ready(Inbound::Closed(self.code().unwrap_or(1006)));
            }
            if !pause_reads && !self.inbox.is_empty() {
                continue;
            }
            if let State::Closing { code, flushed: true, .. } = self.state {
                return self.poll_hangup(cx).map(|()| Inbound::Closed(code));
            }
            let busy = pause_reads
                || !self.inbox.is_empty()
                || !self.replay.is_empty()
                || self.batch.len() >= BATCH_FRAMES;
            if !busy && matches!(self.state, State::Open) {
                match self.poll_read(cx) {
                    Poll::Ready(true) => continue,
                    Poll::Ready(false) => return Poll::Ready(Inbound::Closed(self.code().unwrap_or(1006))),
                    Poll::Pending => {}
                }
            }
            match self.poll_timer(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Inbound::Closed(self.code().unwrap_or(1006))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Returns true if there is nothing to write.
    #[cfg(test)]
    pub(crate) fn is_drained(&self) -> bool {
        self.batch.is_empty() && self.out.waiting() == 0
    }

    fn code(&self) -> Option<u16> {
        match self.state {
            State::Open => None,
            State::Closing { code, .. } => Some(code),
        }
    }

    /// Reads once; returns false at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // Not zeroed: most polls find nothing to read.
        let mut space = [const { MaybeUninit::uninit() }; READ_CHUNK];
        let mut buf = ReadBuf::uninit(&mut space);
        match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
            Ok(()) if !buf.filled().is_empty() => {
                self.last_read = Instant::now();
                self.out.pulse.record_input(self.last_read);
                self.process_input(buf.filled());
                // The stack keeps what was on it.
                buf.filled_mut().zeroize();
                Poll::Ready(true)
            }
            _ => Poll::Ready(false),
        }
    }

    /// Passes input to the parser; texts go to the inbox, its answers to the batch.
    fn process_input(&mut self, input: &[u8]) {
        let ReadOutcome { output, end } = self.reader.read(input, &mut self.inbox);
        if !output.is_empty() {
            self.control(output);
        }
        match end {
            Some(Ok(code)) => self.start_close_timer(code),
            Some(Err(code)) => self.close(code),
            None => {}
        }
    }

    /// Queues a control frame at the next frame boundary.
    fn control(&mut self, bytes: Vec<u8>) {
        let at = usize::from(self.written > 0).min(self.batch.len());
        self.batch.insert(at, Frame::raw(bytes));
    }

    /// Drops all frames not yet begun and queues a close frame as the last one.
    fn close(&mut self, code: CloseCode) {
        if matches!(self.state, State::Open) {
            self.batch.truncate(usize::from(self.written > 0));
            self.batch.push_back(Frame::raw(Frame::close(code.number(), code.reason())));
            self.start_close_timer(code.number());
        }
    }

    fn start_close_timer(&mut self, code: u16) {
        if matches!(self.state, State::Open) {
            self.replay.clear();
            self.out.disable_inline_write();
            let until = Instant::now() + CLOSE_TIMEOUT;
            self.state = State::Closing { code, until, flushed: false };
            self.timer.as_mut().reset(until);
        }
    }

    /// Fills the batch and writes until nothing is left or the kernel accepts no more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            self.fill_batch(cx)?;
            if self.batch.is_empty() {
                break;
            }
            let wrote = self.poll_write_batch(cx);
            match wrote {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.stall = None;
                    self.written = advance(&mut self.batch, |frame| frame.as_bytes().len(), self.written, n);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.stall.get_or_insert_with(|| Box::new(WriteStall::new(STALLED_AFTER)));
                    return Ok(());
                }
            }
        }
        // TLS buffers encrypted data until it is flushed.
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) => {
                if let State::Closing { flushed: flushed @ false, .. } = &mut self.state {
                    *flushed = true;
                }
            }
            Poll::Pending => {}
        }
        if self.batch.capacity() > BATCH_FRAMES / 4 {
            self.batch = VecDeque::new();
        }
        if self.inbox.is_empty() {
            self.inbox = VecDeque::new();
        }
        Ok(())
    }

    /// Writes the batch in one call.
    fn poll_write_batch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.io);
        gather(self.batch.iter(), self.written, |gathered| match gathered {
            Gathered::Contiguous(bytes) => io.poll_write(cx, bytes),
            Gathered::Vectored(parts) => io.poll_write_vectored(cx, parts),
        })
    }

    /// Fills the batch from the replay and the queue. Fails if the connection must end without a close frame.
    fn fill_batch(&mut self, cx: &Context<'_>) -> io::Result<()> {
        if !matches!(self.state, State::Open) {
            self.out.take_partial_write(&mut self.batch, &mut self.written);
            return Ok(());
        }
        let mut bytes: usize = self.batch.iter().map(|f| f.as_bytes().len()).sum();
        while bytes < BATCH_BYTES
            && self.batch.len() < BATCH_FRAMES
            && let Some(frame) = self.replay.pop_front()
        {
            bytes += frame.as_bytes().len();
            self.batch.push_back(frame);
        }
        let room = if self.replay.is_empty() { BATCH_BYTES.saturating_sub(bytes) } else { 0 };
        let share = TakeBudget { most: BATCH_FRAMES, room, idle: self.replay.is_empty() };
        match self.out.take(&mut self.batch, &mut self.written, share, cx) {
            None => {}
            Some(CloseCode::Silent) => return Err(io::ErrorKind::TimedOut.into()),
            Some(code) => {
                self.inbox.clear();
                self.close(code);
            }
        }
        Ok(())
    }

    /// Shuts down writing after the close frame and discards input until the client hangs up. With unread
    /// input the kernel would reset the connection and discard the close frame.
    fn poll_hangup(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.timer.as_mut().poll(cx).is_ready();
        if over || ready!(Pin::new(&mut self.io).poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        loop {
            let mut space = [const { MaybeUninit::uninit() }; READ_CHUNK];
            let mut buf = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => buf.filled_mut().zeroize(),
                _ => return Poll::Ready(()),
            }
        }
    }

    /// Sends pings and detects dead clients. Returns true if there is something to write, false if the
    /// connection is over.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(stall) = &mut self.stall
            && stall.poll_given_up(cx, || self.io.ends()).is_ready()
        {
            return Poll::Ready(false);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let dead = now >= self.last_read + DEAD_AFTER;
            let lingered = matches!(self.state, State::Closing { until, .. } if now >= until);
            if dead || lingered {
                return Poll::Ready(false);
            }
            let ping = now >= self.next_ping;
            if ping {
                self.next_ping = now + PING_EVERY;
            }
            let mut next = self.next_ping.min(self.last_read + DEAD_AFTER);
            if let State::Closing { until, .. } = self.state {
                next = next.min(until);
            }
            self.timer.as_mut().reset(next);
            if ping && matches!(self.state, State::Open) {
                // A page sees no ping, so it gets a message beside it.
                self.control([&PING, ALIVE].concat());
                return Poll::Ready(true);
            }
        }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

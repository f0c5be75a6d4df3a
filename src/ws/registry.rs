//! Open sockets by session, so that a session that ends closes its sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::audit::SessionEnd;
use crate::locks::lock;
use crate::types::crypto::Sha256;

use crate::ws::conn::connection::PING_EVERY;
use crate::ws::conn::pulse::{PROBE, Vitality};
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::send::queue_stats::{DroppedFrames, QueueStats};
use crate::ws::send::send_queue::SendQueue;

/// The session has its maximum number of sockets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this session has too many open sockets")]
pub struct TooManySockets;

/// Interval of attempts to register while older sockets are probed. One wait lasts at most [`PROBE`], and
/// requests of a session are rate limited. At most 220 wait for one session, each with 20 checks of 16
/// sockets.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A client that answers pings is heard from within this time: one interval of pings, and 10 s for a phone on
/// a bad network.
const HEARD_WITHIN: Duration = PING_EVERY.saturating_add(Duration::from_secs(10));

/// Queues scanned before other tasks of the thread run: about 50 µs.
const SCAN_CHUNK: usize = 512;

/// Queue lengths of all sockets, and losses since the start because clients were slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendQueueStats {
    /// Open sockets.
    pub sockets: usize,
    /// Queued frames of all sockets.
    pub frames: usize,
    /// Queued bytes of all sockets.
    pub bytes: usize,
    /// Frames in the longest queue.
    pub deepest: usize,
    /// Dropped frames.
    pub dropped: DroppedFrames,
    /// Sockets closed as slow consumers.
    pub too_slow: u64,
}

impl SendQueueStats {
    fn add(&mut self, out: &SendQueue) {
        let QueueStats { frames, bytes, .. } = self.lost(out);
        self.sockets += 1;
        self.frames += frames;
        self.bytes += bytes;
        self.deepest = self.deepest.max(frames);
    }

    fn lost(&mut self, out: &SendQueue) -> QueueStats {
        let figures = out.stats();
        self.dropped.add(figures.dropped);
        self.too_slow += u64::from(figures.too_slow);
        figures
    }
}

/// Open sockets, bounded by the limits on connections.
#[derive(Default)]
pub struct Registry(Mutex<Sockets>);

#[derive(Default)]
struct Sockets {
    by_session: HashMap<Sha256, Vec<Arc<SendQueue>>>,
    /// Losses of sockets that are closed.
    gone: SendQueueStats,
    /// Set at shutdown: a new socket is closed at once.
    stopping: bool,
}

/// Registration of one socket, removed on drop.
pub(super) struct Registration {
    registry: Arc<Registry>,
    session: Sha256,
    pub(super) out: Arc<SendQueue>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        lock(&self.0)
    }

    /// Registers a socket of `session`. With `most` sockets open, it evicts a dead one or fails.
    pub(super) fn register(
        self: &Arc<Self>,
        session: Sha256,
        most: usize,
    ) -> Result<Registration, TooManySockets> {
        let mut sockets = self.lock();
        let stopping = sockets.stopping;
        let own = sockets.by_session.entry(session).or_default();
        if own.len() >= most {
            let now = Instant::now();
            let dead = own.iter().enumerate().filter(|(_, out)| out.pulse.vitality(now) == Vitality::Dead);
            let (oldest, _) = dead.min_by_key(|(_, out)| out.pulse.last_input()).ok_or(TooManySockets)?;
            own.swap_remove(oldest).close(CloseCode::Silent);
        }
        let out = Arc::new(SendQueue::default());
        if stopping {
            out.close(CloseCode::Shutdown);
        }
        own.push(Arc::clone(&out));
        Ok(Registration { registry: Arc::clone(self), session, out })
    }

    /// Registers like [`Registry::register`], but at the limit first pings the session's silent sockets. A
    /// socket that gives no sign of life within [`PROBE`] is evicted. Callers that wait share one probe.
    pub(super) async fn register_or_replace(
        self: &Arc<Self>,
        session: Sha256,
        most: usize,
    ) -> Result<Registration, TooManySockets> {
        let until = Instant::now() + PROBE + POLL_INTERVAL;
        // One more attempt in any case: a reloaded page connects while its old socket closes.
        let mut is_last = false;
        loop {
            if let Ok(registration) = self.register(session, most) {
                return Ok(registration);
            }
            if is_last {
                return Err(TooManySockets);
            }
            is_last = !self.probe(&session) || Instant::now() >= until;
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Pings the silent sockets of `session`. Returns true while one of them may turn out to be dead.
    fn probe(&self, session: &Sha256) -> bool {
        let now = Instant::now();
        let mut is_open = false;
        for out in self.lock().by_session.get(session).into_iter().flatten() {
            let vitality = out.pulse.vitality(now);
            if vitality == Vitality::Silent {
                out.pulse.start_probe(now);
                out.ping();
            }
            is_open |= vitality != Vitality::Alive;
        }
        is_open
    }

    /// Calls `look` for every open socket, under the registry's lock.
    pub(super) fn for_each(&self, look: impl FnMut(&Arc<SendQueue>)) {
        self.lock().by_session.values().flatten().for_each(look);
    }

    /// Closes the sockets of an ended session with the reason.
    pub fn end_session(&self, session: &Sha256, reason: SessionEnd) {
        let sockets = self.lock().by_session.get(session).cloned().unwrap_or_default();
        for out in sockets {
            out.close(CloseCode::SessionEnded(reason));
        }
    }

    /// Closes all sockets with 1013; the clients reconnect later.
    pub fn interrupt(&self) {
        for out in self.lock().by_session.values().flatten() {
            out.close(CloseCode::Unavailable);
        }
    }

    /// Closes all sockets, and all that open later: the server shuts down.
    pub fn shut_down(&self) {
        let mut sockets = self.lock();
        sockets.stopping = true;
        for out in sockets.by_session.values().flatten() {
            out.close(CloseCode::Shutdown);
        }
    }

    /// Returns the sessions with a socket whose client was heard from within [`HEARD_WITHIN`].
    pub fn heard_sessions(&self) -> Vec<Sha256> {
        let now = Instant::now();
        let is_heard = |out: &Arc<SendQueue>| {
            !out.is_closing() && now.saturating_duration_since(out.pulse.last_input()) <= HEARD_WITHIN
        };
        let sockets = self.lock();
        let heard = sockets.by_session.iter().filter(|(_, own)| own.iter().any(is_heard));
        heard.map(|(session, _)| *session).collect()
    }

    /// Returns the sessions with an open socket.
    pub fn sessions(&self) -> Vec<Sha256> {
        self.lock().by_session.keys().copied().collect()
    }

    /// Returns queue lengths and losses. Locks the registry only to copy the list, and each queue only to
    /// read it.
    pub async fn send_queue_stats(&self) -> SendQueueStats {
        let (mut sum, open) = {
            let sockets = self.lock();
            (sockets.gone, sockets.by_session.values().flatten().cloned().collect::<Vec<_>>())
        };
        for some in open.chunks(SCAN_CHUNK) {
            some.iter().for_each(|out| sum.add(out));
            tokio::task::yield_now().await;
        }
        sum
    }

    /// Returns the number of open sockets.
    pub fn count(&self) -> usize {
        self.lock().by_session.values().map(Vec::len).sum()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sockets = self.registry.lock();
        sockets.gone.lost(&self.out);
        if let Some(own) = sockets.by_session.get_mut(&self.session) {
            own.retain(|out| !Arc::ptr_eq(out, &self.out));
            if own.is_empty() {
                sockets.by_session.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Priority;
    use crate::ws::protocol::frame::Frame;
    use crate::ws::send::send_queue::MAX_FRAMES;

    #[test]
    fn slots_are_returned_and_limit_holds() {
        let registry = Arc::new(Registry::default());
        let session = Sha256([1; 32]);
        let one = registry.register(session, 2).expect("free");
        let _two = registry.register(session, 2).expect("free");
        assert_eq!(registry.register(session, 2).err(), Some(TooManySockets));
        assert!(registry.register(Sha256([2; 32]), 2).is_ok(), "another session");
        drop(one);
        assert!(registry.register(session, 2).is_ok());
        assert_eq!(registry.count(), 1, "the others are gone again");
    }

    #[tokio::test(start_paused = true)]
    async fn only_sessions_with_an_answering_socket_are_heard() {
        let registry = Arc::new(Registry::default());
        let (live, silent, closing) = (Sha256([1; 32]), Sha256([2; 32]), Sha256([3; 32]));
        let sockets: Vec<_> =
            [live, live, silent, closing].map(|s| registry.register(s, 9).expect("free")).into();
        assert_eq!(registry.heard_sessions().len(), 3, "each has just opened");
        tokio::time::advance(HEARD_WITHIN).await;
        for answering in [&sockets[1], &sockets[3]] {
            answering.out.pulse.record_input(Instant::now());
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        sockets[3].out.close(CloseCode::Shutdown);
        assert_eq!(registry.heard_sessions(), [live]);
    }

    #[tokio::test(start_paused = true)]
    async fn dead_sockets_are_evicted_and_live_ones_stay() {
        let registry = Arc::new(Registry::default());
        let session = Sha256([1; 32]);
        let register = || registry.register(session, 2);
        let (dead, live) = (register().expect("free"), register().expect("free"));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(register().err(), Some(TooManySockets), "not asked yet");
        let out = Arc::clone(&live.out);
        let answers = tokio::spawn(async move {
            sleep(Duration::from_millis(300)).await;
            out.pulse.record_input(Instant::now());
        });
        let begun = Instant::now();
        let newcomer = registry.register_or_replace(session, 2).await.expect("the dead one's place");
        assert!((PROBE..PROBE + 2 * POLL_INTERVAL).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        answers.await.expect("answers");
        assert!(dead.out.is_closing() && !live.out.is_closing() && !newcomer.out.is_closing());
        let begun = Instant::now();
        assert_eq!(registry.register_or_replace(session, 2).await.err(), Some(TooManySockets), "all live");
        assert!(begun.elapsed() < PROBE, "heard from just now: nothing is waited for");
        drop(dead);
        assert_eq!(registry.count(), 2, "its place was given up once only");
        drop((live, newcomer));
        assert_eq!(registry.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_registrations_share_one_probe() {
        let registry = Arc::new(Registry::default());
        let session = Sha256([1; 32]);
        let dead: Vec<_> = (0..12).map(|_| registry.register(session, 12).expect("free")).collect();
        tokio::time::advance(Duration::from_secs(10)).await;
        let begun = Instant::now();
        let tabs = (0..12).map(|_| registry.register_or_replace(session, 12));
        let back = futures_util::future::join_all(tabs).await;
        assert!(back.iter().all(Result::is_ok) && begun.elapsed() < PROBE + 2 * POLL_INTERVAL);
        assert!(dead.iter().all(|old| old.out.is_closing()));
    }

    #[tokio::test]
    async fn queue_stats_add_up_and_losses_outlive_sockets() {
        let registry = Arc::new(Registry::default());
        let register = |n| registry.register(Sha256([n; 32]), 9).expect("free");
        let (full, busy, _idle) = (register(1), register(1), register(2));
        let frame = || Frame::json(&"x");
        let bytes = frame().as_bytes().len();
        (0..MAX_FRAMES).for_each(|_| full.out.push(frame(), Priority::Message));
        (0..2).for_each(|_| busy.out.push(frame(), Priority::Presence));
        full.out.push(frame(), Priority::Typing);
        full.out.push(frame(), Priority::Presence);
        let frames = MAX_FRAMES + 2;
        let waiting = SendQueueStats {
            sockets: 3,
            frames,
            bytes: frames * bytes,
            deepest: MAX_FRAMES,
            dropped: DroppedFrames { typing: 1, presence: 1 },
            too_slow: 0,
        };
        assert_eq!(registry.send_queue_stats().await, waiting);
        full.out.push(frame(), Priority::Message);
        let slow =
            SendQueueStats { sockets: 3, frames: 2, bytes: 2 * bytes, deepest: 2, too_slow: 1, ..waiting };
        assert_eq!(registry.send_queue_stats().await, slow, "its queue is forgotten");
        drop(full);
        assert_eq!(registry.send_queue_stats().await, SendQueueStats { sockets: 2, ..slow });
    }
}

//! Newcomers that wait, while all slots are taken, for those of dead sockets.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::limits::{KeyedPermit, KeyedSemaphore};
use crate::ws::PROBE;

/// Newcomers that wait: one descriptor each, beyond those of `[limits] connections`.
const MAX_NEWCOMERS: usize = 64;
/// Newcomers of one address that wait: a quarter of all. The 7 connections of two browsers fit; three further
/// addresses find room beside one that takes all it can.
const NEWCOMERS_PER_ADDRESS: usize = MAX_NEWCOMERS / 4;
/// Interval of the searches for dead sockets while newcomers wait. One search serves all of them and takes
/// some 50 µs for 2048 sockets, so searches take 0.05 % of one core however many newcomers come.
const SEARCH_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum wait of a newcomer: a search, the probe, the search that finds it unanswered, and two for the
/// slots to become free.
const WAIT_FOR_SLOT: Duration = PROBE.saturating_add(SEARCH_INTERVAL.saturating_mul(4));

/// Creates the semaphore of a [`queue`].
pub(super) const fn places() -> KeyedSemaphore<IpAddr> {
    KeyedSemaphore::new(MAX_NEWCOMERS, NEWCOMERS_PER_ADDRESS)
}

/// Creates a queue of newcomers: the end of the accept loops, and that of the task that admits them.
pub(super) fn queue<T>(places: &KeyedSemaphore<IpAddr>) -> (NewcomerQueue<'_, T>, WaitingNewcomers<'_, T>) {
    let (sender, arriving) = mpsc::channel(MAX_NEWCOMERS);
    let waiting = WaitingNewcomers { arriving, waiting: VecDeque::new(), next_search: Instant::now() };
    (NewcomerQueue { places, sender }, waiting)
}

/// Accepted connection that waits for a slot.
pub(super) struct Newcomer<'a, T> {
    pub(super) connection: T,
    /// Number of connections that had been admitted when it arrived.
    pub(super) admitted_before: u64,
    until: Instant,
    /// Held while it waits.
    _place: KeyedPermit<'a, IpAddr>,
}

/// Bounded queue of newcomers.
pub(super) struct NewcomerQueue<'a, T> {
    places: &'a KeyedSemaphore<IpAddr>,
    sender: mpsc::Sender<Newcomer<'a, T>>,
}

impl<T> NewcomerQueue<'_, T> {
    /// Queues a connection for a slot; `addr` is the address that it counts for, if any. Returns false if
    /// there is no place; the connection is then closed.
    pub(super) fn wait(&self, addr: Option<IpAddr>, connection: T, admitted_before: u64) -> bool {
        let Some(place) = self.places.try_acquire(addr) else { return false };
        let until = Instant::now() + WAIT_FOR_SLOT;
        self.sender.try_send(Newcomer { connection, admitted_before, until, _place: place }).is_ok()
    }
}

/// Newcomers in order of arrival.
pub(super) struct WaitingNewcomers<'a, T> {
    arriving: mpsc::Receiver<Newcomer<'a, T>>,
    waiting: VecDeque<Newcomer<'a, T>>,
    /// Earliest time of the next search.
    next_search: Instant,
}

/// Newcomers to admit now, as far as there are slots.
pub(super) struct AdmissionRound<'a, T> {
    pub(super) newcomers: VecDeque<Newcomer<'a, T>>,
    /// A slot may become free, so those without one may wait on.
    pub(super) may_come: bool,
}

impl<'a, T> WaitingNewcomers<'a, T> {
    /// Waits for a newcomer and closes dead sockets for all that wait, with one search. `evict_dead` closes up
    /// to so many and returns true while a slot may become free. Returns `None` once no newcomer can come.
    pub(super) async fn next_round(
        &mut self,
        evict_dead: impl FnOnce(usize) -> bool,
    ) -> Option<AdmissionRound<'a, T>> {
        if self.waiting.is_empty() {
            self.waiting.push_back(self.arriving.recv().await?);
        }
        sleep_until(self.next_search).await;
        while let Ok(further) = self.arriving.try_recv() {
            self.waiting.push_back(further);
        }
        let may_come = evict_dead(self.waiting.len());
        self.next_search = Instant::now() + SEARCH_INTERVAL;
        if may_come {
            // The tasks of closed sockets end in the meantime.
            sleep_until(self.next_search).await;
        }
        Some(AdmissionRound { newcomers: std::mem::take(&mut self.waiting), may_come })
    }

    /// Lets a newcomer without a slot wait on, or returns it if its wait is over.
    pub(super) fn wait_on(&mut self, newcomer: Newcomer<'a, T>, may_come: bool) -> Result<(), T> {
        if may_come && Instant::now() < newcomer.until {
            self.waiting.push_back(newcomer);
            return Ok(());
        }
        Err(newcomer.connection)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn addr(last: u8) -> Option<IpAddr> {
        Some([10, 0, 0, last].into())
    }

    #[tokio::test]
    async fn one_address_leaves_places_to_others() {
        let places = places();
        let (queue, mut waiting) = queue(&places);
        let taken = |addr| (0..100).filter(|n| queue.wait(addr, *n, 0)).count();
        assert_eq!([1, 2, 3].map(|last| taken(addr(last))), [NEWCOMERS_PER_ADDRESS; 3]);
        assert_eq!(taken(None), NEWCOMERS_PER_ADDRESS, "an exempt address takes the rest");
        assert_eq!(taken(addr(4)), 0);
        let round = waiting.next_round(|_| false).await.expect("newcomers");
        assert_eq!(round.newcomers.len(), MAX_NEWCOMERS);
        drop(round);
        assert_eq!(taken(addr(1)), NEWCOMERS_PER_ADDRESS, "places come back");
    }

    #[tokio::test(start_paused = true)]
    async fn searches_are_bounded_by_time_not_by_newcomers() {
        let places = places();
        let (queue, mut waiting) = queue(&places);
        let (searches, start) = (Cell::new(0), Instant::now());
        let mut refused = 0;
        for last in 1..=4 {
            assert_eq!((0..16).filter(|_| queue.wait(addr(last), (), 0)).count(), 16);
        }
        while refused < MAX_NEWCOMERS {
            let search = |most| {
                searches.set(searches.get() + 1);
                assert_eq!(most, MAX_NEWCOMERS, "one search for all");
                true
            };
            let round = waiting.next_round(search).await.expect("newcomers");
            let may_come = round.may_come;
            for newcomer in round.newcomers {
                refused += usize::from(waiting.wait_on(newcomer, may_come).is_err());
            }
        }
        assert_eq!(start.elapsed(), WAIT_FOR_SLOT);
        assert_eq!(searches.get(), 24);
        // Where no slot can come they are refused at once, and the next search waits its time.
        for n in 0..30 {
            assert!(queue.wait(addr(1), (), 0));
            let round = waiting.next_round(|_| false).await.expect("a newcomer");
            assert!(!round.may_come, "{n}");
            for newcomer in round.newcomers {
                assert!(waiting.wait_on(newcomer, false).is_err());
            }
        }
        assert!(start.elapsed() >= WAIT_FOR_SLOT + SEARCH_INTERVAL * 29, "{:?}", start.elapsed());
        drop(queue);
        assert!(waiting.next_round(|_| false).await.is_none());
    }
}

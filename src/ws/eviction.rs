//! Evicts dead sockets of any session when the server is full.

use tokio::time::Instant;

use crate::ws::conn::pulse::Vitality;
use crate::ws::protocol::close_code::CloseCode;
use crate::ws::registry::Registry;

/// Maximum number of unanswered probes. Answers make room for others, so that about 1,200 sockets are probed
/// within one wait of 2 s. A round of pings takes 64 writes of about 5 µs.
const MAX_OPEN_PROBES: usize = 64;

impl Registry {
    /// Closes up to `most` dead sockets, the longest silent first. Pings silent ones in the same order, so
    /// that the dead ones among them are known 2 s later. Returns true while a slot may become free; the
    /// caller then tries again.
    pub fn evict_dead(&self, most: usize) -> bool {
        let now = Instant::now();
        let (mut dead, mut silent, mut hopes) = (Vec::new(), Vec::new(), 0);
        self.for_each(|out| match out.pulse.vitality(now) {
            // Its slot is about to become free.
            _ if out.is_closing() => hopes += 1,
            Vitality::Asked => hopes += 1,
            Vitality::Dead => dead.push(out.clone()),
            Vitality::Silent => silent.push(out.clone()),
            Vitality::Alive => {}
        });
        dead.sort_by_cached_key(|out| out.pulse.last_input());
        silent.sort_by_cached_key(|out| out.pulse.last_input());
        for out in dead.iter().take(most) {
            out.close(CloseCode::Silent);
        }
        let asked = silent.iter().take(MAX_OPEN_PROBES.saturating_sub(hopes));
        asked.for_each(|out| {
            out.pulse.start_probe(now);
            out.ping();
        });
        hopes + dead.len() + silent.len() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::types::crypto::Sha256;
    use crate::ws::conn::pulse::PROBE;
    use crate::ws::registry::Registration;

    fn open(registry: &Arc<Registry>, count: u8) -> Vec<Registration> {
        (0..count).map(|n| registry.register(Sha256([n; 32]), 9).expect("free")).collect()
    }

    fn closed(sockets: &[Registration]) -> Vec<usize> {
        sockets.iter().enumerate().filter(|(_, socket)| socket.out.is_closing()).map(|(n, _)| n).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn longest_silent_socket_is_evicted_once_dead() {
        let registry = Arc::new(Registry::default());
        let sockets = open(&registry, 4);
        assert!(!registry.evict_dead(1), "all were heard from just now");
        for (n, after) in [(2, 1), (0, 2), (3, 3)] {
            tokio::time::advance(Duration::from_secs(after)).await;
            sockets[n].out.pulse.record_input(Instant::now());
        }
        tokio::time::advance(2 * PROBE).await;
        assert!(registry.evict_dead(1));
        assert_eq!(closed(&sockets), [0_usize; 0], "asked first");
        sockets[1].out.pulse.record_input(Instant::now() + Duration::from_millis(300));
        tokio::time::advance(PROBE).await;
        assert!(registry.evict_dead(1));
        assert_eq!(closed(&sockets), [2], "the longest silent of those that gave no sign");
        assert!(registry.evict_dead(5));
        assert_eq!(closed(&sockets), [0, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn open_probes_are_bounded_and_answers_free_them() {
        let registry = Arc::new(Registry::default());
        let sockets = open(&registry, 200);
        tokio::time::advance(2 * PROBE).await;
        let asked = |now| sockets.iter().filter(|s| s.out.pulse.vitality(now) == Vitality::Asked).count();
        for _ in 0..3 {
            assert!(registry.evict_dead(1) && registry.evict_dead(1));
            assert_eq!(asked(Instant::now()), MAX_OPEN_PROBES);
            tokio::time::advance(Duration::from_millis(100)).await;
            let now = Instant::now();
            let answering = sockets.iter().filter(|s| s.out.pulse.vitality(now) == Vitality::Asked);
            answering.for_each(|s| s.out.pulse.record_input(now));
        }
        assert!(registry.evict_dead(1));
        assert_eq!(asked(Instant::now()), 200 - 3 * MAX_OPEN_PROBES);
        assert_eq!(closed(&sockets).len(), 0);
    }
}

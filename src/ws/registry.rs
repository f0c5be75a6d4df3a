//! Open sockets by session, so that a session that ends takes its sockets with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::types::crypto::Sha256;

use super::outbound::{CloseCode, Outbound};

/// The session has as many sockets as it may.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this session has too many open sockets")]
pub struct TooManySockets;

/// Open sockets. Bounded by the bounds on connections.
#[derive(Default)]
pub struct Registry(Mutex<Sockets>);

#[derive(Default)]
struct Sockets {
    by_session: HashMap<Sha256, Vec<Arc<Outbound>>>,
    /// Set once the server stops: a socket that opens now is closed at once.
    stopping: bool,
}

/// One socket's entry; gone with the value.
pub(super) struct Registration {
    registry: Arc<Registry>,
    session: Sha256,
    pub(super) out: Arc<Outbound>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a socket of `session`, of which there may be `most`.
    pub(super) fn register(self: &Arc<Self>, session: Sha256, most: usize) -> Result<Registration, TooManySockets> {
        let mut sockets = self.lock();
        let stopping = sockets.stopping;
        let own = sockets.by_session.entry(session).or_default();
        if own.len() >= most {
            return Err(TooManySockets);
        }
        let out = Arc::new(Outbound::default());
        if stopping {
            out.close(CloseCode::Shutdown);
        }
        own.push(Arc::clone(&out));
        Ok(Registration { registry: Arc::clone(self), session, out })
    }

    /// Closes the sockets of a session that is over.
    pub fn end_session(&self, session: &Sha256) {
        let sockets = self.lock().by_session.get(session).cloned().unwrap_or_default();
        for out in sockets {
            out.close(CloseCode::SessionEnded);
        }
    }

    /// Closes all sockets, and those that open from now on: the server stops.
    pub fn shut_down(&self) {
        let mut sockets = self.lock();
        sockets.stopping = true;
        for out in sockets.by_session.values().flatten() {
            out.close(CloseCode::Shutdown);
        }
    }

    /// Sessions that have a socket open.
    pub fn sessions(&self) -> Vec<Sha256> {
        self.lock().by_session.keys().copied().collect()
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        self.lock().by_session.values().map(Vec::len).sum()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sockets = self.registry.lock();
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

    #[test]
    fn places_come_back_and_the_bound_holds() {
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
}

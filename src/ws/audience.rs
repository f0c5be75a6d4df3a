//! Open sockets by user, for frames that belong to no room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::chat::Priority;
use crate::locks::lock;
use crate::types::UserId;

use crate::ws::protocol::frame::Frame;
use crate::ws::send::send_queue::SendQueue;

/// Sockets that have had their `welcome`, by user; bounded by the limits on connections.
#[derive(Default)]
pub struct Audience(Mutex<HashMap<UserId, Vec<Arc<SendQueue>>>>);

/// Subscription of one socket, removed on drop.
pub(super) struct Subscription {
    audience: Arc<Audience>,
    user: UserId,
    out: Arc<SendQueue>,
}

impl Audience {
    /// Subscribes a socket of `user`.
    pub(super) fn subscribe(self: &Arc<Self>, user: UserId, out: &Arc<SendQueue>) -> Subscription {
        lock(&self.0).entry(user).or_default().push(Arc::clone(out));
        Subscription { audience: Arc::clone(self), user, out: Arc::clone(out) }
    }

    /// Sends a frame to every socket.
    pub(super) fn send_to_all(&self, frame: &Frame) {
        for out in lock(&self.0).values().flatten() {
            out.push(frame.clone(), Priority::Message);
        }
    }

    /// Sends a frame to the sockets of `user`, except `own`.
    pub(super) fn send_to_others_of(&self, user: UserId, own: &Arc<SendQueue>, frame: &Frame) {
        for out in lock(&self.0).get(&user).into_iter().flatten().filter(|out| !Arc::ptr_eq(out, own)) {
            out.push(frame.clone(), Priority::Message);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut sockets = lock(&self.audience.0);
        if let Some(own) = sockets.get_mut(&self.user) {
            own.retain(|out| !Arc::ptr_eq(out, &self.out));
            if own.is_empty() {
                sockets.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_reaches_other_sockets_of_the_user_until_they_close() {
        let audience = Arc::new(Audience::default());
        let outs: Vec<_> = (0..3).map(|_| Arc::new(SendQueue::default())).collect();
        let subscriptions: Vec<_> =
            [1, 1, 2].iter().zip(&outs).map(|(user, out)| audience.subscribe(UserId(*user), out)).collect();
        let waiting = || outs.iter().map(|out| out.waiting()).collect::<Vec<_>>();
        audience.send_to_all(&Frame::json(&"x"));
        assert_eq!(waiting(), [1, 1, 1]);
        audience.send_to_others_of(UserId(1), &outs[0], &Frame::json(&"x"));
        assert_eq!(waiting(), [1, 2, 1]);
        drop(subscriptions);
        audience.send_to_all(&Frame::json(&"x"));
        assert_eq!(waiting(), [1, 2, 1]);
        assert!(lock(&audience.0).is_empty());
    }
}

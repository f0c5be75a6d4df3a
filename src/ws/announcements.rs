//! Frames of announcements, and their acknowledgement.

use serde::Serialize;

use crate::announcements::{Announcement, AnnouncementChange};
use crate::chat::Priority;
use crate::types::AnnouncementId;

use crate::ws::audience::Audience;
use crate::ws::protocol::frame::Frame;
use crate::ws::socket_state::SocketState;

/// Frame about an announcement.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum AnnouncementFrame<'a> {
    Announcement { id: AnnouncementId, by: &'a str, text: &'a str, at: String, acknowledge: bool },
    AnnouncementEnded { id: AnnouncementId },
    Acknowledged { id: AnnouncementId },
}

fn announcement_frame(announcement: &Announcement) -> Frame {
    let Announcement { id, by, text, at, acknowledge } = announcement;
    let (id, at, acknowledge) = (*id, at.to_string(), *acknowledge);
    Frame::json(&AnnouncementFrame::Announcement { id, by, text, at, acknowledge })
}

impl Audience {
    /// Reports a change of the open announcements to every socket.
    pub fn announce(&self, change: &AnnouncementChange) {
        let frame = match change {
            AnnouncementChange::Made(announcement) => announcement_frame(announcement),
            AnnouncementChange::Ended(id) => Frame::json(&AnnouncementFrame::AnnouncementEnded { id: *id }),
        };
        self.send_to_all(&frame);
    }
}

impl SocketState {
    /// Sends the announcements that the user has not acknowledged, and subscribes to later ones.
    pub(super) fn subscribe(&mut self) {
        let (services, out) = (&self.services, &self.registration.out);
        let user = self.client.session.person.id;
        let subscription = &mut self.subscription;
        let unread = services.announcements.unacknowledged(user, || {
            *subscription = Some(services.audience.subscribe(user, out));
        });
        for announcement in unread {
            out.push(announcement_frame(&announcement), Priority::Message);
        }
    }

    /// Records an acknowledgement and reports it to the user's other sockets. An announcement that has ended
    /// meanwhile is no error.
    pub(super) fn acknowledge(&self, id: AnnouncementId) {
        let user = self.client.session.person.id;
        if self.services.announcements.acknowledge(user, id) {
            let frame = Frame::json(&AnnouncementFrame::Acknowledged { id });
            self.services.audience.send_to_others_of(user, &self.registration.out, &frame);
        }
    }
}

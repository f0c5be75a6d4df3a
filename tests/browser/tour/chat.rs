//! States of an open room.

use serde_json::json;

use super::super::common::Socket;
use super::{LONG_NAME, Office, ROOM_PASSWORD, Tour};
use crate::browser::Browser;

const LIVE: &str = "!document.querySelector('#panel').hidden && !document.querySelector('#send').disabled";
const LOST: &str = "!document.querySelector('#seat-lost').hidden";
/// Opens the list of people, which a desk shows anyway.
const SHOW_PEOPLE: &str =
    "if (document.querySelector('#members-panel').hidden) document.querySelector('#show-members').click()";

/// The others of an office, each with a socket in the room.
pub(super) struct Others {
    pub(super) bodega: Socket,
    pub(super) compras: Socket,
    pub(super) long: Socket,
    pub(super) laura: Socket,
}

impl Others {
    pub(super) fn join(office: &Office) -> Self {
        Self {
            bodega: join(office, "bodega"),
            compras: join(office, "compras"),
            long: join(office, LONG_NAME),
            laura: join(office, "laura"),
        }
    }
}

/// Joins the office's room.
fn join(office: &Office, user: &str) -> Socket {
    let mut socket = office.client(user).socket();
    let joined = socket.join("OFICINA", ROOM_PASSWORD, "group");
    assert_eq!(joined["type"], "joined", "{user}: {joined}");
    socket
}

impl Browser {
    async fn until_message(&self, text: &str) {
        self.until_says("#messages", text).await;
    }

    /// Waits until the open room takes messages.
    pub(super) async fn until_live(&self) {
        self.until("document.querySelector('#connection-state').dataset.state === 'online'").await;
        self.until(LIVE).await;
    }
}

impl Tour {
    pub(super) async fn walk_chat(&self, office: &mut Office) {
        let front = &office.front;
        front.chat_page().await;
        front.until("document.querySelector('#lobby .empty')").await;
        self.at(front, "chat-join").await;
        front.click("#to-create").await;
        front.fill("#create-code", "OFICINA").await;
        front.fill("#create-password", ROOM_PASSWORD).await;
        front.fill("#create-label", self.say("Recepción y bodega", "Reception and warehouse")).await;
        front.click("#kind-group").await;
        self.at(front, "chat-create").await;
        front.click("#create").await;
        front.until_live().await;
        self.at(front, "room-created").await;
        front.click("#end-room").await;
        front.until("document.querySelector('#confirm-end').open").await;
        self.at(front, "room-end").await;
        front.click("#confirm-end button[value=no]").await;

        // Away after half a minute; until then the walk goes on.
        drop(join(office, "carlos"));
        let mut others = self.walk_conversation(office).await;
        self.walk_trouble(office, &mut others).await;
        let mut others = Others::join(office);
        self.walk_rooms(office, &mut others).await;
        self.walk_restart(office).await;
    }

    async fn walk_conversation(&self, office: &Office) -> Others {
        let front = &office.front;
        let mut others = Others::join(office);
        for user in ["diana", "mateo"] {
            let mut socket = join(office, user);
            socket.request(json!({"type": "leave", "room": "OFICINA"}));
        }
        front.until("document.querySelector('#messages .presence')?.textContent.includes('mateo')").await;
        self.at(front, "room-presence").await;
        let talk = [
            (
                0,
                "Hola. ¿Alguien tiene el acta de la reunión del lunes?",
                "Hi. Does anyone have the minutes of Monday’s meeting?",
            ),
            (
                1,
                "Hola. La terminé anoche, la subo ya mismo.",
                "Hi. I finished them last night; uploading now.",
            ),
            (1, "Listo, está en Archivos: acta-lunes.pdf", "Done, they are in Files: monday-minutes.pdf"),
            (0, "Perfecto, muchas gracias.", "Perfect, thank you."),
            (
                2,
                "La guía es `ZF-2026-0381` y se sigue en https://transportes.example/guias/ZF-2026-0381",
                "The waybill is `ZF-2026-0381`; follow it at https://transport.example/waybills/ZF-2026-0381",
            ),
            (
                3,
                "El pedido queda así:\n```\n12 resmas de papel\n 4 tóneres\n```",
                "The order is:\n```\n12 reams of paper\n 4 toners\n```",
            ),
            (
                0,
                "¿Nos vemos mañana a las 10 para revisarlo? Traigan las cifras de noviembre, que con el cierre del mes se nos juntan los despachos de la zona franca y las devoluciones.",
                "Shall we meet tomorrow at 10 to go through it? Bring the figures for November: the end of the month brings the free zone’s deliveries and the returns together.",
            ),
            (
                1,
                "Sí, a las 10 en la sala pequeña. Yo llevo el café. ☕",
                "Yes, at 10 in the small room. I will bring the coffee. ☕",
            ),
        ];
        for (who, es, en) in talk {
            let text = self.say(es, en);
            let socket = match who {
                0 => {
                    // A line break in a field would send; these have none.
                    front.say(text).await;
                    front.until("document.querySelectorAll('#messages .unsent').length === 0").await;
                    continue;
                }
                1 => &mut others.bodega,
                2 => &mut others.long,
                _ => &mut others.compras,
            };
            socket.send_message("OFICINA", text);
        }
        front.until("document.querySelectorAll('#messages .message').length === 8").await;
        self.at(front, "room").await;
        self.walk_tools(front).await;
        front.js("void document.querySelector('#messages').scrollTo(0, 0)").await;
        let typed = |text: &str| {
            format!(
                "(() => {{ const field = document.querySelector('#message-field'); field.value = {text}; field.dispatchEvent(new Event('input', {{ bubbles: true }})); return true; }})()"
            )
        };
        front.js(&typed("'una y otra vez '.repeat(280)")).await;
        self.at(front, "room-over-limit").await;
        front.js(&typed("''")).await;
        for n in 0..8 {
            let text =
                format!("{} {}", self.say("Cierre de noviembre, punto", "End of November, item"), n + 1);
            others.laura.send_message("OFICINA", &text);
            if n == 0 {
                front.js("void document.querySelector('#messages').scrollTo(0, 0)").await;
            }
        }
        front.until_says("#to-end-text", "").await;
        self.at_after(front, "room-below", "document.querySelector('#messages').scrollTo(0, 0)").await;
        front.js("void document.querySelector('#messages').scrollTo(0, 99999)").await;
        others
    }

    /// Search, emoji and mentions.
    async fn walk_tools(&self, front: &Browser) {
        front.click("#find").await;
        front.fill("#find-field", "10").await;
        front.until("document.querySelector('#find-count').textContent").await;
        self.at(front, "room-find").await;
        front.click("#find-close").await;
        front.click("#emoji").await;
        front.find(".emoji-picker").await;
        self.at(front, "room-emoji").await;
        front.click("#emoji").await;
        front.fill("#message-field", "@la").await;
        front.find("#mention-list").await;
        self.at(front, "room-mention").await;
        front.fill("#message-field", " ").await;
    }

    async fn walk_trouble(&self, office: &Office, others: &mut Others) {
        let (front, cable, server) = (&office.front, &office.cable, office.server());
        cable.swallow(true);
        front.say(self.say("¿Quién cierra hoy?", "Who closes today?")).await;
        front.until("document.querySelector('#connection-state').dataset.state === 'slow'").await;
        self.at(front, "room-slow").await;
        cable.disconnect();
        front.until("document.querySelector('#connection-state').dataset.state === 'reconnecting'").await;
        self.at(front, "room-reconnecting").await;
        cable.swallow(false);
        cable.connect_to(server.addr);
        front.until_live().await;
        front.until("document.querySelector('.unsent[data-state=failed]')").await;
        self.at(front, "room-not-sent").await;
        front.click("[data-act=discard]").await;

        front.cdp("Network.enable", json!({})).await;
        let network = |offline| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        front.cdp("Network.emulateNetworkConditions", network(true)).await;
        front.until("document.querySelector('#connection-state').dataset.state === 'offline'").await;
        self.at(front, "room-offline").await;
        // Sockets that nothing reads for a minute are dead.
        *others = Others::join(office);
        for n in 1..=40 {
            let text = format!("{} {n}", self.say("Pedido", "Order"));
            let who = if n % 2 == 0 { &mut others.bodega } else { &mut others.compras };
            who.send_message("OFICINA", &text);
        }
        front.cdp("Network.emulateNetworkConditions", network(false)).await;
        front.until_live().await;
        front.until("document.querySelector('.gap-divider')").await;
        front.until_message(&format!("{} 40", self.say("Pedido", "Order"))).await;
        let to_gap = "document.querySelector('.gap-divider').scrollIntoView({ block: 'center' })";
        self.at_after(front, "room-gap", to_gap).await;

        front.until("document.querySelector('#members [data-name=carlos]')?.dataset.state === 'away'").await;
        self.at_after(front, "room-people", SHOW_PEOPLE).await;
    }

    /// The server ends and starts again: rooms live in memory only.
    async fn walk_restart(&self, office: &mut Office) {
        let mut server = office.server.take().expect("runs");
        server.kill();
        office.cable.disconnect();
        office.cable.until_refused().await;
        let options = super::Options {
            port: server.addr.port(),
            serve: true,
            ..super::Options::config(super::SETTINGS)
        };
        drop(server);
        let server = super::Server::start(options.data_dir(office.data.path()));
        office.cable.connect_to(server.addr);
        office.server = Some(server);
        let front = &office.front;
        front.until(LOST).await;
        front.until("document.querySelector('#connection-state').dataset.state === 'online'").await;
        self.at(front, "room-restarted").await;
    }
}

//! States of the list of rooms, and of moving between rooms and pages.

use serde_json::json;

use super::super::common::Socket;
use super::chat::Others;
use super::{Office, ROOM_PASSWORD, Tour};

const LIST: &str = "document.querySelector('#panel').hidden";
const NOTICE: &str = "document.querySelector('#notice').textContent";

/// Creates a group room with a label.
fn create(socket: &mut Socket, code: &str, label: &str) {
    let frame = json!({"type": "join", "room": code, "password": ROOM_PASSWORD, "kind": "group", "create": true, "label": label});
    let joined = socket.request(frame);
    assert_eq!(joined["type"], "joined", "{joined}");
}

impl Tour {
    pub(super) async fn walk_rooms(&self, office: &Office, others: &mut Others) {
        let front = &office.front;
        create(&mut others.bodega, "PROVEEDORES", self.say("Pedidos y facturas", "Orders and invoices"));
        create(&mut others.laura, "GERENCIA", "");
        create(
            &mut others.compras,
            "COMPRAS_2026",
            self.say(
                "Compras, presupuesto y contratos de la oficina principal",
                "Purchases, budget, and contracts of the main office",
            ),
        );
        others.bodega.send_message("PROVEEDORES", "Hola");
        front.join("PROVEEDORES", ROOM_PASSWORD).await;
        self.at(front, "room-newcomer").await;

        front.click(".main-nav a[href='/listar']").await;
        front
            .until("location.pathname === '/listar' && document.querySelectorAll('#files .file').length")
            .await;
        for text in [
            self.say("¿Llegó la factura?", "Did the invoice arrive?"),
            self.say("La espero hoy.", "I expect it today."),
        ] {
            others.bodega.send_message("PROVEEDORES", text);
        }
        others.laura.send_message("OFICINA", self.say("Nos vemos a las 10.", "See you at 10."));
        front.until("document.querySelector('.nav-badge')?.textContent.includes('3')").await;
        self.at(front, "files-unread").await;
        front.click(".main-nav a[href='/inicio']").await;
        front
            .until("location.pathname === '/inicio' && document.querySelectorAll('#rooms a').length === 4")
            .await;
        self.at(front, "home-rooms").await;
        self.walk_announcement(office).await;
        front.click(".main-nav a[href='/chat']").await;
        front.until("document.querySelector('.new-divider')").await;
        self.at(front, "room-new").await;

        front.click("#favourite").await;
        front.until("document.querySelector('#favourite').ariaPressed === 'true'").await;
        front.click("#leave-room").await;
        front.until("document.querySelector('#favourites a')").await;
        *others = Others::join(office);
        others.bodega.send_message("OFICINA", self.say("Ya llegó el pedido.", "The order is here."));
        front.until("document.querySelector('#tabs .badge')").await;
        front.until("document.querySelectorAll('#lobby a').length === 4").await;
        self.at(front, "chat-rooms").await;

        front.try_join("DESPACHOS", ROOM_PASSWORD).await;
        front.until("!document.querySelector('#join-offer').hidden").await;
        self.at(front, "chat-unknown").await;
        front.try_create("GERENCIA", ROOM_PASSWORD).await;
        front.until("!document.querySelector('#create-offer').hidden").await;
        self.at(front, "chat-exists").await;
        front.try_join("GERENCIA", "no-es-esta").await;
        front.until(NOTICE).await;
        self.at(front, "chat-wrong-password").await;
        self.walk_many_rooms(office).await;
        self.walk_crowd(office).await;
        self.walk_gone(office).await;
    }

    async fn walk_announcement(&self, office: &Office) {
        let front = &office.front;
        let laura = office.client("laura");
        let text = self.say(
            "Mañana no hay luz de 8 a 10.\nGuarden su trabajo.",
            "No power tomorrow from 8 to 10.\nSave your work.",
        );
        let made = laura.post_json("/api/announcement", &json!({"text": text, "acknowledge": true}));
        assert_eq!(made.status, 201, "{}", made.text());
        front.until("document.querySelector('.announcement')").await;
        self.at(front, "announcement").await;
        let id = made.json()["id"].as_str().expect("a text").to_owned();
        assert_eq!(laura.delete(&format!("/api/announcements/{id}")).status, 204);
        front.until("!document.querySelector('.announcement')").await;
    }

    /// Ten rooms more, joined in another tab.
    async fn walk_many_rooms(&self, office: &Office) {
        let front = &office.front;
        let mut tab = office.other_tab().await;
        for n in 1..=9 {
            create(
                &mut tab,
                &format!("DESPACHO_ZONA_NRO_{n}"),
                self.say("Despachos del día", "Deliveries of the day"),
            );
        }
        front.chat_page().await;
        front.until("document.querySelectorAll('#tabs [role=tab]').length === 10").await;
        front.click("#tab-OFICINA").await;
        front.until_live().await;
        self.at(front, "chat-many-rooms").await;
        for n in 1..=9 {
            tab.request(json!({"type": "leave", "room": format!("DESPACHO_ZONA_NRO_{n}")}));
        }
        front.until("document.querySelectorAll('#tabs [role=tab]').length === 1").await;
    }

    async fn walk_crowd(&self, office: &Office) {
        let front = &office.front;
        front.goto("/nada").await;
        let mut tabs = Vec::new();
        for _ in 0..16 {
            let mut tab = office.other_tab().await;
            tab.welcome();
            tabs.push(tab);
        }
        front.open_page("/chat").await;
        front.until("document.querySelector('#connection-state')?.dataset.state === 'crowded'").await;
        self.at(front, "chat-crowded").await;
        drop(tabs);
        front.chat_page().await;
        front.until("document.querySelector('#tab-OFICINA')").await;
        front.click("#tab-OFICINA").await;
        front.until_live().await;
    }

    async fn walk_gone(&self, office: &Office) {
        let front = &office.front;
        office.cable.disconnect();
        office.cable.until_refused().await;
        let mut other = office.other_tab().await;
        other.request(json!({"type": "enter", "room": "OFICINA", "since": 0}));
        other.send(&json!({"type": "leave", "room": "OFICINA"}));
        assert_eq!(other.recv_type("left")["reason"], "left");
        office.cable.connect_to(office.server().addr);
        front.until("!document.querySelector('#seat-lost').hidden").await;
        self.at(front, "room-gone").await;
        front.click("#rejoin").await;
        front.until(LIST).await;
        front.join("OFICINA", ROOM_PASSWORD).await;
        front.until_live().await;
    }
}

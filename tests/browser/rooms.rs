//! Rooms: creating and joining apart, labels, favourites, people, and what an empty room says.

use serde_json::json;

use super::browser::Browser;
use super::common::{Client, Options, Server, Socket};
use super::network_cable::TcpProxy;

/// The longest label: 60 characters.
const LABEL: &str = "Equipo de ventas, compras, despachos y cartera de la oficina";

impl Browser {
    async fn signed_in(server: &Server, user: &str) -> Self {
        let browser = Self::open(server.addr).await;
        browser.sign_in(user, &format!("{user}123")).await;
        browser.chat().await;
        browser
    }

    /// Opens a socket of this browser's session, as another tab does, and enters the room.
    async fn other_tab(&self, server: &Server) -> Socket {
        let name = server.cookie_name();
        let cookie = self.driver().get_named_cookie(&name).await.expect("a session");
        let client = Client { cookie: Some(format!("{name}={}", cookie.value)), ..Client::new(server) };
        let mut socket = client.socket();
        socket.send(&json!({"type": "enter", "room": "OFICINA", "since": 0}));
        assert_eq!(socket.recv_type("joined")["room"], "OFICINA");
        socket
    }

    /// Returns the codes in the list of one's rooms.
    async fn tabs(&self) -> serde_json::Value {
        self.js("[...document.querySelectorAll('#tabs .tab-code')].map((one) => one.textContent)").await
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn joining_never_creates_and_creating_never_joins() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.try_join("ventas", "secreta").await;
    ana.until_says("#join-offer", "La sala VENTAS no existe. ¿Crearla?").await;
    assert_eq!(Client::admin(&server).get("/api/rooms").json(), json!([]));
    // What was typed goes along, and the password of a new room is shown.
    ana.click("#join-offer-go").await;
    let typed = "['create-code', 'create-password'].map((id) => document.getElementById(id).value)";
    assert_eq!(ana.js(typed).await, json!(["ventas", "secreta"]));
    assert_eq!(ana.js("document.querySelector('#create-password').type").await, "text");
    ana.fill("#create-label", LABEL).await;
    ana.click("#kind-group").await;
    ana.click("#create").await;
    ana.until_says("#open-room-code", "VENTAS").await;
    ana.until_says("#messages", "Sala creada. Escribe el primer mensaje.").await;
    ana.say("hola").await;
    ana.reads(&[("cliente", "hola")]).await;

    let beto = Browser::signed_in(&server, "usuario").await;
    beto.until_says("#lobby", LABEL).await;
    let cut = "document.querySelector('#lobby a').getBoundingClientRect().right - document.querySelector('#lobby').getBoundingClientRect().right";
    assert_eq!(beto.js(cut).await, json!(0), "a long label does not widen the list");
    beto.try_create("Ventas", "otra-clave").await;
    beto.until_says("#create-offer", "La sala VENTAS ya existe. Usa otro código, o únete a ella.").await;
    assert_eq!(beto.tabs().await, json!([]));
    beto.click("#create-offer-go").await;
    beto.fill("#room-password", "secreta").await;
    beto.click("#join").await;
    beto.until_says("#open-room-code", "VENTAS").await;
    beto.until_says("#open-room-label", LABEL).await;
    beto.until_says("#tab-VENTAS", LABEL).await;
    assert_eq!(beto.messages().await, json!([]));
    beto.until_says("#messages", "No ves lo que se dijo antes de entrar.").await;
    // A code is made at a touch.
    beto.click("#to-create").await;
    beto.click("#generate-code").await;
    let code = beto.js("document.querySelector('#create-code').value").await;
    assert!(code.as_str().is_some_and(|code| code.len() == 8 && code == code.to_uppercase()), "{code}");
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn maker_alone_ends_the_room_after_a_question() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.join("OFICINA", "secreta").await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    ana.until("document.querySelector('#end-room').hidden").await;
    beto.send(&json!({"type": "leave", "room": "OFICINA"}));
    ana.until("!document.querySelector('#end-room').hidden").await;
    ana.click("#end-room").await;
    ana.until_says("#confirm-end", "Sus mensajes se borran ya mismo").await;
    assert_eq!(ana.text("#confirm-end-name").await, "OFICINA");
    let buttons = "getComputedStyle(document.querySelector('#confirm-end .buttons')).justifyContent";
    assert_eq!(ana.js(buttons).await, "flex-end", "as in the other questions");
    ana.click("#confirm-end button[value=no]").await;
    assert_eq!(ana.tabs().await, json!(["OFICINA"]));
    ana.click("#end-room").await;
    ana.click("#confirm-end-go").await;
    ana.until_says("#notice", "La sala OFICINA terminó y sus mensajes se borraron.").await;
    assert_eq!(ana.tabs().await, json!([]));
    assert_eq!(Client::admin(&server).get("/api/rooms").json(), json!([]));
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn tabs_of_one_session_share_their_rooms() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    let first = ana.driver().window().await.expect("a tab");
    let second = ana.driver().new_tab().await.expect("a tab");
    ana.driver().switch_to_window(second.clone()).await.expect("switches");
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("desde la segunda").await;
    ana.driver().switch_to_window(first.clone()).await.expect("switches");
    ana.until_says("#tabs", "OFICINA").await;
    ana.click("#tab-OFICINA").await;
    ana.reads(&[("cliente", "desde la segunda")]).await;
    ana.say("desde la primera").await;
    ana.driver().switch_to_window(second).await.expect("switches");
    ana.reads(&[("cliente", "desde la segunda"), ("cliente", "desde la primera")]).await;
    ana.click("#leave-room").await;
    ana.until("document.querySelector('#tabs').childElementCount === 0").await;
    ana.driver().switch_to_window(first).await.expect("switches");
    ana.until("document.querySelector('#tabs').childElementCount === 0").await;
    ana.until_says("#notice", "Saliste de la sala OFICINA en otra pestaña.").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn joins_and_leaves_fold_into_one_line() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.join("OFICINA", "secreta").await;
    let (usuario, admin) = (Client::usuario(&server), Client::admin(&server));
    let (mut beto, mut carla) = (usuario.socket(), admin.socket());
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    assert_eq!(carla.join("OFICINA", "secreta", "group")["type"], "joined");
    let lines = "[...document.querySelectorAll('#messages .presence')].map((one) => one.textContent)";
    ana.until(&format!("JSON.stringify({lines}) === '[\"usuario y admin se unieron\"]'")).await;
    beto.send(&json!({"type": "leave", "room": "OFICINA"}));
    ana.until(&format!("JSON.stringify({lines}) === '[\"admin se unió · usuario salió\"]'")).await;
    carla.send_message("OFICINA", "hola");
    ana.reads(&[("admin", "hola")]).await;
    carla.send(&json!({"type": "leave", "room": "OFICINA"}));
    ana.until(&format!("{lines}.length === 2 && {lines}[1] === 'admin salió'")).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn person_without_a_page_is_shown_as_away() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.join("OFICINA", "secreta").await;
    let usuario = Client::usuario(&server);
    let mut beto = usuario.socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    let state = "document.querySelector('#members [data-name=usuario]')?.dataset.state";
    ana.until(&format!("{state} === 'here'")).await;
    ana.until_says("#members [data-name=usuario]", "aquí").await;
    drop(beto);
    let mut admin = Client::admin(&server).socket();
    admin.patience = std::time::Duration::from_secs(60);
    assert_eq!(admin.join("OFICINA", "secreta", "group")["type"], "joined");
    // After half a minute.
    while admin.recv()["event"] != "away" {}
    ana.until(&format!("{state} === 'away'")).await;
    ana.until_says("#members [data-name=usuario]", "ausente").await;
    let mut beto = usuario.socket();
    beto.send(&json!({"type": "enter", "room": "OFICINA", "since": 0}));
    ana.until(&format!("{state} === 'here'")).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn favourite_room_is_offered_after_it_was_left() {
    let server = Server::demo();
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.try_create("VENTAS", "secreta").await;
    ana.click("#favourite").await;
    ana.until("document.querySelector('#favourite').ariaPressed === 'true'").await;
    ana.chat().await;
    ana.until_says("#open-room-code", "VENTAS").await;
    assert_eq!(ana.js("document.querySelector('#favourite').ariaPressed").await, "true");
    ana.click("#leave-room").await;
    ana.until_says("#favourites", "VENTAS").await;
    ana.click("#favourites a").await;
    ana.until("document.querySelector('#room-code').value === 'VENTAS'").await;
    assert_eq!(ana.js("document.activeElement.id").await, "room-password");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn superseded_tab_offers_to_continue_here() {
    let server = Server::start(Options::config("[limits]\nroom_members = 1\n"));
    let ana = Browser::signed_in(&server, "cliente").await;
    ana.join("OFICINA", "secreta").await;
    ana.say("antes").await;
    ana.reads(&[("cliente", "antes")]).await;
    // A room takes four sockets for each member.
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(ana.other_tab(&server).await);
    }
    ana.until_says("#seat-lost", "Esta sala está abierta en muchas pestañas y sigue en las otras.").await;
    assert_eq!(ana.text("#rejoin").await, "Continuar aquí");
    others[3].send_message("OFICINA", "mientras tanto");
    ana.click("#rejoin").await;
    ana.reads(&[("cliente", "antes"), ("cliente", "mientras tanto")]).await;
    assert_eq!(ana.js("document.querySelector('#seat-lost').hidden").await, true);
    ana.say("aquí").await;
    ana.reads(&[("cliente", "antes"), ("cliente", "mientras tanto"), ("cliente", "aquí")]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn room_that_is_gone_after_a_line_break_says_so() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    beto.send_message("OFICINA", "antes");
    ana.reads(&[("usuario", "antes")]).await;
    ana.fill("#message-field", "a medias").await;
    cable.disconnect();
    cable.until_refused().await;
    let mut other = ana.other_tab(&server).await;
    other.send(&json!({"type": "leave", "room": "OFICINA"}));
    assert_eq!(other.recv_type("left")["reason"], "left");
    cable.connect_to(server.addr);
    ana.until_online().await;
    ana.until_says("#seat-lost", "Ya no estás en esta sala: la sala terminó o tu sesión se cerró.").await;
    ana.until_says("#tab-OFICINA", "Fuera de la sala").await;
    // Nothing speaks of a room that is lost as if one were in it.
    assert_eq!(ana.js("document.querySelector('#notice').textContent").await, "");
    let people =
        "[document.querySelector('#members-panel').hidden, document.querySelector('#show-members').disabled]";
    assert_eq!(ana.js(people).await, json!([true, true]));
    ana.reads(&[("usuario", "antes")]).await;
    // The room still is there: its password is enough, and the draft waits.
    ana.click("#rejoin").await;
    ana.fill("#room-password", "secreta").await;
    ana.click("#join").await;
    ana.until("document.querySelector('#seat-lost').hidden && !document.querySelector('#panel').hidden")
        .await;
    assert_eq!(ana.js("document.querySelector('#message-field').value").await, "a medias");
    ana.finish_with(&[], &["Failed to load resource: net::ERR_", "WebSocket connection to"]).await;
}

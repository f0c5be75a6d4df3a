//! The open chat when lines break, servers die and sessions end.

use serde_json::json;

use super::browser::Browser;
use super::common::{Client, Options, Server};
use super::network_cable::TcpProxy;

/// Console message of a call in progress or begun during the disconnection.
const BROKEN: &[&str] = &["Failed to load resource: net::ERR_"];

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn missed_messages_arrive_once_after_a_line_break() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("antes").await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    beto.send_message("OFICINA", "te leo");
    ana.reads(&[("cliente", "antes"), ("usuario", "te leo")]).await;

    cable.disconnect();
    ana.until("document.querySelector('#connection-state').dataset.state === 'reconnecting'").await;
    assert_eq!(ana.text("#connection-state").await, "Reconectando…");
    beto.send_message("OFICINA", "¿sigues ahí?");
    beto.send_message("OFICINA", "te escribo igual");
    assert_eq!(ana.js("document.querySelector('#send').disabled").await, true);
    // Text written meanwhile stays in the field.
    ana.fill("#message-field", "ya vuelvo").await;
    ana.press(thirtyfour::Key::Enter + "").await;
    ana.until_says("#notice", "Tu mensaje sigue aquí; envíalo cuando vuelva la conexión.").await;
    cable.until_refused().await;
    cable.connect_to(server.addr);
    ana.until_online().await;
    let missed = [
        ("cliente", "antes"),
        ("usuario", "te leo"),
        ("usuario", "¿sigues ahí?"),
        ("usuario", "te escribo igual"),
    ];
    ana.reads(&missed).await;
    ana.until_says("#messages .new-divider", "Nuevos").await;
    assert_eq!(ana.members().await, json!(["cliente", "usuario"]));
    ana.until("!document.querySelector('#send').disabled").await;
    ana.click("#send").await;
    let mut after = missed.to_vec();
    after.push(("cliente", "ya vuelvo"));
    ana.reads(&after).await;
    // The others saw neither a leave nor a return.
    loop {
        let frame = beto.recv();
        assert_ne!(frame["type"], "presence", "{frame}");
        if frame["text"] == "ya vuelvo" {
            break;
        }
    }
    ana.finish_with(&["WebSocket connection to"], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn reloaded_page_is_still_in_its_room() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("uno").await;
    ana.reads(&[("cliente", "uno")]).await;
    ana.goto("/listar").await;
    ana.chat().await;
    ana.reads(&[("cliente", "uno")]).await;
    ana.say("dos").await;
    ana.reads(&[("cliente", "uno"), ("cliente", "dos")]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn killed_server_keeps_the_session_and_loses_the_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(Options::default().data_dir(folder.path()));
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("antes").await;
    ana.reads(&[("cliente", "antes")]).await;

    server.kill();
    cable.disconnect();
    ana.until("document.querySelector('#connection-state').dataset.state === 'reconnecting'").await;
    cable.until_refused().await;
    let same = Options { port: server.addr.port(), ..Options::default() };
    let again = Server::start(same.data_dir(folder.path()));
    cable.connect_to(again.addr);
    ana.until_online().await;
    // Rooms live in memory only; the messages stay readable, and the password is asked for again.
    ana.until_says("#seat-lost", "PiChat se reinició; los mensajes anteriores ya no están.").await;
    ana.reads(&[("cliente", "antes")]).await;
    ana.click("#rejoin").await;
    assert_eq!(ana.js("document.querySelector('#room-code').value").await, "OFICINA");
    ana.fill("#room-password", "secreta").await;
    ana.click("#join").await;
    // To join never makes a room: the person decides.
    ana.until_says("#join-offer", "La sala OFICINA no existe. ¿Crearla?").await;
    ana.click("#join-offer-go").await;
    assert_eq!(ana.js("document.querySelector('#kind-group').checked").await, true, "it keeps its kind");
    ana.click("#create").await;
    ana.until_says("#notice", "Sala OFICINA creada.").await;
    ana.say("después").await;
    // It is a new room of the same name, empty, as its header says.
    ana.reads(&[("cliente", "después")]).await;
    ana.finish_with(&["WebSocket connection to"], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn sign_out_in_one_tab_ends_the_chat_of_the_other() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    let chat = ana.driver().window().await.expect("a tab");
    let other = ana.driver().new_tab().await.expect("a tab");
    ana.driver().switch_to_window(other).await.expect("switches");
    ana.goto("/inicio").await;
    ana.click("#sign-out").await;
    ana.arrive("/login").await;
    ana.driver().switch_to_window(chat).await.expect("switches");
    ana.arrive("/login").await;
    ana.goto("/chat").await;
    ana.arrive("/login").await;
    // The list of rooms may have been in transit when the session ended.
    // The chat asks once whether another tab has a newer session.
    let refused = "Failed to load resource: the server responded with a status of 401";
    ana.finish_with(&[&format!("/api/session - {refused}")], &[&format!("/api/rooms - {refused}")]).await;
}

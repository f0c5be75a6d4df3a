//! Moving between the pages of one document: the chat, its socket and its drafts live on, and every page shows
//! what is unread.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::{Client, Server};

/// Marks the document and counts its sockets from now on.
const MARK: &str = "(() => {
    const Real = window.WebSocket;
    window.opened = 0;
    window.WebSocket = class extends Real { constructor(...all) { super(...all); window.opened += 1; } };
    return true;
})()";

/// Text of a message that usuario sends to the page's room.
fn send(socket: &mut super::common::Socket, text: &str) {
    socket.send_message("OFICINA", text);
}

impl Browser {
    /// Follows a link of the navigation and waits for the view.
    async fn move_to(&self, path: &str) {
        self.click(&format!(".main-nav a[href='{path}']")).await;
        self.arrive(path).await;
        self.until(&format!("document.querySelector('.main-nav a[href={path:?}]').ariaCurrent === 'page'"))
            .await;
    }

    async fn is_the_same_document(&self) {
        assert_eq!(self.js("window.opened").await, 0, "no other document and no other socket");
    }

    async fn title(&self) -> String {
        self.driver().title().await.expect("a title")
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn chat_keeps_room_draft_and_socket_on_other_pages() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.until_says("#greeting", "Hola, cliente").await;
    ana.move_to("/chat").await;
    ana.until_online().await;
    ana.js(MARK).await;
    ana.join("OFICINA", "secreta").await;
    ana.say("antes").await;
    ana.reads(&[("cliente", "antes")]).await;
    ana.fill("#message-field", "a medias").await;
    for path in ["/listar", "/inicio"] {
        ana.move_to(path).await;
        assert_eq!(ana.js("document.querySelectorAll('main, #notice').length").await, 2, "{path}");
        assert_eq!(ana.js("document.querySelector('#messages')").await, json!(null), "{path}");
        // The heading has the focus, so that a screen reader goes on from there.
        assert_eq!(ana.js("document.activeElement.tagName").await, "H1", "{path}");
    }
    assert_eq!(ana.title().await, "Inicio · PiChat");
    ana.until_says("#greeting", "Hola, cliente").await;
    ana.move_to("/chat").await;
    ana.reads(&[("cliente", "antes")]).await;
    assert_eq!(ana.js("document.querySelector('#message-field').value").await, "a medias");
    assert_eq!(ana.title().await, "OFICINA · PiChat");
    ana.click("#send").await;
    ana.reads(&[("cliente", "antes"), ("cliente", "a medias")]).await;
    ana.is_the_same_document().await;
    // Every address works alone too, and a modified click is the browser's.
    ana.goto("/listar").await;
    ana.until_says("#empty-list", "Aún no hay archivos.").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn unread_messages_are_shown_on_every_page() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.js(MARK).await;
    ana.join("OFICINA", "secreta").await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    send(&mut beto, "visto");
    ana.reads(&[("usuario", "visto")]).await;
    assert_eq!(ana.title().await, "OFICINA · PiChat");
    ana.move_to("/listar").await;
    assert_eq!(ana.title().await, "Archivos · PiChat");
    assert_eq!(ana.js("document.querySelector('.nav-badge')").await, json!(null));
    send(&mut beto, "uno");
    send(&mut beto, "dos");
    ana.until("document.title === '(2) Archivos · PiChat'").await;
    assert_eq!(ana.text(".main-nav a[href='/chat'] .nav-badge [aria-hidden]").await, "2");
    ana.until_says(".main-nav a[href='/chat'] .nav-badge .visually-hidden", "2 sin leer").await;
    let icon = "document.querySelector('link[rel=icon]').href";
    assert!(ana.js(icon).await.as_str().is_some_and(|icon| icon.ends_with("/img/seedling-unread.svg")));
    ana.move_to("/inicio").await;
    assert_eq!(ana.title().await, "(2) Inicio · PiChat");
    ana.move_to("/chat").await;
    ana.until("document.title === 'OFICINA · PiChat'").await;
    ana.until_says("#messages .new-divider", "Nuevos").await;
    assert!(ana.js(icon).await.as_str().is_some_and(|icon| icon.ends_with("/img/seedling.svg")));
    assert_eq!(ana.js("document.querySelector('.nav-badge')").await, json!(null));
    ana.is_the_same_document().await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn back_leads_out_of_the_room_and_then_out_of_the_chat() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.until_says("#greeting", "Hola, cliente").await;
    ana.js(MARK).await;
    ana.move_to("/chat").await;
    ana.until_online().await;
    ana.join("OFICINA", "secreta").await;
    assert_eq!(ana.js("location.hash").await, "#sala=OFICINA");
    let (open, closed) =
        ("!document.querySelector('#panel').hidden", "document.querySelector('#panel').hidden");
    ana.driver().back().await.expect("goes back");
    ana.until(closed).await;
    assert_eq!(ana.js("location.pathname + location.hash").await, "/chat");
    assert_eq!(ana.title().await, "Chat · PiChat");
    ana.driver().forward().await.expect("goes forward");
    ana.until(open).await;
    assert_eq!(ana.js("location.pathname + location.hash").await, "/chat#sala=OFICINA");
    // Another room takes the place of the first.
    ana.resize(390, 844, true).await;
    ana.click("#back-to-rooms").await;
    ana.until(closed).await;
    ana.until("location.hash === ''").await;
    ana.resize(1280, 800, false).await;
    ana.join("OTRA", "secreta").await;
    ana.click("#tab-OFICINA").await;
    ana.until("location.hash === '#sala=OFICINA'").await;
    ana.move_to("/listar").await;
    ana.driver().back().await.expect("goes back");
    ana.arrive("/chat").await;
    ana.until_says("#open-room-code", "OFICINA").await;
    ana.until(open).await;
    ana.driver().back().await.expect("goes back");
    ana.until(closed).await;
    assert_eq!(ana.path().await, "/chat");
    ana.driver().back().await.expect("goes back");
    ana.arrive("/inicio").await;
    ana.until_says("#greeting", "Hola, cliente").await;
    // The list of the start page leads into the room, and the list of rooms is still behind it.
    ana.until_says("#rooms", "OFICINA").await;
    ana.click("#rooms a[data-room=OFICINA]").await;
    ana.until(open).await;
    ana.driver().back().await.expect("goes back");
    ana.until(closed).await;
    assert_eq!(ana.path().await, "/chat");
    ana.driver().back().await.expect("goes back");
    ana.arrive("/inicio").await;
    assert_ne!(ana.js("window.opened").await, json!(null), "is one document");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn page_of_another_kind_is_loaded_by_the_browser() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.until_says("#greeting", "Hola, cliente").await;
    // Another language, chosen in another tab: scripts have the texts of one language only.
    ana.js(MARK).await;
    let tab = ana.driver().window().await.expect("a tab");
    let other = ana.driver().new_tab().await.expect("a tab");
    ana.driver().switch_to_window(other).await.expect("switches");
    ana.goto("/inicio").await;
    ana.click(".language button[value=en]").await;
    ana.until("document.documentElement.lang === 'en'").await;
    ana.driver().switch_to_window(tab).await.expect("switches");
    ana.click(".main-nav a[href='/listar']").await;
    ana.until("document.documentElement.lang === 'en'").await;
    ana.arrive("/listar").await;
    assert_eq!(ana.js("window.opened").await, json!(null), "is another document");
    ana.until_says("#empty-list", "There are no files yet.").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn upload_goes_on_while_one_moves() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.move_to("/listar").await;
    ana.until_says("#empty-list", "Aún no hay archivos.").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("acta.txt");
    std::fs::write(&file, vec![b'a'; 4_000_000]).expect("writes");
    ana.cdp("Network.enable", json!({})).await;
    let slow =
        json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000});
    ana.cdp("Network.emulateNetworkConditions", slow).await;
    ana.choose("#file-input", &file).await;
    ana.find("#upload-progress").await;
    ana.move_to("/inicio").await;
    ana.until_says("#notice", "Se subió acta.txt.").await;
    ana.move_to("/listar").await;
    ana.until("document.querySelector('.file')").await;
    assert_eq!(ana.files().await, json!(["acta.txt"]));
    // Nothing of the earlier visit listens any more: one choice is one upload.
    ana.choose("#file-input", &file).await;
    ana.until("document.querySelectorAll('.file').length === 2").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn pages_without_scripts_are_reached_by_links() {
    let server = Server::demo();
    let ana = Browser::with(server.addr, Setup { scripts: false, ..Setup::default() }).await;
    ana.sign_in("cliente", "cliente123").await;
    for path in ["/chat", "/listar", "/inicio"] {
        ana.click(&format!(".main-nav a[href='{path}']")).await;
        ana.arrive(path).await;
        ana.find(&format!(".main-nav a[href='{path}'][aria-current]")).await;
    }
    ana.finish(&[]).await;
}

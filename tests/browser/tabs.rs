//! Many tabs of one session, and a page that the system has frozen: none of them loses the room.

use std::time::Duration;

use serde_json::json;
use thirtyfour::WindowHandle;

use super::browser::Browser;
use super::common::{Client, Server};

const TABS: usize = 12;

impl Browser {
    async fn switch_to(&self, tab: &WindowHandle) {
        self.driver().switch_to_window(tab.clone()).await.expect("switches");
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn twelve_tabs_share_a_room_and_survive_a_reload() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    let mut tabs = vec![ana.driver().window().await.expect("a tab")];
    for _ in 1..TABS {
        let tab = ana.driver().new_tab().await.expect("a tab");
        ana.switch_to(&tab).await;
        ana.goto("/chat#sala=OFICINA").await;
        ana.until_says("#open-room-code", "OFICINA").await;
        ana.until_online().await;
        tabs.push(tab);
    }
    beto.send_message("OFICINA", "a todas");
    for tab in &tabs {
        ana.switch_to(tab).await;
        ana.until_says("#messages", "a todas").await;
    }
    for tab in &tabs[..8] {
        ana.switch_to(tab).await;
        ana.js("void setTimeout(() => location.reload(), 10)").await;
    }
    for tab in &tabs {
        ana.switch_to(tab).await;
        ana.until("!document.querySelector('#panel').hidden").await;
        ana.until_online().await;
        assert_eq!(ana.text("#open-room-code").await, "OFICINA");
    }
    beto.send_message("OFICINA", "y otra vez");
    for tab in &tabs {
        ana.switch_to(tab).await;
        ana.until_says("#messages", "y otra vez").await;
        assert_eq!(ana.js("document.querySelector('#seat-lost').hidden").await, true);
    }
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn frozen_page_is_in_its_room_when_it_is_seen_again() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.fill("#message-field", "a medias").await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    ana.until_says("#messages", "usuario se unió").await;
    // Longer than a line may be silent: what came meanwhile is read before it counts as dead.
    ana.cdp("Page.setWebLifecycleState", json!({"state": "frozen"})).await;
    beto.send_message("OFICINA", "¿dónde estás?");
    tokio::time::sleep(Duration::from_secs(45)).await;
    ana.cdp("Page.setWebLifecycleState", json!({"state": "active"})).await;
    ana.until_says("#messages", "¿dónde estás?").await;
    ana.until_online().await;
    assert_eq!(ana.js("document.querySelector('#message-field').value").await, "a medias");
    ana.click("#send").await;
    ana.reads(&[("usuario", "¿dónde estás?"), ("cliente", "a medias")]).await;
    // Chromium closes the socket of a page that it freezes so; a phone may do the same.
    ana.finish_with(&[], &["Page entered Back-Forward Cache"]).await;
}

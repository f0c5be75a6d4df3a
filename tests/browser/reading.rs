//! Unread messages: the "new" line, a window without the focus, tabs and devices that agree.

use serde_json::json;

use super::browser::Browser;
use super::common::{Client, Server};

const BADGE: &str = "(document.querySelector('#tab-OFICINA .badge [aria-hidden]')?.textContent ?? '')";

impl Browser {
    /// Pretends that the window has the focus or has lost it.
    async fn set_focus(&self, has: bool) {
        let event = if has { "focus" } else { "blur" };
        self.js(&format!("(() => {{ document.hasFocus = () => {has}; dispatchEvent(new Event('{event}')); return true; }})()")).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn window_without_focus_counts_what_comes_as_new() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    ana.set_focus(true).await;
    beto.send_message("OFICINA", "visto");
    ana.reads(&[("usuario", "visto")]).await;
    assert_eq!(ana.js("document.querySelector('.new-divider')").await, json!(null));
    ana.set_focus(false).await;
    beto.send_message("OFICINA", "mientras tanto");
    ana.until_says("#messages .new-divider", "Nuevos").await;
    ana.until(&format!("{BADGE} === '1'")).await;
    let below = "document.querySelector('.new-divider').nextElementSibling.querySelector('.message-text').textContent";
    assert_eq!(ana.js(below).await, "mientras tanto");
    ana.set_focus(true).await;
    ana.until(&format!("{BADGE} === ''")).await;
    ana.until_says("#messages .new-divider", "Nuevos").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn two_tabs_and_a_device_agree_on_what_is_read() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    ana.set_focus(false).await;
    let first = ana.driver().window().await.expect("a tab");
    let second = ana.driver().new_tab().await.expect("a tab");
    ana.driver().switch_to_window(second.clone()).await.expect("switches");
    // A new tab of the session is in its rooms without a password.
    ana.chat().await;
    ana.until_says("#tabs", "OFICINA").await;
    ana.set_focus(false).await;
    // A phone of the same person, in a session of its own.
    let phone = Client::cliente(&server);
    let mut phone = phone.socket();
    assert_eq!(phone.join("OFICINA", "secreta", "group")["type"], "joined");
    for text in ["uno", "dos"] {
        beto.send_message("OFICINA", text);
    }
    ana.until(&format!("{BADGE} === '2'")).await;
    ana.driver().switch_to_window(first.clone()).await.expect("switches");
    ana.until(&format!("{BADGE} === '2'")).await;
    ana.set_focus(true).await;
    ana.until(&format!("{BADGE} === ''")).await;
    let read = phone.recv_type("read");
    assert_eq!((&read["room"], &read["seq"]), (&json!("OFICINA"), &json!(2)));
    ana.driver().switch_to_window(second.clone()).await.expect("switches");
    ana.until(&format!("{BADGE} === ''")).await;
    // The phone reads on, and both tabs follow.
    ana.driver().switch_to_window(first).await.expect("switches");
    ana.set_focus(false).await;
    beto.send_message("OFICINA", "tres");
    ana.until(&format!("{BADGE} === '1'")).await;
    phone.send(&json!({"type": "read", "room": "OFICINA", "seq": 3}));
    ana.until(&format!("{BADGE} === ''")).await;
    ana.driver().switch_to_window(second).await.expect("switches");
    ana.until(&format!("{BADGE} === ''")).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn what_is_read_is_known_after_a_reload() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    let mut phone = Client::cliente(&server).socket();
    assert_eq!(phone.join("OFICINA", "secreta", "group")["type"], "joined");
    ana.set_focus(true).await;
    beto.send_message("OFICINA", "leído");
    assert_eq!(phone.recv_type("read")["seq"], 1);
    ana.goto("/inicio").await;
    beto.send_message("OFICINA", "sin leer");
    assert_eq!(phone.recv_type("message")["text"], "sin leer");
    ana.chat().await;
    ana.reads(&[("usuario", "leído"), ("usuario", "sin leer")]).await;
    let below = "document.querySelector('.new-divider')?.nextElementSibling.querySelector('.message-text').textContent";
    ana.until(&format!("{below} === 'sin leer'")).await;
    ana.finish(&[]).await;
}

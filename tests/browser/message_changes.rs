//! Messages that live: answered, edited, removed and reacted to, between two people.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::browser::{Browser, Setup};
use super::common::Server;

/// A part of the message of this number.
fn part(seq: usize, css: &str) -> String {
    format!("#messages .message[data-seq='{seq}'] {css}")
}

impl Browser {
    /// Chooses an action of a message by mouse or, on a phone, by finger.
    async fn act(&self, seq: usize, action: &str, phone: bool) {
        let text = part(seq, ".message-text");
        let button = format!("#message-bar [data-do={action}]");
        if phone {
            self.tap(&text).await;
            self.tap(&button).await;
        } else {
            self.hover(&text).await;
            self.click(&button).await;
        }
    }

    /// Chooses an action of the newest message by keyboard.
    async fn act_by_keyboard(&self, action: &str) {
        self.js("document.querySelector('#messages').focus()").await;
        self.press(Key::Up + Key::Enter).await;
        for _ in 0..5 {
            if self.js("document.activeElement.dataset.do").await == action {
                break;
            }
            self.press(Key::Right + "").await;
        }
        assert_eq!(self.js("document.activeElement.dataset.do").await, action);
        self.press(Key::Enter + "").await;
    }

    async fn until_reads(&self, seq: usize, css: &str, text: &str) {
        let css = part(seq, css);
        self.until(&format!("document.querySelector({css:?})?.textContent === {text:?}")).await;
    }

    async fn focus_is(&self, seq: usize) {
        self.until(&format!("document.activeElement.dataset.seq === '{seq}'")).await;
    }

    /// Signs in as `usuario` and joins the office.
    async fn as_beto(server: &Server) -> Self {
        let beto = Self::with(server.addr, Setup::default()).await;
        beto.sign_in("usuario", "usuario123").await;
        beto.chat().await;
        beto.join("OFICINA", "secreta").await;
        beto
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn answer_quotes_its_message_and_leads_to_it() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut socket = ana.in_the_office(&server).await;
    let beto = Browser::as_beto(&server).await;
    ana.say("¿Vienes a las **tres**?").await;
    for n in 2..14 {
        socket.send_message("OFICINA", &format!("línea {n}\n\n\n\n"));
    }
    beto.until(&format!("document.querySelector({:?})", part(13, ""))).await;
    beto.js(&format!("document.querySelector({:?}).scrollIntoView()", part(1, ""))).await;
    beto.act(1, "reply", false).await;
    assert_eq!(beto.text("#aim-title").await, "Respondes a cliente");
    assert_eq!(beto.text("#aim-text").await, "¿Vienes a las tres?");
    assert_eq!(beto.js("document.activeElement.id").await, "message-field");
    // Escape drops the aim and keeps the text.
    beto.press("Sí" + Key::Escape).await;
    assert_eq!(beto.js("document.querySelector('#aim').hidden").await, true);
    beto.js(&format!("document.querySelector({:?}).scrollIntoView()", part(1, ""))).await;
    beto.act(1, "reply", false).await;
    beto.press(Key::Enter + "").await;
    let quote = "En respuesta a cliente ¿Vienes a las tres?";
    ana.until_reads(14, ".reply-quote", quote).await;
    ana.until_reads(14, ".message-text", "Sí").await;
    beto.until("document.querySelector('#aim').hidden").await;
    // On a phone too: a tap on the quote leads to the message.
    ana.resize(390, 844, true).await;
    ana.tap(&part(14, ".reply-quote")).await;
    ana.focus_is(1).await;
    let seen = format!(
        "(() => {{ const [one, box] = [{:?}, '#messages'].map((css) => document.querySelector(css).getBoundingClientRect()); return one.top >= box.top && one.bottom <= box.bottom; }})()",
        part(1, "")
    );
    ana.until(&seen).await;
    // An edit changes the quote; a person who comes back sees both as they are now.
    socket.send(&json!({"type": "leave", "room": "OFICINA"}));
    ana.resize(1280, 800, false).await;
    ana.act(1, "edit", false).await;
    ana.press("!" + Key::Enter).await;
    let quote = "En respuesta a cliente ¿Vienes a las **tres**?!";
    let shown = quote.replace("**", "");
    beto.until_reads(14, ".reply-quote", &shown).await;
    beto.chat().await;
    beto.until_reads(14, ".reply-quote", &shown).await;
    beto.until_reads(1, ".edited", "Editado").await;
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn own_message_is_edited_from_the_empty_composer() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut socket = ana.in_the_office(&server).await;
    let field = "document.querySelector('#message-field').value";
    ana.say("reunion a las 3").await;
    socket.send_message("OFICINA", "ok");
    ana.until_reads(2, ".message-text", "ok").await;
    ana.click("#message-field").await;
    ana.press(Key::Up + "").await;
    assert_eq!(ana.js(field).await, "reunion a las 3");
    assert_eq!(ana.text("#aim-title").await, "Editas tu mensaje");
    // Escape keeps the message; the field is empty as before.
    ana.press("0" + Key::Escape).await;
    assert_eq!(ana.js(field).await, "");
    // A text that one was writing stays a draft: the arrow moves in it.
    ana.press("a" + Key::Up).await;
    assert_eq!(ana.js(field).await, "a");
    ana.fill("#message-field", "borrador").await;
    ana.act(1, "edit", false).await;
    assert_eq!(ana.js(field).await, "reunion a las 3");
    ana.press("0" + Key::Enter).await;
    assert_eq!(socket.recv_type("edited")["text"], "reunion a las 30");
    ana.until_reads(1, ".message-text", "reunion a las 30").await;
    ana.until_reads(1, ".edited", "Editado").await;
    ana.until(&format!("{field} === 'borrador'")).await;
    // On a phone the button sends the edit; another's message has no such action.
    ana.resize(390, 844, true).await;
    ana.act(1, "edit", true).await;
    assert_eq!(ana.js("document.documentElement.scrollWidth <= innerWidth").await, true);
    ana.press(" y *media*").await;
    ana.click("#send").await;
    assert_eq!(socket.recv_type("edited")["text"], "reunion a las 30 y *media*");
    ana.until_reads(1, ".message-text", "reunion a las 30 y media").await;
    ana.tap(&part(2, ".message-text")).await;
    ana.until("!document.querySelector('#message-bar').hidden").await;
    let actions =
        "[...document.querySelectorAll('#message-bar button:not([hidden])')].map((one) => one.dataset.do)";
    assert_eq!(ana.js(actions).await, json!(["react", "reply", "copy"]));
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn own_message_is_removed_after_a_question() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut socket = ana.in_the_office(&server).await;
    let beto = Browser::as_beto(&server).await;
    ana.say("la clave es 1234").await;
    ana.say("también esto").await;
    beto.until_reads(2, ".message-text", "también esto").await;
    ana.act(1, "remove", false).await;
    assert_eq!(ana.text("#confirm-remove-text").await, "la clave es 1234");
    // Cancel has the focus.
    ana.press(Key::Enter + "").await;
    ana.until("!document.querySelector('#confirm-remove').open").await;
    ana.act(1, "remove", false).await;
    ana.click("#confirm-remove-go").await;
    for browser in [&ana, &beto] {
        browser.until_reads(1, ".message-text", "Mensaje quitado").await;
    }
    assert!(!beto.js("document.body.innerHTML").await.as_str().expect("a page").contains("1234"));
    assert_eq!(socket.recv_type("removed")["seq"], 1);
    // Nothing is left to do with it.
    ana.hover(&part(1, ".message-text")).await;
    assert_eq!(ana.js("document.querySelector('#message-bar').hidden").await, true);
    ana.act_by_keyboard("remove").await;
    ana.until("document.querySelector('#confirm-remove').open").await;
    ana.press(Key::Tab + Key::Enter).await;
    beto.until_reads(2, ".message-text", "Mensaje quitado").await;
    // A person who comes back reads the same; the numbers have no hole.
    beto.chat().await;
    beto.until_reads(2, ".message-text", "Mensaje quitado").await;
    assert_eq!(beto.js("document.querySelectorAll('.message, .gap-divider').length").await, 2);
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn unread_message_that_is_removed_no_longer_counts() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut socket = ana.in_the_office(&server).await;
    ana.join("OTRA", "secreta").await;
    let badge = "(document.querySelector('#tab-OFICINA .badge')?.textContent ?? '')";
    socket.send_message("OFICINA", "@cliente mira");
    ana.until(&format!("{badge} === '@ 1Te mencionaron · 1 sin leer'")).await;
    socket.send(&json!({"type": "remove", "room": "OFICINA", "seq": 1}));
    ana.until(&format!("{badge} === ''")).await;
    ana.finish(&[]).await;
}

/// Reactions of a message: emoji and number, own, and who.
fn reactions(seq: usize) -> String {
    format!(
        "[...document.querySelectorAll({:?})].map((one) => [one.textContent, one.ariaPressed === 'true', one.title])",
        part(seq, ".reaction")
    )
}

impl Browser {
    async fn shows_reactions(&self, seq: usize, wanted: &Value) {
        self.until(&format!("JSON.stringify({}) === JSON.stringify({wanted})", reactions(seq))).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn reactions_are_counted_and_taken_back() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _socket = ana.in_the_office(&server).await;
    let beto = Browser::as_beto(&server).await;
    ana.say("¡Listo!").await;
    beto.until_reads(1, ".message-text", "¡Listo!").await;
    // By keyboard: to the message, its actions, and an emoji.
    beto.act_by_keyboard("react").await;
    beto.until("document.activeElement.closest('#emoji-picker')?.checkVisibility()").await;
    let emoji = beto.js("document.activeElement.textContent").await;
    let emoji = emoji.as_str().expect("an emoji");
    beto.press(Key::Enter + "").await;
    ana.shows_reactions(1, &json!([[format!("{emoji} 1"), false, "usuario"]])).await;
    beto.shows_reactions(1, &json!([[format!("{emoji} 1"), true, "tú"]])).await;
    beto.focus_is(1).await;
    // By mouse on the chip, and by finger to take it back.
    ana.click(&part(1, ".reaction")).await;
    beto.shows_reactions(1, &json!([[format!("{emoji} 2"), true, "tú y cliente"]])).await;
    let label = format!("document.querySelector({:?}).getAttribute('aria-label')", part(1, ".reaction"));
    assert_eq!(beto.js(&label).await, format!("{emoji} 2: tú y cliente"));
    beto.resize(390, 844, true).await;
    beto.tap(&part(1, ".reaction")).await;
    beto.shows_reactions(1, &json!([[format!("{emoji} 1"), false, "cliente"]])).await;
    // Another one from a phone's picker.
    beto.act(1, "react", true).await;
    beto.until("document.querySelector('#emoji-picker')?.checkVisibility()").await;
    assert_eq!(beto.js("document.documentElement.scrollWidth <= innerWidth").await, true);
    beto.press(Key::End + Key::Enter).await;
    ana.until(&format!("{}.length === 2", reactions(1))).await;
    // A person who comes back sees them.
    let known = ana.js(&reactions(1)).await;
    ana.chat().await;
    ana.shows_reactions(1, &known).await;
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

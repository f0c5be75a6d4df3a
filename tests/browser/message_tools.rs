//! Tools of the open room: copying a message, searching, emoji, and a text that is sent as a file.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::browser::Browser;
use super::common::{Client, Server};

/// The message of this number, from 1.
fn message(number: usize) -> String {
    format!("#messages .message[data-seq='{number}']")
}

impl Browser {
    /// Empties the field for messages and pastes into it; returns what came.
    async fn pasted(&self) -> Value {
        self.fill("#message-field", "").await;
        let field = self.find("#message-field").await;
        field.send_keys(Key::Control + "v").await.expect("keys are pressed");
        self.until("document.querySelector('#message-field').value").await
    }

    /// Puts a text into the field for messages at once.
    async fn put(&self, text: &str) {
        self.js(&format!(
            "(() => {{ const field = document.querySelector('#message-field'); field.value = {}; field.dispatchEvent(new Event('input')); return true; }})()",
            json!(text)
        ))
        .await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn message_is_copied_as_it_was_typed() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    for text in ["**uno** de *dos*", "- a\n- b", "`tres`"] {
        beto.send_message("OFICINA", text);
    }
    ana.until("document.querySelectorAll('.message').length === 3").await;
    ana.hover(&format!("{} .message-text", message(1))).await;
    ana.click("#message-bar [data-do=copy]").await;
    ana.until_says("#notice", "Mensaje copiado.").await;
    assert_eq!(ana.pasted().await, "**uno** de *dos*");
    // By keyboard: into the messages, up, and to the actions.
    ana.js("document.querySelector('#messages').focus()").await;
    ana.press(Key::Up + Key::Up).await;
    ana.until(&format!("document.activeElement === document.querySelector({:?})", message(2))).await;
    ana.press(Key::Enter + "").await;
    assert_eq!(ana.js("document.activeElement.dataset.do").await, "react");
    ana.press(Key::Escape + "").await;
    assert_eq!(ana.js("document.activeElement.dataset.seq").await, "2", "Escape leads back");
    ana.press(Key::Enter + Key::Right + Key::Right + Key::Enter).await;
    ana.until_says("#notice", "Mensaje copiado.").await;
    assert_eq!(ana.pasted().await, "- a\n- b");
    // By finger: a tap shows the actions without moving the message, another takes them away.
    ana.resize(390, 844, true).await;
    let top = format!("document.querySelector({:?}).getBoundingClientRect().top", message(3));
    let before = ana.js(&top).await;
    let text = format!("{} .message-text", message(3));
    ana.tap(&text).await;
    ana.until("!document.querySelector('#message-bar').hidden").await;
    assert_eq!(ana.js(&top).await, before);
    ana.tap(&text).await;
    ana.until("document.querySelector('#message-bar').hidden").await;
    ana.tap(&text).await;
    ana.tap("#message-bar [data-do=copy]").await;
    ana.until("document.querySelector('#message-bar').hidden").await;
    assert_eq!(ana.pasted().await, "`tres`");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn search_finds_what_the_page_has_of_the_room() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    for line in 0..12 {
        beto.send_message("OFICINA", &format!("línea {line}\n\n\n"));
    }
    for text in ["El _ÁR_**bol**", "arbol, Árbol", "nada"] {
        beto.send_message("OFICINA", text);
    }
    ana.until("document.querySelectorAll('.message').length === 15").await;
    let count = |text: &str| format!("document.querySelector('#find-count').textContent === {text:?}");
    for phone in [false, true] {
        if phone {
            ana.resize(390, 844, true).await;
        }
        ana.click("#find").await;
        assert_eq!(ana.js("document.activeElement.id").await, "find-field");
        ana.press("arbol").await;
        ana.until(&count("3 de 3")).await;
        let found = "[...CSS.highlights.get('found')].map(String).join('|') + '!' + [...CSS.highlights.get('found-here')].join()";
        assert_eq!(ana.js(found).await, "ÁRbol|arbol|Árbol!Árbol");
        assert_eq!(ana.js("document.querySelector('.hit').dataset.seq").await, "14");
        // Enter goes to the older one, also from the oldest to the newest.
        ana.press(Key::Enter + Key::Enter).await;
        ana.until(&count("1 de 3")).await;
        assert_eq!(ana.js("document.querySelector('.hit').dataset.seq").await, "13");
        ana.click("#find-previous").await;
        ana.until(&count("3 de 3")).await;
        ana.click("#find-next").await;
        ana.until(&count("1 de 3")).await;
        // A hit further up is brought into sight.
        ana.fill("#find-field", "LINEA 0").await;
        ana.until(&count("1 de 1")).await;
        let seen = "(() => {
            const [one, box] = ['.hit', '#messages'].map((css) => document.querySelector(css).getBoundingClientRect());
            return one.top >= box.top - 1 && one.bottom <= box.bottom + 1;
        })()";
        ana.until(seen).await;
        ana.fill("#find-field", "no está").await;
        ana.until(&count("Ningún mensaje contiene eso.")).await;
        let wide = ana.js("document.documentElement.scrollWidth <= innerWidth").await;
        assert_eq!(wide, true);
        ana.press(Key::Escape + "").await;
        assert_eq!(ana.js("document.querySelector('#find-bar').hidden").await, true);
        assert_eq!(ana.js("document.activeElement.id").await, "find");
        assert_eq!(
            ana.js("document.querySelectorAll('.hit').length + CSS.highlights.get('found').size").await,
            0
        );
    }
    // What comes meanwhile counts, and another room begins anew.
    ana.resize(1280, 800, false).await;
    ana.click("#find").await;
    ana.press("arbol").await;
    ana.until(&count("3 de 3")).await;
    beto.send_message("OFICINA", "otro árbol");
    ana.until(&count("3 de 4")).await;
    ana.join("OTRA", "secreta").await;
    assert_eq!(ana.js("document.querySelector('#find-bar').hidden").await, true);
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn text_too_long_is_offered_as_a_file() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.resize(390, 844, true).await;
    let mut beto = ana.in_the_office(&server).await;
    let text = format!("línea\n{}", "ñ".repeat(3995));
    ana.put(&text).await;
    ana.click("#send").await;
    ana.until_says("#notice", "El mensaje supera los 4000 caracteres.").await;
    assert!(ana.text("#long-offer-text").await.contains("lo puede descargar cualquiera"));
    assert_eq!(ana.js("document.documentElement.scrollWidth <= innerWidth").await, true);
    // One may go on writing; what fits again needs no offer.
    ana.click("#long-offer-close").await;
    assert_eq!(ana.js("document.activeElement.id").await, "message-field");
    ana.click("#send").await;
    ana.find("#long-offer").await;
    ana.put("corto").await;
    assert_eq!(ana.js("document.querySelector('#long-offer').hidden").await, true);
    assert_eq!(ana.text("#notice").await, "");
    ana.put(&text).await;
    ana.click("#send").await;
    ana.click("#long-offer-go").await;
    let said = beto.recv_type("message");
    let said = said["text"].as_str().expect("a text");
    let name = said
        .split(' ')
        .find(|word| word.starts_with("mensaje-"))
        .expect("a name")
        .trim_end_matches(&['.', ','][..]);
    let files = Client::usuario(&server).get("/api/files").json();
    assert_eq!(files[0]["name"], name);
    let id = files[0]["id"].as_str().expect("an id");
    let content = Client::cliente(&server).get(&format!("/api/files/{id}/content"));
    assert_eq!(content.text(), text);
    ana.until("document.querySelector('#message-field').value === ''").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn text_too_long_is_no_file_without_the_right() {
    let server = Server::demo();
    let beto = Browser::open(server.addr).await;
    beto.sign_in("usuario", "usuario123").await;
    beto.chat().await;
    beto.join("OFICINA", "secreta").await;
    beto.put(&"x".repeat(4001)).await;
    beto.click("#send").await;
    beto.until_says("#notice", "tu cuenta no puede subir archivos").await;
    assert_eq!(beto.js("document.querySelector('#long-offer').hidden").await, true);
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn emoji_is_put_where_the_cursor_is() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _beto = ana.in_the_office(&server).await;
    let open = "document.activeElement.closest('#emoji-picker')?.checkVisibility()";
    let field = "document.querySelector('#message-field').value";
    ana.fill("#message-field", "hola  mundo").await;
    ana.js("document.querySelector('#message-field').setSelectionRange(5, 5)").await;
    ana.tab_to("#emoji").await;
    ana.press(Key::Enter + "").await;
    ana.until(open).await;
    let first = ana.js("document.activeElement.textContent").await;
    ana.press(Key::Right + Key::Down).await;
    let chosen = ana.js("document.activeElement.textContent").await;
    let chosen = chosen.as_str().expect("a text");
    assert!(first != chosen && !chosen.is_ascii(), "{chosen}");
    ana.press(Key::Enter + "").await;
    ana.until(&format!("{field} === 'hola {chosen} mundo'")).await;
    assert_eq!(ana.js("document.activeElement.id").await, "message-field");
    ana.press("!").await;
    assert_eq!(ana.js(field).await, format!("hola {chosen}! mundo"));
    // What was taken comes first the next time, after a reload too.
    ana.chat().await;
    ana.click("#emoji").await;
    ana.until(open).await;
    assert_eq!(ana.js("document.activeElement.textContent").await, chosen);
    ana.press(Key::Escape + "").await;
    assert_eq!(ana.js("document.activeElement.id").await, "emoji");
    assert_eq!(ana.js("document.querySelector('#emoji').getAttribute('aria-expanded')").await, "false");
    // A click elsewhere closes it; a phone has its own.
    ana.click("#emoji").await;
    ana.until(open).await;
    ana.click("#message-field").await;
    assert_eq!(ana.js("document.querySelector('#emoji-picker').hidden").await, true);
    // So does its own button.
    for is_hidden in [false, true] {
        ana.click("#emoji").await;
        ana.until(&format!("document.querySelector('#emoji-picker').hidden === {is_hidden}")).await;
    }
    ana.resize(390, 844, true).await;
    ana.until("!document.querySelector('#emoji').checkVisibility()").await;
    ana.finish(&[]).await;
}

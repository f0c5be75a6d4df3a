//! Mentions: chosen while `@` is typed, shown in messages, and counted in the list of rooms.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::browser::Browser;
use super::common::{Client, Server};

const FIELD: &str = "document.querySelector('#message-field').value";
const CLOSED: &str = "document.querySelector('#mention-list').hidden";

/// Names that are offered, the chosen one with a mark.
const OFFERED: &str = "[...document.querySelectorAll('#mention-list:not([hidden]) [role=option]')].map((one) => (one.ariaSelected === 'true' ? '>' : '') + one.dataset.name)";

impl Browser {
    async fn offers(&self, names: &[&str]) {
        let wanted = json!(names).to_string();
        self.until(&format!("JSON.stringify({OFFERED}) === JSON.stringify({wanted})")).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn person_is_chosen_while_the_name_is_typed() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    let mut admin = Client::admin(&server).socket();
    assert_eq!(admin.join("OFICINA", "secreta", "group")["type"], "joined");
    ana.until("document.querySelectorAll('#members li').length === 3").await;
    ana.click("#message-field").await;
    ana.press("hola @").await;
    ana.offers(&[">admin", "usuario"]).await;
    let chosen =
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).dataset.name";
    assert_eq!(ana.js(chosen).await, "admin");
    ana.press(Key::Down + "").await;
    ana.offers(&["admin", ">usuario"]).await;
    assert_eq!(ana.js(chosen).await, "usuario");
    ana.press(Key::Down + Key::Up + Key::Enter).await;
    assert_eq!(ana.js(FIELD).await, "hola @usuario ");
    assert_eq!(ana.js(CLOSED).await, true);
    assert_eq!(ana.js("document.activeElement.hasAttribute('aria-activedescendant')").await, false);
    // In the middle of a text, without regard to case, and by Tab.
    ana.fill("#message-field", "fin").await;
    ana.press(Key::Home + "@AD").await;
    ana.offers(&[">admin"]).await;
    ana.press(Key::Tab + "").await;
    assert_eq!(ana.js(FIELD).await, "@admin fin");
    // Escape keeps what is typed, and a complete name is sent by Enter.
    ana.fill("#message-field", "@us").await;
    ana.offers(&[">usuario"]).await;
    ana.press(Key::Escape + "ua").await;
    assert_eq!(ana.js(CLOSED).await, true);
    ana.fill("#message-field", "correo@us").await;
    assert_eq!(ana.js(CLOSED).await, true, "an address is no mention");
    ana.fill("#message-field", "@usuario").await;
    ana.press(Key::Enter + "").await;
    assert_eq!(beto.recv_type("message")["text"], "@usuario");
    // By finger, on a phone.
    ana.resize(390, 844, true).await;
    ana.fill("#message-field", "@a").await;
    ana.offers(&[">admin"]).await;
    assert_eq!(ana.js("document.documentElement.scrollWidth <= innerWidth").await, true);
    ana.tap("#mention-0").await;
    ana.until(&format!("{FIELD} === '@admin '")).await;
    assert_eq!(ana.js("document.activeElement.id").await, "message-field", "the keyboard stays");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn mention_is_marked_and_counted_apart() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    ana.join("OTRA", "secreta").await;
    let badge = "(document.querySelector('#tab-OFICINA .badge')?.textContent ?? '')";
    beto.send_message("OFICINA", "hola a cliente y a x@cliente");
    ana.until(&format!("{badge} === '11 sin leer'")).await;
    beto.send_message("OFICINA", "**@Cliente**, y `@cliente`");
    ana.until(&format!("{badge} === '@ 2Te mencionaron · 2 sin leer'")).await;
    beto.send_message("OFICINA", "@usuario soy yo");
    ana.until(&format!("{badge} === '@ 3Te mencionaron · 3 sin leer'")).await;
    ana.until("document.title === '(3) OTRA · PiChat'").await;
    ana.click("#tab-OFICINA").await;
    ana.until(&format!("{badge} === ''")).await;
    let marked = "[...document.querySelectorAll('.message')].map((one) => [one.matches('.mentions-me'), ...[...one.querySelectorAll('.mention')].map((mention) => [mention.textContent, mention.matches('.own-mention')])])";
    assert_eq!(
        ana.js(marked).await,
        json!([[false], [true, ["@Cliente", true]], [false, ["@usuario", false]]])
    );
    // What is read on the screen is not counted.
    beto.send_message("OFICINA", "@cliente");
    ana.until("document.querySelectorAll('.mentions-me').length === 2").await;
    ana.click("#tab-OTRA").await;
    assert_eq!(ana.js(badge).await, "");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn mentions_take_the_longest_name_in_any_script() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.goto("/login").await;
    ana.run_modules(&[include_str!("../../assets/static/js/chat-mentions.js")], "{ mentionFinder }").await;
    let names = json!(["ana", "Ana Gil", "ana.gil", "José", "Zoë-1", "李雷", "Ⅷ", "अनुपमा"]);
    let cases: [(&str, Value); 9] = [
        ("@ana @ANA GIL, @ana.gil.", json!(["ana", "Ana Gil", "ana.gil"])),
        ("@ana. @ana, (@ana) @ana-", json!(["ana", "ana", "ana", "ana"])),
        ("@anabel @ana_x @ana.x @ana-x @ana1", json!([])),
        ("a@ana .@ana @@ana http://x/@ana", json!([])),
        ("@josé @JOSÉ @jose", json!(["José", "José"])),
        ("@ＡＮＡ @viii @ZOË-1", json!(["ana", "Ⅷ", "Zoë-1"])),
        ("@李雷 @李雷雷 ¿@अनुपमा?", json!(["李雷", "अनुपमा"])),
        ("@", json!([])),
        ("@ ana", json!([])),
    ];
    for (text, expected) in cases {
        let found = format!("[...all.mentionFinder({names})({})].map((one) => one.name)", json!(text));
        assert_eq!(ana.js(&found).await, expected, "{text}");
    }
    let many = "(() => {
        const begin = performance.now();
        const found = [...all.mentionFinder(Array.from({ length: 256 }, (_, n) => `persona.${n}`))('@persona.7 '.repeat(363))];
        return [found.length, performance.now() - begin < 200];
    })()";
    assert_eq!(ana.js(many).await, json!([100, true]), "bounded");
    ana.finish(&[]).await;
}

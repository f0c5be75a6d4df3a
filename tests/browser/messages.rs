//! Messages: shown at once, retried after a lost line, with links and code, and cleaned as the server does it.

use pichat::types::{MessageText, TextError};
use serde_json::{Value, json};
use thirtyfour::Key;

use super::browser::Browser;
use super::common::{Options, Server};
use super::network_cable::TcpProxy;

/// Console messages of a line that breaks.
const BROKEN: &[&str] = &["Failed to load resource: net::ERR_", "WebSocket connection to"];

/// Swallows frames of these types while `window.swallow` is true.
const SWALLOW: &str = "(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) { if (!(window.swallow && JSON.parse(text).type === 'send')) send.call(this, text); };
    const { parse } = JSON;
    JSON.parse = (text, ...rest) => {
        const frame = parse(text, ...rest);
        return window.deaf && ['message', 'sent'].includes(frame?.type) ? { type: 'alive' } : frame;
    };
    return true;
})()";

const UNSENT: &str = "document.querySelectorAll('#messages .unsent').length";

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn text_lost_on_the_line_is_retried_once() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    ana.js(SWALLOW).await;
    ana.js("window.swallow = true").await;
    ana.say("se pierde").await;
    // It is on the screen at once, and after three seconds without an answer the page says so.
    ana.until(&format!("{UNSENT} === 1")).await;
    assert_eq!(ana.js("document.querySelector('.unsent .message-text').textContent").await, "se pierde");
    assert_eq!(ana.js("document.querySelector('.unsent').checkVisibility()").await, true);
    ana.until_says(".unsent .send-state", "PiChat está tardando más de lo normal.").await;
    cable.disconnect();
    cable.until_refused().await;
    cable.connect_to(server.addr);
    ana.until_online().await;
    ana.until_says(".unsent[data-state=failed] .send-state", "No se envió").await;
    ana.js("window.swallow = false").await;
    ana.click(".unsent [data-act=retry]").await;
    assert_eq!(beto.recv_type("message")["text"], "se pierde");
    ana.until(&format!("{UNSENT} === 0")).await;
    ana.reads(&[("cliente", "se pierde")]).await;
    beto.send(&json!({"type": "send", "room": "OFICINA", "text": "llegó"}));
    assert_eq!(beto.recv_type("message")["text"], "llegó", "it came once");
    ana.finish_with(&[], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn text_whose_answer_is_lost_is_not_doubled() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    // An equal text of before is not taken for it.
    ana.say("ok").await;
    ana.reads(&[("cliente", "ok")]).await;
    ana.js(SWALLOW).await;
    ana.js("window.deaf = true").await;
    ana.say("ok").await;
    for _ in 0..2 {
        assert_eq!(beto.recv_type("message")["text"], "ok");
    }
    cable.disconnect();
    cable.until_refused().await;
    ana.js("window.deaf = false").await;
    assert_eq!(ana.js(UNSENT).await, 1);
    cable.connect_to(server.addr);
    ana.until_online().await;
    ana.until(&format!("{UNSENT} === 0")).await;
    ana.reads(&[("cliente", "ok"), ("cliente", "ok")]).await;
    ana.finish_with(&[], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn unsent_text_survives_a_reload_and_can_be_discarded() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _beto = ana.in_the_office(&server).await;
    ana.js(SWALLOW).await;
    ana.js("window.swallow = true").await;
    ana.say("quedó a medias").await;
    ana.until(&format!("{UNSENT} === 1")).await;
    ana.chat().await;
    ana.until_says(".unsent[data-state=failed]", "quedó a medias").await;
    ana.click(".unsent [data-act=discard]").await;
    ana.until(&format!("{UNSENT} === 0")).await;
    ana.chat().await;
    ana.say("otro").await;
    ana.reads(&[("cliente", "otro")]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn addresses_are_links_and_back_ticks_are_code() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    beto.send_message("OFICINA", "Mira (https://ejemplo.co/a_(b)?q=1), y http://10.0.0.5:8080/x!");
    beto.send_message(
        "OFICINA",
        "`<b>x</b>` y\n```rust\nlet a = \"<img src=x onerror=alert(1)>\";\n```\nfin",
    );
    beto.send_message(
        "OFICINA",
        "javascript:alert(1) https://banco.co@malo.co data:text/html,x ftp://x.co `` ```",
    );
    ana.until("document.querySelectorAll('.message').length === 3").await;
    let links = "[...document.querySelectorAll('.message a')].map((one) => [one.getAttribute('href'), one.textContent, one.target, one.rel])";
    let link = |href: &str| json!([href, href, "_blank", "noopener noreferrer"]);
    assert_eq!(
        ana.js(links).await,
        json!([link("https://ejemplo.co/a_(b)?q=1"), link("http://10.0.0.5:8080/x")])
    );
    let code = "[...document.querySelectorAll('.message code')].map((one) => [one.parentElement.localName, one.textContent])";
    assert_eq!(
        ana.js(code).await,
        json!([["div", "<b>x</b>"], ["pre", "let a = \"<img src=x onerror=alert(1)>\";"]])
    );
    let inside = ".message-text :not(a, code, pre)";
    assert_eq!(
        ana.js(&format!("document.querySelectorAll({inside:?}).length")).await,
        0,
        "nothing else is made"
    );
    assert!(
        ana.text(".message:last-child .message-text").await.starts_with("javascript:alert(1) https://banco")
    );
    assert!(ana.driver().get_alert_text().await.is_err(), "no script ran");
    ana.finish(&[]).await;
}

/// Texts that the page and the server clean alike.
const CLEANED: [&str; 7] = [
    "e\u{202e}\u{301} x\u{7}\u{302}",
    "a\r\n\tb\u{7}\u{85}",
    "\u{1100}\u{1161}\u{11a8}",
    "ﬁ Å \u{2066}x\u{2069}",
    "👩\u{200d}🔧 \u{ad}",
    "\u{212b}\u{301}\u{200b}",
    "\u{0}z\u{9f}",
];

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn page_and_server_clean_and_count_alike() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _beto = ana.in_the_office(&server).await;
    // The module alone: what the page loads has it as a function among others.
    let module = include_str!("../../assets/static/js/chat-text.js").replace("export ", "");
    ana.js(&format!("(() => {{ {module} window.text = {{ clean, count, isBlank }}; return true; }})()"))
        .await;
    let blank = ana
        .js("Array.from({ length: 0xe1000 }, (_, n) => n).filter((n) => (n < 0xd800 || n > 0xdfff) && text.isBlank(text.clean(String.fromCodePoint(n))))")
        .await;
    let expected: Vec<u32> = (0..0xe1000_u32)
        .filter_map(char::from_u32)
        .filter(|c| MessageText::parse(&c.to_string(), 4).err() == Some(TextError::Blank))
        .map(u32::from)
        .collect();
    assert!(expected.len() > 4000);
    assert_eq!(blank, json!(expected));
    for raw in CLEANED {
        let clean = MessageText::parse(raw, 100).expect("shows something");
        let page = ana.js(&format!("[text.clean({0}), text.count(text.clean({0}))]", json!(raw))).await;
        assert_eq!(page, json!([clean.as_str(), clean.as_str().chars().count()]), "{raw:?}");
    }
    assert_eq!(ana.js("text.clean('a\\ud83d') + text.clean('\\udc00b')").await, "a\u{fffd}\u{fffd}b");
    // Nothing to be seen is not sent; half an emoji is mended and arrives.
    let put = |text: &str| {
        format!(
            "(() => {{ const field = document.querySelector('#message-field'); field.value = '{text}'; field.dispatchEvent(new Event('input')); return true; }})()"
        )
    };
    for text in ["\\u200b\\ufe0f\\n", "\\u3164", "\\u2800 \\u115f"] {
        ana.js(&put(text)).await;
        ana.click("#send").await;
        assert_eq!(ana.js("document.querySelector('#message-field').value.length > 0").await, true);
    }
    ana.js(&put("mitad \\ud83d")).await;
    ana.click("#send").await;
    ana.reads(&[("cliente", "mitad \u{fffd}")]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn enter_breaks_the_line_on_a_touch_screen_only() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.resize(390, 844, true).await;
    let _beto = ana.in_the_office(&server).await;
    ana.click("#message-field").await;
    ana.press("uno" + Key::Enter + "dos").await;
    assert_eq!(ana.js("document.querySelector('#message-field').value").await, "uno\ndos");
    assert_eq!(ana.js("document.querySelector('#message-field').enterKeyHint").await, "enter");
    ana.click("#send").await;
    ana.reads(&[("cliente", "uno\ndos")]).await;
    ana.resize(1280, 800, false).await;
    ana.until("document.querySelector('#message-field').enterKeyHint === 'send'").await;
    ana.click("#message-field").await;
    ana.press("tres" + Key::Enter).await;
    ana.reads(&[("cliente", "uno\ndos"), ("cliente", "tres")]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn four_thousand_characters_fit_and_one_more_does_not() {
    let server = Server::start(Options::config("[limits]\nmessage_chars = 4000\n"));
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    let put = |count: u32| {
        format!(
            "(() => {{ const field = document.querySelector('#message-field'); field.value = 'ñ'.repeat({count}); field.dispatchEvent(new Event('input')); return true; }})()"
        )
    };
    ana.js(&put(4001)).await;
    assert_eq!(ana.text("#chars-left").await, "Sobra 1 carácter");
    ana.click("#send").await;
    ana.until_says("#notice", "El mensaje supera los 4000 caracteres.").await;
    ana.js(&put(4000)).await;
    ana.click("#send").await;
    assert_eq!(beto.recv_type("message")["text"], "ñ".repeat(4000));
    // A stack of marks does not paint over other messages.
    let stack = format!("z{}", "\u{301}\u{489}".repeat(60));
    beto.send_message("OFICINA", &stack);
    ana.until("document.querySelectorAll('.message').length === 2").await;
    let clipped = "getComputedStyle(document.querySelector('.message')).overflowY";
    assert!(matches!(ana.js(clipped).await, Value::String(how) if how == "clip" || how == "hidden"));
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn today_becomes_yesterday_at_midnight() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let mut beto = ana.in_the_office(&server).await;
    beto.send_message("OFICINA", "buenas noches");
    ana.until_says("#messages .day-divider", "Hoy").await;
    ana.js("(() => {
        const Real = Date;
        window.Date = class extends Real {
            constructor(...all) { if (all.length) super(...all); else super(Real.now() + 864e5); }
            static now() { return Real.now() + 864e5; }
        };
        return true;
    })()")
        .await;
    ana.until_says("#messages .day-divider", "Ayer").await;
    ana.finish(&[]).await;
}

/// Returns the text of the composer once it has one.
const DRAFT: &str = "document.querySelector('#message-field').value";

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn draft_survives_a_reload_and_goes_with_sign_out() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _beto = ana.in_the_office(&server).await;
    ana.join("OTRA", "secreta").await;
    ana.fill("#message-field", "para otra").await;
    ana.click("#tab-OFICINA").await;
    assert_eq!(ana.js(DRAFT).await, "");
    ana.fill("#message-field", "para la oficina").await;
    ana.chat().await;
    ana.until(&format!("{DRAFT} === 'para la oficina'")).await;
    ana.click("#tab-OTRA").await;
    assert_eq!(ana.js(DRAFT).await, "para otra");
    // The session ends by itself: the same person finds the text after a sign-in.
    ana.driver().delete_all_cookies().await.expect("deletes");
    ana.goto("/chat").await;
    ana.arrive("/login").await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.until_says("#tabs", "OTRA").await;
    ana.click("#tab-OTRA").await;
    ana.until(&format!("{DRAFT} === 'para otra'")).await;
    ana.click("#favourite").await;
    ana.until("localStorage.getItem('pichat.favourites:cliente') !== null").await;
    ana.click("#sign-out").await;
    ana.arrive("/login").await;
    let kept = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) => key !== 'pichat.forgotten')";
    assert_eq!(ana.js(kept).await, json!([]), "nothing of the chat stays in this browser");
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    assert_eq!(ana.js("document.querySelector('#tabs').childElementCount").await, 0);
    ana.finish_with(&[], &["401 (Unauthorized)", "WebSocket"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn drafts_are_of_one_person_and_do_not_last_forever() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    let _beto = ana.in_the_office(&server).await;
    ana.fill("#message-field", "de hace días").await;
    ana.goto("/inicio").await;
    let age = "(() => {
        const key = 'pichat.drafts:cliente';
        const all = JSON.parse(localStorage.getItem(key));
        all.OFICINA.at -= 8 * 864e5;
        localStorage.setItem(key, JSON.stringify(all));
        return true;
    })()";
    ana.js(age).await;
    ana.chat().await;
    ana.until_says("#open-room-code", "OFICINA").await;
    assert_eq!(ana.js(DRAFT).await, "");
    ana.driver().delete_all_cookies().await.expect("deletes");
    ana.sign_in("usuario", "usuario123").await;
    ana.chat().await;
    assert_eq!(
        ana.js("document.querySelector('#tabs').childElementCount").await,
        0,
        "another person's rooms"
    );
    ana.finish_with(&[], &["401 (Unauthorized)", "WebSocket"]).await;
}

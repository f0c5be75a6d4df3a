//! The page of one's own account, a kept session, and the way back after a sign-in.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::tls::Secure;
use super::common::{Client, Options, Server};

const CARLA: (&str, &str, &str) = ("carla", "una-clave-larga", "cliente");
const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";

/// Sets `isConnected` with the first frame of a page's socket.
const NOTE_FIRST_FRAME: &str = "window.WebSocket = class extends WebSocket {
    constructor(...all) { super(...all); this.addEventListener('message', () => { window.isConnected = true; }); }
};";

#[tokio::test]
#[ignore = "needs chromium, chromedriver and certutil; .ci/run installs them"]
async fn kept_session_is_seen_and_the_others_are_ended() {
    let device = Secure::start(Options { users: vec![CARLA], ..Options::default() });
    let base = format!("https://pichat.local:{}", device.server.addr.port());
    for languages in ["es-CO,es", "en-US,en"] {
        let setup = Setup { languages, ..Setup::default() };
        let carla = Browser::at(base.clone(), setup, Some(&device.authority_file)).await;
        carla.goto("/login?volver=/cuenta").await;
        carla.click(".check input").await;
        carla.try_sign_in(CARLA.0, CARLA.1).await;
        carla.arrive("/cuenta").await;
        let others = [device.sign_in(CARLA.0, CARLA.1), device.sign_in(CARLA.0, CARLA.1)];
        carla.goto("/cuenta").await;
        carla.until("document.querySelectorAll('.session-row').length === 3").await;
        carla
            .until("![...document.querySelectorAll('time')].some((one) => one.textContent.endsWith('UTC'))")
            .await;
        assert_eq!(
            carla.js("document.querySelectorAll('.session-row')[0].querySelectorAll('.tag').length").await,
            2
        );
        for width in [320, 390, 1440] {
            carla.resize(width, 844, width < 900).await;
            assert_eq!(carla.js("document.documentElement.scrollWidth").await, json!(width), "{width}");
        }
        carla.resize(1440, 900, false).await;
        carla.click("#end-others").await;
        carla
            .until(
                "document.querySelectorAll('.session-row').length === 1 && document.querySelector('.alert')",
            )
            .await;
        assert_eq!(carla.js("location.search").await, "", "a reload says nothing anew");
        for cookie in others {
            assert_eq!(device.get("/api/session", &format!("Cookie: {cookie}\r\n")).status, 401);
        }
        // The chat lives on this page too, and its own end is told.
        carla.click(".session-row button").await;
        carla.arrive("/login").await;
        carla.finish_with(&[], &["401 (Unauthorized)", "WebSocket"]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn end_of_a_session_leads_back_after_the_sign_in() {
    let server = Server::start(Options { users: vec![CARLA], ..Options::default() });
    let carla = Browser::open(server.addr).await;
    carla.sign_in(CARLA.0, CARLA.1).await;
    // An open socket is told why its session ends; without one the page would know only that it did.
    carla.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": NOTE_FIRST_FRAME})).await;
    carla.goto("/listar?q=acta").await;
    carla.until("window.isConnected").await;
    let other = Client::signed_in(&server, CARLA.0, CARLA.1).with("User-Agent", PHONE);
    assert_eq!(other.post_form("/cuenta", "cerrar=otras").status, 303);
    carla.arrive("/login").await;
    carla.until_says(".alert.note", "Cerraste esta sesión en otra pestaña, celular o computador.").await;
    assert_eq!(carla.js("location.hash").await, "#signed_out");
    carla.try_sign_in(CARLA.0, "otra cosa").await;
    carla.until("document.querySelectorAll('.alert:not(.note)').length === 1").await;
    carla.try_sign_in(CARLA.0, CARLA.1).await;
    carla.arrive("/listar").await;
    assert_eq!(carla.js("location.search").await, "?q=acta");
    // The name in the navigation leads to the account, and the account is a view of the same document.
    carla.js("window.mark = 1").await;
    carla.click(".person").await;
    carla.arrive("/cuenta").await;
    carla.until_says("#name", "carla").await;
    assert_eq!(carla.js("window.mark").await, 1);
    assert_eq!(carla.js("document.querySelector('.person').getAttribute('aria-current')").await, "page");
    carla.finish_with(&[], &["401 (Unauthorized)", "WebSocket"]).await;
}

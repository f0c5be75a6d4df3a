//! Lines that are silent, slow, closed or refused: the page notices and says why.

use std::time::{Duration, Instant};

use super::browser::{Browser, Setup};
use super::common::{Client, Server};
use super::network_cable::TcpProxy;

/// Console messages of calls and sockets on a broken line.
const BROKEN: &[&str] = &["Failed to load resource: net::ERR_", "WebSocket"];

const ONLINE: &str = "document.querySelector('#connection-state').dataset.state === 'online'";

/// Opens a room through a cable.
async fn in_a_room(cable: &TcpProxy) -> Browser {
    let ana = Browser::open(cable.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("antes").await;
    ana.reads(&[("cliente", "antes")]).await;
    ana
}

impl Browser {
    /// Waits for the end of a state and returns how long it lasted.
    async fn time_until(&self, expression: &str, bound: Duration) -> Duration {
        let begin = Instant::now();
        while self.js(expression).await != true {
            assert!(begin.elapsed() < bound, "{expression} was not true within {bound:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        begin.elapsed()
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn swallowed_line_is_noticed_within_40_seconds() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = in_a_room(&cable).await;
    cable.swallow(true);
    let noticed = ana.time_until(&format!("!({ONLINE})"), Duration::from_secs(42)).await;
    assert!(noticed > Duration::from_secs(10), "a quiet line is not a dead one: {noticed:?}");
    cable.swallow(false);
    ana.until_online().await;
    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    beto.send_message("OFICINA", "después");
    ana.reads(&[("cliente", "antes"), ("usuario", "después")]).await;
    ana.finish_with(&[], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn quiet_line_is_kept_for_a_minute() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    // Without a room nothing but the server's signs of life comes.
    ana.js("(() => { window.states = []; new MutationObserver(() => window.states.push(document.querySelector('#connection-state').dataset.state)).observe(document.querySelector('#connection-state'), { attributes: true }); return true; })()").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ana.js("window.states.length").await, 0, "{}", ana.js("window.states").await);
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn page_that_is_seen_again_probes_its_line() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = in_a_room(&cable).await;
    // A probe that is answered changes nothing.
    ana.js("void document.dispatchEvent(new Event('visibilitychange'))").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ana.js(ONLINE).await, true);
    cable.swallow(true);
    ana.js("void document.dispatchEvent(new Event('visibilitychange'))").await;
    let noticed = ana.time_until(&format!("!({ONLINE})"), Duration::from_secs(8)).await;
    assert!(noticed > Duration::from_secs(3), "the probe has time for its answer: {noticed:?}");
    cable.swallow(false);
    ana.until_online().await;
    ana.finish_with(&[], BROKEN).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn hanging_message_is_told_after_three_seconds() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = in_a_room(&cable).await;
    cable.swallow(true);
    ana.say("¿llega?").await;
    let state = "document.querySelector('#connection-state').textContent === 'Sin respuesta…'";
    let told = ana.time_until(state, Duration::from_secs(5)).await;
    assert!(told > Duration::from_secs(2), "{told:?}");
    ana.until_says("#notice", "Tu mensaje todavía no llega: PiChat no ha respondido.").await;
    cable.swallow(false);
    ana.until_online().await;
    // The reason goes with its cause.
    ana.until("!document.querySelector('#notice').textContent.includes('todavía no llega')").await;
    ana.finish_with(&[], BROKEN).await;
}

/// Replaces sockets by ones that close as `window.end` says, and calls by answers as `window.answer` says.
const STUB: &str = "(() => {
    const Real = window.WebSocket;
    const fetch = window.fetch;
    window.WebSocket = function (...all) {
        if (!window.end) return new Real(...all);
        const { opens, code, reason } = window.end;
        const socket = { readyState: 0, send() {}, close() {} };
        setTimeout(() => {
            if (opens) { socket.readyState = 1; socket.onopen?.(); }
            socket.readyState = 3;
            socket.onclose?.({ code, reason });
        }, 5);
        return socket;
    };
    Object.assign(window.WebSocket, { OPEN: 1 });
    window.fetch = (...all) => (window.answer
        ? Promise.resolve(new Response(JSON.stringify(window.answer), { status: window.answer.status })) : fetch(...all));
    return true;
})()";

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn every_close_and_every_refusal_has_a_sentence() {
    // Opens, code, reason, status and code of the answer to a call; sentences.
    let cases = [
        (true, 1001, "shutdown", "", ["PiChat se está reiniciando.", "PiChat is restarting."]),
        (true, 1002, "protocol_error", "", ["Falló la conexión del chat", "The chat connection failed"]),
        (true, 1003, "binary_frame", "", ["Falló la conexión del chat", "The chat connection failed"]),
        (true, 1007, "bad_utf8", "", ["Falló la conexión del chat", "The chat connection failed"]),
        (
            true,
            1008,
            "flooding",
            "",
            [
                "envió demasiado en poco tiempo. Se conecta sola en 60 segundos",
                "reconnects by itself in 60 s",
            ],
        ),
        (true, 1009, "too_big", "", ["Falló la conexión del chat", "The chat connection failed"]),
        (true, 1013, "too_slow", "", ["Tu red está lenta", "Your network is slow"]),
        (true, 1013, "unavailable", "", ["PiChat está muy ocupado", "PiChat is very busy"]),
        (true, 4008, "too_many_sockets", "", ["demasiadas pestañas de chat", "too many chat tabs"]),
        (
            false,
            1006,
            "",
            "{ status: 429, code: 'rate_limited', retry_after: 7 }",
            ["se conecta sola en 7 segundos", "by itself in 7 seconds"],
        ),
        (
            false,
            1006,
            "",
            "{ status: 503, code: 'busy', retry_after: 3 }",
            ["PiChat está muy ocupado", "PiChat is very busy"],
        ),
        (
            false,
            1006,
            "",
            "{ status: 403, code: 'cross_origin' }",
            ["no acepta la conexión del chat", "does not accept the chat connection"],
        ),
    ];
    for (n, languages) in ["es-CO,es", "en-US,en"].into_iter().enumerate() {
        let server = Server::demo();
        let cable = TcpProxy::start(server.addr);
        let ana = Browser::with(cable.addr, Setup { languages, ..Setup::default() }).await;
        ana.sign_in("cliente", "cliente123").await;
        ana.goto("/chat").await;
        for (opens, code, reason, answer, sentences) in cases {
            ana.until(ONLINE).await;
            ana.js(STUB).await;
            let answer = if answer.is_empty() { "null" } else { answer };
            ana.js(&format!(
                "(() => {{ window.end = {{ opens: {opens}, code: {code}, reason: {reason:?} }}; window.answer = {answer}; return true; }})()"
            ))
            .await;
            cable.disconnect();
            cable.connect_to(server.addr);
            ana.until_says("#notice", sentences[n]).await;
            // Another page starts afresh.
            ana.goto("/chat").await;
        }
        ana.finish_with(&[], BROKEN).await;
    }
}

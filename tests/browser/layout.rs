//! Layout: no page is wider than a phone or a desktop, and nothing covers a control.

use serde_json::{Value, json};

use super::browser::Browser;
use super::common::archive::gzip;
use super::common::{Client, Server};

/// Unbroken word wider than any phone.
const LONG: &str =
    "Electroencefalografistas_y_otorrinolaringólogos_sin_un_solo_espacio_en_toda_la_línea_que_escriben";

/// Messages that are wider than their place, or whose author is not seen.
const CLIPPED: &str = "[...document.querySelectorAll('.message')].filter((one) => one.scrollWidth > one.clientWidth || one.querySelector('.author').clientWidth === 0).map((one) => one.textContent)";

/// Controls that something covers even after scrolling to them.
const COVERED: &str = "(() => {
  const covered = [...document.querySelectorAll('a, button, input, textarea, summary')].filter((one) => {
    one.scrollIntoView({ block: 'center', behavior: 'instant' });
    const box = one.getBoundingClientRect();
    if (box.width < 2 || !one.checkVisibility({ visibilityProperty: true }) || one.matches('.skip-link')) return false;
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return !one.contains(top) && !one.labels?.[0]?.contains(top);
  });
  scrollTo(0, 0);
  return covered.map((one) => one.outerHTML.slice(0, 80));
})()";

impl Browser {
    async fn fits(&self, width: u32, what: &str) {
        let widths =
            self.js("[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]").await;
        let widest =
            widths.as_array().and_then(|all| all.iter().filter_map(Value::as_u64).max()).expect("numbers");
        assert!(widest <= width.into(), "{what} is {widths} wide on {width}");
        assert_eq!(self.js(COVERED).await, json!([]), "{what} on {width}");
        assert_eq!(self.js(CLIPPED).await, json!([]), "{what} on {width}");
        assert!(
            self.text(".banner").await.starts_with("Demostración: las contraseñas son públicas"),
            "{what}"
        );
    }
}

async fn every_page_fits(width: u32, height: u32, phone: bool) {
    let server = Server::demo();
    let admin = Client::admin(&server);
    // Longest possible name.
    let stored = admin.upload(&format!("{LONG}{LONG}.tar.gz"), &gzip(b"x"));
    assert_eq!(stored.status, 201, "{}", stored.text());
    assert_eq!(admin.socket().join("CODIGO_DE_VEINTE_123", "secreta", "group")["type"], "joined");

    let ana = Browser::open(server.addr).await;
    ana.resize(width, height, phone).await;
    ana.goto("/login").await;
    ana.fits(width, "/login").await;
    ana.try_sign_in("cliente", "equivocada").await;
    ana.find(".alert").await;
    ana.fits(width, "/login with a message").await;
    ana.try_sign_in("cliente", "cliente123").await;
    ana.arrive("/inicio").await;
    ana.until_says("#rooms", "CODIGO_DE_VEINTE_123").await;
    ana.fits(width, "/inicio").await;
    ana.click("#to-password").await;
    ana.arrive("/clave").await;
    ana.fill("#password", "corta").await;
    ana.until_says("#password-strength", "Muy corta").await;
    ana.fits(width, "/clave").await;
    let lines = "[...document.querySelectorAll('.other-actions > *')].map((one) => one.offsetHeight < 50)";
    assert_eq!(ana.js(lines).await, json!([true, true]), "no button breaks its text");
    ana.goto("/subir").await;
    ana.fits(width, "/subir").await;
    ana.goto("/nada").await;
    ana.fits(width, "the page that is not there").await;

    ana.goto("/listar").await;
    ana.until("document.querySelector('.file')").await;
    ana.fits(width, "/listar").await;
    ana.click("summary").await;
    ana.fits(width, "/listar with details").await;

    ana.chat().await;
    ana.until_says("#lobby", "CODIGO_DE_VEINTE_123").await;
    ana.fits(width, "/chat without a room").await;
    // A socket that answers no pings does not live as long as the walk up to here may take.
    let mut socket = admin.socket();
    socket.send(&json!({"type": "enter", "room": "CODIGO_DE_VEINTE_123", "since": 0}));
    assert_eq!(socket.recv_type("joined")["room"], "CODIGO_DE_VEINTE_123");
    ana.join("CODIGO_DE_VEINTE_123", "secreta").await;
    assert_eq!(ana.js("document.activeElement.id").await, "message-field");
    // The focus neither hides nor shows anything, so that no tap moves what is tapped.
    assert_eq!(ana.js("document.querySelector('.banner').checkVisibility()").await, true);
    let wide = ana.js("document.documentElement.scrollWidth").await;
    assert!(wide.as_u64().is_some_and(|wide| wide <= width.into()), "/chat while one writes: {wide}");
    ana.js("document.activeElement.blur()").await;
    ana.fits(width, "/chat with an empty room").await;
    socket.send_message("CODIGO_DE_VEINTE_123", LONG);
    ana.say(&"hasta aquí ".repeat(30)).await;
    ana.until("document.querySelectorAll('.message').length === 2").await;
    ana.js("document.activeElement.blur()").await;
    ana.fits(width, "/chat with messages").await;
    for line in 0..30 {
        socket
            .send(&json!({"type": "send", "room": "CODIGO_DE_VEINTE_123", "text": format!("línea {line}")}));
        if line == 15 {
            // Within the message burst of one user.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
    ana.until("document.querySelectorAll('.message').length >= 20").await;
    let last = "(() => { const log = document.querySelector('#messages'); return log.scrollHeight - log.scrollTop - log.clientHeight < 2; })()";
    ana.until(last).await;
    let composer = ana.js("document.querySelector('#message-field').getBoundingClientRect().bottom").await;
    assert!(
        composer.as_f64().is_some_and(|bottom| bottom <= height.into()),
        "one writes at {composer} of {height}"
    );
    if phone {
        ana.click("#show-members").await;
        ana.find("#members").await;
        let fits = ana.js("document.documentElement.scrollWidth").await;
        assert!(fits.as_u64().is_some_and(|wide| wide <= width.into()), "the list of members: {fits}");
        ana.click("#hide-members").await;
    } else {
        assert_eq!(ana.members().await, json!(["admin", "cliente"]), "a desktop shows the members at once");
        ana.find("#members").await;
    }
    ana.js("document.activeElement.blur()").await;
    ana.fits(width, "/chat with many messages").await;
    ana.goto("/inicio").await;
    ana.click("#sign-out").await;
    ana.arrive("/login").await;
    ana.sign_in("usuario", "usuario123").await;
    ana.goto("/subir").await;
    assert_eq!(ana.text("h1").await, "No tienes permiso para esto");
    ana.fits(width, "the page that says no").await;
    ana.finish(&["401 (Unauthorized)", "404 (Not Found)", "403 (Forbidden)"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn every_page_fits_a_phone() {
    every_page_fits(390, 844, true).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn every_page_fits_a_desk() {
    every_page_fits(1280, 800, false).await;
}

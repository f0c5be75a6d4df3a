//! Pages on every size of screen, with 8 rooms, 20 people and 30 files: nothing is wider than the screen, what
//! has the focus is seen, and a first tap counts.

use serde_json::{Value, json};

use super::browser::{Browser, Setup};
use super::common::{Client, Options, Server, Socket};

const PASSWORD: &str = "tres-palabras-largas";
const PEOPLE: [&str; 20] = [
    "almacen-principal-del-norte-2026",
    "ana",
    "bodega",
    "caja",
    "compras",
    "contabilidad",
    "cartera",
    "despachos",
    "diana.rodriguez",
    "gerencia",
    "laura",
    "logistica",
    "mantenimiento",
    "mesa-de-ayuda",
    "nomina",
    "porteria",
    "recepcion",
    "sistemas",
    "transporte",
    "ventas",
];
const ROOM: &str = "CODIGO_DE_VEINTE_123";

/// Width, height, touch: 400 % zoom, a small and a usual phone, a phone on its side, a desk, a large screen.
pub(crate) const SCREENS: [(u32, u32, bool); 6] = [
    (320, 640, true),
    (390, 844, true),
    (360, 225, false),
    (844, 390, true),
    (1440, 900, false),
    (2560, 1440, false),
];

/// Controls whose middle is covered or off the screen while they have the focus.
const HIDDEN_FOCUS: &str = "(() => {
  const all = [...document.querySelectorAll('a[href], button, input, textarea, summary, [tabindex=\"0\"]')];
  return all.filter((one) => {
    if (one.disabled || !one.checkVisibility({ visibilityProperty: true }) || one.matches('.skip-link')) return false;
    one.focus();
    const box = (one.labels?.[0] ?? one).getBoundingClientRect();
    if (document.activeElement !== one || box.width < 2) return false;
    const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
    const top = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
    return !one.contains(top) && !one.labels?.[0]?.contains(top);
  }).map((one) => one.outerHTML.slice(0, 90));
})()";

/// Elements that reach past the right edge, and whose parents let them.
const TOO_WIDE: &str = "[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth
    && getComputedStyle(one.parentElement).overflowX === 'visible').map((one) => one.outerHTML.slice(0, 90)).slice(0, 8)";

/// Names in one line whose end is not seen; they are cut in the middle.
const CUT_ENDS: &str = "[...document.querySelectorAll('.cut')].filter((one) => one.checkVisibility()
    && one.lastElementChild.getBoundingClientRect().right > one.getBoundingClientRect().right + 1).map((one) => one.textContent)";

/// Times of messages without the room that they need.
const CUT_TIMES: &str = "[...document.querySelectorAll('.group-start time')]
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.parentElement.textContent)";

/// The tab of the open room is seen whole in the strip, which a phone scrolls.
const OPEN_TAB_IN_SIGHT: &str = "(() => {
  const tab = document.querySelector('.tab[aria-selected=true]').getBoundingClientRect();
  const strip = document.querySelector('.tab-strip').getBoundingClientRect();
  return tab.left >= strip.left && tab.right <= strip.right + 1;
})()";

/// An office: a room with all of them in it, seven more of ventas, and thirty files with long names.
struct Office {
    server: Server,
    sockets: Vec<Socket>,
}

impl Office {
    fn open() -> Self {
        let users = PEOPLE.iter().map(|name| (*name, PASSWORD, "cliente")).collect();
        let limits = "[limits]\nlogins_per_minute = 600\njoins_per_minute = 600\nrequest_burst = 2000\n";
        let server = Server::start(Options { users, ..Options::config(limits) });
        insert_files(&server);
        let mut sockets = Vec::new();
        for name in PEOPLE {
            let mut socket = Client::signed_in(&server, name, PASSWORD).socket();
            assert_eq!(socket.join(ROOM, "secreta", "group")["type"], "joined", "{name}");
            sockets.push(socket);
        }
        Self { server, sockets }
    }
}

/// Inserts thirty file records, as if they had been uploaded.
fn insert_files(server: &Server) {
    let mut db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    let tx = db.transaction().expect("begins");
    for n in 0..30 {
        let name =
            format!("Informe_de_electroencefalografistas_y_otorrinolaringólogos_sin_espacios_{n:02}.tar.gz");
        tx.execute(
            "INSERT INTO files (id, name, size, sha256, media_type, state, reasons, uploaded_by, uploaded_at)
             VALUES (?1, ?2, 1, zeroblob(32), 'text/plain', 'clean', '', ?3, 0)",
            rusqlite::params![format!("{n:032x}"), name, PEOPLE[0]],
        )
        .expect("inserts");
    }
    tx.commit().expect("commits");
}

impl Browser {
    async fn is_no_wider(&self, (width, height, _): (u32, u32, bool), what: &str) {
        let wide = self
            .js("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth)")
            .await;
        assert!(
            wide.as_u64().is_some_and(|wide| wide <= width.into()),
            "{what} is {wide} wide on {width} × {height}: {}",
            self.js(TOO_WIDE).await
        );
    }

    pub(crate) async fn is_usable(&self, screen: (u32, u32, bool), what: &str) {
        let (width, height, _) = screen;
        self.is_no_wider(screen, what).await;
        // From here on the focus is a keyboard's.
        self.press(thirtyfour::Key::Tab + "").await;
        assert_eq!(self.js(HIDDEN_FOCUS).await, json!([]), "{what} on {width} × {height}");
        self.js("void scrollTo(0, 0)").await;
        if height < 520 {
            let fixed = "[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility() && getComputedStyle(one).position === 'fixed').length";
            assert_eq!(self.js(fixed).await, 0, "{what} has something fixed on {width} × {height}");
            let header = self.js("document.querySelector('.app-bar').offsetHeight").await;
            assert!(header.as_u64().is_some_and(|header| header <= 60), "{what}: a header of {header}");
        }
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn every_screen_shows_a_full_office() {
    let mut office = Office::open();
    let ana = Browser::open(office.server.addr).await;
    ana.sign_in("ventas", PASSWORD).await;
    ana.chat().await;
    for n in 1..8 {
        ana.join(&format!("SALA_DE_VENTAS_NRO_{n}"), "secreta").await;
        if ana.js("document.querySelector('#another-room').checkVisibility()").await == true {
            ana.click("#another-room").await;
        }
    }
    ana.join(ROOM, "secreta").await;
    for (at, socket) in office.sockets.iter_mut().enumerate() {
        socket.send_message(ROOM, &format!("Mensaje_sin_un_solo_espacio_en_toda_la_línea_que_escriben_{at}"));
    }
    ana.until("document.querySelectorAll('.message').length === 20").await;
    for screen in SCREENS {
        let (width, height, phone) = screen;
        ana.resize(width, height, phone).await;
        ana.is_usable(screen, "/chat in a room").await;
        ana.until(OPEN_TAB_IN_SIGHT).await;
        assert_eq!(ana.js(CUT_TIMES).await, json!([]), "a long name leaves the time its place");
        if ana.js("document.querySelector('#members-panel').hidden").await == true {
            ana.click("#show-members").await;
        }
        assert_eq!(ana.js("document.querySelectorAll('#members li').length").await, 20);
        // The people stand beside or below the room and cover nothing.
        ana.is_usable(screen, "/chat with its people").await;
        assert_eq!(ana.js(CUT_ENDS).await, json!([]), "/chat on {width} × {height}");
        ana.click("#hide-members").await;
    }
    for path in ["/inicio", "/listar", "/subir", "/chat"] {
        ana.goto(path).await;
        ana.until("document.querySelector('.incomplete') === null").await;
        if path == "/listar" {
            ana.until("document.querySelectorAll('.file').length === 30").await;
        }
        if path == "/chat" {
            ana.until_online().await;
            ana.until("document.querySelectorAll('#tabs [role=tab]').length === 8").await;
            ana.driver().back().await.expect("goes back to the list");
            ana.until("document.querySelector('#panel').hidden").await;
        }
        for screen in SCREENS {
            ana.resize(screen.0, screen.1, screen.2).await;
            ana.is_usable(screen, path).await;
            assert_eq!(ana.js(CUT_ENDS).await, json!([]), "{path} on {} × {}", screen.0, screen.1);
        }
    }
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn first_tap_counts_while_one_writes() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.resize(390, 844, true).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    // Only records what is tapped.
    ana.js("(() => { document.addEventListener('click', (event) => { window.tapped = event.target.closest('button')?.id; event.preventDefault(); event.stopPropagation(); }, true); return true; })()").await;
    let buttons = ana
        .js("[...document.querySelectorAll('#panel button, .my-rooms button')].filter((one) => one.checkVisibility() && !one.disabled).map((one) => one.id)")
        .await;
    let buttons: Vec<_> = buttons.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(buttons.len() >= 5, "{buttons:?}");
    for button in buttons {
        ana.js("(() => { window.tapped = null; document.querySelector('#message-field').focus(); return true; })()").await;
        ana.tap(&format!("[id='{button}']")).await;
        assert_eq!(ana.until("window.tapped").await, button);
    }
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn keyboard_of_a_phone_leaves_the_composer_in_sight() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.resize(390, 844, true).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    // No headless browser has a keyboard: the page is told what one would tell it.
    let keyboard = |height: u32| {
        format!(
            "(() => {{ Object.defineProperty(visualViewport, 'height', {{ value: {height}, configurable: true }});
                visualViewport.dispatchEvent(new Event('resize')); return true; }})()"
        )
    };
    let bottom = "document.querySelector('#composer').getBoundingClientRect().bottom";
    let top = "document.querySelector('.room-head').getBoundingClientRect().top";
    let before = ana.js(top).await;
    ana.js(&keyboard(480)).await;
    let seen = ana.js(bottom).await;
    assert!(
        seen.as_f64().is_some_and(|bottom| bottom > 400.0 && bottom <= 480.0),
        "one writes at {seen} of 480"
    );
    assert_eq!(ana.js(top).await, before, "what is above stays where it was");
    ana.js(&keyboard(844)).await;
    let seen = ana.js(bottom).await;
    assert!(
        seen.as_f64().is_some_and(|bottom| bottom > 700.0 && bottom <= 784.0),
        "one writes at {seen} of 844"
    );
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn large_type_and_forced_colours_keep_pages_whole() {
    let server = Server::demo();
    let ana = Browser::with(server.addr, Setup { font_size: 32, ..Setup::default() }).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("con letra grande").await;
    ana.until("document.querySelector('.message.own')").await;
    for path in ["/chat", "/inicio", "/listar", "/subir"] {
        ana.goto(path).await;
        ana.until("document.querySelector('.incomplete') === null").await;
        assert_eq!(ana.js("getComputedStyle(document.body).fontSize").await, "32px", "{path}");
        for screen in [(390, 844, true), (1440, 900, false)] {
            ana.resize(screen.0, screen.1, screen.2).await;
            ana.is_no_wider(screen, path).await;
            if path == "/chat" {
                let log = ana.js("document.querySelector('#messages').clientHeight").await;
                assert!(log.as_u64().is_some_and(|log| log >= 96), "messages are read in {log} pixels");
            }
        }
        let colours = json!([{"name": "forced-colors", "value": "active"}]);
        ana.cdp("Emulation.setEmulatedMedia", json!({"features": colours})).await;
        let line = "getComputedStyle(document.querySelector('.main-nav [aria-current]')).textDecorationLine";
        assert_eq!(ana.js(line).await, "underline", "{path} says by more than colour where one is");
        ana.cdp("Emulation.setEmulatedMedia", json!({"features": []})).await;
    }
    ana.finish(&[]).await;
}

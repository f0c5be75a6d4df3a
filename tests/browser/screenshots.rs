//! Screenshots of the README: `PICHAT_TEST_SHOTS=1 cargo test --test browser screenshots -- --ignored`.

use std::path::Path;

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::archive::{JPEG, PDF, PNG, Zip};
use super::common::{Client, Options, Server};

const PASSWORD: &str = "tres-palabras-largas";
const ROOM: &str = "OFICINA";
const ROOM_PASSWORD: &str = "cafe-de-las-diez";

impl Browser {
    /// Sets an office's local time and the given colours.
    pub(crate) async fn set_scene(&self, scheme: &str) {
        self.cdp("Emulation.setTimezoneOverride", json!({"timezoneId": "America/Bogota"})).await;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Saves a screenshot if `PICHAT_TEST_SHOTS` is set.
    pub(crate) async fn shot_if_asked(&self, name: &str) {
        if std::env::var_os("PICHAT_TEST_SHOTS").is_some() {
            self.shoot(name).await;
        }
    }

    async fn shoot(&self, name: &str) {
        // The previous notice has disappeared by now.
        self.js("document.querySelector('.notice-box button')?.click()").await;
        self.driver().action_chain().move_to(2, 200).perform().await.expect("the pointer moves away");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/img");
        std::fs::create_dir_all(&folder).expect("a folder");
        self.driver().screenshot(&folder.join(name)).await.expect("a picture");
    }
}

#[tokio::test]
#[ignore = "writes docs/img; needs chromium and chromedriver"]
async fn screenshots() {
    if std::env::var_os("PICHAT_TEST_SHOTS").is_none() {
        return;
    }
    let users = vec![
        ("recepcion", PASSWORD, "cliente"),
        ("bodega", PASSWORD, "cliente"),
        ("compras", PASSWORD, "usuario"),
    ];
    let server = Server::start(Options { users, ..Options::default() });
    let desk = Browser::open(server.addr).await;
    desk.set_scene("light").await;
    desk.resize(1280, 800, false).await;
    desk.sign_in("recepcion", PASSWORD).await;
    desk.chat().await;
    desk.join("PROVEEDORES", "factura-al-dia").await;
    desk.join(ROOM, ROOM_PASSWORD).await;
    let phone = Browser::open(server.addr).await;
    phone.set_scene("dark").await;
    phone.resize(390, 844, true).await;
    phone.sign_in("bodega", PASSWORD).await;
    phone.chat().await;
    phone.join(ROOM, ROOM_PASSWORD).await;
    let mut third = Client::signed_in(&server, "compras", PASSWORD).socket();
    assert_eq!(third.join(ROOM, ROOM_PASSWORD, "group")["type"], "joined");

    let talk = [
        (&desk, "Hola. ¿Alguien tiene el acta de la reunión del lunes?"),
        (&phone, "Hola. La terminé anoche, la subo ya mismo."),
        (&phone, "Listo, está en Archivos: acta-lunes.pdf"),
        (&desk, "Perfecto, muchas gracias."),
        (&desk, "¿Nos vemos mañana a las 10 para revisar los pedidos?"),
        (&phone, "Sí, a las 10 en la sala pequeña. Yo llevo el café."),
    ];
    for (at, (who, text)) in talk.iter().enumerate() {
        who.say(text).await;
        desk.until(&format!("document.querySelectorAll('.message').length === {}", at + 1)).await;
    }
    phone.until(&format!("document.querySelectorAll('.message').length === {}", talk.len())).await;
    desk.shoot("chat.png").await;
    phone.js("document.activeElement.blur()").await;
    phone.shoot("chat-movil.png").await;

    let (front, back) =
        (Client::signed_in(&server, "recepcion", PASSWORD), Client::signed_in(&server, "bodega", PASSWORD));
    let pdf = [PDF, &b"% una hoja de m\xc3\xa1s\n".repeat(7_000)].concat();
    let png = [PNG, &b"\0\x89".repeat(600_000)].concat();
    let photo = [JPEG, &b"\x12\x34".repeat(22_000)].concat();
    for (who, name, bytes) in [
        (&front, "Fotos de la bodega.zip", Zip::stored(&[("bodega.jpg", &photo)])),
        (&back, "foto-tablero.png", png),
        (&front, "Pedidos de noviembre.csv", b"fecha;pedido;valor\n".repeat(240)),
        (&back, "acta-lunes.pdf", pdf),
    ] {
        let stored = who.upload(name, &bytes);
        assert_eq!(stored.status, 201, "{}", stored.text());
    }
    desk.goto("/listar").await;
    desk.until("document.querySelectorAll('.file').length === 4").await;
    desk.shoot("archivos.png").await;
    desk.finish(&[]).await;
    phone.finish(&[]).await;
}

impl Browser {
    /// Pictures of one page if `PICHAT_TEST_SHOTS` is set.
    pub(crate) async fn shoot_if_asked(&self, path: &str, name: &str, setup: Setup) {
        if std::env::var_os("PICHAT_TEST_SHOTS").is_some() {
            self.shoot_page(path, name, setup).await;
        }
    }

    /// Pictures of one page: desk and phone, light and dark.
    async fn shoot_page(&self, path: &str, name: &str, setup: Setup) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/shots");
        std::fs::create_dir_all(&folder).expect("a folder");
        let mode = if setup.scripts { "scripts" } else { "plain" };
        for (width, height, phone) in [(1440, 900, false), (390, 844, true)] {
            for scheme in ["light", "dark"] {
                self.set_scene(scheme).await;
                self.resize(width, height, phone).await;
                self.goto(path).await;
                if setup.scripts {
                    self.until("document.querySelector('.incomplete') === null").await;
                }
                let file = format!("{name}-{}-{mode}-{width}-{scheme}.png", &setup.languages[..2]);
                self.driver().screenshot(&folder.join(file)).await.expect("a picture");
            }
        }
    }
}

/// Writes a picture of every page to `target/shots`: both languages, with and without scripts, desk and
/// phone, light and dark.
#[tokio::test]
#[ignore = "writes target/shots; needs chromium and chromedriver"]
async fn shots_of_every_page() {
    if std::env::var_os("PICHAT_TEST_SHOTS").is_none() {
        return;
    }
    let server = Server::demo();
    let unclaimed = Server::start(Options { serve: true, ..Options::default() });
    let stored = Client::cliente(&server).upload("Acta de la reunión.txt", b"acta");
    assert_eq!(stored.status, 201);
    for (languages, scripts) in
        [("es-CO,es", true), ("en-US,en", true), ("es-CO,es", false), ("en-US,en", false)]
    {
        let setup = Setup { scripts, languages, ..Setup::default() };
        let claim = Browser::with(unclaimed.addr, setup).await;
        claim.shoot_page("/activar", "setup", setup).await;
        claim.finish(&[]).await;
        let ana = Browser::with(server.addr, setup).await;
        ana.shoot_page("/login", "login", setup).await;
        ana.sign_in("cliente", "cliente123").await;
        for (path, name) in [
            ("/inicio", "home"),
            ("/cuenta", "account"),
            ("/clave", "password"),
            ("/chat", "chat"),
            ("/listar", "files"),
            ("/subir", "upload"),
            ("/nada", "not-found"),
        ] {
            ana.shoot_page(path, name, setup).await;
        }
        ana.finish_with(&[], &["404 (Not Found)"]).await;
    }
}

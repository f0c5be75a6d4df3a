//! Announcements on the pages of two people.

use serde_json::json;

use super::browser::Browser;
use super::common::{Client, Server};
use super::short_screens::SCREENS;

const TEXTS: &str = "[...document.querySelectorAll('.announcement-text')].map((one) => one.textContent)";
const GONE: &str = "document.querySelectorAll('.announcement').length === 0";

/// Makes an announcement as the administrator; returns the path that ends it.
fn announce(server: &Server, text: &str, acknowledge: bool) -> String {
    let body = json!({"text": text, "acknowledge": acknowledge});
    let made = Client::admin(server).post_json("/api/announcement", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    format!("/api/announcements/{}", made.json()["id"].as_str().expect("a text"))
}

impl Browser {
    /// Waits until exactly these announcements are shown, from top to bottom.
    async fn announced(&self, texts: &[&str]) {
        let wanted = json!(texts).to_string();
        self.until(&format!("JSON.stringify({TEXTS}) === JSON.stringify({wanted})")).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn announcement_goes_on_every_tab_once_acknowledged() {
    let server = Server::demo();
    let (ana, beto) = tokio::join!(Browser::open(server.addr), Browser::open(server.addr));
    ana.sign_in("cliente", "cliente123").await;
    beto.sign_in("usuario", "usuario123").await;
    ana.chat().await;
    let first = ana.driver().window().await.expect("a tab");
    let second = ana.driver().new_tab().await.expect("a tab");
    ana.driver().switch_to_window(second.clone()).await.expect("switches");
    // A page without rooms has it too.
    ana.goto("/listar").await;
    announce(&server, "Mañana no hay luz\n<b>de 8 a 10</b>", true);
    for page in [&ana, &beto] {
        page.announced(&["Mañana no hay luz\n<b>de 8 a 10</b>"]).await;
        let said = page.text(".announcement").await;
        assert!(said.contains("Anuncio de admin, ") && said.contains("luz\n<b>de 8"), "{said}");
    }
    ana.driver().switch_to_window(first).await.expect("switches");
    ana.announced(&["Mañana no hay luz\n<b>de 8 a 10</b>"]).await;
    ana.click(".announcement .primary").await;
    ana.until(GONE).await;
    ana.driver().switch_to_window(second).await.expect("switches");
    ana.until(GONE).await;
    // The newer one comes after a reload, the acknowledged one does not.
    let newer = announce(&server, "Reunión a las tres", false);
    ana.goto("/listar").await;
    ana.announced(&["Reunión a las tres"]).await;
    beto.announced(&["Reunión a las tres", "Mañana no hay luz\n<b>de 8 a 10</b>"]).await;
    // The view changes, the announcements stay.
    beto.click(".main-nav a[href='/chat']").await;
    beto.arrive("/chat").await;
    assert_eq!(beto.js("document.querySelectorAll('.announcement').length").await, 2);
    assert_eq!(Client::admin(&server).delete(&newer).status, 204);
    ana.until(GONE).await;
    beto.announced(&["Mañana no hay luz\n<b>de 8 a 10</b>"]).await;
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn announcement_is_closed_by_keyboard_and_stays_closed() {
    let server = Server::demo();
    let (asks, tells) = ("¿Quién se va el viernes?", "Llegó el café");
    announce(&server, tells, false);
    announce(&server, asks, true);
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.announced(&[asks, tells]).await;
    let region = ana.js("(({role, ariaLabel, ariaLive}) => [role, ariaLabel, ariaLive])(document.querySelector('.announcements'))").await;
    assert_eq!(region, json!(["region", "Anuncios", "polite"]));
    ana.tab_to(".announcement .primary").await;
    ana.press(thirtyfour::Key::Enter + "").await;
    ana.announced(&[tells]).await;
    assert_eq!(ana.js("document.activeElement.ariaLabel").await, "Cerrar el anuncio de admin");
    ana.press(thirtyfour::Key::Enter + "").await;
    ana.until(GONE).await;
    assert_eq!(ana.js("document.activeElement.tagName").await, "H1");
    ana.goto("/chat").await;
    ana.until_online().await;
    // What is open would come right after the welcome.
    announce(&server, "el último", true);
    ana.announced(&["el último"]).await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn long_announcements_leave_room_on_every_screen() {
    let server = Server::demo();
    for (text, acknowledge) in [("á".repeat(1000), true), ("Una línea\n".repeat(90), false)] {
        announce(&server, &text, acknowledge);
    }
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.say("hola").await;
    ana.until("document.querySelector('.message.own')").await;
    for path in ["/chat", "/inicio", "/listar", "/subir", "/cuenta"] {
        ana.goto(path).await;
        ana.until("document.querySelectorAll('.announcement').length === 2").await;
        for screen in SCREENS {
            let (width, height, phone) = screen;
            ana.resize(width, height, phone).await;
            ana.is_usable(screen, path).await;
            if path == "/chat" {
                let log = ana.js("document.querySelector('#messages').clientHeight").await;
                assert!(
                    log.as_u64().is_some_and(|log| log >= 96),
                    "messages are read in {log} pixels on {width} × {height}"
                );
            }
        }
    }
    ana.finish(&[]).await;
}

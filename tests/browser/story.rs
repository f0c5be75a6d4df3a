//! Main story: two users chat and share a file, a third deletes it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::browser::{Browser, PATIENCE};
use super::common::Server;

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn two_people_talk() {
    let server = Server::demo();
    let (ana, beto) = (Browser::open(server.addr).await, Browser::open(server.addr).await);
    ana.sign_in("cliente", "cliente123").await;
    beto.sign_in("usuario", "usuario123").await;
    assert_eq!(
        ana.js("isSecureContext").await,
        false,
        "the login holds without TLS, by a name that is not localhost"
    );
    ana.until_says("#greeting", "Hola, cliente").await;
    ana.until_says("#role", "Cliente · Chateas y subes archivos. Todo se queda en la red de la oficina.")
        .await;

    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    ana.until_says("#notice", "Sala OFICINA creada. Comparte su código y su contraseña.").await;
    ana.until_says("#messages", "Sala creada. Escribe el primer mensaje.").await;
    assert_eq!(ana.members().await, json!(["cliente"]));

    beto.goto("/inicio").await;
    beto.until_says("#rooms", "OFICINA").await;
    beto.until_says("#rooms", "Grupal · 1 persona").await;
    beto.click("#rooms a").await;
    beto.arrive("/chat").await;
    beto.until_online().await;
    beto.until("document.querySelector('#room-code').value === 'OFICINA'").await;
    beto.fill("#room-password", "otra cosa").await;
    beto.click("#join").await;
    beto.until_says("#notice", "Esa no es la contraseña de la sala.").await;
    assert!(
        !beto
            .driver()
            .find(thirtyfour::By::Id("panel"))
            .await
            .expect("exists")
            .is_displayed()
            .await
            .expect("says")
    );
    beto.try_join("OFICINA", "secreta").await;
    beto.wait_as_told().await;
    beto.join("OFICINA", "secreta").await;
    beto.until_says("#notice", "Te uniste a la sala OFICINA.").await;
    assert_eq!(beto.members().await, json!(["cliente", "usuario"]));
    ana.until_says("#messages", "usuario se unió").await;
    ana.until_says("#open-room-meta", "Grupal · 2 personas").await;
    assert_eq!(ana.members().await, json!(["cliente", "usuario"]));

    let talk = [
        ("cliente", "¿Ya está el acta? 📄"),
        ("usuario", "Sí, la subo\nen un momento"),
        ("cliente", "Gracias"),
        ("cliente", "Quedo atenta"),
    ];
    ana.say(talk[0].1).await;
    ana.reads(&talk[..1]).await;
    beto.reads(&talk[..1]).await;
    // Enter sends; Shift and Enter break the line.
    beto.click("#message-field").await;
    beto.press("Sí, la subo").await;
    beto.until_says_typing(&ana).await;
    let line_break =
        beto.driver().action_chain().key_down(thirtyfour::Key::Shift).send_keys(thirtyfour::Key::Enter + "");
    line_break.key_up(thirtyfour::Key::Shift).perform().await.expect("pressed");
    beto.press("en un momento" + thirtyfour::Key::Enter).await;
    ana.reads(&talk[..2]).await;
    for message in &talk[2..] {
        ana.say(message.1).await;
    }
    beto.reads(&talk).await;
    ana.reads(&talk).await;
    let grouped =
        "[...document.querySelectorAll('.message')].map((one) => one.classList.contains('group-start'))";
    assert_eq!(
        beto.js(grouped).await,
        json!([true, true, true, false]),
        "the author stands once above what belongs together"
    );
    let own = "[...document.querySelectorAll('.message')].map((one) => one.classList.contains('own'))";
    assert_eq!(ana.js(own).await, json!([true, false, true, true]));

    // A newcomer sees no earlier message, and a leave is announced.
    beto.click("#leave-room").await;
    beto.until_says("#notice", "Saliste de la sala OFICINA.").await;
    ana.until_says("#messages", "usuario salió").await;
    assert_eq!(ana.members().await, json!(["cliente"]));
    beto.join("OFICINA", "secreta").await;
    beto.until_says("#messages", "No ves lo que se dijo antes de entrar.").await;
    assert_eq!(beto.messages().await, json!([]));
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

impl Browser {
    /// Waits until another user's page shows that `usuario` is typing.
    async fn until_says_typing(&self, other: &Self) {
        other.until_says("#typing", "usuario está escribiendo…").await;
    }
}

/// Texts stay texts, whatever they contain.
#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn html_in_messages_is_shown_as_text() {
    const EVIL: &str = "<img src=x onerror=alert(1)>";
    let server = Server::demo();
    let other = super::common::Client::usuario(&server);
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("SALA", "secreta").await;
    let mut socket = other.socket();
    assert_eq!(socket.join("SALA", "secreta", "group")["type"], "joined");
    socket.send_message("SALA", EVIL);
    ana.reads(&[("usuario", EVIL)]).await;
    ana.say(EVIL).await;
    ana.reads(&[("usuario", EVIL), ("cliente", EVIL)]).await;
    assert_eq!(ana.js("document.querySelectorAll('#messages img').length").await, 0);

    let admin = super::common::Client::admin(&server);
    let name = "<b onclick=alert(2)>acta";
    let stored = admin.upload(name, b"x");
    assert_eq!(stored.status, 201, "{}", stored.text());
    let shown = stored.json()["name"].clone();
    ana.goto("/listar").await;
    ana.until("document.querySelector('#files .file')").await;
    assert_eq!(ana.files().await, json!([shown]));
    assert_eq!(ana.js("document.querySelectorAll('#files b').length").await, 0);
    assert!(ana.driver().get_alert_text().await.is_err(), "no script ran");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn file_is_shared_and_deleted() {
    let server = Server::demo();
    let (ana, beto, admin) = (
        Browser::open(server.addr).await,
        Browser::open(server.addr).await,
        Browser::open(server.addr).await,
    );
    ana.sign_in("cliente", "cliente123").await;
    beto.sign_in("usuario", "usuario123").await;
    admin.sign_in("admin", "admin123").await;

    let folder = tempfile::tempdir().expect("a folder");
    // Over plain HTTP Chromium holds most kinds of files back until "Keep"; a text file is saved at once.
    let name = "Acta de reunión (2).txt";
    // Every byte value, many times, so that any text conversion shows.
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    std::fs::write(folder.path().join(name), &bytes).expect("writes");

    beto.goto("/listar").await;
    beto.until_says(
        "#empty-list",
        "Aún no hay archivos. Tu cuenta puede descargar; para subir, habla con quien administra PiChat.",
    )
    .await;
    let told = "document.querySelector('#download-only').hidden";
    assert_eq!(beto.js(told).await, true, "the empty list says it already");
    assert_eq!(
        beto.js("document.querySelector('#drop-zone').hidden").await,
        true,
        "a usuario does not upload"
    );

    ana.goto("/listar").await;
    ana.until_says("#empty-list", "Sube el primero: todos en la oficina lo podrán descargar.").await;
    ana.choose("#file-input", &folder.path().join(name)).await;
    ana.until_says("#notice", &format!("Se subió {name}.")).await;
    ana.until("document.querySelector('.file')").await;
    assert_eq!(ana.files().await, json!([name]));
    assert_eq!(ana.text(".file .state-chip").await, "Disponible");
    ana.until_says(".file .file-facts", "292 KB · cliente").await;

    beto.goto("/listar").await;
    beto.until("document.querySelector('.file')").await;
    assert_eq!(beto.js("document.querySelectorAll('.delete').length").await, 0);
    assert_eq!(beto.js(told).await, false);
    let link = beto.find(".download").await.attr("href").await.expect("says").expect("a link");
    assert!(link.starts_with("/api/files/") && link.ends_with("/content"), "{link}");
    beto.click(".download").await;
    assert_eq!(beto.downloaded(name).await, bytes);

    admin.goto("/listar").await;
    admin.click(".delete").await;
    assert_eq!(admin.text("#confirm-delete h2").await, "¿Borrar este archivo?");
    assert_eq!(admin.text("#confirm-name").await, name);
    admin.click("#confirm-delete button[value=no]").await;
    admin.until("!document.querySelector('#confirm-delete').open").await;
    assert_eq!(admin.files().await, json!([name]), "who says no keeps it");
    admin.click(".delete").await;
    admin.click("#confirm-button").await;
    admin.until_says("#notice", &format!("Se borró {name}.")).await;
    assert_eq!(admin.files().await, json!([]));
    beto.goto("/listar").await;
    beto.until_says("#empty-list", "Aún no hay archivos.").await;
    ana.finish(&[]).await;
    beto.finish(&["This file should be served over HTTPS"]).await;
    admin.finish(&[]).await;
}

impl Browser {
    /// Returns the bytes of a complete download.
    async fn downloaded(&self, name: &str) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Chromium writes to another name and renames at the end.
            if let Ok(bytes) = std::fs::read(self.downloads.join(name)) {
                return bytes;
            }
            let seen: Vec<_> = std::fs::read_dir(&self.downloads)
                .expect("is there")
                .flatten()
                .map(|f| f.file_name())
                .collect();
            assert!(Instant::now() < deadline, "{name} never came, only {seen:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

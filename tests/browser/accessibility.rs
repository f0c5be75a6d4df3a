//! Pages without JavaScript, with the keyboard alone, and in English.

use serde_json::json;
use thirtyfour::Key;

use super::browser::{Browser, Setup};
use super::common::{Client, Server};

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn sign_in_upload_and_sign_out_without_scripts() {
    let server = Server::demo();
    let ana = Browser::with(server.addr, Setup { scripts: false, ..Setup::default() }).await;
    ana.goto("/chat").await;
    ana.arrive("/login").await;
    ana.try_sign_in("cliente", "equivocada").await;
    let refusal = ana.text(".alert").await;
    assert!(refusal.contains("contraseña"), "{refusal}");
    assert_eq!(ana.path().await, "/login");
    ana.try_sign_in("cliente", "cliente123").await;
    ana.arrive("/chat").await;
    ana.goto("/inicio").await;
    assert_eq!(ana.text("#greeting").await, "Hola");
    assert!(ana.text("#rooms").await.contains("activa JavaScript"), "scripts do not run");
    ana.goto("/chat").await;
    assert!(ana.text(".join-view .alert").await.contains("activa JavaScript"));

    ana.goto("/listar").await;
    ana.click("a.button[href='/subir']").await;
    ana.arrive("/subir").await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("informe.txt"), "lo dicho").expect("writes");
    ana.choose("#file-input", &folder.path().join("informe.txt")).await;
    ana.click("#upload").await;
    ana.arrive("/listar").await;
    let files = Client::usuario(&server).get("/api/files").json();
    assert_eq!((&files[0]["name"], &files[0]["uploaded_by"]), (&json!("informe.txt"), &json!("cliente")));

    ana.click("#sign-out").await;
    ana.arrive("/login").await;
    ana.goto("/inicio").await;
    ana.arrive("/login").await;
    ana.finish(&["401 (Unauthorized)"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn keyboard_is_enough_to_sign_in_join_and_talk() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.goto("/login").await;
    // The first field has the focus at the start.
    ana.press("cliente" + Key::Tab + "cliente123" + Key::Enter).await;
    ana.arrive("/inicio").await;
    ana.until_says("#greeting", "cliente").await;
    ana.press(Key::Tab + "").await;
    assert_eq!(
        ana.js("document.activeElement.className").await,
        "skip-link",
        "the way past the navigation comes first"
    );
    ana.tab_to(".main-nav a[href='/chat']").await;
    ana.press(Key::Enter + "").await;
    ana.arrive("/chat").await;
    ana.until_online().await;
    ana.tab_to("#to-create").await;
    ana.press(Key::Enter + "").await;
    assert_eq!(ana.js("document.activeElement.id").await, "create-code");
    ana.press("OFICINA").await;
    ana.tab_to("#create-password").await;
    ana.press("secreta").await;
    ana.tab_to("#create").await;
    ana.press(Key::Enter + "").await;
    ana.until("document.activeElement.id === 'message-field'").await;
    ana.press("sin ratón" + Key::Enter).await;
    ana.reads(&[("cliente", "sin ratón")]).await;
    // Every other control is reached too, and the keyboard leaves the room.
    for control in [
        "#send",
        "#hide-members",
        ".brand",
        "#sign-out",
        "[role=tab]",
        "#favourite",
        "#show-members",
        "#leave-room",
    ] {
        ana.tab_to(control).await;
    }
    ana.press(Key::Enter + "").await;
    ana.until_says("#notice", "Saliste de la sala OFICINA.").await;
    assert_eq!(ana.js("document.activeElement.id").await, "room-code");
    ana.finish(&[]).await;
}

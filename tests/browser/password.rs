//! New passwords: the strength meter, and the change after a one-time password.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::server::user_command;
use super::common::{Client, Options, Server};

pub(crate) const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
pub(crate) const OWN: &str = "cuatro palabras sin orden";

/// Starts a server with the account `carla`; returns it with her one-time password.
pub(crate) fn given() -> (Server, String) {
    let server = Server::start(Options { users: vec![ANA], ..Options::default() });
    let (status, out, err) =
        user_command(&["add", "carla", "--role", "cliente", "--one-time"], &server.data_dir, "");
    assert!(status.success(), "{err}");
    let password = out.lines().find_map(|line| line.strip_prefix("Contraseña temporal: ")).expect("is shown");
    (server, password.to_owned())
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn strength_is_shown_while_typing() {
    let (server, one_time) = given();
    let carla = Browser::open(server.addr).await;
    carla.set_scene("light").await;
    carla.resize(1280, 800, false).await;
    carla.goto("/login").await;
    carla.try_sign_in("carla", &one_time).await;
    carla.arrive("/clave").await;
    carla.until_says(".note", "Esa contraseña era temporal.").await;
    assert_eq!(
        carla.js("document.querySelector('.back-home').checkVisibility()").await,
        false,
        "there is no way round"
    );
    assert_eq!(
        carla.js("document.querySelector('#password-strength').getAttribute('aria-live')").await,
        "polite"
    );
    let before = carla.js("performance.getEntriesByType('resource').map((one) => one.name).join(' ')").await;
    assert!(
        !before.to_string().contains("zxcvbn"),
        "large files are fetched at the first key press: {before}"
    );
    for (typed, said) in [
        ("cinco", "Muy corta: faltan 3 caracteres."),
        ("siete77", "Muy corta: falta 1 carácter."),
        ("password1", "es una de las más usadas"),
        ("carla2026", "Seguridad: débil. Mejora con 15 caracteres o más."),
        ("contraseña", "Seguridad: débil. Mejora con 15 caracteres o más."),
        ("x7Gq2!mZ", "Seguridad: regular. Mejora con 15 caracteres o más."),
        ("x7Gq2!mZx4w", "Seguridad: buena. Mejora con 15 caracteres o más."),
        (OWN, "Seguridad: fuerte."),
    ] {
        carla.fill("#password", typed).await;
        carla
            .until(&format!("document.querySelector('#password-strength').textContent.includes({said:?})"))
            .await;
    }
    let meter =
        carla.js("(({ min, max, low, high, value }) => [min, max, low, high, value >= high])(document.querySelector('meter'))");
    assert_eq!(meter.await, json!([0, 16, 8, 13, true]));
    let asked =
        carla.js("performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)").await;
    for part in ["/js/vendor/zxcvbn.js", "/passwords.txt", "/words-es.txt"] {
        let times = asked
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one.as_str().is_some_and(|one| one.ends_with(part)))
            .count();
        assert_eq!(times, 1, "{part} in {asked}");
    }

    carla.fill("#current-password", &one_time).await;
    carla.fill("#password-again", "otra cosa distinta").await;
    carla.click("#change-password").await;
    carla.until_says(".alert", "no son iguales").await;
    carla.fill("#current-password", &one_time).await;
    carla.fill("#password", OWN).await;
    carla.fill("#password-again", OWN).await;
    carla.click("#change-password").await;
    carla.arrive("/inicio").await;
    carla.until_says("#greeting", "carla").await;
    carla.until_says("#notice", "Tu contraseña nueva quedó guardada").await;
    carla.click("#to-password").await;
    carla.arrive("/clave").await;
    assert_eq!(
        carla
            .js("[document.querySelector('.note'), document.querySelector('.back-home').checkVisibility()]")
            .await,
        json!([null, true])
    );
    carla.finish(&["422 (Unprocessable"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn tab_open_before_a_reset_leads_to_the_change() {
    let server = Server::start(Options { users: vec![ANA, ("carla", OWN, "cliente")], ..Options::default() });
    let carla = Browser::open(server.addr).await;
    carla.sign_in("carla", OWN).await;
    carla.chat().await;
    let (status, ..) =
        user_command(&["passwd", "carla", "--must-change"], &server.data_dir, "la de la telefonista");
    assert!(status.success());
    // Its session has ended, so the chat leads to the sign-in and on to the change.
    carla.arrive("/login").await;
    carla.try_sign_in("carla", "la de la telefonista").await;
    carla.arrive("/clave").await;
    carla.goto("/chat").await;
    carla.arrive("/clave").await;
    // As a page that was not reloaded.
    let code = "fetch('/api/rooms').then((answer) => answer.json()).then((problem) => { window.code = problem.code; })";
    carla.js(&format!("void {code}")).await;
    assert_eq!(carla.until("window.code").await, "password_change_required");
    carla.finish_with(&["403 (Forbidden)"], &["401 (Unauthorized)", "WebSocket"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn password_pages_fit_a_phone_in_both_colours() {
    let (server, one_time) = given();
    for (scheme, width, phone) in
        [("light", 390, true), ("dark", 390, true), ("light", 1280, false), ("dark", 1280, false)]
    {
        let carla = Browser::open(server.addr).await;
        carla.set_scene(scheme).await;
        carla.resize(width, 844, phone).await;
        carla.goto("/login").await;
        carla.try_sign_in("carla", &one_time).await;
        carla.arrive("/clave").await;
        carla.fill("#password", "x7Gq2!mZx4w").await;
        carla.until_says("#password-strength", "buena").await;
        assert_eq!(carla.js("document.documentElement.scrollWidth").await, json!(width));
        carla.finish(&[]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn english_browser_changes_password_without_scripts() {
    let (server, one_time) = given();
    let carla =
        Browser::with(server.addr, Setup { scripts: false, languages: "en-US,en", ..Setup::default() }).await;
    carla.goto("/login").await;
    carla.try_sign_in("carla", &one_time.to_lowercase()).await;
    carla.arrive("/clave").await;
    carla.until_says(".note", "Choose one that only you know").await;
    carla.fill("#current-password", &one_time).await;
    carla.fill("#password", "password1").await;
    carla.fill("#password-again", "password1").await;
    carla.click("#change-password").await;
    carla.until_says(".alert", "among the most common").await;
    carla.fill("#current-password", &one_time).await;
    carla.fill("#password", OWN).await;
    carla.fill("#password-again", OWN).await;
    carla.click("#change-password").await;
    carla.arrive("/inicio").await;
    carla.finish(&["422 (Unprocessable"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn chat_tab_continues_after_a_password_change_elsewhere() {
    let server = Server::start(Options { users: vec![ANA, ("carla", OWN, "cliente")], ..Options::default() });
    let (carla, ana) = (Browser::open(server.addr).await, Client::signed_in(&server, ANA.0, ANA.1));
    carla.sign_in("carla", OWN).await;
    carla.chat().await;
    carla.join("SALA", "secreta").await;
    let mut socket = ana.socket();
    socket.join_default("SALA");
    // Request of another tab's page; the browser has one cookie for both.
    let body = json!({"current": OWN, "new": "otras palabras sin orden"}).to_string();
    let change = format!(
        "fetch('/api/password', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: {body:?} }})
         .then((answer) => {{ window.changed = answer.status; }})"
    );
    carla.js(&format!("void {change}")).await;
    assert_eq!(carla.until("window.changed").await, 204);
    server.wait_for_line("event=socket.closed result=ok user=\"carla\" addr=127.0.0.1 code=4001");
    carla.until_online().await;
    assert_eq!(carla.js("location.pathname").await, "/chat");
    socket.send_message("SALA", "¿sigues ahí?");
    carla.reads(&[("ana", "¿sigues ahí?")]).await;
    carla.say("sí").await;
    assert_eq!(socket.recv_type("message")["text"], "sí");
    carla.finish_with(&[], &["WebSocket"]).await;
}

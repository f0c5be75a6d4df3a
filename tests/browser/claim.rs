//! Claim of a new device from a phone.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::{Options, Server};

/// Starts a server without accounts; returns it with its code.
pub(crate) fn unclaimed() -> (Server, String, tempfile::TempDir) {
    let run = tempfile::tempdir().expect("a folder");
    let options = Options { serve: true, ..Options::default() };
    let server = Server::start(options.env("RUNTIME_DIRECTORY", run.path().to_str().expect("text")));
    let code = std::fs::read_to_string(run.path().join("claim")).expect("a code").trim().to_owned();
    (server, code, run)
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn holder_of_the_code_becomes_administrator() {
    let (server, code, _run) = unclaimed();
    let ana = Browser::open(server.addr).await;
    ana.resize(390, 844, true).await;
    ana.goto("/").await;
    ana.arrive("/activar").await;
    let widths = ana.js("[document.documentElement.scrollWidth, document.body.scrollWidth]").await;
    assert_eq!(widths, json!([390, 390]));
    ana.fill("#setup-code", "0000-0000-00000").await;
    ana.fill("#username", "ana").await;
    ana.fill("#password", "una-clave-larga").await;
    ana.fill("#password-again", "una-clave-larga").await;
    ana.click("#set-up").await;
    ana.until_says(".alert", "Ese código no es correcto").await;
    assert_eq!(
        ana.js("[document.querySelector('#username').value, document.querySelector('#password').value]")
            .await,
        json!(["ana", ""])
    );
    ana.fill("#setup-code", &code.to_lowercase()).await;
    ana.fill("#password", "ana2026").await;
    ana.until_says("#password-strength", "Muy corta").await;
    ana.fill("#password", "ana-2026").await;
    ana.until_says("#password-strength", "débil").await;
    ana.fill("#password", "una-clave-larga").await;
    ana.fill("#password-again", "otra-clave-larga").await;
    ana.click("#set-up").await;
    ana.until_says(".alert", "no son iguales").await;
    ana.fill("#password", "una-clave-larga").await;
    ana.fill("#password-again", "una-clave-larga").await;
    ana.click("#set-up").await;
    ana.arrive("/inicio").await;
    ana.until_says("#greeting", "ana").await;
    ana.goto("/reclamar").await;
    ana.arrive("/inicio").await;
    ana.finish(&["403 (Forbidden)", "422 (Unprocessable"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn claim_page_fits_desk_and_phone_in_both_colours() {
    let (server, _, _run) = unclaimed();
    for (scheme, width, phone) in
        [("light", 390, true), ("dark", 390, true), ("light", 1280, false), ("dark", 1280, false)]
    {
        let ana = Browser::open(server.addr).await;
        ana.set_scene(scheme).await;
        ana.resize(width, 900, phone).await;
        ana.goto("/reclamar").await;
        ana.fill("#username", "ana").await;
        ana.fill("#password", "cuatro palabras").await;
        ana.until_says("#password-strength", "Seguridad").await;
        assert_eq!(ana.js("document.documentElement.scrollWidth").await, json!(width));
        ana.finish(&[]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn english_browser_claims_without_scripts() {
    let (server, code, _run) = unclaimed();
    let ana =
        Browser::with(server.addr, Setup { scripts: false, languages: "en-US,en", ..Setup::default() }).await;
    ana.goto("/login").await;
    ana.arrive("/activar").await;
    ana.fill("#setup-code", "0000-0000-00000").await;
    ana.fill("#username", "ana").await;
    ana.fill("#password", "una-clave-larga").await;
    ana.fill("#password-again", "una-clave-larga").await;
    ana.click("#set-up").await;
    ana.until_says(".alert", "That code is not correct").await;
    ana.fill("#setup-code", &code).await;
    ana.fill("#password", "una-clave-larga").await;
    ana.fill("#password-again", "una-clave-larga").await;
    ana.click("#set-up").await;
    ana.arrive("/inicio").await;
    ana.finish(&["403 (Forbidden)"]).await;
}

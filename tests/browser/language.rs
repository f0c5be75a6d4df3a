//! Pages in the language of their reader: from the first byte, switched on every page, with and without
//! scripts.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::Server;

/// Words that stand in Spanish pages and in no English one.
const SPANISH: &str = r"/\b(sesión|contraseña|archivo|archivos|sala|salas|quien|para)\b/i";

impl Browser {
    async fn reads_english(&self, page: &str) {
        assert_eq!(self.js("document.documentElement.lang").await, "en", "{page}");
        let left = self.js(&format!("document.body.innerText.match({SPANISH})?.[0] ?? ''")).await;
        assert_eq!(left, "", "{page} has a Spanish word");
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn english_browser_reads_english() {
    for scripts in [true, false] {
        let server = Server::demo();
        let ana =
            Browser::with(server.addr, Setup { scripts, languages: "en-US,en", ..Setup::default() }).await;
        ana.goto("/login").await;
        ana.until_says("#sign-in", "Sign in").await;
        assert_eq!(ana.driver().title().await.expect("a title"), "Sign in · PiChat");
        assert_eq!(
            ana.js("[...document.querySelectorAll('label')].map((one) => one.textContent)").await,
            json!(["User name", "Password"])
        );
        ana.reads_english("/login").await;
        ana.try_sign_in("admin", "wrong").await;
        ana.until_says(".alert", "Wrong user name or password.").await;
        ana.try_sign_in("admin", "admin123").await;
        ana.arrive("/inicio").await;
        ana.until_says("#greeting", if scripts { "Hello, admin" } else { "Hello" }).await;
        for page in ["/inicio", "/clave", "/chat", "/listar", "/subir", "/nada"] {
            ana.goto(page).await;
            if scripts {
                ana.until("document.querySelector('.incomplete') === null").await;
            }
            ana.reads_english(page).await;
        }
        ana.finish(&["401 (Unauthorized)", "404 (Not Found)"]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn language_is_switched_on_every_page_and_kept() {
    for scripts in [true, false] {
        let server = Server::demo();
        let ana = Browser::with(server.addr, Setup { scripts, ..Setup::default() }).await;
        ana.sign_in("cliente", "cliente123").await;
        for page in ["/inicio", "/clave", "/chat", "/listar", "/subir", "/nada"] {
            for lang in ["en", "es"] {
                ana.goto(page).await;
                ana.click(&format!(".language button[value={lang}]")).await;
                ana.until(&format!("document.documentElement.lang === {lang:?}")).await;
                assert_eq!(ana.path().await, page, "the switch leads back");
            }
        }
        ana.click(".language button[value=en]").await;
        ana.until("document.documentElement.lang === 'en'").await;
        ana.goto("/inicio").await;
        ana.click("#sign-out").await;
        ana.arrive("/login").await;
        ana.until_says("#sign-in", "Sign in").await;
        ana.click(".language button[value=es]").await;
        ana.until_says("#sign-in", "Iniciar sesión").await;
        ana.finish(&["404 (Not Found)"]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn language_switch_keeps_the_reason_of_a_sign_out() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.goto("/login#reset").await;
    ana.until_says(".alert.note", "Quien administra PiChat cerró tus sesiones").await;
    for (lang, sentence) in [
        ("en", "Your PiChat administrator ended your sessions"),
        ("es", "Quien administra PiChat cerró tus sesiones"),
    ] {
        ana.click(&format!(".language button[value={lang}]")).await;
        ana.until(&format!("document.documentElement.lang === {lang:?}")).await;
        ana.until_says(".alert.note", sentence).await;
        assert_eq!(ana.js("location.pathname + location.hash").await, "/login#reset");
    }
    // Nothing in the fragment leads to another place.
    for (lang, fragment) in [
        ("en", "//evil.example/"),
        ("es", "@evil.example"),
        ("en", "/../listar?a=b"),
        ("es", "https://evil.example/#x"),
        ("en", "%0d%0aLocation:%20//evil.example"),
    ] {
        ana.goto(&format!("/login#{fragment}")).await;
        let from = ana.js("location.href").await;
        ana.click(&format!(".language button[value={lang}]")).await;
        ana.until(&format!("document.documentElement.lang === {lang:?}")).await;
        assert_eq!(ana.js("location.href").await, from);
    }
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn page_is_in_its_language_before_scripts_run() {
    let server = Server::demo();
    let ana = Browser::with(server.addr, Setup { languages: "en-US,en", ..Setup::default() }).await;
    ana.sign_in("cliente", "cliente123").await;
    for page in ["/inicio", "/chat", "/listar", "/subir", "/clave"] {
        ana.goto(page).await;
        ana.until("document.querySelector('.incomplete') === null").await;
        ana.js(&format!(
            "void fetch({page:?}).then((answer) => answer.text()).then((text) => {{
                const served = new DOMParser().parseFromString(text, 'text/html');
                const labels = (from) => [...from.querySelectorAll('h1:not([id]), h2:not(#open-room-code), label, nav a')]
                    .map((one) => one.textContent.trim()).join('|');
                window.served = [served.documentElement.lang, labels(served), labels(document)];
            }})"
        ))
        .await;
        let served = ana.until("window.served").await;
        assert!(served[0] == "en" && served[1] == served[2], "{page}: {served}");
    }
    ana.finish(&[]).await;
}

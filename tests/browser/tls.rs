//! Browsers with and without the device's authority.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::Options;
use super::common::tls::Secure;

fn device() -> Secure {
    let users = vec![("ana", "una-clave-larga", "administrator"), ("berta", "otra-clave-larga", "usuario")];
    Secure::start(Options { users, ..Options::default() })
}

impl Secure {
    fn plain_base(&self) -> String {
        format!("http://pichat.local:{}", self.plain.port())
    }
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver and certutil; .ci/run installs them"]
async fn browser_with_the_certificate_chats() {
    let device = device();
    let ana = Browser::at(device.plain_base(), Setup::default(), Some(&device.authority_file)).await;
    ana.goto("/probar").await;
    ana.until("/yes|no/.test(document.querySelector('#connection').dataset.state)").await;
    ana.until_says("#trust .yes", "Este navegador ya reconoce a PiChat.").await;
    assert_eq!(
        ana.js("[...document.querySelectorAll('.check')].map((one) => one.dataset.state)").await,
        json!(["yes", "yes"])
    );
    assert!(ana.text("#connection").await.contains("La conexión del chat funciona."));
    assert_eq!(ana.js("isSecureContext").await, false, "the page itself came without TLS");

    ana.goto("/confianza").await;
    ana.until("document.querySelector('#trust').dataset.state === 'yes'").await;
    // A typed host name is redirected.
    ana.goto("/").await;
    ana.arrive("/login").await;
    assert_eq!(
        ana.js("[location.protocol, isSecureContext]").await,
        json!(["https:", true]),
        "{}",
        ana.driver().current_url().await.expect("an address")
    );
    ana.fill("#username", "ana").await;
    ana.fill("#password", "una-clave-larga").await;
    ana.click("#sign-in").await;
    ana.arrive("/inicio").await;
    let there = format!("https://pichat.local:{}/chat", device.server.addr.port());
    ana.driver().goto(&there).await.expect("is there");
    ana.join("OFICINA", "secreta").await;
    ana.say("hola por TLS").await;
    ana.reads(&[("ana", "hola por TLS")]).await;
    assert_eq!(ana.js("isSecureContext").await, true);
    assert_eq!(ana.js("document.cookie").await, "", "the cookie is none of a script's business");

    // The check over HTTPS itself.
    ana.driver().goto(there.replace("/chat", "/probar")).await.expect("is there");
    ana.until("document.querySelector('#connection').dataset.state === 'yes'").await;
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn browser_without_the_certificate_gets_instructions() {
    let device = device();
    let ana = Browser::at(device.plain_base(), Setup::default(), None).await;
    ana.resize(390, 844, true).await;
    ana.goto("/probar").await;
    ana.until("document.querySelector('#connection').dataset.state === 'no'").await;
    assert!(ana.text("#trust").await.contains("Este navegador todavía no reconoce a PiChat."));
    ana.click("#trust a").await;
    ana.arrive("/confianza").await;
    ana.goto("/").await;
    ana.until("document.querySelector('#trust').dataset.state === 'no'").await;
    assert_eq!(ana.path().await, "/", "it stays where the steps are");
    for (width, height, phone) in [(320, 640, true), (390, 844, true), (1280, 800, false)] {
        ana.resize(width, height, phone).await;
        ana.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })").await;
        let widest =
            ana.js("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)").await;
        assert!(widest.as_u64().is_some_and(|widest| widest <= width.into()), "{widest} on {width}");
    }
    // Every step is shown in one language, and a switch shows the other.
    assert_eq!(ana.js("document.querySelectorAll('details').length").await, 5);
    assert_eq!(ana.js("document.documentElement.lang").await, "es");
    ana.click("header a[hreflang=en]").await;
    ana.until_says("#trust .no", "This browser does not trust PiChat yet.").await;
    assert_eq!(ana.text("h1").await, "One step, only once");
    assert_eq!(ana.js("document.documentElement.lang").await, "en");
    ana.finish(&["ERR_CERT_AUTHORITY_INVALID"]).await;
}

//! Chat behind nginx and Caddy with TLS, set up as `docs/INSTALL.md` says.

use super::browser::{Browser, Setup};
use super::common::proxy::{Kind, Proxied};

async fn chats_and_uploads(kind: Kind) {
    if !kind.is_installed() {
        return;
    }
    let proxied = Proxied::start(kind, "");
    let open = || Browser::at(proxied.origin(), Setup::default(), Some(&proxied.authority_file));
    let (ana, beto) = (open().await, open().await);
    for (browser, user, password) in [(&ana, "cliente", "cliente123"), (&beto, "usuario", "usuario123")] {
        browser.sign_in(user, password).await;
        browser.goto("/chat").await;
        browser.until_online().await;
        browser.join("OFICINA", "secreta").await;
    }
    ana.say("hola por el proxy").await;
    for browser in [&ana, &beto] {
        browser.reads(&[("cliente", "hola por el proxy")]).await;
        assert_eq!(browser.js("isSecureContext && location.protocol").await, "https:");
    }
    let file = proxied.server.data_dir.join("acta.txt");
    std::fs::write(&file, vec![b'x'; 300_000]).expect("writes");
    ana.goto("/subir").await;
    ana.choose("#file-input", &file).await;
    ana.click("#upload").await;
    ana.arrive("/listar").await;
    beto.goto("/listar").await;
    beto.until("document.querySelector('#files .file')").await;
    beto.until_says(".file .file-facts", "292 KB · cliente").await;
    ana.finish(&[]).await;
    beto.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver, certutil and nginx; .ci/run installs them"]
async fn people_chat_and_upload_behind_nginx() {
    chats_and_uploads(Kind::Nginx).await;
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver, certutil and caddy; .ci/run installs them"]
async fn people_chat_and_upload_behind_caddy() {
    chats_and_uploads(Kind::Caddy).await;
}

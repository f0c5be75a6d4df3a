//! Loading of pages: in one round first, from the browser's cache later, and with a message if a script is
//! missing.

use serde_json::{Value, json};

use super::browser::{Browser, Setup};
use super::common::{Client, Server};

/// Resources of the page: path, and true if the network was used.
const LOADED: &str = "performance.getEntriesByType('resource').map((one) => [new URL(one.name).pathname, one.transferSize > 0])";

/// Static files from the network, and those from the browser's cache.
async fn loaded(browser: &Browser) -> (Vec<String>, Vec<String>) {
    let all = browser.js(LOADED).await;
    let all = all
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one[0].as_str().expect("a path").to_owned(), one[1] == true));
    let (asked, kept): (Vec<_>, Vec<_>) =
        all.filter(|(path, _)| path.starts_with("/static/")).partition(|(_, asked)| *asked);
    let paths = |list: Vec<(String, bool)>| list.into_iter().map(|(path, _)| path).collect();
    (paths(asked), paths(kept))
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn second_visit_requests_the_page_only() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.until_online().await;
    let (asked, _) = loaded(&ana).await;
    // Earlier pages have loaded the others.
    assert!(asked.iter().any(|path| path.ends_with("/css/chat.css")), "{asked:?}");
    ana.goto("/login").await;
    ana.chat().await;
    ana.until_online().await;
    let (asked, kept) = loaded(&ana).await;
    assert!(asked.is_empty() && kept.len() >= 6, "asked for {asked:?}, had {kept:?}");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn chat_scripts_are_requested_in_one_round() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.until_online().await;
    // A script that another one imports would be found only after that one.
    let late = ana
        .js("(() => {
            const scripts = performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js'));
            const page = scripts.find((one) => one.name.endsWith('/js/app.js'));
            return scripts.filter((one) => one.startTime > page.responseEnd).map((one) => one.name);
        })()")
        .await;
    assert_eq!(late, json!([]), "asked for after the page's own script had come");
    ana.finish(&[]).await;
}

impl Browser {
    async fn block(&self, urls: &[&str]) {
        self.cdp("Network.enable", json!({})).await;
        self.cdp("Network.setBlockedURLs", json!({ "urls": urls })).await;
    }

    async fn notice_is_seen(&self) -> Value {
        self.js("(() => { const one = document.querySelector('.incomplete'); return one !== null && getComputedStyle(one).visibility === 'visible'; })()")
            .await
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn page_without_its_script_offers_a_retry() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.block(&["*/js/app.js"]).await;
    ana.goto("/listar").await;
    assert_eq!(ana.notice_is_seen().await, false, "a script may take a while");
    ana.until("getComputedStyle(document.querySelector('.incomplete')).visibility === 'visible'").await;
    let text = ana.text(".incomplete").await;
    assert!(text.contains("La página no cargó completa.") && text.contains("Inténtalo de nuevo"), "{text}");
    assert_eq!(ana.js("document.querySelector('.incomplete').getAttribute('role')").await, "alert");
    ana.block(&[]).await;
    ana.click(".incomplete a").await;
    ana.until_says("#empty-list", "Aún no hay archivos.").await;
    assert_eq!(ana.js("document.querySelector('.incomplete')").await, Value::Null);
    assert_eq!(ana.path().await, "/listar");
    ana.finish_with(&[], &["net::ERR_BLOCKED_BY_CLIENT"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn pages_without_scripts_report_no_missing_one() {
    let server = Server::demo();
    let ana = Browser::with(server.addr, Setup { scripts: false, ..Setup::default() }).await;
    ana.goto("/login").await;
    let shown = |browser: &Browser| {
        let driver = browser.driver().clone();
        async move {
            let notice = driver.find(thirtyfour::By::Css(".incomplete")).await.expect("is in the page");
            notice.css_value("display").await.expect("a value")
        }
    };
    assert_eq!(shown(&ana).await, "none");
    ana.try_sign_in("cliente", "cliente123").await;
    ana.arrive("/inicio").await;
    assert_eq!(shown(&ana).await, "none");
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn long_list_is_paged_and_search_covers_all() {
    let server = Server::demo();
    fill(&server, 450);
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.goto("/listar").await;
    let rows = |count: usize| format!("document.querySelectorAll('#files .file').length === {count}");
    ana.until(&rows(200)).await;
    ana.until_says("#summary", "Se muestran 200 de 450 archivos").await;
    ana.click("#show-more").await;
    ana.until(&rows(400)).await;
    assert_eq!(ana.js("document.activeElement.id").await, "show-more", "one may press again");
    // Loaded rows are kept when the list is refreshed, and new ones stand at the top.
    let stored = Client::cliente(&server).upload("recién llegado.txt", b"x");
    assert_eq!(stored.status, 201);
    ana.js("document.dispatchEvent(new Event('visibilitychange'))").await;
    ana.until("document.querySelector('#files .file').dataset.name === 'recién llegado.txt'").await;
    ana.until_says("#summary", "Se muestran 400 de 451 archivos").await;
    ana.fill("#filter", "acta 003").await;
    ana.until(&rows(1)).await;
    ana.until_says("#summary", "1 / 451 archivos").await;
    ana.fill("#filter", "nada de esto").await;
    ana.until_says("#empty-list", "Ningún archivo se llama así.").await;
    ana.fill("#filter", "acta").await;
    ana.until(&rows(450)).await;
    assert_eq!(ana.js("document.querySelector('#show-more').hidden").await, true, "all is here");
    assert_eq!(
        ana.js("new Set([...document.querySelectorAll('.file')].map((row) => row.dataset.id)).size").await,
        450
    );
    ana.finish(&[]).await;
}

/// Inserts file records into the database, as if they had been uploaded.
fn fill(server: &Server, count: usize) {
    let mut db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    let tx = db.transaction().expect("begins");
    for n in 0..count {
        tx.execute(
            "INSERT INTO files (id, name, size, sha256, media_type, state, reasons, uploaded_by, uploaded_at)
             VALUES (?1, ?2, 1, zeroblob(32), 'text/plain', 'clean', '', 'otra', 0)",
            rusqlite::params![format!("{n:032x}"), format!("acta {n:03}.txt")],
        )
        .expect("inserts");
    }
    tx.commit().expect("commits");
}

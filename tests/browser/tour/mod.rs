//! Walk through every page and its main states, in both languages: axe checks them, and the pictures of
//! `docs/screens` are taken, on the same way.

mod chat;
mod files;
mod outside;
mod pictures;
mod rooms;
mod states;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::browser::{Browser, Setup};
use super::common::tls::Secure;
use super::common::{Client, Options, Server, Socket};
use super::network_cable::TcpProxy;
use states::STATES;

const PASSWORD: &str = "tres-palabras-largas";
const ROOM_PASSWORD: &str = "cafe-de-las-diez";
/// Name at the greatest length.
const LONG_NAME: &str = "despachos-zona-franca-del-norte1";
const USERS: [(&str, &str, &str); 8] = [
    ("laura", PASSWORD, "administrator"),
    ("recepcion", PASSWORD, "cliente"),
    ("bodega", PASSWORD, "cliente"),
    ("compras", PASSWORD, "usuario"),
    (LONG_NAME, PASSWORD, "cliente"),
    ("carlos", PASSWORD, "usuario"),
    ("diana", PASSWORD, "cliente"),
    ("mateo", PASSWORD, "cliente"),
];
/// Limits that the walk would reach, and a ring and a file limit that it reaches on purpose.
const SETTINGS: &str = "[limits]\nlogins_per_minute = 600\njoins_per_minute = 600\nrequest_burst = 4000\n\
    requests_per_minute = 60000\nuploads_per_minute = 100\nupload_burst = 100\nmessages_per_minute = 600\n\
    message_burst = 200\nroom_ring = 30\n[files]\nmax_file_mib = 1\n";
/// Width, height, touch. Clicks between the states are those of the last.
const SCREENS: [(u32, u32, bool); 2] = [(390, 844, true), (1440, 900, false)];
const SCHEMES: [&str; 2] = ["light", "dark"];
/// Console messages of refused sign-ins and pages, broken lines, and an unknown authority.
const EXPECTED: [&str; 4] = [
    "Failed to load resource",
    "WebSocket",
    "ERR_CERT_AUTHORITY_INVALID",
    "Not supported for insecure origins",
];

/// Runs axe with every rule, or with one; returns a line for each element of a violation.
pub(crate) const AXE: &str = "const [only, done] = arguments;
    const which = only ? { runOnly: { type: 'rule', values: [only] } } : { rules: { 'target-size': { enabled: true } } };
    axe.run(document, { resultTypes: ['violations'], ...which }).then(
      ({ violations }) => done(violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} · ${node.failureSummary}`))),
      (error) => done([String(error)]));";

/// Purpose of a walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Axe,
    Pictures,
}

/// One walk in one language.
struct Tour {
    lang: &'static str,
    purpose: Purpose,
    visited: Mutex<BTreeSet<String>>,
    violations: Mutex<Vec<String>>,
}

/// Returns axe-core, which `.ci/setup.sh` installs.
pub(crate) fn axe_source() -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let file = cache.expect("a home folder").join("pichat/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}; run .ci/setup.sh", file.display()))
}

impl Tour {
    fn setup(&self, scripts: bool) -> Setup {
        let languages = if self.lang == "es" { "es-CO,es" } else { "en-US,en" };
        Setup { scripts, languages, ..Setup::default() }
    }

    /// Returns the text of the walk's language.
    fn say<'a>(&self, es: &'a str, en: &'a str) -> &'a str {
        if self.lang == "es" { es } else { en }
    }

    /// Visits the state that the browser shows: each size, light and dark.
    async fn at(&self, browser: &Browser, name: &str) {
        self.at_after(browser, name, "").await;
    }

    /// Like [`Self::at`], after this script in each size.
    async fn at_after(&self, browser: &Browser, name: &str, script: &str) {
        assert!(STATES.iter().any(|(state, _)| *state == name), "{name} is not in the list");
        assert!(self.visited.lock().expect("no panic").insert(name.to_owned()), "{name} was visited before");
        for screen in SCREENS {
            browser.resize(screen.0, screen.1, screen.2).await;
            for scheme in SCHEMES {
                browser.set_scene(scheme).await;
                if !script.is_empty() {
                    browser.js(&format!("(() => {{ {script} }})()")).await;
                }
                let variant = format!("{name}-{}-{scheme}-{}", screen.0, self.lang);
                match self.purpose {
                    // The schemes differ in their colours only.
                    Purpose::Axe if scheme == "dark" => self.check(browser, &variant, "color-contrast").await,
                    Purpose::Axe => self.check(browser, &variant, "").await,
                    Purpose::Pictures => browser.save_picture(&variant).await,
                }
            }
        }
    }

    async fn check(&self, browser: &Browser, variant: &str, only: &str) {
        let found = browser.driver().execute_async(AXE, vec![json!(only)]).await;
        let found = found.unwrap_or_else(|e| panic!("{variant}: {e}")).json().clone();
        let lines = found.as_array().expect("a list").iter().filter_map(Value::as_str);
        self.violations.lock().expect("no panic").extend(lines.map(|line| format!("{variant}: {line}")));
    }

    async fn open(&self, base: String, authority: Option<&std::path::Path>) -> Browser {
        let browser = Browser::at(base, self.setup(true), authority).await;
        if self.purpose == Purpose::Axe {
            let source = json!({"source": axe_source()});
            browser.cdp("Page.addScriptToEvaluateOnNewDocument", source).await;
        }
        browser
    }

    /// Walks through everything.
    async fn walk(&self) {
        self.walk_outside().await;
        let mut office = Office::open(self).await;
        self.walk_account(&office).await;
        self.walk_files(&office).await;
        self.walk_chat(&mut office).await;
        office.front.finish_with(&[], &EXPECTED).await;
        let visited = self.visited.lock().expect("no panic");
        let missed: Vec<_> =
            STATES.iter().map(|(name, _)| *name).filter(|name| !visited.contains(*name)).collect();
        assert!(missed.is_empty() || self.purpose == Purpose::Axe, "never shown: {missed:?}");
        let violations = self.violations.lock().expect("no panic");
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}

/// An office behind a cable, a device with HTTPS, and the browser of its reception.
struct Office {
    server: Option<Server>,
    device: Secure,
    cable: TcpProxy,
    front: Browser,
    data: tempfile::TempDir,
}

impl Office {
    async fn open(tour: &Tour) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let options = Options { users: USERS.to_vec(), ..Options::config(SETTINGS) };
        let server = Server::start(options.data_dir(data.path()));
        let device = Secure::start(Options { users: USERS[..2].to_vec(), ..Options::default() });
        let cable = TcpProxy::start(server.addr);
        let base = format!("http://pichat.local:{}", cable.addr.port());
        let front = tour.open(base, Some(&device.authority_file)).await;
        Self { server: Some(server), device, cable, front, data }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("runs")
    }

    fn client(&self, user: &str) -> Client {
        Client::signed_in(self.server(), user, PASSWORD)
    }

    async fn other_tab(&self) -> Socket {
        other_tab(&self.front, self.server()).await
    }
}

/// Returns a socket of the browser's own session, as another tab opens it.
async fn other_tab(browser: &Browser, server: &Server) -> Socket {
    let name = server.cookie_name();
    let cookie = browser.driver().get_named_cookie(&name).await.expect("a session");
    let cookie = Some(format!("{name}={}", cookie.value));
    Client { cookie, ..Client::new(server) }.socket()
}

impl Browser {
    /// Opens a page of another server.
    async fn goto_at(&self, url: &str) {
        self.driver().goto(url).await.unwrap_or_else(|e| panic!("{url}: {e}"));
    }

    /// Opens a page and waits for its script.
    async fn open_page(&self, path: &str) {
        self.goto(path).await;
        self.until("document.querySelector('.incomplete') === null").await;
    }

    /// Signs in as another person, in a session of its own.
    async fn change_to(&self, user: &str) {
        self.driver().delete_all_cookies().await.expect("deletes");
        self.sign_in(user, PASSWORD).await;
    }

    async fn chat_page(&self) {
        self.open_page("/chat").await;
        self.until("document.querySelector('#connection-state')?.dataset.state === 'online'").await;
    }
}

async fn walk_in_both_languages(purpose: Purpose) {
    let [es, en] = ["es", "en"].map(|lang| Tour {
        lang,
        purpose,
        visited: Mutex::default(),
        violations: Mutex::default(),
    });
    tokio::join!(Box::pin(es.walk()), Box::pin(en.walk()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs chromium, chromedriver, certutil and axe-core; .ci/run installs them"]
async fn axe_finds_no_violation_in_any_state() {
    walk_in_both_languages(Purpose::Axe).await;
}

/// Writes `docs/screens`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "writes docs/screens; needs chromium, chromedriver and certutil"]
async fn screens() {
    if std::env::var_os("PICHAT_TEST_BLESS").is_none() {
        return;
    }
    pictures::clear();
    walk_in_both_languages(Purpose::Pictures).await;
    pictures::write_index();
}

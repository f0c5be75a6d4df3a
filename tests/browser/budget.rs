//! Requests and compressed bytes of each page, counted between browser and server: with an empty cache, and on
//! a second visit. `cargo test --test browser -- --ignored budget --nocapture` prints the table.

use std::time::{Duration, Instant};

use serde_json::json;

use super::browser::{Browser, PATIENCE, Setup};
use super::claim::unclaimed;
use super::common::tls::Secure;
use super::common::{Options, Server};
use super::network_cable::{TcpProxy, Traffic};

/// Silence on the cable after which a page has asked for all.
const QUIET: Duration = Duration::from_millis(700);
const SECOND_VISIT_REQUESTS: usize = 3;

/// Most that the first visit of a page may cost.
#[derive(Clone, Copy)]
struct Budget {
    requests: usize,
    kib: usize,
}

const SIGN_IN: Budget = Budget { requests: 15, kib: 60 };
const CHAT: Budget = Budget { requests: 20, kib: 120 };

/// Page, as the test visits it.
struct Visit<'a> {
    path: &'a str,
    budget: Budget,
    /// The chat's socket is one of the requests.
    has_socket: bool,
    /// Requests that do not pass the cable.
    elsewhere: usize,
}

const fn visit(path: &str, budget: Budget, has_socket: bool) -> Visit<'_> {
    Visit { path, budget, has_socket, elsewhere: 0 }
}

impl Browser {
    /// Opens a page, and returns what passed until it had all.
    async fn load(&self, cable: &TcpProxy, page: &Visit<'_>) -> Traffic {
        self.driver().goto("about:blank").await.expect("is there");
        settled(cable, false).await;
        cable.take_traffic();
        self.goto(page.path).await;
        settled(cable, page.has_socket).await;
        let mut traffic = cable.take_traffic();
        traffic.requests.extend((0..page.elsewhere).map(|_| "elsewhere".to_owned()));
        traffic
    }

    /// Visits a page twice and returns what was over a budget.
    #[allow(clippy::print_stdout, reason = "the figures of docs/PERFORMANCE.md")]
    async fn measure(&self, cable: &TcpProxy, page: &Visit<'_>) -> Vec<String> {
        self.driver().goto("about:blank").await.expect("is there");
        self.cdp("Network.clearBrowserCache", json!({})).await;
        let first = self.load(cable, page).await;
        let second = self.load(cable, page).await;
        let cost = |traffic: &Traffic| {
            format!("{:2} requests, {:5.1} KiB", traffic.requests.len(), traffic.bytes as f64 / 1024.0)
        };
        println!("{:12} first {}; second {}", page.path, cost(&first), cost(&second));
        let mut over = Vec::new();
        let Budget { requests, kib } = page.budget;
        if first.requests.len() > requests || first.bytes > kib * 1024 {
            over.push(format!("{}, first visit: {}: {:?}", page.path, cost(&first), first.requests));
        }
        if second.requests.len() > SECOND_VISIT_REQUESTS {
            over.push(format!("{}, second visit: {}: {:?}", page.path, cost(&second), second.requests));
        }
        over
    }
}

/// Waits until nothing has passed for a while; with `has_socket` not before the socket was asked for.
async fn settled(cable: &TcpProxy, has_socket: bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = (cable.traffic(), Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let now = cable.traffic();
        let is_open = !has_socket || now.requests.iter().any(|request| request == "GET /ws");
        if now.bytes != seen.0.bytes || now.requests.len() != seen.0.requests.len() {
            seen = (now, Instant::now());
        } else if is_open && seen.1.elapsed() > QUIET {
            return;
        }
        assert!(Instant::now() < deadline, "no end, or no socket: {seen:?}");
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn pages_stay_within_their_budget() {
    let server = Server::demo();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    let mut over = ana.measure(&cable, &visit("/login", SIGN_IN, false)).await;
    over.extend(ana.measure(&cable, &visit("/nada", SIGN_IN, false)).await);
    ana.sign_in("cliente", "cliente123").await;
    for path in ["/inicio", "/chat", "/listar", "/subir", "/cuenta"] {
        over.extend(ana.measure(&cable, &visit(path, CHAT, true)).await);
    }
    over.extend(ana.measure(&cable, &visit("/clave", SIGN_IN, false)).await);
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    over.extend(ana.measure(&cable, &visit("/chat#sala=OFICINA", CHAT, true)).await);
    assert_eq!(over, [""; 0]);
    ana.finish_with(&[], &["404 (Not Found)"]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn claim_page_stays_within_its_budget() {
    let (server, _, _run) = unclaimed();
    let cable = TcpProxy::start(server.addr);
    let ana = Browser::open(cable.addr).await;
    assert_eq!(ana.measure(&cable, &visit("/activar", SIGN_IN, false)).await, [""; 0]);
    ana.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn trust_pages_stay_within_their_budget() {
    let users = vec![("ana", "una-clave-larga", "administrator")];
    let device = Secure::start(Options { users, ..Options::default() });
    let cable = TcpProxy::start(device.plain);
    let ana = Browser::at(format!("http://pichat.local:{}", cable.addr.port()), Setup::default(), None).await;
    for path in ["/", "/probar"] {
        // The page asks the HTTPS side, which this browser does not trust.
        let page = Visit { path, budget: SIGN_IN, has_socket: false, elsewhere: 1 };
        assert_eq!(ana.measure(&cable, &page).await, [""; 0]);
    }
    ana.finish_with(&[], &["net::ERR_CERT_AUTHORITY_INVALID"]).await;
}

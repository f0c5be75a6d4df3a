//! Main story in WebKit, the engine of Safari: WebKitGTK's MiniBrowser on a virtual screen.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, Key};

use super::browser::PATIENCE;
use super::common::{Client, Server};

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Ends a process on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The browser, its driver and its screen. Drop ends all.
struct WebKit {
    driver: WebDriver,
    base: String,
    _webdriver: Running,
    _screen: Running,
}

/// Starts a virtual screen; returns it with its name.
fn screen() -> (Running, String) {
    let mut xvfb = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is installed");
    let mut number = String::new();
    let mut stdout = BufReader::new(xvfb.stdout.take().expect("is piped"));
    stdout.read_line(&mut number).expect("says its number");
    (Running(xvfb), format!(":{}", number.trim()))
}

/// The browser lies beside WebKit's library, in a folder that names processor and version.
fn mini_browser() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("is there").flatten().map(|entry| entry.path());
    let paths = folders.flat_map(|folder| {
        ["webkit2gtk-4.1", "webkit2gtk-4.0"].map(|version| folder.join(version).join("MiniBrowser"))
    });
    let mut installed: Vec<_> = paths.filter(|path| path.exists()).collect();
    installed.sort();
    installed.pop().expect("webkit2gtk-driver is installed")
}

impl WebKit {
    async fn open(addr: SocketAddr) -> Self {
        let (screen, display) = screen();
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let webdriver = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .envs([
                ("DISPLAY", &*display),
                ("LANG", "C.UTF-8"),
                ("LANGUAGE", "es"),
                ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ])
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let webdriver = Running(webdriver.expect("webkit2gtk-driver is installed"));
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let options = json!({"binary": mini_browser(), "args": ["--automation"]});
        let mut wanted = Capabilities::new();
        wanted.set("browserName", "MiniBrowser").expect("can be said");
        wanted.set("webkitgtk:browserOptions", options).expect("can be said");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.expect("it starts");
        Self { driver, base: format!("http://{addr}"), _webdriver: webdriver, _screen: screen }
    }

    async fn js(&self, expression: &str) -> WebDriverResult<Value> {
        Ok(self.driver.execute(format!("return ({expression});"), vec![]).await?.json().clone())
    }

    /// Waits until a JavaScript expression is true.
    async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(self.js(expression).await, Ok(Value::Bool(true))) {
            if Instant::now() > deadline {
                let page =
                    self.js("location.href + '\\n' + document.title + '\\n' + document.body.innerText").await;
                panic!("{expression} never came true; the page: {page:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn until_says(&self, css: &str, part: &str) {
        self.until(&format!("(document.querySelector({css:?})?.textContent ?? '').includes({part:?})")).await;
    }

    async fn find(&self, css: &str) -> WebElement {
        self.until(&format!("document.querySelector({css:?})?.checkVisibility() === true")).await;
        self.driver.find(By::Css(css)).await.expect("is there")
    }

    async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    async fn type_into(&self, css: &str, text: impl Into<TypingData>) {
        self.find(css).await.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }
}

#[tokio::test]
#[ignore = "needs webkit2gtk-driver and xvfb; .ci/run installs them"]
async fn two_people_talk_in_webkit_while_one_moves() {
    let server = Server::demo();
    let ana = WebKit::open(server.addr).await;
    ana.driver.goto(format!("{}/login", ana.base)).await.expect("loads");
    ana.type_into("#username", "cliente").await;
    ana.type_into("#password", "cliente123").await;
    ana.click("#sign-in").await;
    ana.until_says("#greeting", "Hola, cliente").await;
    ana.js("(() => { window.same = true; return true; })()").await.expect("runs");
    ana.click(".main-nav a[href='/chat']").await;
    ana.until_says("#connection-state", "Conectado").await;
    // Strip and notice take no space while they are empty.
    let is_hidden = |css: &str| format!("document.querySelector({css:?}).offsetHeight <= 1");
    ana.until(&is_hidden(".tab-strip")).await;
    ana.until(&is_hidden(".notice-box")).await;
    ana.click("#to-create").await;
    ana.type_into("#create-code", "OFICINA").await;
    ana.type_into("#create-password", "secreta").await;
    ana.click("#kind-group").await;
    ana.click("#create").await;
    ana.until_says("#open-room-code", "OFICINA").await;
    ana.until("document.title === 'OFICINA · PiChat'").await;
    ana.until("document.querySelector('.tab-strip').offsetHeight > 1").await;

    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    beto.send_message("OFICINA", "hola desde **lejos**");
    ana.until_says("#messages", "hola desde lejos").await;
    // Enter sends.
    ana.type_into("#message-field", "te leo" + Key::Enter).await;
    ana.until_says("#messages .own", "te leo").await;
    ana.until(&is_hidden(".notice-box")).await;
    ana.type_into("#message-field", "a medias").await;

    ana.click(".main-nav a[href='/listar']").await;
    ana.until_says("#empty-list", "Aún no hay archivos.").await;
    beto.send_message("OFICINA", "¿sigues?");
    ana.until("document.title === '(1) Archivos · PiChat'").await;
    ana.until_says(".main-nav a[href='/chat'] .nav-badge", "1 sin leer").await;
    ana.click(".main-nav a[href='/chat']").await;
    ana.until_says("#messages", "¿sigues?").await;
    ana.until("document.querySelector('#message-field').value === 'a medias'").await;
    ana.until("window.same === true").await;

    // Back leads out of the room, then a reload keeps room and draft.
    ana.driver.back().await.expect("goes back");
    ana.until("location.pathname + location.hash === '/chat' && document.querySelector('#panel').hidden")
        .await;
    ana.driver.forward().await.expect("goes forward");
    ana.until("location.hash === '#sala=OFICINA' && !document.querySelector('#panel').hidden").await;
    ana.driver.refresh().await.expect("reloads");
    ana.until_says("#connection-state", "Conectado").await;
    ana.until_says("#open-room-code", "OFICINA").await;
    ana.until("document.querySelector('#message-field').value === 'a medias'").await;
    ana.click("#sign-out").await;
    ana.until("location.pathname === '/login'").await;
    ana.driver.clone().quit().await.expect("ends");
}

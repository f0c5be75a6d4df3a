//! Chromium of one user: fresh profile, chromedriver, console log. Drop ends both processes.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::command::ExtensionCommand;
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, ChromeCapabilities};

/// Bound on a wait, reached by failing tests only.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Interval between checks of a page.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Options of Chromium: no first-run pages, no access to the internet. `.local` names are mapped here,
/// so that no test needs an entry in `/etc/hosts`.
const ARGS: [&str; 13] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--hide-scrollbars",
    "--window-size=1280,800",
    "--host-resolver-rules=MAP pichat.local 127.0.0.1, MAP chat.example 127.0.0.1",
];

/// Differences from the default browser.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// Pages run scripts.
    pub(crate) scripts: bool,
    /// `Accept-Language` and `navigator.languages`.
    pub(crate) languages: &'static str,
    /// The browser's own size of type, in pixels.
    pub(crate) font_size: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { scripts: true, languages: "es-CO,es", font_size: 16 }
    }
}

/// One browser on one server.
pub(crate) struct Browser {
    driver: Option<WebDriver>,
    chromedriver: Child,
    /// Process of Chromium, in case chromedriver cannot end it.
    chromium: Option<u64>,
    base: String,
    /// Folder of downloads.
    pub(crate) downloads: PathBuf,
    finished: bool,
    _profile: TempDir,
}

/// Console message after sign-out over plain HTTP: `Clear-Site-Data` works over TLS only.
const PLAIN_SIGN_OUT: &str = "Not supported for insecure origins";

impl Browser {
    /// Opens a Spanish browser with scripts.
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        Self::with(addr, Setup::default()).await
    }

    pub(crate) async fn with(addr: SocketAddr, setup: Setup) -> Self {
        Self::at(format!("http://pichat.local:{}", addr.port()), setup, None).await
    }

    /// Opens a browser that trusts this authority, as after its installation.
    pub(crate) async fn at(base: String, setup: Setup, authority: Option<&Path>) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        if let Some(authority) = authority {
            trust(profile.path(), authority);
        }
        let downloads = profile.path().join("downloads");
        std::fs::create_dir(&downloads).expect("a folder");
        let (chromedriver, port) = chromedriver(authority.map(|_| profile.path()));
        let mut browser = Self {
            driver: None,
            chromedriver,
            chromium: None,
            base,
            downloads,
            finished: false,
            _profile: profile,
        };
        let caps = browser.capabilities(setup).expect("can be said");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), caps).await.expect("chromium starts");
        browser.chromium = driver.capabilities().get("goog:processID").and_then(Value::as_u64);
        browser.driver = Some(driver);
        browser
    }

    fn capabilities(&self, setup: Setup) -> WebDriverResult<Capabilities> {
        let mut caps = ChromeCapabilities::new();
        for arg in ARGS {
            caps.add_arg(arg)?;
        }
        caps.add_arg(&format!("--user-data-dir={}", self._profile.path().join("profile").display()))?;
        caps.add_arg(&format!("--lang={}", setup.languages.split(',').next().unwrap_or_default()))?;
        let mut prefs = json!({
            "intl.accept_languages": setup.languages,
            "download.default_directory": self.downloads,
            "download.prompt_for_download": false,
            "credentials_enable_service": false,
            "webkit.webprefs.default_font_size": setup.font_size,
        });
        if !setup.scripts {
            prefs["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        caps.add_experimental_option("prefs", prefs)?;
        caps.set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All)?;
        Ok(caps.into())
    }

    pub(crate) fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("is open")
    }

    pub(crate) async fn goto(&self, path: &str) {
        self.driver().goto(format!("{}{path}", self.base)).await.unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// Returns the path of the current page.
    pub(crate) async fn path(&self) -> String {
        self.driver().current_url().await.expect("an address").path().to_owned()
    }

    /// Waits for the page at `path`.
    pub(crate) async fn arrive(&self, path: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.path().await != path {
            assert!(Instant::now() < deadline, "is at {} and not at {path}", self.path().await);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns the value of a JavaScript expression.
    pub(crate) async fn js(&self, expression: &str) -> Value {
        self.try_js(expression).await.unwrap_or_else(|e| panic!("{expression}: {e}"))
    }

    async fn try_js(&self, expression: &str) -> WebDriverResult<Value> {
        Ok(self.driver().execute(format!("return ({expression});"), Vec::new()).await?.json().clone())
    }

    /// Waits until a JavaScript expression is truthy, and returns its value.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A page that is just being left answers with an error; the next one will do.
            let seen = self.try_js(expression).await;
            match &seen {
                Ok(Value::Null | Value::Bool(false)) | Err(_) => {}
                Ok(Value::String(text)) if text.is_empty() => {}
                Ok(_) => return seen.expect("is there"),
            }
            if Instant::now() > deadline {
                let text = self.try_js("location.href + '\\n' + document.body.innerText").await;
                panic!("{expression} never came true, but was {seen:?}; the page: {text:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until an element's text holds `part`.
    pub(crate) async fn until_says(&self, css: &str, part: &str) {
        self.until(&format!("(document.querySelector({css:?})?.textContent ?? '').includes({part:?})")).await;
    }

    /// Waits for a visible element and returns it.
    pub(crate) async fn find(&self, css: &str) -> WebElement {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.driver().find(By::Css(css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            if Instant::now() > deadline {
                panic!(
                    "no {css} is shown at {}: {}",
                    self.path().await,
                    self.driver().source().await.unwrap_or_default()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap_or_else(|e| panic!("{css}: {e}"))
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|e| panic!("{css}: {e}"));
        field.send_keys(text).await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Chooses a file in a file input, which may be hidden behind its label.
    pub(crate) async fn choose(&self, css: &str, file: &std::path::Path) {
        let field = self.driver().find(By::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"));
        field.send_keys(file.to_str().expect("UTF-8")).await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Presses keys at the focus.
    pub(crate) async fn press(&self, keys: impl Into<TypingData>) {
        self.driver().action_chain().send_keys(keys).perform().await.expect("keys are pressed");
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn cdp(&self, command: &str, params: Value) -> Value {
        let command = Cdp(json!({"cmd": command, "params": params}));
        self.driver()
            .cmd(thirtyfour::common::command::Command::ExtensionCommand(Box::new(command)))
            .await
            .and_then(|answer| answer.value())
            .expect("the protocol knows it")
    }

    /// Sets the size of the page; a phone has touch and its own scaling.
    pub(crate) async fn resize(&self, width: u32, height: u32, phone: bool) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        self.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": phone})).await;
    }

    /// Ends the browser and checks its console: each error or warning must contain one of `expected`, and
    /// each of those must occur.
    pub(crate) async fn finish(self, expected: &[&str]) {
        self.finish_with(expected, &[]).await;
    }

    /// Like [`Self::finish`]; messages with one of `tolerated` may occur.
    pub(crate) async fn finish_with(mut self, expected: &[&str], tolerated: &[&str]) {
        let log = self.driver().browser_log().await.expect("the console is recorded");
        self.finished = true;
        self.driver.take().expect("is open").quit().await.expect("ends");
        let said: Vec<_> = log
            .iter()
            .filter(|entry| {
                matches!(entry.level.as_str(), "SEVERE" | "WARNING")
                    || entry.message.contains("Content Security Policy")
            })
            .map(|entry| format!("{} {}", entry.level, entry.message))
            .collect();
        let named = |line: &str| {
            expected.iter().chain(tolerated).chain(&[PLAIN_SIGN_OUT]).any(|part| line.contains(part))
        };
        let surprises: Vec<_> = said.iter().filter(|line| !named(line)).collect();
        assert!(surprises.is_empty(), "in the console: {surprises:#?}");
        for part in expected {
            assert!(
                said.iter().any(|line| line.contains(part)),
                "{part:?} did not come; the console: {said:#?}"
            );
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            // Only after a failure. Asking chromedriver could take long; both processes end by their ids
            // below.
            let _ = driver.leak();
            if let Some(pid) = self.chromium {
                let _ = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
            }
        }
        let _ = self.chromedriver.kill();
        let _ = self.chromedriver.wait();
        assert!(self.finished || std::thread::panicking(), "this browser's console was not read");
    }
}

/// Creates the database of a user's own authorities for Chromium on Linux, in a separate home.
fn trust(home: &Path, authority: &Path) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).expect("a folder");
    let database = format!("sql:{}", database.display());
    let authority = authority.to_str().expect("UTF-8");
    for args in [&["-N", "--empty-password"][..], &["-A", "-t", "C,,", "-n", "PiChat", "-i", authority]] {
        let done = Command::new("certutil")
            .args(["-d", &database])
            .args(args)
            .output()
            .expect("certutil is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Starts chromedriver on a free port. Where several start at once, one may find its port taken and end.
fn chromedriver(home: Option<&Path>) -> (Child, u16) {
    (0..3).find_map(|_| try_chromedriver(home)).expect("chromedriver says its port")
}

fn try_chromedriver(home: Option<&Path>) -> Option<(Child, u16)> {
    let mut child = Command::new("chromedriver")
        .envs(home.map(|home| ("HOME", home)))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("chromedriver is installed");
    let stdout = child.stdout.take().expect("is piped");
    let (tell, told) = mpsc::channel();
    // Reads on after the port, so that chromedriver never blocks on a full pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let digits = line
                .split_once("successfully on port ")
                .map(|(_, rest)| rest.trim_end_matches('.').to_owned());
            let _ = digits.and_then(|digits| digits.parse().ok()).map(|port: u16| tell.send(port));
        }
    });
    let Ok(port) = told.recv_timeout(PATIENCE) else {
        let _ = child.kill();
        let _ = child.wait();
        return None;
    };
    Some((child, port))
}

/// `POST /session/…/goog/cdp/execute`.
#[derive(Debug)]
struct Cdp(Value);

impl ExtensionCommand for Cdp {
    fn parameters_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }

    fn method(&self) -> http::Method {
        http::Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        "/goog/cdp/execute".into()
    }
}

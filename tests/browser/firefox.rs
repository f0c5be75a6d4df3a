//! Main story in Firefox, driven by its own Marionette protocol: `length:[0,id,command,parameters]` over TCP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::browser::PATIENCE;
use super::common::{Client, Server};

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Key under which an answer names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Headless Firefox with a fresh profile. Drop ends it.
struct Firefox {
    child: Child,
    stream: TcpStream,
    base: String,
    last_id: u64,
    _profile: TempDir,
}

impl Firefox {
    fn open(addr: SocketAddr) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let prefs = format!(
            "user_pref(\"marionette.port\", {port});\n\
             user_pref(\"network.dns.localDomains\", \"pichat.local\");\n\
             user_pref(\"intl.accept_languages\", \"es-CO,es\");\n\
             user_pref(\"dom.security.https_first\", false);\n\
             user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);\n\
             user_pref(\"network.captive-portal-service.enabled\", false);\n\
             user_pref(\"network.connectivity-service.enabled\", false);\n\
             user_pref(\"app.update.disabledForTesting\", true);\n"
        );
        std::fs::write(profile.path().join("user.js"), prefs).expect("writes");
        let child = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--marionette", "--profile"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .env("MOZ_HEADLESS_WIDTH", "1280")
            .env("MOZ_HEADLESS_HEIGHT", "800")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("firefox-esr is installed");
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(LOOK_AGAIN);
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        let base = format!("http://pichat.local:{}", addr.port());
        let mut firefox = Self { child, stream, base, last_id: 0, _profile: profile };
        let greeting = firefox.read();
        assert_eq!(greeting["applicationType"], "gecko", "{greeting}");
        firefox.command("WebDriver:NewSession", &json!({"capabilities": {}})).expect("a session");
        firefox
    }

    /// Reads a frame: decimal length, colon, JSON.
    fn read(&mut self) -> Value {
        let mut length = 0_usize;
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("reads");
            match byte[0] {
                b':' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("reads");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Sends a command and returns its result, or its error.
    fn command(&mut self, name: &str, params: &Value) -> Result<Value, Value> {
        self.last_id += 1;
        let text = json!([0, self.last_id, name, params]).to_string();
        self.stream.write_all(format!("{}:{text}", text.len()).as_bytes()).expect("writes");
        let answer = self.read();
        assert_eq!(answer[1], self.last_id, "{answer}");
        if answer[2].is_null() { Ok(answer[3].clone()) } else { Err(answer[2].clone()) }
    }

    fn goto(&mut self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.command("WebDriver:Navigate", &json!({"url": url})).expect("loads");
    }

    fn js(&mut self, expression: &str) -> Result<Value, Value> {
        let script = json!({"script": format!("return ({expression});"), "args": []});
        self.command("WebDriver:ExecuteScript", &script).map(|answer| answer["value"].clone())
    }

    /// Waits until a JavaScript expression is true.
    fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.js(expression) != Ok(Value::Bool(true)) {
            if Instant::now() > deadline {
                let page =
                    self.js("location.href + '\\n' + document.title + '\\n' + document.body.innerText");
                panic!("{expression} never came true; the page: {page:?}");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn until_says(&mut self, css: &str, part: &str) {
        self.until(&format!("(document.querySelector({css:?})?.textContent ?? '').includes({part:?})"));
    }

    fn find(&mut self, css: &str) -> Value {
        self.until(&format!("document.querySelector({css:?})?.checkVisibility() === true"));
        let found = self.command("WebDriver:FindElement", &json!({"using": "css selector", "value": css}));
        found.expect("is there")["value"][ELEMENT].clone()
    }

    fn click(&mut self, css: &str) {
        let element = self.find(css);
        self.command("WebDriver:ElementClick", &json!({"id": element})).expect("clicks");
    }

    fn type_into(&mut self, css: &str, text: &str) {
        let element = self.find(css);
        self.command("WebDriver:ElementSendKeys", &json!({"id": element, "text": text})).expect("types");
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs firefox-esr; .ci/run installs it"]
fn two_people_talk_in_firefox_while_one_moves() {
    let server = Server::demo();
    let mut ana = Firefox::open(server.addr);
    ana.goto("/login");
    ana.type_into("#username", "cliente");
    ana.type_into("#password", "cliente123");
    ana.click("#sign-in");
    ana.until_says("#greeting", "Hola, cliente");
    ana.js("(() => { window.same = true; return true; })()").expect("runs");
    ana.click(".main-nav a[href='/chat']");
    ana.until_says("#connection-state", "Conectado");
    ana.click("#to-create");
    ana.type_into("#create-code", "OFICINA");
    ana.type_into("#create-password", "secreta");
    ana.click("#kind-group");
    ana.click("#create");
    ana.until_says("#open-room-code", "OFICINA");
    ana.until("document.title === 'OFICINA · PiChat'");

    let mut beto = Client::usuario(&server).socket();
    assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
    beto.send_message("OFICINA", "hola desde lejos");
    ana.until_says("#messages", "hola desde lejos");
    // Enter sends.
    ana.type_into("#message-field", "te leo\u{e007}");
    ana.until_says("#messages .own", "te leo");
    ana.type_into("#message-field", "a medias");

    ana.click(".main-nav a[href='/listar']");
    ana.until_says("#empty-list", "Aún no hay archivos.");
    beto.send_message("OFICINA", "¿sigues?");
    ana.until("document.title === '(1) Archivos · PiChat'");
    ana.until_says(".main-nav a[href='/chat'] .nav-badge", "1 sin leer");
    ana.click(".main-nav a[href='/chat']");
    ana.until_says("#messages", "¿sigues?");
    ana.until("document.querySelector('#message-field').value === 'a medias'");
    ana.until("window.same === true");

    // Back leads out of the room, then out of the chat.
    ana.command("WebDriver:Back", &json!({})).expect("goes back");
    ana.until("location.pathname + location.hash === '/chat' && document.querySelector('#panel').hidden");
    ana.command("WebDriver:Forward", &json!({})).expect("goes forward");
    ana.until("location.hash === '#sala=OFICINA' && !document.querySelector('#panel').hidden");
    // A reload keeps room and draft.
    ana.command("WebDriver:Refresh", &json!({})).expect("reloads");
    ana.until_says("#connection-state", "Conectado");
    ana.until_says("#open-room-code", "OFICINA");
    ana.until("document.querySelector('#message-field').value === 'a medias'");
    ana.click("#sign-out");
    ana.until("location.pathname === '/login'");
}

//! Behind a TLS proxy: the headers of a trusted proxy count, all of a request together.
//! nginx and Caddy work as `docs/INSTALL.md` sets them up.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::io::{Read as _, Write as _};

use common::http::{multipart, read_response};
use common::proxy::{Kind, NAME, Proxied};
use common::server::eventually;
use common::tls::Stream;
use common::{Client, Options, Response, Server};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocketContext};

const SETTINGS: &str = "[http]\nhosts = [\"chat.example\"]\ntrusted_proxies = [\"127.0.0.2\", \"127.16.0.0/12\", \"fd00::/8\"]\n";
const ORIGIN: &str = "https://chat.example";

/// Returns a browser's client behind an HTTPS proxy at 127.0.0.`last`.
fn through(server: &Server, last: u8, fields: &[(&str, &str)]) -> Client {
    let client = Client::new(server).from(last).with("Host", "127.0.0.1").with("Origin", ORIGIN);
    fields.iter().fold(client, |client, (name, value)| client.with(name, value))
}

const X_FORWARDED: [(&str, &str); 3] =
    [("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "chat.example")];

#[test]
fn trusted_proxy_sets_scheme_host_and_address() {
    let server = Server::start(Options::config(SETTINGS));
    let forwarded = [("Forwarded", "for=\"9.9.9.9:4711\";proto=https;host=chat.example")];
    for fields in [&X_FORWARDED[..], &forwarded] {
        let mut browser = through(&server, 2, fields).with("Sec-Fetch-Site", "same-origin");
        let answer = browser.sign_in("cliente", "cliente123");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cookie = answer.session_cookie().expect("a cookie");
        assert!(
            cookie.starts_with(&format!("__Host-{}=", server.cookie_name())) && cookie.contains("; Secure"),
            "{cookie}"
        );
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "as over TLS");
        assert_eq!(browser.handshake(&[]).0.status, 101, "a socket from https://");
        // A browser without TLS to the proxy is another origin, and so is one without the proxy.
        let (_, token) =
            browser.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).expect("a cookie");
        let direct = Client {
            cookie: Some(format!("__Host-{}={token}", server.cookie_name())),
            ..Client::new(&server)
        };
        assert_eq!(direct.get("/api/session").status, 401, "a Secure cookie over plain HTTP");
    }
    let line = "event=login.ok result=ok user=\"cliente\" addr=9.9.9.9 ";
    eventually("both came from 9.9.9.9", || server.stderr().matches(line).count() == 2);
    let plain = [X_FORWARDED[0], ("X-Forwarded-Proto", "http"), X_FORWARDED[2]];
    let mut browser = through(&server, 2, &plain);
    assert_eq!(
        browser.sign_in("cliente", "cliente123").code(),
        "cross_origin",
        "https:// is not where it came"
    );
    browser.headers.retain(|(name, _)| name != "Origin");
    assert!(
        browser.sign_in("cliente", "cliente123").session_cookie().is_some_and(|c| c.starts_with("pichat-"))
    );
}

#[test]
fn untrusted_peer_cannot_set_the_address() {
    let server = Server::start(Options::config(SETTINGS));
    for fields in [
        &X_FORWARDED[..],
        &[("Forwarded", "for=9.9.9.9;proto=https;host=chat.example")],
        &[("X-Forwarded-For", "nonsense")],
    ] {
        let mut browser = through(&server, 3, fields);
        assert_eq!(browser.sign_in("cliente", "cliente123").code(), "cross_origin");
        browser.headers.retain(|(name, _)| name != "Origin");
        let answer = browser.sign_in("cliente", "cliente123");
        assert_eq!(answer.status, 200, "ignored, whatever it says");
        assert!(answer.session_cookie().is_some_and(|cookie| cookie.starts_with("pichat-")));
    }
    assert!(server.wait_for_line("event=login.ok").contains("addr=127.0.0.3"));
    let misdirected =
        through(&server, 2, &[X_FORWARDED[1], ("X-Forwarded-Host", "evil.example")]).get("/login");
    assert_eq!(misdirected.status, 421, "a proxy's word for the host is checked as any");
}

#[test]
fn trusted_ranges_are_skipped_in_the_chain() {
    let server = Server::start(Options::config(SETTINGS));
    let from = |second: u8, forwarded: &str| {
        let mut client = Client::new(&server).with("X-Forwarded-For", forwarded);
        client.from = Some([127, second, 0, 5].into());
        client.sign_in("nadie", "nada");
    };
    from(31, "1.1.1.1, [2001:db8::7]:4711, fd00::1, 127.16.0.9");
    assert!(server.wait_for_line("event=login.failed").contains("addr=2001:db8::7 "));
    from(32, "9.9.9.9");
    assert!(server.wait_for_line("addr=127.32.0.5 ").contains("event=login.failed"));
}

#[test]
fn unreadable_line_of_a_trusted_proxy_is_400() {
    let server = Server::start(Options::config(SETTINGS));
    for (name, value) in [
        ("X-Forwarded-For", "nonsense"),
        ("X-Forwarded-For", "9.9.9.9, 1.2.3"),
        ("X-Forwarded-For", "9.9.9.\u{e9}"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Host", "chat.example/x"),
        ("Forwarded", "for=\"9.9.9.9"),
        ("Forwarded", "for=8.8.8.8"),
    ] {
        let asked = |last| through(&server, last, &X_FORWARDED).with(name, value).get("/api/health");
        let refused = asked(2);
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{name}: {value}");
        assert_eq!(asked(3).status, 200, "{name}: {value}, from any other address");
    }
}

#[test]
fn cross_origin_line_names_origin_and_host() {
    let server = Server::start(Options::config("[http]\nhosts = [\"chat.example\"]\n"));
    let browser = Client::new(&server).with("Host", "chat.example").with("Origin", ORIGIN);
    assert_eq!(
        browser.post_json("/api/session", &json!({})).code(),
        "cross_origin",
        "no setting says that it is behind TLS"
    );
    let line = server.wait_for_line("event=request.cross_origin");
    assert!(
        line.contains("origin=https://chat.example") || line.contains("origin=\"https://chat.example\""),
        "{line}"
    );
    assert!(line.contains("host=chat.example"), "{line}");
}

#[test]
fn redirect_to_https_never_loops() {
    let settings = format!("{SETTINGS}[tls]\nmode = \"local-ca\"\n");
    let server = Server::start(Options { serve: true, ..Options::config(&settings) });
    let plain = Client { addr: common::tls::plain_address(&server), ..Client::new(&server) };
    let through = |proto: &str| {
        let client = plain.clone().from(2).with("Host", "127.0.0.1").with("X-Forwarded-Host", "chat.example");
        client.with("X-Forwarded-Proto", proto).get("/api/health")
    };
    assert_eq!(through("https").status, 200, "the browser is there already");
    let away = through("http");
    let want = format!("https://chat.example:{}/api/health", server.addr.port());
    assert_eq!((away.status, away.header("location")), (307, Some(want.as_str())));
    assert_eq!(
        plain.with("X-Forwarded-Proto", "https").get("/api/health").status,
        307,
        "any client could claim that"
    );
}

#[test]
fn socket_opens_with_split_header_lists() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (lists, status) in [
        ("Connection: keep-alive,\tUpgrade\r\nUpgrade: websocket\r\n", 101),
        ("Connection: keep-alive\r\nConnection: UPGRADE\r\nUpgrade: WebSocket\r\n", 101),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade:\twebsocket\r\n", 101),
        ("Connection: keep-alive\r\nUpgrade: websocket\r\n", 426),
        ("Connection: upgraded\r\nUpgrade: websocket\r\n", 426),
    ] {
        let mut stream = client.connect();
        write!(stream, "{}{lists}{key}\r\n", client.head("GET", "/ws", &[])).expect("writes");
        assert_eq!(read_response(&mut stream, false).expect("an answer").status, status, "{lists}");
    }
}

/// Sends one request through the proxy.
fn ask(proxied: &Proxied, client: &Client, method: &str, path: &str, kind: &str, body: &[u8]) -> Response {
    let mut stream = proxied.connect(client);
    let length = body.len().to_string();
    let fields = [("Content-Type", kind), ("Content-Length", &length), ("Connection", "close")];
    stream.write_all(format!("{}\r\n", client.head(method, path, &fields)).as_bytes()).expect("writes");
    if stream.write_all(body).and_then(|()| stream.flush()).is_ok() {
        return read_response(&mut stream, false).expect("an answer");
    }
    // A refusal comes before all is sent. rustls' stream would first write the rest.
    let mut answer = Vec::new();
    while stream.conn.read_tls(&mut stream.sock).is_ok_and(|read| read > 0) {
        stream.conn.process_new_packets().expect("TLS");
        let _ = stream.conn.reader().read_to_end(&mut answer);
    }
    read_response(&mut answer.as_slice(), false).expect("an answer")
}

struct TlsSocket(Stream, WebSocketContext);

impl TlsSocket {
    fn open(proxied: &Proxied, client: &Client) -> Self {
        let mut stream = proxied.connect(client);
        let upgrade = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(format!("{}{upgrade}", client.head("GET", "/ws", &[])).as_bytes()).expect("writes");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("reads");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(stream, WebSocketContext::new(Role::Client, None))
    }

    fn send(&mut self, value: &Value) {
        self.1.write(&mut self.0, Message::text(value.to_string())).expect("writes");
        self.1.flush(&mut self.0).expect("flushes");
    }

    /// Returns the next frame of this type.
    fn recv(&mut self, kind: &str) -> Value {
        loop {
            let Message::Text(text) = self.1.read(&mut self.0).expect("a frame") else { continue };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            assert_ne!(frame["type"], "error", "{frame}");
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

/// Signs in, chats and transfers files through the proxy, with shipped limits.
fn office(kind: Kind) {
    if !kind.is_installed() {
        return;
    }
    let proxied = Proxied::start(kind, "");
    let server = &proxied.server;
    let json_type = "application/json";
    let mut browsers = Vec::new();
    for (last, name, password) in [(5, "cliente", "cliente123"), (6, "usuario", "usuario123")] {
        let mut browser = proxied.client(last).with("Sec-Fetch-Site", "same-origin");
        let body = json!({"username": name, "password": password}).to_string();
        let answer = ask(&proxied, &browser, "POST", "/api/session", json_type, body.as_bytes());
        assert_eq!(answer.status, 200, "{kind:?}: {}", answer.text());
        let cookie = answer.session_cookie().expect("a cookie");
        assert!(cookie.starts_with(&format!("__Host-{}=", server.cookie_name())), "{kind:?}: {cookie}");
        browser.cookie = cookie.split(';').next().map(str::to_owned);
        assert!(
            server
                .wait_for_line(&format!("event=login.ok result=ok user=\"{name}\""))
                .contains(&format!("addr=127.0.0.{last}"))
        );
        browsers.push(browser);
    }
    for browser in &mut browsers {
        // Chromium's handshake has no `Sec-Fetch-Site`.
        let socket_client = Client { headers: browser.headers[..2].to_vec(), ..browser.clone() };
        browser.headers = socket_client.headers;
    }
    let mut sockets: Vec<_> = browsers.iter().map(|browser| TlsSocket::open(&proxied, browser)).collect();
    for socket in &mut sockets {
        socket.send(&json!({"type": "join", "room": "oficina", "password": "secreta", "kind": "group"}));
        socket.recv("joined");
    }
    sockets[0].send(&json!({"type": "send", "room": "oficina", "text": "hola"}));
    assert_eq!(sockets[1].recv("message")["text"], "hola", "{kind:?}");

    let data: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let (form, body) = multipart("archivo", "ñandú.bin", &data);
    let stored = ask(&proxied, &browsers[0], "POST", "/api/files", &form, &body);
    assert_eq!(stored.status, 201, "{kind:?}: {}", stored.text());
    let place = stored.header("location").expect("a place").to_owned();
    let back = ask(&proxied, &browsers[1], "GET", &format!("{place}/content"), json_type, b"");
    assert!(back.status == 200 && back.body == data, "{kind:?}: {} bytes came back", back.body.len());
    let (form, body) = multipart("archivo", "grande.bin", &vec![7; 17 * 1024 * 1024]);
    assert_eq!(ask(&proxied, &browsers[0], "POST", "/api/files", &form, &body).status, 413, "{kind:?}");

    let mut foreign = browsers[0].clone();
    foreign.headers[1].1 = "https://evil.example".to_owned();
    assert_eq!(ask(&proxied, &foreign, "DELETE", "/api/session", json_type, b"").status, 403, "{kind:?}");
    let line = server.wait_for_line("event=request.cross_origin");
    assert!(
        line.contains("evil.example") && line.contains(&format!("host={NAME}:{}", proxied.addr.port())),
        "{line}"
    );
    // Forged headers of a client are overwritten, and none makes its requests unreadable.
    let liar = browsers[0]
        .clone()
        .with("X-Forwarded-For", "nonsense")
        .with("Forwarded", "for=8.8.8.8")
        .with("X-Forwarded-Proto", "http");
    assert_eq!(ask(&proxied, &liar, "DELETE", "/api/session", json_type, b"").status, 204, "{kind:?}");
}

#[test]
fn office_works_behind_nginx() {
    office(Kind::Nginx);
}

#[test]
fn office_works_behind_caddy() {
    office(Kind::Caddy);
}

#[test]
fn only_a_trusted_proxy_sets_the_client_address() {
    let server = Server::start(Options::config(
        "[http]\ntrusted_proxies = [\"127.0.0.2\"]\n[limits]\nlogin_failures = 2",
    ));
    let through =
        |last: u8, forwarded: &str| Client::new(&server).from(last).with("X-Forwarded-For", forwarded);
    for _ in 0..2 {
        assert_eq!(through(2, "1.1.1.1, 9.9.9.9").sign_in("cliente", "nada").status, 401);
    }
    let line = server.wait_for_line("event=login.locked_out");
    assert!(line.contains("addr=9.9.9.9 "), "{line}");
    assert_eq!(through(2, "9.9.9.9").sign_in("cliente", "cliente123").code(), "locked_out");
    let status = through(2, "1.1.1.1").sign_in("cliente", "cliente123").status;
    assert_eq!(status, 200, "what the client wrote itself is not believed");
    assert_eq!(through(3, "9.9.9.9").sign_in("cliente", "cliente123").status, 200, "another proxy is none");
}

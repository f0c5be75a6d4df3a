//! Tasks of the chat page that would block it on a slow processor, while messages come fast.
//!
//! A task is measured by the processor time of the page's main thread, so that other work on this machine does
//! not count; on a processor a quarter as fast it takes four times as long.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, handshake::client::generate_key};

use super::browser::{Browser, PATIENCE};
use super::common::{Client, Options, Server};

const PER_SECOND: u32 = 50;
const SECONDS: u32 = 10;
/// Tasks of a round that may be longer, as the full machine or the browser itself makes some.
const OUTLIERS: usize = 2;
/// Rounds of which one has to be without a long task: a full machine makes tasks longer in processor time too.
const ROUNDS: [&str; 3] = ["uno", "dos", "tres"];
/// A task over 50 ms is long, and the slow processor takes four times as long as this one.
const LONG_MS: f64 = 50.0;
const SLOWER: f64 = 4.0;
/// Messages in the room before: more than the page shows, so that new ones move the oldest out.
const BEFORE: u32 = 700;
const ROOM: &str = "OFICINA";

/// Limits that this many messages of one person do not reach.
const LIMITS: &str = "[limits]\nmessages_per_minute = 6000\nmessage_burst = 2000\n";

/// Places of the reader: at the end, and a few screens above it.
const PLACES: [(&str, &str); 2] = [
    (
        "at the end",
        "(() => { const box = document.querySelector('#messages'); box.scrollTop = box.scrollHeight; return true; })()",
    ),
    (
        "further up",
        "(() => { const box = document.querySelector('#messages'); box.scrollTop = box.scrollHeight - 4 * box.clientHeight; return true; })()",
    ),
];

/// Connection to the browser's own debugging port, which records what its threads do.
struct Tracing {
    stream: TcpStream,
    ctx: WebSocketContext,
}

impl Tracing {
    fn begin(browser: &Browser) -> Self {
        let options = browser.driver().capabilities().get("goog:chromeOptions").expect("Chromium");
        let address =
            options["debuggerAddress"].as_str().expect("an address").replace("localhost", "127.0.0.1");
        let mut stream = TcpStream::connect(&address).expect("connects");
        write!(stream, "GET /json/version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .expect("asks");
        let mut answer = vec![0; 4096];
        let mut length = 0;
        while !answer[..length].ends_with(b"}") && !answer[..length].ends_with(b"}\n") {
            let read = stream.read(&mut answer[length..]).expect("reads");
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer[..length]));
            length += read;
        }
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        let (_, version) = answer.split_once("\r\n\r\n").expect("a body");
        let version: Value = serde_json::from_str(version).expect("JSON");
        let url = version["webSocketDebuggerUrl"].as_str().expect("an address");
        let path = url.splitn(4, '/').nth(3).expect("a path");
        let mut stream = TcpStream::connect(&address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            generate_key()
        )
        .expect("asks");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("reads");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let mut tracing = Self { stream, ctx: WebSocketContext::new(Role::Client, Some(config)) };
        let categories = "disabled-by-default-devtools.timeline";
        let params =
            json!({ "transferMode": "ReportEvents", "traceConfig": { "includedCategories": [categories] } });
        tracing.send(&json!({ "id": 1, "method": "Tracing.start", "params": params }));
        while tracing.next()["id"] != 1 {}
        tracing
    }

    fn send(&mut self, command: &Value) {
        self.ctx.write(&mut self.stream, Message::text(command.to_string())).expect("writes");
        self.ctx.flush(&mut self.stream).expect("flushes");
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.ctx.read(&mut self.stream).expect("a message") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// Ends the recording, and returns the processor time of each task of pages, in milliseconds.
    fn end(mut self) -> Vec<f64> {
        self.send(&json!({ "id": 2, "method": "Tracing.end" }));
        let mut events = Vec::new();
        loop {
            let mut told = self.next();
            match told["method"].as_str() {
                Some("Tracing.dataCollected") => {
                    let Value::Array(part) = told["params"]["value"].take() else {
                        panic!("no list: {told}")
                    };
                    events.extend(part);
                }
                Some("Tracing.tracingComplete") => break,
                _ => {}
            }
        }
        let thread = |event: &Value| (event["pid"].as_i64(), event["tid"].as_i64());
        let is_main =
            |event: &&Value| event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain";
        let main: Vec<_> = events.iter().filter(is_main).map(thread).collect();
        let is_task = |event: &&Value| event["name"] == "RunTask" && main.contains(&thread(event));
        events.iter().filter(is_task).filter_map(|task| Some(task["tdur"].as_f64()? / 1000.0)).collect()
    }
}

/// Has `usuario` say `count` messages at a pace, on a thread of its own.
fn talk(server: &Server, name: &'static str, count: u32, pace: Duration) -> std::thread::JoinHandle<()> {
    let mut socket = Client::usuario(server).socket();
    assert_eq!(socket.join(ROOM, "secreta", "group")["type"], "joined");
    std::thread::spawn(move || {
        let begun = Instant::now();
        for n in 0..count {
            socket.send_message(
                ROOM,
                &format!("{name} {n}: nos vemos a las tres en `sala 2`, https://pichat.local/listar"),
            );
            std::thread::sleep((begun + pace * (n + 1)).saturating_duration_since(Instant::now()));
        }
    })
}

impl Browser {
    /// Waits until the page has the last message of a talk.
    async fn until_heard(&self, name: &str, count: u32) {
        let last = format!("{name} {}:", count - 1);
        self.until(&format!(
            "[...document.querySelectorAll('#messages .message-text')].at(-1)?.textContent.startsWith({last:?})"
        ))
        .await;
    }

    /// Returns the longest task of one round but for [`OUTLIERS`], in milliseconds of the slow processor.
    #[allow(clippy::print_stdout, reason = "the figures of docs/PERFORMANCE.md")]
    async fn longest_task(&self, server: &Server, place: &str, name: &'static str) -> f64 {
        let tracing = Tracing::begin(self);
        let count = PER_SECOND * SECONDS;
        let talk = talk(server, name, count, Duration::from_secs(1) / PER_SECOND);
        while !talk.is_finished() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        talk.join().expect("has talked");
        let mut tasks: Vec<_> = tracing.end().into_iter().map(|ms| ms * SLOWER).collect();
        self.until_heard(name, count).await;
        assert!(tasks.len() > 100, "{} tasks were recorded", tasks.len());
        tasks.sort_by(|a, b| b.total_cmp(a));
        println!(
            "{place}: {} tasks, {:.0} ms a second, the longest {:.0?} ms",
            tasks.len(),
            tasks.iter().sum::<f64>() / f64::from(SECONDS),
            &tasks[..8]
        );
        tasks[OUTLIERS]
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn fast_messages_make_no_long_tasks() {
    let server = Server::start(Options::config(LIMITS));
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join(ROOM, "secreta").await;
    talk(&server, "antes", BEFORE, Duration::from_millis(2)).join().expect("has talked");
    ana.until_heard("antes", BEFORE).await;
    for (place, go) in PLACES {
        let mut longest = f64::INFINITY;
        for name in ROUNDS {
            ana.js(go).await;
            longest = longest.min(ana.longest_task(&server, place, name).await);
            if longest <= LONG_MS {
                break;
            }
        }
        assert!(longest <= LONG_MS, "{place}: {longest:.1} ms");
    }
    ana.finish(&[]).await;
}

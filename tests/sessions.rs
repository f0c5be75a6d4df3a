//! Sessions as their person sees them: kept on a device, listed and ended.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::time::Duration;

use common::socket::kept_alive;
use common::{Client, Options, Response, Server, TRUSTING};
use jiff::Timestamp;
use serde_json::{Value, json};

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");
const DAY: i64 = 24 * 60 * 60;
/// Text of a browser, with a character that no terminal should see.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\tGecko/20100101 Firefox/128.0";

fn serve(config: &str) -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::config(&format!("{TRUSTING}{config}")) })
}

/// Returns a client that came over TLS, as a proxy of the settings says.
fn over_tls(server: &Server) -> Client {
    Client::new(server).with("X-Forwarded-Proto", "https").with("User-Agent", AGENT)
}

fn sign_in(client: &mut Client, (name, password, _): (&str, &str, &str), remember: bool) -> Response {
    let body = json!({"username": name, "password": password, "remember": remember});
    let answer = client.post_json("/api/session", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.take_cookie(&answer);
    answer
}

fn remembered(server: &Server) -> Client {
    let mut client = over_tls(server);
    sign_in(&mut client, BETO, true);
    client
}

/// Returns the seconds until a time of an answer.
fn seconds_until(time: &Value) -> i64 {
    let at: Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
    at.as_second() - Timestamp::now().as_second()
}

fn is_near(seconds: i64, wanted: i64) -> bool {
    (wanted - 60..=wanted).contains(&seconds)
}

fn max_age(answer: &Response) -> Option<i64> {
    let cookie = answer.session_cookie().expect("a session cookie");
    let age = cookie.split("; ").find_map(|part| part.strip_prefix("Max-Age="))?;
    Some(age.parse().expect("a number"))
}

fn sql(server: &Server, statement: &str) {
    let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    db.execute_batch(statement).expect("works");
}

#[test]
fn session_is_remembered_over_tls_only() {
    let server = serve("");
    let mut kept = over_tls(&server);
    let answer = sign_in(&mut kept, BETO, true);
    assert!(is_near(max_age(&answer).expect("a life"), 30 * DAY), "{:?}", answer.session_cookie());
    assert!(answer.session_cookie().expect("a cookie").starts_with("__Host-pichat-"));
    assert_eq!(answer.json()["remember"], true);
    assert!(is_near(seconds_until(&answer.json()["expires_at"]), 14 * DAY), "unused, it ends sooner");
    assert_eq!(kept.get("/api/session").json()["remember"], true);

    for (mut client, remember) in [(Client::new(&server), true), (over_tls(&server), false)] {
        let answer = sign_in(&mut client, BETO, remember);
        assert_eq!((max_age(&answer), &answer.json()["remember"]), (None, &json!(false)));
        assert!(is_near(seconds_until(&answer.json()["expires_at"]), 2 * 60 * 60));
    }
    let plain = Client::new(&server).sign_in(BETO.0, BETO.1).json();
    assert_eq!(plain["remember"], false, "who says nothing is not remembered");
    let word = json!({"username": BETO.0, "password": BETO.1, "remember": "yes"});
    assert_eq!(Client::new(&server).post_json("/api/session", &word).code(), "bad_request");
}

#[test]
fn remembered_session_outlives_the_others_and_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { users: vec![ANA, BETO], ..Options::config(TRUSTING).data_dir(folder.path()) };
    let mut server = Server::start(options.clone());
    let (mut kept, mut ordinary) = (remembered(&server), over_tls(&server));
    sign_in(&mut ordinary, ANA, false);
    let restart = |server: &mut Server, clients: &mut [&mut Client], age: i64, unused: i64| {
        server.signal("TERM");
        server.wait();
        sql(
            server,
            &format!(
                "UPDATE sessions SET created_at = created_at - {}, used_at = used_at - {}",
                age * 1000,
                unused * 1000
            ),
        );
        *server = Server::start(Options { users: Vec::new(), serve: true, ..options.clone() });
        for client in clients {
            client.addr = server.addr;
            let (_, token) = client.cookie.as_deref().and_then(|c| c.split_once('=')).expect("a cookie");
            client.cookie = Some(format!("__Host-{}={token}", server.cookie_name()));
        }
    };
    restart(&mut server, &mut [&mut kept, &mut ordinary], 16 * DAY, 13 * DAY);
    assert_eq!((kept.get("/api/session").status, ordinary.get("/api/session").status), (200, 401));
    // 29 days old in all.
    restart(&mut server, &mut [&mut kept], 13 * DAY, 13 * DAY);
    assert_eq!(kept.get("/api/session").status, 200);
    restart(&mut server, &mut [&mut kept], 2 * DAY, 0);
    assert_eq!(kept.get("/api/session").status, 401, "thirty days are the end");
}

#[test]
fn box_is_offered_where_a_session_can_be_kept() {
    let server = serve("");
    let (tls, plain) = (over_tls(&server), Client::new(&server));
    let page = tls.get("/login").text();
    assert!(page.contains(r#"<input type="checkbox" name="recordar""#) && page.contains("30 días"), "{page}");
    assert!(!plain.get("/login").text().contains("recordar"), "its cookie would travel in the clear");

    let wrong = tls.post_form("/login", "usuario=beto&clave=no&recordar=1").text();
    assert!(wrong.contains(r#"name="recordar" value="1" checked"#), "{wrong}");
    let fields = format!("usuario={}&clave={}", BETO.0, BETO.1.replace(' ', "+"));
    assert_eq!(max_age(&tls.post_form("/login", &fields)), None);
    let kept = tls.post_form("/login", &format!("{fields}&recordar=1"));
    assert_eq!(kept.status, 303);
    assert!(is_near(max_age(&kept).expect("a life"), 30 * DAY));
    assert_eq!(max_age(&plain.post_form("/login", &format!("{fields}&recordar=1"))), None);

    let server = serve("[accounts]\nremember_days = 0\n");
    assert!(!over_tls(&server).get("/login").text().contains("recordar"));
    let answer = sign_in(&mut over_tls(&server), BETO, true);
    assert_eq!((max_age(&answer), &answer.json()["remember"]), (None, &json!(false)));
}

#[test]
fn new_password_keeps_the_session_remembered() {
    let server = serve("");
    for (remember, life) in [(true, Some(30 * DAY)), (false, None)] {
        let mut client = over_tls(&server);
        sign_in(&mut client, BETO, remember);
        let body = json!({"current": BETO.1, "new": "una clave nueva"});
        let changed = client.post_json("/api/password", &body);
        assert_eq!(changed.status, 204, "{}", changed.text());
        assert_eq!(max_age(&changed).is_some(), life.is_some());
        assert!(max_age(&changed).is_none_or(|age| is_near(age, 30 * DAY)));
        client.take_cookie(&changed);
        let own = client.get("/api/sessions").json();
        assert_eq!(
            (own[0]["remember"].as_bool(), own[0]["addr"].as_str()),
            (Some(remember), Some("127.0.0.1"))
        );
        let back = json!({"current": "una clave nueva", "new": BETO.1});
        client.take_cookie(&client.post_json("/api/password", &back));
    }
}

#[test]
fn person_lists_and_ends_own_sessions() {
    let server = serve("");
    let (kept, stranger) = (remembered(&server), Client::signed_in(&server, ANA.0, ANA.1));
    let mut other = Client::new(&server).from(7);
    other.sign_in(BETO.0, BETO.1);
    let own = kept.get("/api/sessions").json();
    let own = own.as_array().expect("a list");
    assert_eq!(own.len(), 2, "nobody else's: {own:?}");
    let first = &own[0];
    assert_eq!(
        (&first["current"], &first["remember"], &first["addr"], &first["agent"]),
        (&json!(true), &json!(true), &json!("127.0.0.1"), &json!(AGENT.replace('\t', " ")))
    );
    assert!(is_near(seconds_until(&first["created_at"]), 0) && is_near(seconds_until(&first["used_at"]), 0));
    let fields = ["id", "current", "created_at", "used_at", "addr", "agent", "remember"];
    assert_eq!(first.as_object().expect("an object").keys().collect::<Vec<_>>(), fields);
    let second = &own[1];
    assert_eq!(
        (&second["current"], &second["remember"], &second["addr"], &second["agent"]),
        (&json!(false), &json!(false), &json!("127.0.0.7"), &json!(""))
    );

    let path = |session: &Value| format!("/api/sessions/{}", session["id"].as_str().expect("an id"));
    for (client, path) in [(&stranger, path(first)), (&kept, "/api/sessions/0".to_owned())] {
        assert_eq!(client.delete(&path).refusal(), (404, "not_found".to_owned()));
    }
    let mut socket = other.socket();
    let ended = kept.delete(&path(second));
    assert_eq!((ended.status, ended.session_cookie()), (204, None));
    assert_eq!(socket.close_frame(), (4001, "signed_out".to_owned()));
    assert_eq!((other.get("/api/session").status, kept.get("/api/session").status), (401, 200));
    let told = server.wait_for_line("event=session.revoked");
    assert!(told.contains("user=\"beto\" addr=127.0.0.1 session="), "{told}");
    server.wait_for_line("event=session.ended result=ok user=\"beto\" reason=revoked");
    assert_eq!(kept.delete(&path(second)).status, 404, "it is gone");

    let signed_out = kept.delete(&path(first));
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.session_cookie().expect("a cookie").contains("Max-Age=0"));
    assert!(signed_out.header("clear-site-data").is_some(), "as a sign-out");
    assert_eq!(kept.get("/api/sessions").status, 401);
}

#[test]
fn ended_session_stays_ended_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { users: vec![ANA, BETO], ..Options::default().data_dir(folder.path()) };
    let mut server = Server::start(options.clone());
    let (kept, mut gone) =
        (Client::signed_in(&server, BETO.0, BETO.1), Client::signed_in(&server, BETO.0, BETO.1));
    let own = kept.get("/api/sessions").json();
    let id = own[1]["id"].as_str().expect("an id");
    assert_eq!(kept.delete(&format!("/api/sessions/{id}")).status, 204);
    server.kill();
    server = Server::start(Options { users: Vec::new(), serve: true, ..options });
    gone.follow(&server);
    assert_eq!(gone.get("/api/session").status, 401);
}

#[test]
fn agent_is_cut_to_120_characters() {
    let server = serve("");
    let mut client = Client::new(&server).with("User-Agent", &format!("{}ñ", "x".repeat(119)).repeat(9));
    client.sign_in(BETO.0, BETO.1);
    let own = client.get("/api/sessions").json();
    assert_eq!(own[0]["agent"].as_str().expect("text").chars().count(), 120);
}

/// Waits for the shortest idle time, one minute.
#[test]
fn answering_socket_keeps_its_session_from_idling() {
    let server = serve("[accounts]\nsession_idle_minutes = 1");
    let (with, without) =
        (Client::signed_in(&server, BETO.0, BETO.1), Client::signed_in(&server, ANA.0, ANA.1));
    let mut socket = with.socket();
    socket.patience = Duration::from_secs(90);
    // It answers pings, and nothing else comes from its client.
    let open = kept_alive(socket);
    let ended = server.wait_for_line_within("event=session.ended", Duration::from_secs(80));
    assert!(ended.contains("user=\"ana\" reason=idle"), "{ended}");
    assert_eq!((without.get("/api/session").status, with.get("/api/session").status), (401, 200));
    assert!(!open.is_finished());
    assert_eq!(with.delete("/api/session").status, 204);
    assert_eq!(open.join().expect("ends"), 4001);
}

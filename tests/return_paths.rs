//! A sign-in leads back to the page that it interrupted.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Response, Server};

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");

fn serve() -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::default() })
}

#[test]
fn page_without_a_session_is_come_back_to() {
    let server = serve();
    let (anyone, beto) = (Client::new(&server), Client::signed_in(&server, BETO.0, BETO.1));
    let location = |answer: Response| {
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").expect("an address").to_owned()
    };
    let q = "/listar?q=acta&estado=a%20b";
    for (path, to) in [
        ("/inicio", "/login?volver=/inicio"),
        ("/cuenta", "/login?volver=/cuenta"),
        (q, "/login?volver=/listar%3Fq%3Dacta%26estado%3Da%2520b"),
        (&format!("/chat?x={}", "y".repeat(300)), "/login"),
    ] {
        assert_eq!(location(anyone.get(path)), to);
    }
    assert_eq!(location(anyone.post_form("/logout", "")), "/login", "there is no such page");
    let form = anyone.get("/login?volver=/listar%3Fq%3Dacta%26estado%3Da%2520b").text();
    assert!(form.contains(r#"name="volver" value="/listar?q=acta&amp;estado=a%20b""#), "{form}");
    let wrong = anyone.post_form("/login", "usuario=beto&clave=no&volver=/listar?q%3D%22").text();
    assert!(wrong.contains(r#"name="volver" value="/listar?q=&quot;""#), "{wrong}");

    let signed_in = |back: &str| {
        let fields = format!("usuario={}&clave={}&volver={back}", BETO.0, BETO.1.replace(' ', "+"));
        location(anyone.post_form("/login", &fields))
    };
    assert_eq!(signed_in("/listar%3Fq%3Dacta%26estado%3Da%2520b"), q);
    assert_eq!(signed_in("/chat%23sala%3DVENTAS"), "/chat#sala=VENTAS");
    for foreign in ["", "//evil.example", "/%5Cevil.example", "https://evil.example", "/a%0D%0AX:y", "chat"] {
        assert_eq!(signed_in(foreign), "/inicio", "{foreign}");
        assert_eq!(location(beto.get(&format!("/login?volver={foreign}"))), "/inicio", "{foreign}");
    }
    assert_eq!(signed_in(&format!("/{}", "a".repeat(200))), "/inicio");
    assert_eq!(location(beto.get("/login?volver=/chat")), "/chat", "signed in already");
}

#[test]
fn temporary_password_opens_no_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path();
    let server = Server::start(Options { users: vec![ANA], ..Options::default().data_dir(data_dir) });
    let (status, out, error) =
        common::server::user_command(&["add", "carla", "--role", "cliente", "--one-time"], data_dir, "");
    assert!(status.success(), "{error}");
    let password =
        out.lines().find_map(|line| line.strip_prefix("Contraseña temporal: ")).expect("a password");
    let carla = Client::signed_in(&server, "carla", password);
    assert_eq!(carla.get("/api/sessions").code(), "password_change_required");
    assert_eq!(carla.delete("/api/sessions/0").code(), "password_change_required");
    let page = carla.get("/listar?q=a");
    assert_eq!((page.status, page.header("location")), (303, Some("/clave?volver=/listar%3Fq%3Da")));
    let form = carla.get("/clave?volver=/listar%3Fq%3Da").text();
    assert!(form.contains(r#"<input type="hidden" name="volver" value="/listar?q=a">"#), "{form}");
    let refused = carla.post_form("/clave", "clave_actual=no&clave_nueva=no&volver=/listar?q%3Da").text();
    assert!(refused.contains(r#"name="volver" value="/listar?q=a""#), "kept after a mistake: {refused}");
    let fields = format!("clave_actual={password}&clave_nueva=una+clave+nueva&volver=/listar?q%3Da");
    assert_eq!(carla.post_form("/clave", &fields).header("location"), Some("/listar?q=a"));
}

#[test]
fn refusal_without_a_session_keeps_the_cookie() {
    let server = serve();
    let mut client = Client::new(&server);
    client.cookie = Some(format!("{}={}", server.cookie_name(), "5e".repeat(32)));
    for answer in [client.get("/api/session"), client.get("/inicio"), client.get("/ws")] {
        assert!(matches!(answer.status, 401 | 303) && answer.session_cookie().is_none());
    }
}

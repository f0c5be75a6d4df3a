//! The page of one's own account works without scripts.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Options, Server, TRUSTING};

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");

fn serve() -> Server {
    Server::start(Options { users: vec![ANA, BETO], ..Options::config(TRUSTING) })
}

/// Returns a client with a kept session, as a browser over TLS has it.
fn remembered(server: &Server) -> Client {
    let mut client = Client::new(server)
        .with("X-Forwarded-Proto", "https")
        .with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    let body = serde_json::json!({"username": BETO.0, "password": BETO.1, "remember": true});
    let answer = client.post_json("/api/session", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.take_cookie(&answer);
    client
}

#[test]
fn account_page_shows_sessions_and_failed_sign_ins() {
    let server = serve();
    let first = Client::signed_in(&server, BETO.0, BETO.1);
    let page = first.get("/cuenta").text();
    assert!(page.contains("No hay otro registrado."), "{page}");
    assert!(page.contains(r#"<span id="failures">0</span></dd>"#), "{page}");
    for _ in 0..2 {
        assert_eq!(Client::new(&server).from(9).sign_in(BETO.0, "no es esta").status, 401);
    }
    let kept = remembered(&server);
    assert_eq!(Client::new(&server).from(9).sign_in(BETO.0, "no es esta").status, 401);
    let page = kept.get("/cuenta").text();
    for part in [
        "<title>Tu cuenta · PiChat</title>",
        r#"<dd id="name" translate="no">beto</dd>"#,
        "Cliente · Chateas y subes archivos.",
        r#"href="/clave""#,
        "desde 127.0.0.1</dd>",
        r#"<span id="failures">3</span> <span class="wrong">Si no fuiste tú, cambia tu contraseña.</span>"#,
        "Firefox en Linux",
        "Navegador desconocido",
        "Esta sesión",
        "Se mantiene abierta",
        r#"value="otras">Cerrar todas las demás</button>"#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("<time datetime=").count(), 5);
    let english = kept.send("GET", "/cuenta", &[("Accept-Language", "en")], b"").text();
    assert!(english.contains("Firefox on Linux") && english.contains("Sign out all others"), "{english}");
}

#[test]
fn account_page_ends_sessions_without_scripts() {
    let server = serve();
    let (own, second, third) = (remembered(&server), remembered(&server), remembered(&server));
    let stranger = Client::signed_in(&server, ANA.0, ANA.1);
    let status = |client: &Client| client.get("/api/session").status;
    let page = second.get("/cuenta").text();
    let current = page.split("name=\"cerrar\" value=\"").nth(1).expect("a button");
    let id = current.split('"').next().expect("an id");
    let ended = own.post_form("/cuenta", &format!("cerrar={id}"));
    assert_eq!((ended.status, ended.header("location")), (303, Some("/cuenta?cerradas=1")));
    assert!(own.get("/cuenta?cerradas=1").text().contains("Se cerró 1 sesión."));
    assert_eq!((status(&own), status(&second), status(&third)), (200, 401, 200));
    assert_eq!(own.post_form("/cuenta", &format!("cerrar={id}")).header("location"), Some("/cuenta"));
    assert_eq!(own.post_form("/cuenta", "otro=1").status, 400);

    let fourth = remembered(&server);
    let ended = own.post_form("/cuenta", "cerrar=otras");
    assert_eq!((ended.status, ended.header("location")), (303, Some("/cuenta?cerradas=2")));
    assert_eq!((status(&own), status(&third), status(&fourth), status(&stranger)), (200, 401, 401, 200));
    let page = own.get("/cuenta?cerradas=2").text();
    assert!(page.contains("Se cerraron 2 sesiones.") && !page.contains("Cerrar todas las demás"), "{page}");

    let current = page.split("name=\"cerrar\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let signed_out = own.post_form("/cuenta", &format!("cerrar={}", current.expect("an id")));
    assert_eq!((signed_out.status, signed_out.header("location")), (303, Some("/login")));
    assert!(signed_out.session_cookie().expect("a cookie").contains("Max-Age=0"));
    assert_eq!(status(&own), 401);
}

#[test]
fn navigation_names_the_person_on_each_page() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    for path in ["/inicio", "/chat", "/listar", "/subir", "/cuenta"] {
        let page = admin.get(path).text();
        let link = page.split(r#"href="/cuenta""#).nth(1).and_then(|rest| rest.split("</a>").next());
        assert!(link.expect("a link").contains(r#"<span translate="no">admin</span>"#), "{path}");
        assert!(!page.contains("<!--PERSON-->"), "{path}");
    }
    let refused = admin.post_form("/subir", "x=1").text();
    assert!(refused.contains(r#"<span translate="no">admin</span>"#), "also after a mistake: {refused}");
}

#[test]
fn failed_sign_ins_are_stored_at_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { users: vec![ANA, BETO], ..Options::default().data_dir(folder.path()) };
    let mut server = Server::start(options.clone());
    let mut beto = Client::signed_in(&server, BETO.0, BETO.1);
    assert_eq!(Client::new(&server).sign_in(BETO.0, "no es esta").status, 401);
    server.signal("TERM");
    server.wait();
    server = Server::start(Options { users: Vec::new(), serve: true, ..options });
    beto.follow(&server);
    let page = beto.get("/cuenta").text();
    assert!(page.contains(r#"<span id="failures">1</span>"#), "{page}");
}

//! Forms of pages, which work without scripts: a mistake shows the page again.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Response, Server};

const FORM: &str = "application/x-www-form-urlencoded";

fn post(client: &Client, path: &str, media_type: &str, body: &str) -> Response {
    client.send("POST", path, &[("Content-Type", media_type), ("Accept-Language", "en")], body.as_bytes())
}

/// Returns the message of a page.
fn alert(page: &str) -> &str {
    let (_, rest) = page.split_once("class=\"alert\" role=\"alert\">").expect("a message");
    rest.split('<').next().unwrap_or_default()
}

#[test]
fn mistake_in_a_form_shows_its_page_again() {
    let server = Server::demo();
    let (anyone, cliente, usuario) =
        (Client::new(&server), Client::cliente(&server), Client::usuario(&server));
    for (client, path, body, status, part) in [
        (&anyone, "/login", "usuario=ana&clave=no", 401, "Wrong user name or password"),
        (&anyone, "/login", "usuario=ana", 400, "clave"),
        (&anyone, "/login", "clave=no", 400, "usuario"),
        (&anyone, "/activar", "usuario=ana&clave=no", 400, "codigo"),
        (&anyone, "/activar", "codigo=x&clave=no", 400, "usuario"),
        (&anyone, "/activar", "codigo=x&usuario=ana", 400, "clave"),
        (&usuario, "/clave", "clave_nueva=x", 400, "clave_actual"),
        (&usuario, "/clave", "clave_actual=x", 400, "clave_nueva"),
        (&usuario, "/clave", "clave_actual=x&clave_nueva=y&clave_otra_vez=z", 422, ""),
        (&cliente, "/subir", "", 415, "multipart"),
    ] {
        let answer = post(client, path, FORM, body);
        let page = answer.text();
        assert_eq!(answer.status, status, "{path} {body}: {page}");
        assert!(alert(&page).contains(part), "{path} {body}: {}", alert(&page));
        assert!(page.contains(&format!("method=\"post\" action=\"{path}\"")), "{path} {body}: {page}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for (client, path) in [(&anyone, "/login"), (&anyone, "/activar"), (&usuario, "/clave")] {
        let answer = post(client, path, "application/json", "{}");
        assert_eq!(answer.status, 415, "{path}");
        assert!(alert(&answer.text()).contains(FORM), "{path}: {}", alert(&answer.text()));
    }
    for (media_type, body, status) in
        [(FORM, "", 400), (FORM, "idioma=xx", 400), ("text/plain", "idioma=en", 415)]
    {
        let answer = post(&anyone, "/idioma", media_type, body);
        assert_eq!((answer.status, answer.header("set-cookie")), (status, None), "{body}");
    }
}

#[test]
fn typed_names_stay_in_the_form_and_passwords_do_not() {
    let server = Server::demo();
    let anyone = Client::new(&server);
    let sign_in = post(&anyone, "/login", FORM, "usuario=%22ana%26&clave=secreto-1").text();
    assert!(sign_in.contains("name=\"usuario\" value=\"&quot;ana&amp;\""), "{sign_in}");
    let claim = "codigo=AAAA-BBBB&usuario=ana&clave=secreto-1&clave_otra_vez=secreto-2";
    let claim = post(&anyone, "/activar", FORM, claim).text();
    for kept in ["name=\"codigo\" value=\"AAAA-BBBB\"", "name=\"usuario\" value=\"ana\""] {
        assert!(claim.contains(kept), "{kept}: {claim}");
    }
    assert!(!sign_in.contains("secreto") && !claim.contains("secreto"));
}

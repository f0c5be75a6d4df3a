//! A01, broken access control: every route for every role, bypasses of the table, resources of other users.
//!
//! Elsewhere: who may delete and upload in detail (`legacy_vulnerabilities_web`), rooms of others
//! (`legacy_vulnerabilities_chat`), memberships of others (`tests/membership.rs`), which rooms the
//! lobby shows to whom (`tests/chat.rs`), files that are held (`tests/inspection.rs`).

use pichat::http::{Access, Router};
use serde_json::json;

use super::raw_bytes::GENEROUS;
use super::route_access::{RULES, Rule};
use crate::common::{Client, Options, Response, Server};

/// Kinds of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    /// Well-formed token that was never issued.
    Forger,
    /// Token of a session that was signed out.
    Ghost,
    Usuario,
    Cliente,
    Administrator,
}

impl Who {
    const ALL: [Self; 6] =
        [Self::Nobody, Self::Forger, Self::Ghost, Self::Usuario, Self::Cliente, Self::Administrator];

    fn client(self, server: &Server) -> Client {
        match self {
            Self::Nobody => Client::new(server),
            Self::Forger => Client {
                cookie: Some(format!("{}={}", server.cookie_name(), "0f".repeat(32))),
                ..Client::new(server)
            },
            Self::Ghost => {
                let client = Client::admin(server);
                assert_eq!(client.delete("/api/session").status, 204);
                client
            }
            Self::Usuario => Client::usuario(server),
            Self::Cliente => Client::cliente(server),
            Self::Administrator => Client::admin(server),
        }
    }

    fn may(self, access: Access) -> bool {
        match access {
            Access::Anyone => true,
            Access::PartialSession | Access::SignedIn => {
                matches!(self, Self::Usuario | Self::Cliente | Self::Administrator)
            }
            Access::Uploader => matches!(self, Self::Cliente | Self::Administrator),
            // Clients beside a program with the metrics token.
            Access::Metrics | Access::Administrator => self == Self::Administrator,
        }
    }
}

/// Uploads a file and returns its id.
fn stored(admin: &Client) -> String {
    admin.upload("acta.txt", b"acta").json()["id"].as_str().expect("an id").to_owned()
}

/// Returns a path with its parameters filled in.
pub(crate) fn path_of(rule: &Rule, id: &str) -> String {
    rule.path.replace("{id}", id).replace("{room}", "sala").replace("{*path}", "css/base.css")
}

#[test]
fn every_route_has_a_rule_and_every_rule_a_route() {
    let mut routes: Vec<_> = Router::rows().into_iter().map(|r| (r.path, r.method, r.access as u8)).collect();
    let mut rules: Vec<_> = RULES.iter().map(|r| (r.path, r.method.to_owned(), r.access as u8)).collect();
    routes.sort_unstable();
    rules.sort_unstable();
    let unruled: Vec<_> = routes.iter().filter(|r| !rules.contains(r)).collect();
    let stale: Vec<_> = rules.iter().filter(|r| !routes.contains(r)).collect();
    assert!(
        unruled.is_empty() && stale.is_empty(),
        "tests/attack/route_access.rs: add {unruled:?}, take away {stale:?}"
    );
}

/// Returns true if an answer leads to the sign-in, with an own path to come back to at most.
fn leads_to_sign_in(answer: &Response) -> bool {
    let to = answer.header("location").unwrap_or_default();
    to == "/login" || to.strip_prefix("/login?volver=/").is_some_and(|path| !path.contains(['/', ':', '?']))
}

/// Returns true if an answer refuses a client without a session or without the right.
fn keeps_out(answer: &Response, who: Who, is_page: bool, head: bool) -> bool {
    let signed_in = who.may(Access::SignedIn);
    match (signed_in, is_page) {
        (true, _) => answer.status == 403,
        (false, true) => answer.status == 303 && leads_to_sign_in(answer),
        (false, false) => answer.status == 401 && (head || answer.code() == "unauthenticated"),
    }
}

#[test]
fn forced_browsing_opens_no_route() {
    let server = Server::start(Options::config(GENEROUS));
    let keeper = Client::admin(&server);
    let kept = stored(&keeper);
    let is_page = |rule: &Rule| {
        Router::rows().iter().any(|r| r.path == rule.path && r.method == rule.method && r.is_page)
    };
    let mut tried = 0;
    for who in Who::ALL {
        let mut client = who.client(&server);
        for rule in RULES {
            let id = if who.may(rule.access) && (rule.method, rule.path) == ("DELETE", "/api/files/{id}") {
                stored(&keeper)
            } else {
                kept.clone()
            };
            let path = path_of(rule, &id);
            for method in
                [rule.method, "HEAD"].into_iter().filter(|m| *m == rule.method || rule.method == "GET")
            {
                let what = format!("{who:?}: {method} {path}");
                let answer = client.send(method, &path, &[], b"");
                tried += 1;
                if !who.may(rule.access) {
                    assert!(
                        keeps_out(&answer, who, is_page(rule), method == "HEAD"),
                        "{what}: {}",
                        answer.status
                    );
                    assert!(answer.header("set-cookie").is_none(), "{what}");
                } else if rule.path == "/login" && method != "POST" && who.may(Access::SignedIn) {
                    assert_eq!((answer.status, answer.header("location")), (303, Some("/inicio")), "{what}");
                } else {
                    assert_eq!(answer.status, rule.answers, "{what}: {}", answer.text());
                }
            }
            if who.may(Access::SignedIn) && client.get("/api/session").status != 200 {
                client = who.client(&server);
            }
        }
    }
    assert!(tried >= Who::ALL.len() * Router::rows().len(), "{tried}");
    assert_eq!(
        keeper.get(&format!("/api/files/{kept}/content")).body,
        b"acta",
        "nothing went that was not to go"
    );
    assert_eq!(keeper.get("/api/files").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn methods_outside_the_table_do_nothing() {
    let server = Server::start(Options::config(GENEROUS));
    let admin = Client::admin(&server);
    let id = stored(&admin);
    for client in [&admin, &Client::new(&server)] {
        for rule in RULES {
            let path = path_of(rule, &id);
            for method in ["PUT", "PATCH", "POST", "DELETE", "TRACE", "PROPFIND", "MOVE", "get"] {
                if RULES.iter().any(|r| r.path == rule.path && r.method == method) {
                    continue;
                }
                let override_it = [("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "DELETE")];
                let answer = client.send(method, &path, &override_it, b"");
                assert_eq!(answer.status, 405, "{method} {path}");
            }
        }
    }
    assert_eq!(admin.get(&format!("/api/files/{id}")).status, 200);
}

#[test]
fn path_spellings_do_not_bypass_the_table() {
    let server = Server::start(Options::config(GENEROUS));
    let nobody = Client::new(&server);
    let usuario = Client::usuario(&server);
    let id = stored(&Client::admin(&server));
    for path in [
        "//api/files",
        "/api//files",
        "/api/files/",
        "/API/files",
        "/api/./files",
        "/./api/files",
        "/x/../api/files",
        "/static/../api/files",
        "/static/..%2fapi/files",
        "/static/%2e%2e/api/files",
        "/api/%66iles",
        "/%61pi/files",
        "/api/files%00",
        "/api/files%20",
        "/api/files%2f",
        "/api/files;a=b",
        "/api;/files",
        "/..;/api/files",
        "/api\\files",
        "/api/files.json",
        "/inicio/",
        "/inicio%2f",
        "/INICIO",
        "/inicio/login",
        "/login/../inicio",
        "/favicon.ico/../inicio",
        "/static/css/base.css/../../../inicio",
    ] {
        for client in [&nobody, &usuario] {
            let status = client.get(path).status;
            assert!(matches!(status, 400 | 404), "{path}: {status}");
        }
    }
    for header in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Path",
        "X-Forwarded-Prefix",
        "X-Original-Method",
        "X-User",
        "X-Role",
        "Authorization",
    ] {
        let value = if header == "Authorization" { "Basic YWRtaW46YWRtaW4xMjM=" } else { "/api/files" };
        assert_eq!(nobody.send("GET", "/api/session", &[(header, value)], b"").status, 401, "{header}");
        let path = format!("/api/files/{id}");
        assert_eq!(usuario.send("DELETE", &path, &[(header, value)], b"").status, 403, "{header}");
    }
}

#[test]
fn file_ids_are_unpredictable() {
    let server = Server::start(Options::config(GENEROUS));
    let admin = Client::admin(&server);
    let ids: Vec<_> = (0..20).map(|_| stored(&admin)).collect();
    for id in &ids {
        assert!(
            id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "128 bits: {id}"
        );
        let near = format!("{}{}", &id[..31], if id.ends_with('0') { '1' } else { '0' });
        let others = [
            near,
            id.to_uppercase(),
            format!("0{id}"),
            id[1..].to_owned(),
            format!("{id}0"),
            format!(" {id}"),
        ];
        for other in others.iter().filter(|other| !ids.contains(other)) {
            let status = admin.get(&format!("/api/files/{}", other.replace(' ', "%20"))).status;
            assert_eq!(status, 404, "{other}");
        }
    }
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(x, y)| x == y).count();
    assert!(
        ids.windows(2).all(|pair| shared(&pair[0], &pair[1]) < 16),
        "one does not follow from another: {ids:?}"
    );
    for guess in ["0", "1", "2", "-1", "acta.txt", "*", "%", "' OR 1=1 --", "null", "..", "tmp-x"] {
        let path = format!("/api/files/{}", guess.replace('%', "%25").replace(' ', "%20"));
        for answer in [admin.get(&path), admin.get(&format!("{path}/content")), admin.delete(&path)] {
            assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        }
    }
}

#[test]
fn reader_of_a_file_cannot_delete_or_own_it() {
    let server = Server::start(Options::config(GENEROUS));
    let (owner, other) = (Client::cliente(&server), Client::usuario(&server));
    let place = owner.upload("informe.txt", b"uno").header("location").expect("a place").to_owned();
    for client in [&owner, &other] {
        assert_eq!((client.get(&place).status, client.delete(&place).code().as_str()), (200, "forbidden"));
    }
    // The uploader of a file is the user of the session, whatever the form says.
    let (kind, body) = crate::common::http::multipart("archivo", "ajeno.txt", b"dos");
    let lies = [("Content-Type", kind.as_str()), ("X-User", "admin"), ("X-Uploaded-By", "admin")];
    let answer = owner.send("POST", "/api/files?uploaded_by=admin", &lies, &body);
    assert_eq!((answer.status, &answer.json()["uploaded_by"]), (201, &json!("cliente")));
    // Neither name nor role in a request changes the user of a session.
    let session = other.send(
        "GET",
        "/api/session?username=admin&role=administrator",
        &[("X-Role", "administrator")],
        b"",
    );
    assert_eq!(
        (&session.json()["username"], &session.json()["role"]),
        (&json!("usuario"), &json!("usuario"))
    );
    let refused = Client::new(&server).post_json(
        "/api/session",
        &json!({"username": "usuario", "password": "usuario123", "role": "administrator"}),
    );
    assert_eq!(refused.code(), "bad_request", "a field that is not asked for is refused");
}

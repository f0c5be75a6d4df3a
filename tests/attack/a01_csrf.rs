//! Cross-site requests against every form of the pages and every route that changes data.
//!
//! Elsewhere: the kinds of foreign origin in detail (`legacy_vulnerabilities_web`,
//! `legacy_vulnerabilities_chat`), GET changes nothing (`legacy_vulnerabilities_web`), origins that the owner
//! allows (`tests/http_boundaries.rs`), the claim (`tests/claim.rs`).

use super::a01_access::path_of;
use super::raw_bytes::GENEROUS;
use super::route_access::RULES;
use crate::common::{Client, Options, Server};

/// Returns the `action` of every form of a page that is sent by POST.
fn forms(page: &str) -> Vec<String> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1)?;
        value.split('"').next().map(str::to_owned)
    };
    let tags = page.split("<form").skip(1).map(|rest| rest.split('>').next().unwrap_or_default().to_owned());
    tags.filter(|tag| attribute(tag, "method").is_some_and(|m| m.eq_ignore_ascii_case("post")))
        .map(|tag| attribute(&tag, "action").expect("a form says where it goes"))
        .collect()
}

#[test]
fn forms_are_refused_from_foreign_origins() {
    let server = Server::start(Options::config(GENEROUS));
    let unclaimed = Server::start(Options { serve: true, ..Options::config(GENEROUS) });
    let admin = Client::admin(&server);
    let mut actions = Vec::new();
    for rule in
        RULES.iter().filter(|r| r.method == "GET" && !r.path.contains('{') && !r.path.starts_with("/api"))
    {
        for client in [&admin, &Client::usuario(&server), &Client::new(&server), &Client::new(&unclaimed)] {
            actions.extend(forms(&client.get(rule.path).text()));
        }
    }
    actions.sort_unstable();
    actions.dedup();
    for known in ["/login", "/logout", "/activar", "/idioma", "/subir"] {
        assert!(actions.iter().any(|a| a == known), "{known} is not among {actions:?}");
    }
    for action in &actions {
        for headers in [
            &[("Origin", "http://evil.example")][..],
            &[("Origin", "null")],
            &[("Sec-Fetch-Site", "cross-site")],
            &[("Sec-Fetch-Site", "same-site")],
            &[("Origin", ""), ("Referer", "http://evil.example/")],
        ] {
            for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
            {
                let answer =
                    admin.send("POST", action, &[headers, &[("Content-Type", kind)]].concat(), b"a=b");
                assert_eq!(answer.status, 403, "{action} {headers:?} {kind}");
                assert!(
                    answer.header("set-cookie").is_none() && answer.header("location").is_none(),
                    "{action}"
                );
            }
        }
    }
    assert_eq!(admin.get("/api/session").status, 200, "no session ended");
}

#[test]
fn changing_routes_are_refused_from_foreign_origins() {
    let server = Server::start(Options::config(GENEROUS));
    let admin = Client::admin(&server);
    let id = admin.upload("x", b"x").json()["id"].as_str().expect("an id").to_owned();
    let mut tried = 0;
    for rule in RULES.iter().filter(|r| r.method != "GET" || r.path == "/ws") {
        for client in [&admin, &Client::new(&server)] {
            let answer =
                client.send(rule.method, &path_of(rule, &id), &[("Origin", "https://evil.example")], b"");
            assert_eq!(answer.status, 403, "{} {}", rule.method, rule.path);
            assert!(!rule.path.starts_with("/api") || answer.code() == "cross_origin", "{}", rule.path);
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
    assert_eq!((admin.get("/api/session").status, admin.get(&format!("/api/files/{id}")).status), (200, 200));
}

#[test]
fn session_cookie_is_not_sent_by_other_sites() {
    let server = Server::demo();
    let cookie =
        Client::new(&server).sign_in("cliente", "cliente123").session_cookie().expect("a cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|p| p == part), "{part}: {cookie}");
    }
    assert!(
        !cookie.contains("Domain") && !cookie.contains("Expires") && !cookie.contains("Max-Age"),
        "{cookie}"
    );
}

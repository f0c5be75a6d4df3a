//! A03, injection: into headers, SQL, HTML and the page's scripts.
//!
//! Elsewhere: into the log (`audit`, `tests/config_audit.rs`), into paths (`files`), into requests
//! (`a03_smuggling`), HTML in messages (`legacy_vulnerabilities_chat`), requests on a socket that are none
//! (`tests/bad_frames.rs`).

use serde_json::json;

use super::raw_bytes::{GENEROUS, raw, statuses};
use crate::common::{Client, Options, Server};

/// Names and codes that would end a header, a quoted string or a parameter.
const BREAKERS: [&str; 13] = [
    "a%0d%0aX-Evil: 1.txt",
    "a\u{2028}X-Evil: 1.txt",
    "a\u{85}X-Evil: 1.txt",
    "a\u{10d}\u{10a}X-Evil: 1.txt",
    "a; x-evil=1.txt",
    "a%22; x-evil=%221.txt",
    "a\\%22; x-evil=1.txt",
    "a'; filename*=UTF-8''evil.exe",
    "a\tX-Evil: 1.txt",
    "=?utf-8?B?ZXZpbA==?=.txt",
    "%e5%98%8a%e5%98%8dX-Evil: 1.txt",
    "\u{560a}\u{560d}X-Evil: 1.txt",
    "a\u{202e}txt.exe",
];

#[test]
fn file_names_inject_no_headers() {
    let server = Server::start(Options::config(GENEROUS));
    // Some of these names end like programs, which only administrators may download.
    let client = Client::admin(&server);
    for name in BREAKERS {
        let answer = client.upload(name, b"x");
        assert_eq!(answer.status, 201, "{name:?}: {}", answer.text());
        let place = answer.header("location").expect("a place").to_owned();
        let download = client.get(&format!("{place}/content"));
        assert!(download.status == 200 && download.header("x-evil").is_none(), "{name:?}");
        let named: Vec<_> =
            download.headers.iter().filter(|(k, _)| k.eq_ignore_ascii_case("content-disposition")).collect();
        let [(_, disposition)] = named.as_slice() else { panic!("{name:?}: {named:?}") };
        // `attachment; filename="…"; filename*=UTF-8''…` in printable ASCII for any name.
        assert!(disposition.bytes().all(|b| (b' '..=b'~').contains(&b)), "{name:?}: {disposition}");
        let rest =
            disposition.strip_prefix("attachment; filename=\"").unwrap_or_else(|| panic!("{disposition}"));
        let (plain, extended) =
            rest.split_once("\"; filename*=UTF-8''").unwrap_or_else(|| panic!("{disposition}"));
        assert!(!plain.contains(['"', '\\', '%']), "{disposition}");
        assert!(!extended.contains([' ', ';', '"', '\'', '\\', ',', ':', '=']), "{disposition}");
    }
}

#[test]
fn room_codes_and_paths_inject_no_headers() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    let mut socket = client.socket();
    for code in [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a%0d%0ab",
        "a\u{2028}b",
        "a b",
        "a/b",
        "a\"b",
        "<b>",
        "../a",
        "a\0",
        "ñ",
        "a;b",
        "💥",
    ] {
        let refused = socket.join(code, "secreta", "group");
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("error"), &json!("bad_request")),
            "{code:?}"
        );
    }
    assert_eq!(client.get("/api/rooms").json(), json!([]));
    for path in [
        "/login?next=http://evil.example/%0d%0aX-Evil:%201",
        "/?next=//evil.example",
        "/inicio?next=https://evil.example",
        "/%0d%0aX-Evil:%201",
        "/static/%0d%0aX-Evil:%201",
        "/api/files/%0d%0aX-Evil:%201",
    ] {
        for asking in [&client, &Client::new(&server)] {
            let answer = asking.get(path);
            assert!(answer.header("x-evil").is_none(), "{path}");
            let goes = answer.header("location").unwrap_or("/login");
            // A page is come back to by its own path: here it is the value of a query.
            let goes = goes.strip_suffix("?volver=/inicio%3Fnext%3Dhttps%3A//evil.example").unwrap_or(goes);
            assert!(["/login", "/inicio"].contains(&goes), "{path} leads to {goes}");
        }
    }
    let host = raw(
        &server,
        "GET /inicio HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n",
    );
    assert!(statuses(&host) == [303] && !host.contains("evil.example"), "{host}");
}

#[test]
fn sql_in_input_is_plain_text() {
    let server = Server::start(Options::config(GENEROUS));
    let client = Client::cliente(&server);
    for text in [
        "' OR '1'='1",
        "' OR 1=1 --",
        "admin'--",
        "admin' /*",
        "'; DROP TABLE users; --",
        "\" OR \"\"=\"",
        "admin\0",
        "admin' UNION SELECT 1,2,3 --",
        "%27%20OR%201=1",
        "admin ",
        "ａｄｍｉｎ",
    ] {
        for (name, password) in [(text, "admin123"), (text, text), ("admin", text)] {
            let status = Client::new(&server).sign_in(name, password).status;
            assert_eq!(status, 401, "{name:?} {password:?}");
            let form: String = format!("usuario={name}&clave={password}")
                .bytes()
                .map(|b| match b {
                    b'=' | b'&' if !text.contains(char::from(b)) => char::from(b).to_string(),
                    b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
                    b => format!("%{b:02X}"),
                })
                .collect();
            assert!(matches!(Client::new(&server).post_form("/login", &form).status, 400 | 401), "{form}");
        }
        let answer = client.upload(&format!("{}.txt", text.replace('"', "%22").replace('\0', "")), b"x");
        assert_eq!(answer.status, 201, "{text:?}");
        let path = answer.header("location").expect("a place").to_owned();
        assert_eq!(client.get(&path).status, 200);
    }
    assert_eq!(
        client.get("/api/files").json().as_array().map(Vec::len),
        Some(11),
        "all are there, none did anything"
    );
    assert_eq!(Client::admin(&server).get("/api/session").status, 200);
}

#[test]
fn input_is_escaped_in_pages() {
    let server = Server::start(Options::config(GENEROUS));
    let evil = r#""><script>alert(1)</script><img src=x onerror=alert(1)>"#;
    let encoded: String = evil.bytes().map(|b| format!("%{b:02x}")).collect();
    let unclaimed = Server::start(Options { serve: true, ..Options::config(GENEROUS) });
    let again = [
        Client::new(&server).post_form("/login", &format!("usuario={encoded}&clave=x")),
        Client::new(&unclaimed)
            .post_form("/reclamar", &format!("codigo={encoded}&usuario={encoded}&clave=x")),
        Client::new(&server).get(&format!("/{encoded}")),
        Client::new(&server).send("GET", "/login", &[("Host", "evil.example")], b""),
    ];
    for page in again {
        let text = page.text();
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(
            !text.contains("<script>alert") && !text.contains("onerror=alert")
                || text.contains("&lt;script&gt;"),
            "{text}"
        );
        assert!(!text.contains("<script>") && !text.contains("<img src=x"), "{text}");
    }
    // Answers for programs are never rendered as a page.
    let client = Client::cliente(&server);
    let file = client.upload("<script>alert(1)</script>.html", b"<script>alert(1)</script>");
    for path in
        ["/api/files", "/api/session", &format!("/api/files/{}", file.json()["id"].as_str().expect("an id"))]
    {
        let answer = client.get(path);
        assert_eq!(
            (answer.header("content-type"), answer.header("x-content-type-options")),
            (Some("application/json"), Some("nosniff"))
        );
    }
}

#[test]
fn page_scripts_make_no_html_or_code_of_text() {
    let server = Server::demo();
    let client = Client::new(&server);
    let pages = Client::admin(&server);
    let mut scripts = Vec::new();
    for page in ["/login", "/inicio", "/chat", "/listar", "/subir"] {
        let asking = if page == "/login" { &client } else { &pages };
        let text = asking.get(page).text();
        scripts.extend(
            text.split("src=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .filter(|s| s.ends_with(".js"))
                .map(str::to_owned),
        );
    }
    scripts.sort();
    scripts.dedup();
    let mut modules = 0;
    for path in &scripts {
        let answer = client.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "createContextualFragment",
            "DOMParser",
            "setHTML",
            "eval(",
            "new Function",
            "setTimeout('",
            "setTimeout(\"",
            "javascript:",
            "srcdoc",
            "importScripts",
        ] {
            // The navigation parses this server's own pages, whose addresses it names; nothing inline in
            // them runs under the policy.
            let allowed = usize::from(sink == "DOMParser" && path.ends_with("/js/app.js"));
            assert!(text.matches(sink).count() <= allowed, "{path}: {sink}");
        }
        assert!(!text.contains("} from '"), "{path} is all of it");
        modules += text.matches("\n// --- ").count();
    }
    assert!(modules >= 30, "{modules} modules in {scripts:?}: the chat's are among them");
}

//! Static files: versioned, immutable and compressed addresses, all of which the pages name.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::collections::BTreeSet;
use std::io::Read as _;

use common::{Client, Response, Server};

const PAGES: [&str; 7] = ["/login", "/inicio", "/chat", "/listar", "/subir", "/clave", "/nada"];

fn page(server: &Server, path: &str) -> String {
    let client = if path == "/login" { Client::new(server) } else { Client::cliente(server) };
    client.get(path).text()
}

/// Returns the quoted addresses below `/static/` in a text.
fn addresses(text: &str) -> BTreeSet<String> {
    text.split('"')
        .filter(|word| word.starts_with("/static/"))
        .map(|word| word.split('#').next().unwrap_or(word).to_owned())
        .collect()
}

/// Returns the address of a file, as the pages have it.
fn versioned(server: &Server, file: &str) -> String {
    let all = addresses(&page(server, "/chat"));
    all.into_iter()
        .find(|address| address.ends_with(&format!("/{file}")))
        .unwrap_or_else(|| panic!("{file} is not named"))
}

fn ask(client: &Client, path: &str, fields: &[(&str, &str)]) -> Response {
    client.send("GET", path, fields, b"")
}

fn cache(answer: &Response) -> Option<&str> {
    answer.header("cache-control")
}

fn unpacked(answer: &Response) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut bytes).expect("is gzip");
    bytes
}

#[test]
fn static_addresses_carry_the_version_and_are_immutable() {
    let server = Server::demo();
    let client = Client::new(&server);
    let mut versions = BTreeSet::new();
    for path in PAGES {
        let all = addresses(&page(&server, path));
        assert!(all.len() >= 4, "{path}: {all:?}");
        for address in all {
            let answer = client.get(&address);
            assert_eq!(
                (answer.status, cache(&answer)),
                (200, Some("max-age=31536000, immutable")),
                "{path}: {address}"
            );
            versions.insert(address.split('/').nth(2).expect("a version").to_owned());
        }
    }
    assert!(
        versions.len() == 1 && versions.iter().all(|version| version.starts_with('v') && version.len() == 17),
        "{versions:?}"
    );
}

#[test]
fn other_versions_get_the_current_file_uncached() {
    let server = Server::demo();
    let client = Client::new(&server);
    let now = client.get(&versioned(&server, "js/app.js"));
    for path in ["/static/js/app.js", "/static/v0123456789abcdef/js/app.js"] {
        let answer = client.get(path);
        assert_eq!((answer.status, cache(&answer)), (200, Some("no-cache")), "{path}");
        assert!(answer.body == now.body, "{path}");
        let tag = answer.header("etag").expect("a tag");
        assert_eq!(Some(tag), now.header("etag"));
        let same = ask(&client, path, &[("If-None-Match", tag)]);
        assert_eq!((same.status, same.body.len(), cache(&same)), (304, 0, Some("no-cache")));
    }
    for path in [
        "/static/v0123456789abcde/js/app.js",
        "/static/v0123456789abcdef/js/nada.js",
        "/static/v0123456789abcdef/",
    ] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

#[test]
fn packed_file_has_the_same_content() {
    let server = Server::demo();
    let client = Client::new(&server);
    let mut saved = 0;
    for file in ["js/app.js", "js/texts-es.js", "css/base.css", "css/chat.css", "img/icons.svg"] {
        let path = versioned(&server, file);
        let (plain, packed) =
            (client.get(&path), ask(&client, &path, &[("Accept-Encoding", "gzip, deflate, br, zstd")]));
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{file}");
        assert_eq!(unpacked(&packed), plain.body, "{file}");
        assert_eq!(packed.header("content-type"), plain.header("content-type"));
        assert_eq!(packed.header("content-length"), Some(packed.body.len().to_string().as_str()));
        for answer in [&plain, &packed] {
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{file}");
        }
        let [plain_tag, packed_tag] = [&plain, &packed].map(|answer| answer.header("etag").expect("a tag"));
        assert_ne!(plain_tag, packed_tag, "{file}");
        let again = |encoding, tag| {
            ask(&client, &path, &[("Accept-Encoding", encoding), ("If-None-Match", tag)]).status
        };
        assert_eq!((again("gzip", packed_tag), again("identity", plain_tag)), (304, 304), "{file}");
        assert_eq!((again("gzip", plain_tag), again("identity", packed_tag)), (200, 200), "{file}");
        saved += plain.body.len() - packed.body.len();
        let head = client.send("HEAD", &path, &[("Accept-Encoding", "gzip")], b"");
        assert_eq!((head.body.len(), head.header("content-length")), (0, packed.header("content-length")));
    }
    assert!(saved > 20_000, "{saved} bytes saved");
}

#[test]
fn icons_of_pages_exist_and_only_sign_out_has_its_own() {
    let server = Server::demo();
    let icons = Client::new(&server).get(&versioned(&server, "img/icons.svg")).text();
    for path in ["/inicio", "/chat", "/listar"] {
        let text = page(&server, path);
        let named: Vec<_> = text
            .split("/img/icons.svg#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        assert!(named.len() > 4, "{path}: {named:?}");
        for name in &named {
            assert!(icons.contains(&format!("<symbol id=\"{name}\"")), "{path}: {name}");
        }
        assert_eq!(named.iter().filter(|name| **name == "sign-out").count(), 1, "{path}: {named:?}");
    }
}

/// Returns the lines that name another module, which a browser would ask for once it has read them.
fn imports(code: &str) -> Vec<&str> {
    code.lines().filter(|line| line.starts_with("import") || line.contains("} from '")).collect()
}

#[test]
fn page_scripts_import_nothing() {
    let server = Server::demo();
    let client = Client::new(&server);
    for path in PAGES {
        let text = page(&server, path);
        let scripts: Vec<_> = addresses(&text).into_iter().filter(|one| one.contains("/js/")).collect();
        assert!(scripts.len() <= 2, "{path}: its own script, and texts: {scripts:?}");
        for script in &scripts {
            let code = client.get(script).text();
            assert_eq!(imports(&code), [""; 0], "{path}: {script}");
            let is_of_chat = script.ends_with("/js/app.js");
            assert_eq!(is_of_chat, code.matches("\n// --- ").count() > 30, "{path}: {script}");
        }
        let is_view = ["/inicio", "/chat", "/listar", "/subir"].contains(&path);
        assert_eq!(is_view, scripts.iter().any(|script| script.ends_with("/js/app.js")), "{path}");
    }
}

#[test]
fn pages_with_navigation_contain_their_facts() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let [session, limits] = ["/api/session", "/api/limits"].map(|path| client.get(path).json());
    for path in ["/inicio", "/chat", "/listar", "/subir", "/cuenta"] {
        let text = client.get(path).text();
        let (_, facts) = text.split_once("<data id=\"facts\" value=\"").expect("facts");
        let facts = facts.split('"').next().expect("an end").replace("&quot;", "\"");
        let facts: serde_json::Value = serde_json::from_str(&facts).expect("JSON");
        assert_eq!(
            (&facts["session"]["username"], &facts["limits"]),
            (&session["username"], &limits),
            "{path}"
        );
        assert_eq!(facts["session"]["role"], session["role"], "{path}");
    }
}

#[test]
fn scripts_and_styles_use_relative_addresses() {
    for folder in ["js", "css"] {
        for entry in std::fs::read_dir(format!("{}/assets/static/{folder}", env!("CARGO_MANIFEST_DIR")))
            .expect("a folder")
        {
            let path = entry.expect("an entry").path();
            let text =
                if path.is_file() { std::fs::read_to_string(&path).expect("text") } else { String::new() };
            assert!(
                !text.contains("/static/"),
                "{}: without a version it is asked for each time",
                path.display()
            );
        }
    }
}

#[test]
fn every_page_reports_a_missing_script() {
    let server = Server::demo();
    for path in PAGES {
        let text = page(&server, path);
        assert_eq!(text.matches("class=\"incomplete\"").count(), 1, "{path}");
        assert!(text.contains("La página no cargó completa."), "{path}");
        assert!(text.contains("<noscript><link rel=\"stylesheet\""), "{path}");
    }
}

#[test]
fn static_files_are_cached_by_etag() {
    let server = Server::demo();
    let client = Client::new(&server);
    for (path, kind) in [
        ("/static/css/base.css", "text/css"),
        ("/static/js/page.js", "text/javascript"),
        ("/static/img/seedling.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
    ] {
        let answer = client.get(path);
        let tag = answer.header("etag").expect("a tag").to_owned();
        assert!(
            answer.status == 200 && answer.header("content-type").is_some_and(|t| t.starts_with(kind)),
            "{path}"
        );
        assert!(answer.header("cache-control").is_some_and(|c| c != "no-store"), "{path}");
        let same = client.send("GET", path, &[("If-None-Match", &tag)], b"");
        assert_eq!(
            (same.status, same.body.len(), same.header("etag")),
            (304, 0, Some(tag.as_str())),
            "{path}"
        );
        assert_eq!(client.send("GET", path, &[("If-None-Match", "\"x\"")], b"").status, 200, "{path}");
        assert_eq!(
            client.send("HEAD", path, &[], b"").header("content-length"),
            answer.header("content-length"),
            "{path}"
        );
    }
}

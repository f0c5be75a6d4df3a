//! `docs/API.md` and `docs/openapi.json` match the router, the error codes and real answers.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;
#[path = "common/evidence.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod evidence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::{Client, Server};
use http::StatusCode;
use pichat::http::{Access, Router};
use serde_json::Value;

type Names = BTreeSet<String>;

fn contract() -> Value {
    serde_json::from_str(&evidence::read("docs/openapi.json")).expect("JSON")
}

/// Returns the operations of the contract: method, path in OpenAPI's notation, object.
fn operations(contract: &Value) -> BTreeMap<String, &Value> {
    let paths = contract["paths"].as_object().expect("paths");
    let methods = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().expect("a path item").keys().cloned().collect::<Vec<_>>();
        item.into_iter().map(move |method| (path.clone(), method)).collect::<Vec<_>>()
    };
    let pairs = paths.iter().flat_map(methods);
    pairs
        .map(|(path, method)| {
            (format!("{} {path}", method.to_uppercase()), &contract["paths"][&path][&method])
        })
        .collect()
}

const fn access_name(access: Access) -> &'static str {
    match access {
        Access::Anyone => "anyone",
        Access::PartialSession => "any_session",
        Access::SignedIn => "signed_in",
        Access::Uploader => "uploader",
        Access::Metrics => "metrics",
        Access::Administrator => "administrator",
    }
}

/// Returns the strings of a JSON array.
fn strings(value: &Value) -> Names {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn keys(value: &Value) -> Names {
    value.as_object().expect("an object").keys().cloned().collect()
}

fn sources(folder: &str) -> Vec<String> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { walk(&path, into) } else { into.push(path) }
        }
    }
    let mut files = Vec::new();
    walk(&evidence::root().join(folder), &mut files);
    files.iter().map(|file| std::fs::read_to_string(file).expect("text")).collect()
}

/// Returns pairs of status constant and code, such as `S::NOT_FOUND, "not_found"`, in the source of the HTTP
/// layer.
fn codes_with_statuses(source: &str) -> BTreeSet<(String, u16)> {
    let by_name: BTreeMap<String, u16> = (400..600)
        .filter_map(|number| StatusCode::from_u16(number).ok())
        .filter_map(|status| {
            Some((status.canonical_reason()?.to_uppercase().replace([' ', '-'], "_"), status.as_u16()))
        })
        .collect();
    let is_code = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let pieces: Vec<&str> = source.split('"').collect();
    let pairs = pieces.windows(2).filter(|pair| is_code(pair[1]));
    let found = pairs.filter_map(|pair| {
        let before = pair[0].trim_end().trim_end_matches(',').trim_end();
        let name: String = before.chars().rev().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        let status = by_name.get(&name.chars().rev().collect::<String>())?;
        Some((pair[1].to_owned(), *status))
    });
    found.collect()
}

fn contract_codes(contract: &Value) -> BTreeSet<(String, u16)> {
    let table = contract["components"]["schemas"]["Problem"]["x-statuses"].as_object().expect("a table");
    let statuses = |(code, statuses): (&String, &Value)| {
        let numbers = statuses.as_array().expect("statuses").iter();
        numbers
            .map(|n| (code.clone(), n.as_u64().and_then(|n| n.try_into().ok()).expect("a status")))
            .collect::<Vec<_>>()
    };
    table.iter().flat_map(statuses).collect()
}

/// Returns the cells of the rows of a Markdown table below a heading.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, rest) =
        document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading} is missing"));
    let section = rest.split("\n#").next().unwrap_or_default();
    section
        .lines()
        .filter_map(evidence::cells)
        .filter(|row| row[0].contains('`') || row[0].parse::<u16>().is_ok())
        .collect()
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[test]
fn contract_and_router_have_the_same_routes() {
    let contract = contract();
    let documented: BTreeMap<_, _> = operations(&contract)
        .into_iter()
        .map(|(route, operation)| (route, operation["x-access"].as_str().unwrap_or_default().to_owned()))
        .collect();
    let served: BTreeMap<_, _> = Router::rows()
        .into_iter()
        .map(|row| {
            (format!("{} {}", row.method, row.path.replace("{*", "{")), access_name(row.access).to_owned())
        })
        .collect();
    assert_eq!(documented, served, "docs/openapi.json on the left, the router on the right");
}

#[test]
fn manual_and_router_have_the_same_routes() {
    let manual = evidence::read("docs/API.md");
    let served: BTreeSet<_> =
        Router::rows().into_iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    let documented: BTreeSet<_> = ["## Pages and forms", "## JSON calls"]
        .iter()
        .flat_map(|heading| rows(&manual, heading))
        .map(|row| unquoted(row[0]).to_owned())
        .collect();
    assert_eq!(documented, served, "docs/API.md on the left, the router on the right");
}

#[test]
fn contract_and_code_have_the_same_problem_codes() {
    let served: BTreeSet<_> =
        sources("src/http").iter().flat_map(|source| codes_with_statuses(source)).collect();
    assert!(served.len() > 25, "the codes are no longer found in the source: {served:?}");
    assert_eq!(contract_codes(&contract()), served, "docs/openapi.json on the left, src/http on the right");
    let manual = evidence::read("docs/API.md");
    let rows = rows(&manual, "## Errors");
    let documented: BTreeSet<_> =
        rows.iter().map(|row| (unquoted(row[1]).to_owned(), row[0].parse().expect("a status"))).collect();
    assert_eq!(documented, served, "docs/API.md on the left, src/http on the right");
}

#[test]
fn operations_name_known_codes_and_their_statuses() {
    let contract = contract();
    let codes = contract_codes(&contract);
    let known = strings(&contract["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]);
    assert_eq!(known, codes.iter().map(|(code, _)| code.clone()).collect::<Names>(), "x-statuses");
    for (route, operation) in operations(&contract) {
        let named = strings(&operation["x-codes"]);
        assert!(named.is_subset(&known), "{route}: {:?}", named.difference(&known));
        let statuses: BTreeSet<u16> =
            keys(&operation["responses"]).iter().filter_map(|s| s.parse().ok()).collect();
        for status in statuses.iter().filter(|status| **status >= 400) {
            assert!(
                named.iter().any(|code| codes.contains(&(code.clone(), *status))),
                "{route}: {status} has no code"
            );
        }
        for code in &named {
            assert!(
                statuses.iter().any(|status| codes.contains(&(code.clone(), *status))),
                "{route}: {code} has no status"
            );
        }
    }
}

#[test]
fn references_within_the_contract_exist() {
    let text = evidence::read("docs/openapi.json");
    let contract = contract();
    let references = text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next());
    let mut count = 0;
    for reference in references {
        assert!(contract.pointer(reference).is_some(), "{reference}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn answers_have_the_fields_of_their_schemas() {
    let server = Server::demo();
    let client = Client::cliente(&server);
    let contract = contract();
    let schema = |name: &str| &contract["components"]["schemas"][name];
    let check = |name: &str, answer: &Value| {
        let (fields, known) = (keys(answer), keys(&schema(name)["properties"]));
        assert!(fields.is_subset(&known), "{name}: {fields:?}");
        assert!(strings(&schema(name)["required"]).is_subset(&fields), "{name}: {fields:?}");
    };
    check("Session", &client.get("/api/session").json());
    check("OwnSession", &client.get("/api/sessions").json()[0]);
    let limits = client.get("/api/limits").json();
    check("Limits", &limits);
    check("Rate", &limits["uploads"]);
    check("Health", &client.get("/api/health").json());
    let mut socket = client.socket();
    socket.join_default("sala");
    check("Room", &client.get("/api/rooms").json()[0]);
    let terms = serde_json::json!({"hours": 1, "uses": 1});
    check("Invitation", &client.post_json("/api/rooms/sala/invites", &terms).json());
    let uploaded = client.upload("acta.txt", b"hola");
    assert_eq!(uploaded.status, 201);
    check("File", &uploaded.json());
    check("File", &client.get("/api/files").json()[0]);
    check("Problem", &client.get("/api/files/no").json());
    let admin = Client::admin(&server);
    let body = serde_json::json!({"text": "hola", "acknowledge": true});
    check("Announcement", &admin.post_json("/api/announcement", &body).json());
    check("Announcement", &admin.get("/api/announcements").json()[0]);
}

/// Returns the words of `match` arms of each `impl` block of `sources` that contains all of `known`.
fn words_of_matches(sources: &[String], known: &[&str]) -> Names {
    let is_word = |text: &&str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let words = |block: &str| -> Names {
        let arms = block.lines().filter_map(|line| line.trim().strip_suffix("\",")?.split_once(" => \""));
        arms.map(|(_, word)| word).filter(is_word).map(str::to_owned).collect()
    };
    let blocks = sources.iter().flat_map(|source| source.split("\nimpl "));
    blocks.map(words).filter(|words| known.iter().all(|word| words.contains(*word))).flatten().collect()
}

#[test]
fn manual_and_code_have_the_same_socket_errors() {
    let manual = evidence::read("docs/API.md");
    let documented: Names = rows(&manual, "### Error codes on a socket")
        .into_iter()
        .map(|row| unquoted(row[0]).to_owned())
        .collect();
    let served = words_of_matches(&sources("src/ws"), &["not_member", "rate_limited"]);
    assert_eq!(documented, served, "docs/API.md on the left, src/ws on the right");
}

#[test]
fn manual_and_code_have_the_same_close_codes() {
    let manual = evidence::read("docs/API.md");
    let sources = sources("src/ws");
    let rows = rows(&manual, "### Close codes");
    let (codes, reasons): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row[0].parse::<u16>().is_ok());
    let documented: Names = codes.iter().map(|row| row[0].to_owned()).collect();
    let numbers = sources.iter().flat_map(|source| source.lines()).filter_map(|line| {
        let line = line.trim().strip_suffix(',')?;
        line.split_once(" => ").or_else(|| line.split_once(" = ")).map(|(_, number)| number)
    });
    let served: Names =
        numbers.filter(|n| n.len() == 4 && n.parse::<u16>().is_ok()).map(str::to_owned).collect();
    assert_eq!(documented, served, "docs/API.md on the left, src/ws on the right");

    let named = codes
        .iter()
        .map(|row| row[1])
        .filter(|cell| cell.starts_with('`'))
        .chain(reasons.iter().map(|row| row[0]));
    let documented: Names = named.map(|cell| unquoted(cell).to_owned()).collect();
    let mut served = words_of_matches(&sources, &["shutdown", "flooding"]);
    served.extend(words_of_matches(&sources, &["checked", "too_many_sockets"]));
    // A socket dropped as silent gets no close frame.
    served.remove("silent");
    assert_eq!(documented, served, "docs/API.md on the left, src/ws on the right");
}

#[test]
fn manual_lists_the_frames_of_a_conversation() {
    let server = Server::demo();
    let manual = evidence::read("docs/API.md");
    let documented: BTreeMap<&str, Names> = rows(&manual, "### What the server sends")
        .into_iter()
        .map(|row| {
            let fields = row[1].split(", ").filter_map(|field| field.split('`').nth(1));
            (unquoted(row[0]), fields.map(str::to_owned).collect())
        })
        .collect();
    let (mut ana, mut luis) = (Client::cliente(&server).socket(), Client::usuario(&server).socket());
    let mut phone = Client::cliente(&server).socket();
    let mut seen = vec![ana.join_default("sala"), luis.join_default("sala"), ana.recv_type("presence")];
    luis.send(&serde_json::json!({"type": "typing", "room": "sala"}));
    seen.push(ana.recv_type("typing"));
    seen.push(ana.welcome().clone());
    seen.push(phone.join_default("sala"));
    seen.push(ana.send_message("sala", "hola"));
    seen.push(luis.recv_type("message"));
    ana.send(&serde_json::json!({"type": "read", "room": "sala", "seq": 1}));
    seen.push(phone.recv_type("read"));
    for change in [
        serde_json::json!({"type": "edit", "room": "sala", "seq": 1, "text": "hola a todos"}),
        serde_json::json!({"type": "react", "room": "sala", "seq": 1, "emoji": "👍"}),
        serde_json::json!({"type": "remove", "room": "sala", "seq": 1}),
    ] {
        seen.push(ana.request(change));
    }
    seen.extend(["edited", "reacted", "removed"].map(|kind| luis.recv_type(kind)));
    seen.push(ana.request(serde_json::json!({"type": "leave", "room": "otra"})));
    seen.push(ana.request(serde_json::json!({"type": "leave", "room": "sala"})));
    let admin = Client::admin(&server);
    let body = serde_json::json!({"text": "hola", "acknowledge": true});
    let id = admin.post_json("/api/announcement", &body).json()["id"].clone();
    seen.push(ana.recv_type("announcement"));
    ana.send(&serde_json::json!({"type": "acknowledge", "id": id}));
    seen.push(phone.recv_type("acknowledged"));
    admin.delete(&format!("/api/announcements/{}", id.as_str().expect("a text")));
    seen.push(ana.recv_type("announcement_ended"));
    // A gap needs a long wait, a sign of life 25 s.
    let mut types: Names = ["gap", "alive"].map(str::to_owned).into();
    for frame in &seen {
        let kind = frame["type"].as_str().expect("a type");
        let fields = documented.get(kind).unwrap_or_else(|| panic!("docs/API.md has no frame {kind}"));
        let sent: Names = keys(frame).into_iter().filter(|field| field != "type").collect();
        assert!(sent.is_subset(fields), "{kind}: {sent:?}");
        types.insert(kind.to_owned());
    }
    assert_eq!(types, documented.keys().map(|kind| (*kind).to_owned()).collect::<Names>());
}

#[test]
fn codes_are_found_in_either_form_of_source() {
    let tuple = "Self::A => {\n (S::BAD_REQUEST, \"bad_request\", Text::new(\"No\", \"not_this\"))";
    let table = "Gone = GONE \"gone\" \"Se perdió\";";
    assert_eq!(codes_with_statuses(tuple), [("bad_request".to_owned(), 400)].into());
    assert_eq!(codes_with_statuses(table), [("gone".to_owned(), 410)].into());
}

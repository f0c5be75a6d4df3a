//! `docs/ASVS.md` and `docs/SECURITY-MODEL.md` match the sources: every named test exists, and every
//! requirement of levels 1 and 2 has its row. Properties that no running server can show, such as absent
//! calls, are read from the source below.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "common/evidence.rs"]
mod evidence;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use evidence::{cells, exists, named_tests, read, root};

/// Requirement numbers of ASVS 5.0.0, from
/// `5.0/docs_en/OWASP_Application_Security_Verification_Standard_5.0.0_en.csv` of the repository OWASP/ASVS
/// (column `req_id`, rows whose column `L` is 1). 70 of them.
const LEVEL_1: &str = "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1 2.1.1 2.2.1 2.2.2 2.3.1 3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 \
    3.5.1 3.5.2 3.5.3 4.1.1 4.4.1 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 \
    6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1 10.4.2 10.4.3 \
    10.4.4 10.4.5 11.3.1 11.3.2 11.4.1 12.1.1 12.2.1 12.2.2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1";

/// Requirement numbers of level 2. 183 of them.
const LEVEL_2: &str = "1.1.1 1.1.2 1.2.6 1.2.7 1.2.8 1.2.9 1.3.3 1.3.4 1.3.5 1.3.6 1.3.7 1.3.8 1.3.9 1.3.10 1.3.11 1.4.1 1.4.2 \
    1.4.3 1.5.2 2.1.2 2.1.3 2.2.3 2.3.2 2.3.3 2.3.4 2.4.1 3.3.2 3.3.3 3.3.4 3.4.3 3.4.4 3.4.5 3.4.6 3.5.4 3.5.5 3.7.1 3.7.2 \
    4.1.2 4.1.3 4.2.1 4.3.1 4.3.2 4.4.2 4.4.3 4.4.4 5.1.1 5.2.3 5.4.1 5.4.2 5.4.3 6.1.2 6.1.3 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3 \
    6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4 7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 \
    7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2 8.1.2 8.2.3 8.4.1 9.2.2 9.2.3 9.2.4 10.1.1 10.1.2 10.2.1 10.2.2 10.3.1 10.3.2 \
    10.3.3 10.3.4 10.4.6 10.4.7 10.4.8 10.4.9 10.4.10 10.4.11 10.5.1 10.5.2 10.5.3 10.5.4 10.5.5 10.6.1 10.6.2 10.7.1 10.7.2 \
    10.7.3 11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.3 11.4.2 11.4.3 11.4.4 11.5.1 11.6.1 12.1.2 12.1.3 12.3.1 12.3.2 12.3.3 \
    12.3.4 13.1.1 13.2.1 13.2.2 13.2.3 13.2.4 13.2.5 13.3.1 13.3.2 13.4.2 13.4.3 13.4.4 13.4.5 14.1.1 14.1.2 14.2.2 14.2.3 \
    14.2.4 14.3.2 14.3.3 15.1.2 15.1.3 15.2.2 15.2.3 15.3.2 15.3.3 15.3.4 15.3.5 15.3.6 15.3.7 16.1.1 16.2.1 16.2.2 16.2.3 \
    16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3 17.1.1 17.2.1 17.2.2 17.2.3 17.2.4 \
    17.3.1 17.3.2";

const PREFIX: &str = "v5.0.0-";

/// Returns the level of each requirement by its full id.
fn standard() -> BTreeMap<String, u8> {
    let of =
        |list: &'static str, level| list.split_whitespace().map(move |id| (format!("{PREFIX}{id}"), level));
    of(LEVEL_1, 1).chain(of(LEVEL_2, 2)).collect()
}

/// Returns evidence that is too long for its row: lines of a list below the table, by the first id of the
/// row.
fn evidence_below(document: &str) -> BTreeMap<&str, &str> {
    let items = document.lines().filter_map(|line| line.strip_prefix("- "));
    items.filter_map(|item| item.split_once(": ")).filter(|(id, _)| id.starts_with(PREFIX)).collect()
}

/// Returns the faults of the tables of `docs/ASVS.md`.
fn faults(document: &str) -> Vec<String> {
    let levels = standard();
    let below = evidence_below(document);
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for line in document.lines().filter(|line| line.contains(PREFIX)) {
        let Some(row) = cells(line) else { continue };
        let [ids, level, _, status, evidence] = row[..] else {
            faults.push(format!("not five cells: {line}"));
            continue;
        };
        let ids: Vec<&str> = ids.split_whitespace().collect();
        for id in &ids {
            match levels.get(*id) {
                None => faults.push(format!("{id}: no such requirement of level 1 or 2")),
                Some(of) if of.to_string() != level => faults.push(format!("{id}: is of level {of}")),
                Some(1) if ids.len() > 1 => faults.push(format!("{id}: level 1 has a row for each")),
                Some(_) if !seen.insert((*id).to_owned()) => faults.push(format!("{id}: stands there twice")),
                Some(_) => {}
            }
        }
        let first = ids.first().copied().unwrap_or("?");
        let evidence =
            if evidence == "below" { below.get(first).copied().unwrap_or_default() } else { evidence };
        let words = evidence.split_whitespace().count();
        match status {
            "met" if ids.len() > 1 => faults.push(format!("{first}: a met requirement has its own row")),
            "met" if named_tests(evidence).is_empty() => {
                faults.push(format!("{first}: met, and no test is named"));
            }
            "deviation" if !evidence.contains("Price: ") => {
                faults.push(format!("{first}: a deviation says its price"));
            }
            "not applicable" | "deviation" if words < 3 => faults.push(format!("{first}: no reason")),
            "met" | "not applicable" | "deviation" => {}
            other => faults.push(format!("{first}: {other:?} is no status")),
        }
    }
    faults.extend(levels.keys().filter(|id| !seen.contains(*id)).map(|id| format!("{id}: has no row")));
    faults
}

#[test]
fn requirement_ids_are_complete() {
    let count = |list: &str| list.split_whitespace().collect::<BTreeSet<_>>().len();
    assert_eq!((count(LEVEL_1), count(LEVEL_2), standard().len()), (70, 183, 253));
}

#[test]
fn every_requirement_has_a_complete_row() {
    let faults = faults(&read("docs/ASVS.md"));
    assert!(faults.is_empty(), "docs/ASVS.md:\n{}", faults.join("\n"));
}

#[test]
fn tests_named_by_documents_exist() {
    for document in ["docs/ASVS.md", "docs/SECURITY-MODEL.md", "docs/CONFORMANCE.md"] {
        let text = read(document);
        let names = named_tests(&text);
        assert!(names.len() > 20, "{document} names {} tests", names.len());
        let missing: BTreeSet<_> = names.into_iter().filter(|name| !exists(name)).collect();
        assert!(missing.is_empty(), "{document} names missing tests: {missing:#?}");
    }
}

#[test]
fn summary_matches_the_rows() {
    let document = read("docs/ASVS.md");
    let levels = standard();
    let mut counts: BTreeMap<(u8, &str), usize> = BTreeMap::new();
    for row in document.lines().filter(|line| line.contains(PREFIX)).filter_map(cells) {
        for level in row[0].split_whitespace().filter_map(|id| levels.get(id)) {
            *counts.entry((*level, row[3])).or_default() += 1;
        }
    }
    for level in [1, 2] {
        let of = |status| counts.get(&(level, status)).copied().unwrap_or_default();
        let (met, not, off) = (of("met"), of("not applicable"), of("deviation"));
        let want = format!("| {level} | {} | {met} | {not} | {off} |", met + not + off);
        assert!(document.contains(&want), "docs/ASVS.md wants: {want}");
    }
}

#[test]
fn asvs_checks_find_each_planted_fault() {
    let row = |id: &str, level: u8, status: &str, evidence: &str| {
        format!("| {id} | {level} | x | {status} | {evidence} |")
    };
    let good = row("v5.0.0-1.2.1", 1, "met", "`asvs::requirement_ids_are_complete`");
    let complains = |document: &str, of: &str| faults(document).iter().any(|fault| fault.contains(of));
    assert!(!complains(&good, "v5.0.0-1.2.1:") && complains(&good, "v5.0.0-1.2.2: has no row"));
    let list = row("v5.0.0-1.2.1", 1, "met", "below") + "\n- v5.0.0-1.2.1: `asvs::the_list_of_ids_is_whole`";
    assert!(!complains(&list, "v5.0.0-1.2.1:"));
    for (bad, of) in [
        (row("v5.0.0-1.2.99", 1, "met", "`a::b`"), "no such requirement"),
        (row("v5.0.0-1.2.1", 2, "met", "`a::b`"), "is of level 1"),
        (format!("{good}\n{good}"), "stands there twice"),
        (row("v5.0.0-1.2.1", 1, "met", "the code is good"), "no test is named"),
        (row("v5.0.0-1.2.1", 1, "partly", "`a::b`"), "is no status"),
        (row("v5.0.0-1.2.1", 1, "not applicable", ""), "no reason"),
        (row("v5.0.0-1.2.1", 1, "met", "below"), "no test is named"),
        (row("v5.0.0-1.2.1", 1, "met", "below") + "\n- v5.0.0-1.2.1: the code is good", "no test is named"),
        (row("v5.0.0-1.2.1", 1, "deviation", "it was too hard"), "says its price"),
        (row("v5.0.0-1.2.1 v5.0.0-1.2.2", 1, "not applicable", "there is none here"), "a row for each"),
        ("| v5.0.0-1.2.1 | 1 | met |".to_owned(), "not five cells"),
    ] {
        assert!(complains(&bad, of), "{bad}: {:?}", faults(&bad));
    }
    assert!(
        exists("asvs::requirement_ids_are_complete")
            && exists("src/http/response/pages.rs::a_message_is_escaped")
    );
    assert!(exists("browser::claim::holder_of_the_code_becomes_administrator"));
    assert!(!exists("browser::story::holder_of_the_code_becomes_administrator"), "another file");
    assert!(!exists("asvs::the_list_of_ids") && !exists("nothing::at_all"));
    assert!(!exists("asvs::sources"), "a function without the attribute is no test");
}

/// Returns the items of the section on changes: defence, file, line as it is, changed line, tests that fail.
#[test]
fn removable_defences_exist_in_the_source() {
    let model = read("docs/SECURITY-MODEL.md");
    let section = model
        .split("\n## ")
        .find(|part| part.starts_with("Removing a defence"))
        .expect("the section is there");
    let items: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("- **")).collect();
    assert!(items.len() >= 30, "thirty defences; {} items", items.len());
    for item in items {
        let spans: Vec<_> =
            item.rsplit_once("**: ").map_or("", |(_, rest)| rest).split('`').skip(1).step_by(2).collect();
        let [file, line, ..] = spans[..] else { panic!("no file and line: {item}") };
        assert!(
            read(file).contains(line),
            "{file} has no {line:?} any more: try the change again, and write it down anew"
        );
        let (_, fails) = item.rsplit_once(": ").expect("a colon before the tests");
        assert!(!named_tests(fails).is_empty(), "no test is named: {item}");
    }
}

/// Returns the files below a folder with one of these endings, with their text.
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(dir: &Path, endings: &[&str], into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, endings, into);
            } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
                let text = std::fs::read_to_string(&path).expect("text");
                into.push((path.display().to_string(), text));
            }
        }
    }
    let mut all = Vec::new();
    walk(&root().join(folder), endings, &mut all);
    assert!(!all.is_empty(), "{folder}");
    all
}

/// Returns the tags of a page that begin with `<name`.
fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("<{name} ");
    page.match_indices(&start).filter_map(|(at, _)| page[at..].split('>').next()).collect()
}

#[test]
fn password_fields_are_masked_and_leave_password_managers_alone() {
    let mut fields = 0;
    for (file, page) in sources("assets/pages", &["html"]) {
        let id = |tag: &str| {
            tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
        };
        for tag in tags(&page, "input").into_iter().filter(|tag| id(tag).contains("password")) {
            // The password of a new room is a secret to hand on: its maker sees it while typing.
            let kind = if id(tag) == "create-password" { "text" } else { "password" };
            assert!(tag.contains(&format!("type=\"{kind}\"")), "{file}: {tag}>");
            // A room's password belongs to no account, and a password manager would offer the wrong one.
            let named = ["current-password", "new-password"]
                .iter()
                .any(|kind| tag.contains(&format!("autocomplete=\"{kind}\"")));
            let own = named || ["room-password", "create-password"].contains(&id(tag).as_str());
            assert!(own && !tag.contains("onpaste"), "{file}: {tag}>");
            fields += 1;
        }
        for form in page.split("<form ").skip(1) {
            let secret = form.split("</form>").next().is_some_and(|inside| inside.contains(" name=\"clave"));
            assert!(
                !secret || form.starts_with("method=\"post\"") || form.contains("method=\"post\""),
                "{file}: not in an address"
            );
        }
    }
    assert!(fields >= 6, "{fields} fields");
    for (file, script) in sources("assets/static/js", &["js"]) {
        assert!(!script.contains("'paste'") && !script.contains("onpaste"), "{file}");
    }
}

#[test]
fn signed_in_pages_offer_sign_out() {
    for (file, page) in sources("assets/pages", &["html"]) {
        let before = ["login", "claim", "not-found", "error", "trust", "trust-check"];
        let outside = before.iter().any(|name| file.ends_with(&format!("/{name}.html")));
        // Pages with a section have the frame, which has the way out.
        let framed =
            page.lines().take_while(|line| !line.is_empty()).any(|line| line.starts_with("section: "));
        assert!(outside || framed || page.contains("action=\"/logout\""), "{file}");
    }
}

#[test]
fn frame_of_pages_has_a_way_out() {
    let frame = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/parts/frame.html"))
        .expect("text");
    assert!(frame.contains("<form class=\"sign-out-form\" method=\"post\" action=\"/logout\">"), "{frame}");
}

#[test]
fn scripts_evaluate_no_text_and_write_no_html() {
    let never = [
        "eval(",
        "new Function",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "srcdoc",
        "setHTML",
    ];
    let nor = ["postMessage", "__proto__", "Object.assign(", "indexedDB", "document.cookie", "javascript:"];
    for (file, script) in sources("assets/static/js", &["js"]) {
        for word in never.iter().chain(&nor) {
            assert!(!script.contains(word), "{file}: {word}");
        }
        // What stays in the browser is kept by one script, and another deletes it at sign-out.
        let keeps = ["/chat-storage.js", "/page.js"].iter().any(|name| file.ends_with(name));
        assert!(keeps || !script.contains("localStorage"), "{file}: localStorage");
        // A text within an address is encoded; the name of an icon is a constant.
        for address in script.match_indices("href").filter_map(|(at, _)| script[at..].lines().next()) {
            let after = address.split('`').nth(1).unwrap_or_default();
            let mut inserted = after.split("${").skip(1);
            assert!(
                inserted.all(|text| text.starts_with("encodeURIComponent(") || after.contains("icons.svg#")),
                "{file}: {after}"
            );
        }
    }
}

#[test]
fn server_opens_no_connections_and_runs_one_program() {
    let mut runs = Vec::new();
    for (file, code) in sources("src", &["rs"]) {
        if file.ends_with("_tests.rs") {
            continue;
        }
        if file.contains("src/cli/child_server/") {
            // Two commands run the program again as a server on loopback, and are its clients.
            let fixed = code.contains("bind((Ipv4Addr::LOCALHOST, 0))")
                && code.contains("Command::new(std::env::current_exe()?)");
            assert!(!file.ends_with("mod.rs") || fixed, "{file}");
            continue;
        }
        if file.ends_with("src/cli/selftest/load_clients.rs") && code.contains("connect(target.addr)") {
            continue;
        }
        for outgoing in
            ["TcpStream::connect", ".connect(", "UdpSocket", "reqwest", "ToSocketAddrs", "lookup_host"]
        {
            assert!(!code.contains(outgoing), "{file}: {outgoing}");
        }
        if code.contains("process::Command") || code.contains("Command::new(") {
            runs.push(file);
        }
    }
    assert!(matches!(&runs[..], [one] if one.ends_with("src/cli/status/journal.rs")), "{runs:?}");
}

#[test]
fn queries_take_values_as_parameters_only() {
    let mut queries = 0;
    for (file, code) in sources("src/store", &["rs"]) {
        for query in code.match_indices("format!(\"").filter_map(|(at, _)| code[at..].lines().next()) {
            let sql = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|word| query.contains(word));
            let inserted = query.matches('{').count() - query.matches("{COLUMNS}").count();
            assert!(!sql || inserted == 0, "{file}: a value in the text of a query: {query}");
            queries += usize::from(sql);
        }
    }
    assert!(queries > 3, "{queries} were looked at");
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(read("Cargo.toml").lines().any(|line| line == "unsafe_code = \"forbid\""));
}

#[test]
fn password_has_no_expiry_date() {
    let schema = read("src/store/migrations.rs");
    let users = schema
        .split("CREATE TABLE users (")
        .nth(1)
        .and_then(|rest| rest.split(") STRICT").next())
        .expect("the table");
    let dates: Vec<_> =
        users.split_whitespace().filter(|word| word.ends_with("_at") || word.contains("expire")).collect();
    assert_eq!(dates, ["created_at"], "a password that ends by itself is written on a note");
}

#[test]
fn service_unit_is_sandboxed() {
    let unit = read("systemd/pichat.service");
    for line in [
        "User=pichat",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateDevices=yes",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "MemoryDenyWriteExecute=yes",
        "SystemCallFilter=~@privileged @resources",
        "InaccessiblePaths=-/boot/firmware -/data/pichat -/data/ssh",
        "UMask=0077",
    ] {
        assert!(unit.lines().any(|l| l == line), "systemd/pichat.service: {line}");
    }
}

#[test]
fn security_model_has_its_sections() {
    let model = read("docs/SECURITY-MODEL.md");
    for part in [
        "Assets",
        "Trust boundaries",
        "Attackers",
        "Defences",
        "Gaps",
        "The seventeen faults of the Python program",
        "Keys and secrets",
        "Data flows",
        "Libraries and updates",
        "Removing a defence",
    ] {
        assert!(model.contains(&format!("\n## {part}\n")), "docs/SECURITY-MODEL.md: {part}");
    }
    assert!(model.lines().count() <= 300, "short enough to be read");
}

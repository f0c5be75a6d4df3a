//! A06, vulnerable and outdated components: sources of crates, and no foreign component in a page.
//!
//! Elsewhere: known faults, licences and sources of all crates (`cargo deny`, `.ci/run`), one home for each
//! crate (`tests/architecture.rs`), nothing of a page comes from outside (`http/response/pages.rs`).

use std::path::Path;

use crate::common::{Client, Server};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("is there")
}

#[test]
fn crates_are_pinned_by_digest_and_from_the_registry() {
    let lock = read("Cargo.lock");
    let packages: Vec<_> = lock.split("[[package]]").skip(1).collect();
    assert!(packages.len() > 50, "{}", packages.len());
    for package in packages {
        let field = |name: &str| package.lines().find_map(|l| l.strip_prefix(&format!("{name} = \"")));
        let name = field("name").expect("a name");
        if name == "pichat\"" || name == "pichat-fuzz\"" {
            continue;
        }
        assert_eq!(
            field("source"),
            Some("registry+https://github.com/rust-lang/crates.io-index\""),
            "{name}"
        );
        assert!(field("checksum").is_some_and(|sum| sum.len() == 65), "{name}");
    }
    // Benches lie in folders, so their tables name files of this project.
    let is_bench = |line: &&str| line.starts_with("path = \"benches/");
    let manifest: String =
        read("Cargo.toml").lines().filter(|line| !is_bench(line)).collect::<Vec<_>>().join("\n");
    for bad in ["git =", "path =", "registry =", "[patch"] {
        assert!(!manifest.contains(bad), "{bad}");
    }
}

#[test]
fn known_dangerous_crates_are_absent() {
    let lock = read("Cargo.lock");
    // Other TLS stacks, C libraries, macros that run at build time, unmaintained parsers.
    for name in [
        "openssl",
        "openssl-sys",
        "native-tls",
        "aws-lc-sys",
        "time01",
        "yaml-rust",
        "serde_yaml",
        "chrono",
        "dotenv",
        "atty",
    ] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let server = Server::demo();
    let admin = Client::admin(&server);
    for path in ["/login", "/inicio", "/chat", "/listar", "/subir", "/nada"] {
        let page = if path == "/login" { Client::new(&server).get(path) } else { admin.get(path) };
        let text = page.text();
        for attribute in ["src=\"", "href=\""] {
            for target in text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                // An empty address is the page itself.
                let own = target.starts_with('/') && !target.starts_with("//");
                assert!(own || target.starts_with('#') || target.is_empty(), "{path}: {target}");
                if target.starts_with("/static/") {
                    assert_eq!(admin.get(target).status, 200, "{path}: {target}");
                }
            }
        }
    }
}

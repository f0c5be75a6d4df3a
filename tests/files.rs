//! File box: uploads, the list, downloads, deletions and refusals.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use common::http::{multipart, read_response};
use common::server::eventually;
use common::{Client, Options, Response, Server};
use serde_json::{Value, json};

fn sha256(data: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, data).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writes");
        hex
    })
}

fn content(client: &Client, stored: &Response, extra: &[(&str, &str)]) -> Response {
    client.send("GET", &format!("{}/content", stored.location()), extra, b"")
}

/// Returns the files in the quarantine folder.
fn on_disk(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.data_dir.join("cuarentena")).expect("the folder is there");
    let names = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name != ".pichat-store").collect()
}

fn assert_nothing_stays(server: &Server) {
    eventually("the folder is empty", || on_disk(server).is_empty());
    assert_eq!(Client::admin(server).get("/api/files").json(), json!([]));
}

#[test]
fn file_names_are_kept_and_made_safe() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let name = |raw: &str| {
        let stored = client.upload(raw, b"x");
        assert_eq!(stored.status, 201, "{raw:?}: {}", stored.text());
        stored.json()["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(name("ñandú 名.txt"), "ñandú 名.txt");
    assert_eq!(name("../../etc/passwd"), "passwd");
    assert_eq!(name("/etc/shadow"), "shadow");
    assert_eq!(name(r"C:\Users\Ana\año.xlsx"), "año.xlsx");
    assert_eq!(name(".bashrc"), "bashrc");
    assert_eq!(name("foto\u{202e}gpj.exe"), "fotogpj.exe", "no right-to-left trick");
    assert_eq!(name("a\tb\u{85}\u{9b}c.txt"), "abc.txt", "no control characters");
    let device = name("CON.txt");
    assert!(!device.to_ascii_uppercase().starts_with("CON") && device.ends_with(".txt"), "{device}");
    let long = name(&format!("{}.pdf", "ñ".repeat(300)));
    assert!(long.len() <= 255 && long.starts_with('ñ') && long.ends_with(".pdf"), "{long}");
    let ids = on_disk(&server);
    assert!(
        ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_hexdigit())),
        "bytes lie under random ids: {ids:?}"
    );
    let escaped = client.upload("a\u{1}b.txt", b"x");
    assert_eq!(escaped.refusal(), (422, "bad_name".to_owned()), "{}", escaped.text());
}

#[test]
fn file_list_follows_the_contract_newest_first() {
    let server = Server::with_free_transfers("");
    let (cliente, usuario) = (Client::cliente(&server), Client::usuario(&server));
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let files: [(&str, &[u8]); 3] = [("a.txt", b"hola"), ("b.png", png), ("vac\u{ed}o", b"")];
    let mut answers = Vec::new();
    for (name, data) in files {
        let stored = cliente.upload(name, data);
        assert_eq!(
            stored.location(),
            format!("/api/files/{}", stored.json()["id"].as_str().expect("a string"))
        );
        assert_eq!(usuario.get(&stored.location()).json(), stored.json());
        answers.insert(0, stored.json());
        // The order has a resolution of milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let list = usuario.get("/api/files").json();
    assert_eq!(list, Value::Array(answers));
    for (row, (name, data)) in list.as_array().expect("a list").iter().rev().zip(files) {
        let mut row = row.as_object().expect("an object").clone();
        let at = row.remove("uploaded_at").expect("a time");
        assert!(at.as_str().is_some_and(|t| t.len() == 24 && t.ends_with('Z')), "{at}");
        assert!(row.remove("id").is_some_and(|id| id.is_string()));
        assert!(row.remove("media_type").is_some_and(|t| t.as_str().is_some_and(|t| t.contains('/'))));
        let rest = json!({"name": name, "size": data.len(), "sha256": sha256(data), "state": "clean", "reasons": [],
            "uploaded_by": "cliente"});
        assert_eq!(Value::Object(row), rest);
    }
    assert_eq!(list[1]["media_type"], "image/png");
    assert_eq!(Client::new(&server).get("/api/files").refusal(), (401, "unauthenticated".to_owned()));
}

#[test]
fn download_is_the_same_bytes_as_an_attachment() {
    let server = Server::with_free_transfers("");
    let client = Client::usuario(&server);
    let data: Vec<u8> = (0..700_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let stored = Client::cliente(&server).upload("informe \"x\" ñ.html", &data);
    assert_eq!(stored.json()["sha256"], sha256(&data));
    let got = content(&client, &stored, &[]);
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(got.header("content-length"), Some("700001"));
    assert!(got.body == data, "the same bytes");
    let disposition = got.header("content-disposition").expect("is there");
    let name = stored.json()["name"].as_str().expect("a name").to_owned();
    let encoded: String = name.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b".-_".contains(&b) {
            out.push(b as char);
        } else {
            write!(out, "%{b:02X}").expect("writes");
        }
        out
    });
    assert!(disposition.starts_with("attachment") && disposition.is_ascii(), "{disposition}");
    assert!(disposition.ends_with(&format!("filename*=UTF-8''{encoded}")), "{disposition}");
    assert!(got.header("content-security-policy").is_some_and(|v| v.contains("sandbox")));
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));

    let etag = got.header("etag").expect("a tag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "strong: {etag}");
    for tags in [etag.clone(), format!("\"x\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
        let same = content(&client, &stored, &[("If-None-Match", &tags)]);
        assert_eq!(
            (same.status, same.body.len(), same.header("etag")),
            (304, 0, Some(etag.as_str())),
            "{tags}"
        );
    }
    assert_eq!(content(&client, &stored, &[("If-None-Match", "\"x\"")]).status, 200);

    let mut stream = client.connect();
    let head = client.head("HEAD", &format!("{}/content", stored.location()), &[("Connection", "close")]);
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("reads");
    assert!(all.starts_with("HTTP/1.1 200 ") && all.ends_with("\r\n\r\n"), "no body: {all}");
    assert!(
        all.to_ascii_lowercase().contains("content-length: 700001\r\n")
            && all.to_ascii_lowercase().contains("etag: "),
        "{all}"
    );
}

#[test]
fn byte_ranges_of_a_file_are_served() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let stored = client.upload("x", b"0123456789");
    for (range, body, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=5-", "56789", "bytes 5-9/10"),
        ("bytes=-4", "6789", "bytes 6-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=8-999", "89", "bytes 8-9/10"),
        ("bytes=0-0", "0", "bytes 0-0/10"),
    ] {
        let part = content(&client, &stored, &[("Range", range)]);
        assert_eq!(
            (part.status, part.text().as_str(), part.header("content-range")),
            (206, body, Some(content_range)),
            "{range}"
        );
    }
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let none = content(&client, &stored, &[("Range", range)]);
        assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */10")), "{range}");
    }
    for nonsense in
        ["bytes=a-b", "lines=0-1", "bytes=5-2", "bytes", "bytes=-", "bytes=99999999999999999999999-x", ""]
    {
        let whole = content(&client, &stored, &[("Range", nonsense)]);
        assert_eq!((whole.status, whole.body.len()), (200, 10), "{nonsense:?}");
    }
    let etag = content(&client, &stored, &[]).header("etag").expect("a tag").to_owned();
    assert_eq!(content(&client, &stored, &[("Range", "bytes=0-3"), ("If-Range", &etag)]).status, 206);
    assert_eq!(content(&client, &stored, &[("Range", "bytes=0-3"), ("If-Range", "\"x\"")]).status, 200);
    let empty = client.upload("vacío", b"");
    assert_eq!(
        (content(&client, &empty, &[]).status, content(&client, &empty, &[("Range", "bytes=0-")]).status),
        (200, 416)
    );
}

#[test]
fn deletion_is_for_administrators_and_final() {
    let server = Server::with_free_transfers("");
    let (admin, cliente) = (Client::admin(&server), Client::cliente(&server));
    let stored = cliente.upload("a.txt", b"a");
    for other in [&cliente, &Client::usuario(&server)] {
        assert_eq!(other.delete(&stored.location()).refusal(), (403, "forbidden".to_owned()));
    }
    let gone = admin.delete(&stored.location());
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(admin.delete(&stored.location()).refusal(), (404, "not_found".to_owned()));
    assert_eq!(admin.get(&stored.location()).refusal(), (404, "not_found".to_owned()));
    assert_eq!(content(&admin, &stored, &[]).refusal(), (404, "not_found".to_owned()));
    assert_nothing_stays(&server);
    assert_eq!(cliente.upload("a.txt", b"b").json()["name"], "a.txt", "its name is free again");
    let unknown = "0123456789abcdef".repeat(2);
    for id in ["x", "..", "%2e%2e", "..%2f..%2fpichat.db", &unknown, &unknown[1..], "%00", "*"] {
        for (client, method, tail) in
            [(&cliente, "GET", ""), (&cliente, "GET", "/content"), (&admin, "DELETE", "")]
        {
            let answer = client.send(method, &format!("/api/files/{id}{tail}"), &[], b"");
            assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{method} {id}{tail}");
        }
    }
}

#[test]
fn file_store_has_bounds() {
    let server = Server::with_free_transfers(
        "files = 3\n[files]\nmax_file_mib = 1\nmax_total_mib = 2\nuser_mib = 2\nuser_files = 3",
    );
    let (admin, cliente) = (Client::admin(&server), Client::cliente(&server));
    let too_large = vec![b'x'; 1024 * 1024 + 1];
    assert_eq!(cliente.upload("0", &too_large).refusal(), (413, "too_large".to_owned()));
    assert_eq!(
        chunked(&cliente, &too_large).refusal(),
        (413, "too_large".to_owned()),
        "also without a declared length"
    );
    assert_nothing_stays(&server);

    let large = &too_large[..900 * 1024];
    let first = cliente.upload("1", large);
    cliente.upload("2", large).location();
    assert_eq!(cliente.upload("3", large).refusal(), (507, "storage_full".to_owned()));
    let (kind, body) = multipart("archivo", "3", large);
    assert_eq!(cliente.send("POST", "/subir", &[("Content-Type", &kind)], &body).status, 507);
    cliente.upload("3", &large[..200 * 1024]).location();
    assert_eq!(admin.delete(&first.location()).status, 204);
    cliente.upload("4", large).location();
    assert_eq!(
        cliente.upload("5", b"x").refusal(),
        (507, "storage_full".to_owned()),
        "three files are as many as there may be"
    );
    assert_eq!(admin.get("/api/files").json().as_array().map(Vec::len), Some(3));
    eventually("refused files leave nothing", || on_disk(&server).len() == 3);
}

/// Uploads with `Transfer-Encoding: chunked`.
fn chunked(client: &Client, data: &[u8]) -> Response {
    let (kind, body) = multipart("archivo", "trozos.bin", data);
    let mut stream = client.connect();
    let head =
        client.head("POST", "/api/files", &[("Content-Type", &kind), ("Transfer-Encoding", "chunked")]);
    let mut all = format!("{head}Connection: close\r\n\r\n").into_bytes();
    for chunk in body.chunks(40_000) {
        all.extend_from_slice(format!("{:x};x=y\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    let _ = stream.write_all(&all);
    read_response(&mut stream, false).expect("an answer")
}

#[test]
fn chunked_upload_is_accepted() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let data = vec![7; 300_000];
    let stored = chunked(&client, &data);
    assert_eq!(
        (stored.status, stored.json()["size"].clone(), stored.json()["sha256"].clone()),
        (201, json!(300_000), json!(sha256(&data)))
    );
    assert!(content(&client, &stored, &[]).body == data);
}

#[test]
fn transfers_of_a_user_are_limited_per_minute() {
    let config = "[limits]\nuploads_per_minute = 1\ndownloads_per_minute = 1\ndeletes_per_minute = 1\n\
        upload_burst = 1\ndownload_burst = 1\ndelete_burst = 1";
    let server = Server::start(Options::config(config));
    let (admin, cliente) = (Client::admin(&server), Client::cliente(&server));
    let limited = |answer: &Response| {
        assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
        let wait: u64 = answer.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
        assert!((1..=60).contains(&wait) && answer.json()["retry_after"] == wait, "{wait}");
    };
    let stored = cliente.upload("a", b"a");
    let others = admin.upload("b", b"b");
    limited(&cliente.upload("c", b"c"));
    assert_eq!((content(&cliente, &stored, &[]).status, content(&admin, &stored, &[]).status), (200, 200));
    limited(&content(&cliente, &stored, &[]));
    assert_eq!(admin.delete(&others.location()).status, 204);
    limited(&admin.delete(&stored.location()));
    assert_eq!(admin.get(&stored.location()).status, 200);
}

#[test]
fn malformed_forms_are_refused_and_store_nothing() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let send =
        |path: &str, kind: &str, body: &[u8]| client.send("POST", path, &[("Content-Type", kind)], body);
    let (kind, other) = multipart("otro", "a.txt", b"x");
    assert_eq!(
        send("/api/files", &kind, &other).refusal(),
        (400, "bad_request".to_owned()),
        "no field archivo"
    );
    let boundary = kind.split("boundary=").nth(1).expect("a boundary");
    let part = |head: &str, data: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"archivo\"{head}\r\n\r\n{data}\r\n")
    };
    let end = format!("--{boundary}--\r\n");
    let file = part("; filename=\"a.txt\"", "x");
    for (what, body) in [
        ("empty", String::new()),
        ("no part", end.clone()),
        ("no file", part("", "x") + &end),
        ("two files", file.clone() + &part("; filename=\"b.txt\"", "y") + &end),
        ("no end", file.clone()),
        ("half a head", format!("--{boundary}\r\nContent-Disposition: form-da")),
    ] {
        let refused = send("/api/files", &kind, body.as_bytes());
        assert_eq!(refused.refusal(), (400, "bad_request".to_owned()), "{what}");
    }
    assert_eq!(
        send("/api/files", "application/json", b"{}").refusal(),
        (415, "unsupported_media_type".to_owned())
    );
    assert_eq!(client.send("POST", "/api/files", &[], b"x").refusal().0, 415, "no type at all");
    let page = send("/subir", &kind, end.as_bytes());
    assert!(
        page.status == 400
            && page.text().contains("action=\"/subir\"")
            && page.text().contains("role=\"alert\""),
        "the form again"
    );
    assert_nothing_stays(&server);

    let page = send("/subir", &kind, (file + &end).as_bytes());
    assert_eq!((page.status, page.header("location")), (303, Some("/listar")));
    assert_eq!(client.get("/api/files").json()[0]["name"], "a.txt");
}

#[test]
fn interrupted_upload_leaves_nothing() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let (kind, body) = multipart("archivo", "a.bin", &vec![b'x'; 2_000_000]);
    for chunked in [false, true] {
        let mut stream = client.connect();
        let length = if chunked {
            ("Transfer-Encoding", "chunked".to_owned())
        } else {
            ("Content-Length", body.len().to_string())
        };
        let head = client.head("POST", "/api/files", &[("Content-Type", &kind), (length.0, &length.1)]);
        let first = if chunked { format!("{:x}\r\n", body.len()) } else { String::new() };
        stream.write_all(format!("{head}\r\n{first}").as_bytes()).expect("writes");
        stream.write_all(&body[..1_000_000]).expect("writes");
        eventually("it arrives", || !on_disk(&server).is_empty());
        assert_eq!(client.get("/api/files").json(), json!([]), "half a file is none");
        drop(stream);
        assert_nothing_stays(&server);
    }
    assert!(server.wait_for_line("event=file.refused").contains("user=\"cliente\""));
}

#[test]
fn memory_stays_flat_during_a_large_upload() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let data = vec![b'x'; 16 * 1024 * 1024];
    client.upload("pequeño", b"x").location();
    client.upload("primero", &data).location();
    // Memory that the system reclaims between samples is noise; a body in memory would show in every round.
    let grown = (0..3).map(|_| {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5");
        let before = server.rss_kib("VmHWM:");
        client.upload("grande", &data).location();
        server.rss_kib("VmHWM:").saturating_sub(before)
    });
    let grown: Vec<u64> = grown.collect();
    assert!(grown.iter().any(|kib| *kib <= 1024), "KiB: {grown:?}");
}

//! Multipart forms of real programs: file names, heads of parts, fields beside the file.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::{Client, Response, Server};
use serde_json::json;

/// Uploads with these parameters of the field and further header lines of the part.
fn upload(client: &Client, parameters: &[u8], lines: &str) -> Response {
    let head = [
        b"--x\r\nContent-Disposition: form-data; name=\"archivo\"; ",
        parameters,
        b"\r\n",
        lines.as_bytes(),
        b"\r\n",
    ]
    .concat();
    let body = [&head[..], b"hola\r\n--x--\r\n"].concat();
    client.send("POST", "/api/files", &[("Content-Type", "multipart/form-data; boundary=x")], &body)
}

#[test]
fn file_names_are_read_as_programs_send_them() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    for (parameters, want) in [
        (&b"filename*=UTF-8''a%C3%B1o%201.txt"[..], "año 1.txt"),
        (b"filename*=utf-8'es'a%c3%b1o%202.txt; filename=\"no.txt\"", "año 2.txt"),
        (b"filename=\"no.txt\"; FileName*=UTF-8''a%C3%B1o%203.txt", "año 3.txt"),
        (b"filename=\"=?utf-8?B?YcOxbyA0LnR4dA==?=\"", "año 4.txt"),
        (b"filename=\"=?UTF-8?Q?a=C3=B1o_5.txt?=\"", "año 5.txt"),
        (b"filename=\"a%C3%B1o%206.txt\"", "año 6.txt"),
        (b"FILENAME=\"a\xf1o 7.txt\"", "año 7.txt"),
        (b"filename=\"di %22hola%22%0D%0A.txt\"", "di _hola_.txt"),
        (b"filename=\"di \\\"hola\\\" 2.txt\"", "di _hola_ 2.txt"),
        (b"filename=\"C:\\fotos\\x.txt\"", "x.txt"),
        (b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        (b"filename=\"100%25.txt\"", "100%25.txt"),
        (b"filename=\"5%.txt\"", "5%.txt"),
    ] {
        let stored = upload(&client, parameters, "");
        assert_eq!(stored.status, 201, "{}: {}", String::from_utf8_lossy(parameters), stored.text());
        assert_eq!(stored.json()["name"], want, "{}", String::from_utf8_lossy(parameters));
    }
    for unreadable in [
        &b"filename*=UTF-8''a%FF.txt"[..],
        b"filename*=shift_jis''a.txt",
        b"filename=\"=?utf-8?B?*?=\"",
        b"filename=\"a\x81\xff.txt\"",
        b"filename=\"\"",
    ] {
        let refused = upload(&client, unreadable, "");
        assert_eq!(
            refused.refusal(),
            (422, "bad_name".to_owned()),
            "{}",
            String::from_utf8_lossy(unreadable)
        );
    }
}

#[test]
fn folded_head_of_a_part_is_refused_with_the_reason() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    for folded in [
        &b"filename=\"a.txt\";\r\n size=4"[..],
        b"\r\n\tfilename=\"a.txt\"",
        b"filename=\"mes de\r\n enero.txt\"",
    ] {
        let refused = upload(&client, folded, "");
        let shown = String::from_utf8_lossy(folded);
        assert_eq!(refused.refusal(), (422, "bad_name".to_owned()), "{shown}");
        assert!(refused.text().contains("en una sola línea"), "{shown}: {}", refused.text());
        let english = upload(&client.clone().with("Accept-Language", "en"), folded, "");
        assert!(english.text().contains("not folded"), "{shown}: {}", english.text());
    }
    // Also in a field beside the file.
    let body = "--x\r\nContent-Disposition: form-data;\r\n name=\"nota\"\r\n\r\nhola\r\n--x--\r\n";
    let refused = client.send(
        "POST",
        "/api/files",
        &[("Content-Type", "multipart/form-data; boundary=x")],
        body.as_bytes(),
    );
    assert_eq!(refused.refusal(), (422, "bad_name".to_owned()));
    assert_eq!(client.get("/api/files").json(), json!([]), "nothing is stored");
}

#[test]
fn transfer_encoding_of_a_part_is_refused_unless_plain() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    for plain in ["binary", "8BIT", "7bit"] {
        let stored =
            upload(&client, b"filename=\"a.txt\"", &format!("Content-Transfer-Encoding: {plain}\r\n"));
        assert_eq!(stored.status, 201, "{plain}: {}", stored.text());
    }
    for encoded in ["base64", "quoted-printable", "x-uuencode"] {
        let refused =
            upload(&client, b"filename=\"a.txt\"", &format!("content-transfer-encoding: {encoded}\r\n"));
        assert_eq!(refused.refusal(), (415, "unsupported_media_type".to_owned()), "{encoded}");
        assert!(
            refused.json()["detail"].as_str().is_some_and(|text| text.contains("Content-Transfer-Encoding"))
        );
    }
}

#[test]
fn small_fields_beside_the_file_are_ignored() {
    let server = Server::with_free_transfers("");
    let client = Client::cliente(&server);
    let field = |name: &str, size: usize| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n", "n".repeat(size))
    };
    let file = "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"a.txt\"\r\n\r\nhola\r\n";
    let send = |body: String| {
        client.send(
            "POST",
            "/api/files",
            &[("Content-Type", "multipart/form-data; boundary=x")],
            (body + "--x--\r\n").as_bytes(),
        )
    };
    let stored =
        send([field("nota", 30_000), field("otra", 0), file.to_owned(), field("enviar", 30_000)].concat());
    assert_eq!((stored.status, stored.json()["size"].clone()), (201, json!(4)), "{}", stored.text());
    for (what, body) in [
        ("more than 64 KiB in all", [field("a", 40_000), file.to_owned(), field("b", 40_000)].concat()),
        ("more than sixteen", field("a", 1).repeat(17) + file),
        ("a second file", [file, &field("a", 1), file].concat()),
        ("no file", field("a", 1)),
    ] {
        assert_eq!(send(body).refusal(), (400, "bad_request".to_owned()), "{what}");
    }
}

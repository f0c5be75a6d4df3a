//! Bodies of requests by RFC 9110 and RFC 9112: lengths, chunks, `Expect`. Where the RFCs leave a choice, every
//! allowed answer passes.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use common::raw_http::{
    BODY, CLOSE, HOST, assert_statuses, chunked, exchange, generous_server, post, statuses,
};

#[test]
fn body_lengths() {
    let with = |length: &str| post(&format!("Content-Length: {length}\r\n"), BODY);
    let n = BODY.len();
    assert_statuses(&[
        ("right", with(&n.to_string()), &[200]),
        ("zeros before it", with(&format!("000{n}")), &[200, 400]),
        ("twice the same (9110 8.6)", with(&format!("{n}\r\nContent-Length: {n}")), &[200, 400]),
        ("a list of the same", with(&format!("{n}, {n}")), &[200, 400]),
        ("a list that differs", with(&format!("{n}, 3")), &[400]),
        ("twice another", with(&format!("{n}\r\nContent-Length: 3")), &[400]),
        ("none, so no body (9112 6.3)", post("", ""), &[400]),
        ("no digits", with("abc"), &[400]),
        ("nothing", with(""), &[400]),
        ("a sign", with(&format!("+{n}")), &[400]),
        ("below nought", with("-1"), &[400]),
        ("hexadecimal", with("0x2e"), &[400]),
        ("a blank inside", with("4 6"), &[400]),
        ("past 64 bits", with("99999999999999999999"), &[400, 413]),
        ("the most of 64 bits", with("18446744073709551615"), &[400, 413, 431]),
    ]);
    let server = generous_server();
    let cut = exchange(&server, with("100").as_bytes(), true);
    assert!(
        matches!(statuses(&cut)[..], [] | [400]),
        "a body that ends early (9112 8): {:?}",
        statuses(&cut)
    );
    let more = post("Content-Length: 2\r\n", "{}HOLA\r\n\r\n").replace(CLOSE, "");
    assert_eq!(
        statuses(&exchange(&server, more.as_bytes(), false)),
        [400, 400],
        "bytes after a body are the next request"
    );
}

#[test]
fn chunked_bodies() {
    let n = BODY.len();
    let (first, rest) = BODY.split_at(5);
    let one = |size: &str| chunked(&format!("{size}\r\n{BODY}\r\n0\r\n\r\n"));
    assert_statuses(&[
        ("one", one(&format!("{n:x}")), &[200]),
        ("upper-case digits", one(&format!("{n:X}")), &[200]),
        ("zeros before the size", one(&format!("000{n:x}")), &[200]),
        (
            "two, and a last one of zeros",
            chunked(&format!("5\r\n{first}\r\n{:x}\r\n{rest}\r\n000\r\n\r\n", n - 5)),
            &[200],
        ),
        (
            "a coding's name in any case (9110 10.1.4)",
            chunked(&format!("{n:x}\r\n{BODY}\r\n0\r\n\r\n")).replace("chunked", "Chunked"),
            &[200],
        ),
        ("an extension (9112 7.1.1)", one(&format!("{n:x};a=b")), &[200]),
        ("one in quotes", one(&format!("{n:x};a=\"b;c\"")), &[200]),
        ("extensions without end", one(&format!("{n:x};{}", "a".repeat(40_000))), &[400, 413]),
        ("a trailer (9112 7.1.2)", chunked(&format!("{n:x}\r\n{BODY}\r\n0\r\nX-Trailer: y\r\n\r\n")), &[200]),
        (
            "a trailer changes nothing (9110 6.5.1)",
            chunked(&format!("{n:x}\r\n{BODY}\r\n0\r\nContent-Type: x\r\nHost: x\r\n\r\n")),
            &[200],
        ),
        ("a trailer that is none", chunked(&format!("{n:x}\r\n{BODY}\r\n0\r\nX y\r\n\r\n")), &[400]),
        ("no digit", one("g"), &[400]),
        ("no size", one(""), &[400]),
        ("below nought", one(&format!("-{n:x}")), &[400]),
        ("a sign", one(&format!("+{n:x}")), &[400]),
        ("a prefix", one(&format!("0x{n:x}")), &[400]),
        ("past 64 bits", one(&format!("1000000000000000{n:x}")), &[400, 413]),
        ("a blank before the size", one(&format!(" {n:x}")), &[400]),
        ("a separator in it", one("2_e"), &[400]),
        ("data longer than its size", one(&format!("{:x}", n - 1)), &[400]),
        ("data shorter than its size", one(&format!("{:x}", n + 1)), &[400]),
        ("a coding that is not known (9112 6.1)", post("Transfer-Encoding: gzip\r\n", BODY), &[400, 501]),
        ("one that is not the last", post("Transfer-Encoding: chunked, gzip\r\n", BODY), &[400, 501]),
        (
            "a parameter",
            post("Transfer-Encoding: chunked;q=1\r\n", &format!("{n:x}\r\n{BODY}\r\n0\r\n\r\n")),
            &[400, 501],
        ),
    ]);
    let server = generous_server();
    let cut = exchange(&server, chunked(&format!("{n:x}\r\n{BODY}\r\n")).as_bytes(), true);
    assert!(matches!(statuses(&cut)[..], [] | [400]), "no last chunk (9112 8): {:?}", statuses(&cut));
}

#[test]
fn expect_continue() {
    let server = generous_server();
    let send = |version: &str, expect: &str| {
        let head = format!("Expect: {expect}\r\nContent-Length: {}\r\n", BODY.len());
        let request = post(&head, BODY).replace("HTTP/1.1", version);
        statuses(&exchange(&server, request.as_bytes(), false))
    };
    // The body has arrived, so the interim answer may be left out (RFC 9110 section 10.1.1).
    for expect in ["100-continue", "100-Continue"] {
        let got = send("HTTP/1.1", expect);
        assert!(got == [100, 200] || got == [200], "{expect}: {got:?}");
    }
    assert!(matches!(send("HTTP/1.1", "siesta")[..], [200 | 417]));
    assert_eq!(send("HTTP/1.0", "100-continue"), [200], "no interim answer to a client of 1.0");

    let refused =
        format!("POST /api/files HTTP/1.1\r\n{HOST}{CLOSE}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(
        statuses(&exchange(&server, refused.as_bytes(), false)),
        [401],
        "a refusal comes before the body"
    );
}

//! TLS on the LAN, tested with rustls, curl and openssl.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::http::read_response;
use common::server::{eventually, pichat_command};
use common::tls::{Secure, authority_file, connect, plain_address, run, said, self_signed};
use common::{Client, Options, Server};

/// Returns openssl's report on the server's certificate, such as `-noout -fingerprint`.
fn shown(addr: std::net::SocketAddr, what: &str) -> String {
    let args = format!(
        "openssl s_client -connect {addr} -servername pichat.local </dev/null 2>/dev/null | openssl x509 {what}"
    );
    said(&run("bash", &["-c", &args]))
}

#[test]
fn curl_and_openssl_accept_the_trusted_authority() {
    let secure = Secure::with_ana();
    let (addr, file) = (secure.server.addr, secure.authority_file.to_str().unwrap());
    let port = addr.port();
    for host in ["127.0.0.1", "pichat.local"] {
        let url = format!("https://{host}:{port}/api/health");
        let to = format!("{host}:{port}:127.0.0.1:{port}");
        let told = run("curl", &["-sS", "--cacert", file, "--connect-to", &to, &url]);
        assert_eq!(said(&told), r#"{"status":"ok"}"#, "{host}");
        let untold = run("curl", &["-sS", "--connect-to", &to, &url]);
        assert_eq!(untold.status.code(), Some(60), "a client without the authority fails: {}", said(&untold));
    }
    let leaf = secure.server.data_dir.join("leaf.pem");
    std::fs::write(&leaf, shown(addr, "-outform PEM")).unwrap();
    let leaf = leaf.to_str().unwrap();
    let verify = |args: &[&str]| {
        said(&run(
            "openssl",
            &[&["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", file], args, &[leaf]].concat(),
        ))
    };
    for good in
        [&["-verify_hostname", "pichat.local"][..], &["-verify_ip", "127.0.0.1"], &["-verify_ip", "::1"]]
    {
        assert!(verify(good).trim_end().ends_with("leaf.pem: OK"), "{good:?}: {}", verify(good));
    }
    assert!(verify(&["-verify_hostname", "example.com"]).contains("hostname mismatch"));
    let ends = shown(addr, "-noout -checkend 60000000");
    assert!(ends.contains("will not expire"), "holds for 694 days at least: {ends}");
    assert!(!shown(addr, "-noout -checkend 64000000").contains("not expire"), "and no 741");
}

#[test]
fn stolen_key_cannot_sign_for_another_name() {
    let secure = Secure::with_ana();
    let folder = secure.server.data_dir.clone();
    let key = authority_file(&folder);
    let sign = |name: &str| {
        let script = format!(
            "cd '{}' && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout f.key -subj '/CN=x' -out f.csr 2>/dev/null \
             && openssl x509 -req -in f.csr -CA outside.crt -CAkey {} -CAcreateserial -days 30 \
                -extfile <(printf 'subjectAltName={name}\nextendedKeyUsage=serverAuth\n') -out f.crt 2>/dev/null \
             && openssl verify -CAfile outside.crt f.crt",
            folder.display(),
            key.display()
        );
        said(&run("bash", &["-c", &script]))
    };
    for own in ["DNS:pichat.local", "IP:192.168.7.7"] {
        assert!(sign(own).trim_end().ends_with("f.crt: OK"), "the test signs well: {own}: {}", sign(own));
    }
    for foreign in ["DNS:example.com", "DNS:otro.local", "IP:8.8.8.8", "DNS:pichat.local,DNS:example.com"] {
        let verdict = sign(foreign);
        assert!(verdict.contains("permitted subtree violation"), "{foreign}: {verdict}");
    }
    for below in ["DNS:x.pichat.local", "DNS:*.pichat.local"] {
        let verdict = sign(below);
        assert!(verdict.contains("excluded subtree violation"), "{below}: {verdict}");
    }
}

#[test]
fn sign_in_needs_tls() {
    let secure = Secure::with_ana();
    let port = secure.server.addr.port();
    let body = "usuario=ana&clave=una-clave-larga";
    let mut stream = secure.connect("pichat.local").unwrap();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: pichat.local:{port}\r\nOrigin: https://pichat.local:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let answer = read_response(&mut stream, false).unwrap();
    let cookie = answer.session_cookie().unwrap();
    assert!(
        answer.status == 303
            && cookie.starts_with(&format!("__Host-{}=", secure.server.cookie_name()))
            && cookie.contains("; Secure"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(secure.get("/api/session", &format!("Cookie: {cookie}\r\n")).status, 200);
    assert_eq!(
        secure.get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n").status,
        401,
        "it needs a session"
    );
}

#[test]
fn tls_answers_isolate_windows_without_hsts() {
    let secure = Secure::with_ana();
    for path in ["/login", "/nada", "/api/session", "/api/health", "/static/js/page.js"] {
        let answer = secure.get(path, "");
        for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
            assert_eq!(answer.header(name), Some("same-origin"), "{path}: {name}");
        }
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.contains("script-src 'self';") && !csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "{path}: only the check of trust says that"
        );
    }
    let plain = secure.plain().get("/");
    assert_eq!(plain.header("cross-origin-opener-policy"), None, "browsers would only complain of it");
}

#[test]
fn tls_1_2_and_1_3_are_spoken_with_http_1_1() {
    let secure = Secure::with_ana();
    let addr = secure.server.addr.to_string();
    let shake =
        |args: &[&str]| said(&run("openssl", &[&["s_client", "-connect", &addr, "-brief"], args].concat()));
    for (flag, word) in [("-tls1_2", "Protocol version: TLSv1.2"), ("-tls1_3", "Protocol version: TLSv1.3")] {
        assert!(shake(&[flag]).contains(word), "{}", shake(&[flag]));
    }
    for old in [&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..], &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]] {
        assert!(!shake(old).contains("Protocol version"), "{old:?}");
    }
    let alpn = |offer: &str| said(&run("openssl", &["s_client", "-connect", &addr, "-alpn", offer]));
    assert!(alpn("h2,http/1.1").contains("ALPN protocol: http/1.1"));
    assert!(!alpn("h2").contains("ALPN protocol: h2"));
}

#[test]
fn stalled_handshake_delays_no_other_and_ends() {
    let secure = Secure::start(Options::config("[limits]\nconnections_per_address = 64\n"));
    let begun = Instant::now();
    let half_a_hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc];
    let stalled: Vec<TcpStream> = (0..32)
        .map(|n| {
            let mut stream = TcpStream::connect(secure.server.addr).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream.write_all(&half_a_hello[..n % half_a_hello.len()]).unwrap();
            stream
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(secure.get("/api/health", "").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "others need not wait for the limit");
    for mut stream in stalled {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(9) && took < Duration::from_secs(40), "{took:?}");
    }
    assert_eq!(secure.get("/api/health", "").status, 200);
}

#[test]
fn shutdown_does_not_wait_for_handshakes() {
    let mut secure = Secure::with_ana();
    let _stalled = TcpStream::connect(secure.server.addr).unwrap();
    assert_eq!(secure.get("/api/health", "").status, 200);
    let begun = Instant::now();
    secure.server.signal("TERM");
    assert!(secure.server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}

#[test]
fn certificate_files_are_reread_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let (first, key) = self_signed(folder.path(), "chat.oficina.lan");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "[http]\nhosts = [\"chat.oficina.lan\"]\n[tls]\nmode = \"files\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
        at("c.pem"),
        at("k.pem")
    );
    let server = Server::start(Options { serve: true, ..Options::config(&config) });
    let trusts = |authority: &str| connect(server.addr, authority, "chat.oficina.lan").is_ok();
    assert!(trusts(&first));
    let plain = Client { addr: plain_address(&server), cookie: None, headers: Vec::new(), from: None };
    for path in ["/", "/confianza", "/probar", "/pichat.crt"] {
        assert_eq!(plain.get(path).status, 307, "{path}: the server offers no foreign authority");
    }
    let mut open = connect(server.addr, &first, "chat.oficina.lan").unwrap();

    let (second, _) = self_signed(folder.path(), "chat.oficina.lan");
    assert!(trusts(&first) && !trusts(&second), "not before it is told");
    server.signal("HUP");
    server.wait_for_line("event=tls.reloaded result=ok");
    assert!(trusts(&second) && !trusts(&first));
    open.write_all(b"GET /api/health HTTP/1.1\r\nHost: chat.oficina.lan\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut open, false).unwrap().status, 200, "open connections stay");

    std::fs::write(folder.path().join("k.pem"), &key).unwrap();
    server.signal("HUP");
    server.wait_for_line("event=tls.rejected result=refused");
    assert!(trusts(&second), "a key of another certificate changes nothing");
    std::fs::write(folder.path().join("c.pem"), &first).unwrap();
    server.signal("HUP");
    eventually("the first pair is back", || trusts(&first));
}

#[test]
fn demo_is_plain_and_serve_uses_tls() {
    let demo = Server::demo();
    assert!(demo.banner.contains("http://127.0.0.1:") && !demo.banner.contains("https"), "{}", demo.banner);
    assert!(
        std::fs::read_dir(&demo.data_dir).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("local-ca"))
    );
    let secure = Secure::start(Options::config("# nothing about tls\n"));
    assert!(
        secure.server.banner.contains("PiChat atiende en https://127.0.0.1:"),
        "{}",
        secure.server.banner
    );
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let both = ["serve", "--listen", &free, "--tls-listen", &free, "--data-dir"];
    let clash = pichat_command().args(both).arg(folder.path()).output().unwrap();
    assert_eq!(clash.status.code(), Some(69), "{}", said(&clash));
}

//! Uploads are inspected before delivery: hostile files against the real binary.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "figures for who runs it with --nocapture")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::archive::{
    EntryHeader, GIF, JPEG, PDF, PE, PNG, Zip, deflated_zeros, docx, eicar, gzip, nested, odt, ole, tar,
    tar_entry,
};
use common::server::eventually;
use common::{Client, Options, Response, Server};

/// Bound on the server's peak memory during an upload.
const MAX_PEAK_KIB: u64 = 64 * 1024;
/// Bound on the time of an upload with its verdict.
const MAX_ANSWER: Duration = Duration::from_secs(5);

fn options() -> Options {
    Options::config(
        "[limits]\nuploads_per_minute = 100000\ndownloads_per_minute = 100000\nupload_burst = 100000\ndownload_burst = 100000\ndelete_burst = 100000\ndeletes_per_minute = 100000\n",
    )
}

fn server() -> Server {
    Server::start(options())
}

/// Returns state and reasons of an answer.
fn verdict(stored: &Response) -> (String, String) {
    assert_eq!(stored.status, 201, "{}", stored.text());
    let file = stored.json();
    let reasons =
        file["reasons"].as_array().expect("a list").iter().map(|r| r.as_str().expect("text").to_owned());
    (file["state"].as_str().expect("a word").to_owned(), reasons.collect::<Vec<_>>().join(", "))
}

fn content(client: &Client, stored: &Response) -> Response {
    client.get(&format!("{}/content", stored.location()))
}

fn lists(client: &Client, stored: &Response) -> bool {
    let id = stored.json()["id"].clone();
    client.get("/api/files").json().as_array().expect("a list").iter().any(|file| file["id"] == id)
}

/// Uploads a file, prints time and memory, and checks the access of each role.
fn held(server: &Server, name: &str, data: &[u8], state: &str, why: &str) {
    let [admin, cliente, usuario] = [Client::admin(server), Client::cliente(server), Client::usuario(server)];
    let began = Instant::now();
    let stored = cliente.upload(name, data);
    let (took, peak) = (began.elapsed(), server.rss_kib("VmHWM:"));
    let (found, reasons) = verdict(&stored);
    println!("{name}: {} bytes, {took:?}, peak {peak} KiB: {found} ({reasons})", data.len());
    assert_eq!((found.as_str(), reasons.contains(why)), (state, true), "{name}: {reasons}");
    assert!(peak < MAX_PEAK_KIB, "{name}: {peak} KiB");
    assert!(took < MAX_ANSWER, "{name}: {took:?}");

    // The uploader and administrators read the reason; for others the file does not exist.
    for who in [&cliente, &admin] {
        assert!(lists(who, &stored), "{name}");
        assert_eq!(who.get(&stored.location()).json(), stored.json());
    }
    assert!(!lists(&usuario, &stored), "{name}");
    assert_eq!(usuario.get(&stored.location()).status, 404, "{name}");
    for who in [&cliente, &usuario] {
        let refused = content(who, &stored);
        assert_eq!((refused.status, refused.code().as_str()), (403, "held"), "{name}");
    }
    let administrator = content(&admin, &stored);
    match state {
        "infected" => {
            assert_eq!((administrator.status, administrator.code().as_str()), (403, "held"), "{name}");
        }
        _ => assert!(administrator.status == 200 && administrator.body == data, "{name}"),
    }

    let id = stored.json()["id"].as_str().expect("text").to_owned();
    let inspected = server.wait_for_line(&format!("event=file.inspected result=ok id={id}"));
    assert!(inspected.contains(&format!(" state={state} ")) && inspected.contains(why), "{inspected}");
    let asked = server.wait_for_line("event=file.held result=refused user=\"usuario\"");
    assert!(asked.contains("state="), "{asked}");
}

#[test]
fn eicar_in_five_wrappings_is_never_delivered() {
    let server = server();
    let (eicar, zipped) = (eicar(), Zip::of(&[("dentro.dat", &eicar())]));
    held(&server, "eicar.txt", &eicar, "infected", "eicar");
    held(&server, "vacaciones.jpg", &eicar, "infected", "eicar");
    held(&server, "fotos.zip", &zipped, "infected", "eicar dentro.dat");
    held(
        &server,
        "más fotos.zip",
        &Zip::of(&[("a.txt", b"a"), ("fotos.zip", &zipped)]),
        "infected",
        "eicar fotos.zip/dentro.dat",
    );
    held(&server, "copia.tar.gz", &gzip(&tar(&[("x/y", &eicar)])), "infected", "eicar copia.tar/x/y");
    held(
        &server,
        "acta.docx",
        &docx(&[("word/media/image1.png", &eicar)]),
        "infected",
        "eicar word/media/image1.png",
    );
}

/// Returns an archive that unpacks to the cap, the slowest one to inspect.
fn laborious() -> Vec<u8> {
    let flat = EntryHeader {
        unpacked: 1 << 20,
        crc: 0xa738_ea1c,
        data: deflated_zeros(1),
        ..EntryHeader::deflated("", b"")
    };
    let names = (0..2000).map(|i| EntryHeader { name: format!("{i}").into_bytes(), ..flat.clone() });
    names.fold(Zip::default(), |zip, told| zip.add(&told)).finish()
}

#[test]
fn single_file_does_not_wait_for_all_files_of_another() {
    const MANY: usize = 24;
    let server = server();
    let (ana, admin) = (Client::cliente(&server), Client::admin(&server));
    let archive = laborious();
    let inspected = |stderr: &str| stderr.matches("event=file.inspected").count();
    std::thread::scope(|scope| {
        for n in 0..MANY {
            let (ana, archive) = (&ana, &archive);
            scope.spawn(move || assert_eq!(ana.upload(&format!("{n}.zip"), archive).status, 201));
        }
        eventually("all have come", || server.stderr().matches("event=file.uploaded").count() == MANY);
        let before = inspected(&server.stderr());
        assert!(before + 6 < MANY, "a queue to wait in: {before} inspected");
        let single = admin.upload("uno.txt", b"hola");
        assert_eq!(verdict(&single).0, "clean", "within the wait of its answer");
        let id = single.json()["id"].as_str().expect("text").to_owned();
        server.wait_for_line(&format!("event=file.inspected result=ok id={id}"));
        let log = server.stderr();
        let until = log.find(&format!("event=file.inspected result=ok id={id}")).expect("is there");
        // One inspection was in progress, and another one may have started before this file was recorded.
        let passed = inspected(&log[..until]) - before;
        assert!(passed <= 3, "{passed} of the other's came first");
    });
}

#[test]
fn archive_bombs_are_stored_and_marked() {
    let server = server();
    let ten_gib = deflated_zeros(10 << 10);
    let zeros =
        |unpacked| EntryHeader { unpacked, data: ten_gib.clone(), ..EntryHeader::deflated("ceros.txt", b"") };
    held(
        &server,
        "dice 10 GiB.zip",
        &Zip::default().add(&zeros(10 << 30)).finish(),
        "unscannable",
        "archive-ratio ",
    );
    held(
        &server,
        "dice 10 bytes.zip",
        &Zip::default().add(&zeros(10)).finish(),
        "suspicious",
        "archive-ratio ",
    );
    let small = EntryHeader { unpacked: 10 << 30, ..EntryHeader::deflated("poco.txt", b"hola") };
    held(
        &server,
        "dice 10 GiB y trae 4 bytes.zip",
        &Zip::default().add(&small).finish(),
        "suspicious",
        "archive-lies poco.txt",
    );
    let leaf = EntryHeader {
        unpacked: 4 << 30,
        data: deflated_zeros(4 << 10),
        ..EntryHeader::deflated("0.dll", b"")
    };
    held(&server, "42.zip", &nested(5, 16, &leaf), "unscannable", "archive-");
    held(&server, "ancho.zip", &laborious(), "unscannable", "archive-total 268435456");
    held(&server, "ceros.gz", &gzip(&vec![0; 64 << 20]), "unscannable", "archive-ratio ");
    assert_eq!(Client::new(&server).get("/api/health").status, 200);
}

#[test]
fn deceptive_archives_are_held() {
    let server = server();
    let (a, b) = (EntryHeader::stored("a", b"aaaaaaaaaa"), EntryHeader::deflated("b", b"bbbb"));
    let mut inner = Zip::default();
    inner.header(&b);
    let outer = EntryHeader::stored("a", &[inner.out, b.data.clone()].concat());
    held(
        &server,
        "encima.zip",
        &Zip::default().add(&outer).lists(&b, 31).finish(),
        "suspicious",
        "archive-overlap",
    );
    held(
        &server,
        "ruta.zip",
        &Zip::of(&[("../../etc/cron.d/x", b"x")]),
        "suspicious",
        "archive-path ../../etc/cron.d/x",
    );
    held(&server, "raíz.tar", &tar(&[("/etc/passwd", b"x")]), "suspicious", "archive-path /etc/passwd");
    let link = EntryHeader { mode: 0o120_777, ..EntryHeader::stored("enlace", b"/etc/shadow") };
    held(&server, "enlace.zip", &Zip::default().add(&link).finish(), "suspicious", "archive-link enlace");
    held(
        &server,
        "enlace.tar",
        &[tar_entry("enlace", b'2', b""), tar(&[])].concat(),
        "suspicious",
        "archive-link enlace",
    );
    held(
        &server,
        "clave.zip",
        &Zip::default().add(&EntryHeader { flags: 1, ..a }).finish(),
        "unscannable",
        "archive-encrypted a",
    );
    held(&server, "cortado.zip", &Zip::of(&[("a", b"a")])[..30], "unscannable", "archive-broken");
    held(&server, "viejo.rar", b"Rar!\x1a\x07\x01\0\0\0", "unscannable", "archive-kind rar");
}

#[test]
fn files_of_a_false_type_are_held() {
    let server = server();
    let zip = Zip::of(&[("a.txt", b"hola")]);
    held(&server, "gato.gif", &[GIF, &zip].concat(), "suspicious", "polyglot zip");
    held(&server, "informe.pdf", &[PDF, &zip].concat(), "suspicious", "polyglot zip");
    held(&server, "playa.jpg", &[JPEG, &zip].concat(), "suspicious", "polyglot zip");
    held(&server, "factura.pdf", &[PE, b"%PDF-1.4"].concat(), "suspicious", "polyglot pdf");
    held(&server, "factura.pdf.exe", PE, "suspicious", "name-double-extension factura.pdf.exe");
    held(&server, "foto\u{202e}gpj.scr", b"x", "suspicious", "name-bidi");
    held(&server, "foto\u{202e}gpj.txt", b"un texto", "suspicious", "name-bidi");
    held(
        &server,
        "logo.png",
        b"<!doctype html><script>1</script>",
        "suspicious",
        "extension-mismatch text/html",
    );
    held(
        &server,
        "logo.jpg",
        b"<svg><script>1</script></svg>",
        "suspicious",
        "extension-mismatch image/svg+xml",
    );
    held(&server, "programa", b"\x7fELF\x02\x01\x01\0", "suspicious", "executable-elf");
    held(&server, "tarea.txt", b"#!/bin/sh\nrm -rf ~\n", "suspicious", "executable-script");
    held(
        &server,
        "cuentas.xlsm",
        &docx(&[("xl/vbaProject.bin", &ole("_VBA_PROJECT"))]),
        "suspicious",
        "macro-ooxml",
    );
    held(&server, "cuentas.xls", &ole("_VBA_PROJECT_CUR"), "suspicious", "macro-ole");
    let huge =
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &50_000_u32.to_be_bytes(), &50_000_u32.to_be_bytes()]
            .concat();
    held(&server, "mapa.png", &huge, "suspicious", "image-pixels 50000x50000");
    let side = b"\x03\0\x01\0\0\0\x50\xc3\0\0";
    let huge = [b"II*\0\x08\0\0\0\x02\0\0\x01".as_slice(), side, b"\x01\x01", side].concat();
    held(&server, "mapa.tif", &huge, "suspicious", "image-pixels 50000x50000");
}

#[test]
fn ordinary_office_files_are_delivered() {
    let server = server();
    let (cliente, usuario) = (Client::cliente(&server), Client::usuario(&server));
    let documents =
        Zip::of(&[("acta.docx", &docx(&[])), ("informe.pdf", PDF), ("foto.jpg", JPEG), ("logo.png", PNG)]);
    for (name, data) in [
        ("acta.docx", docx(&[])),
        ("acta.odt", odt(&[])),
        ("carta.doc", ole("WordDocument")),
        ("informe.pdf", PDF.to_vec()),
        ("foto.jpg", JPEG.to_vec()),
        ("logo.png", PNG.to_vec()),
        ("nota.txt", "Mañana a las 10, café ☕".as_bytes().to_vec()),
        ("todo.zip", documents.clone()),
        ("copia.tar.gz", gzip(&tar(&[("todo.zip", &documents)]))),
        ("datos.bin", vec![0, 159, 146, 150, 7]),
        ("vacío", Vec::new()),
        ("sobre EICAR.txt", [b"El archivo de prueba dice ".as_slice(), &eicar()].concat()),
    ] {
        let stored = cliente.upload(name, &data);
        assert_eq!(verdict(&stored), ("clean".to_owned(), String::new()), "{name}");
        let got = content(&usuario, &stored);
        assert!(lists(&usuario, &stored) && got.status == 200 && got.body == data, "{name}");
    }
}

#[test]
fn form_without_scripts_waits_for_the_verdict() {
    let server = server();
    let cliente = Client::cliente(&server);
    let (kind, body) = common::http::multipart("archivo", "eicar.com", &eicar());
    assert_eq!(cliente.send("POST", "/subir", &[("Content-Type", &kind)], &body).status, 303);
    let file = cliente.get("/api/files").json()[0].clone();
    assert_eq!((file["state"].as_str(), file["reasons"][0].as_str()), (Some("infected"), Some("eicar")));
}

/// Sets the state of the records of a stopped server, as an older version or a power cut leaves them.
fn put(dir: &Path, state: &str) {
    let db = rusqlite::Connection::open(dir.join("pichat.db")).expect("opens");
    db.execute("UPDATE files SET state = ?1, reasons = ''", [state]).expect("changes");
}

#[test]
fn uninspected_files_are_inspected_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || Server::start(options().data_dir(folder.path()));
    let mut running = start();
    let client = Client::cliente(&running);
    let [good, bad] = [client.upload("a.txt", b"hola"), client.upload("b.txt", &eicar())];
    for state in ["received", "inspecting"] {
        running.signal("TERM");
        assert_eq!(running.wait().code(), Some(0));
        put(folder.path(), state);
        running = start();
        let (client, usuario) = (Client::cliente(&running), Client::usuario(&running));
        let now = |stored: &Response| client.get(&stored.location()).json()["state"].clone();
        eventually("both have a verdict", || now(&good) == "clean" && now(&bad) == "infected");
        assert_eq!((content(&usuario, &good).status, content(&usuario, &bad).status), (200, 403));
        assert_eq!(client.get(&good.location()).json()["reasons"], serde_json::json!([]));
    }
}

#[test]
fn concurrent_bombs_are_inspected_one_at_a_time() {
    let server = server();
    let bomb = Zip::of(&[("a.zip", &Zip::stored(&[("ruido", &vec![7; 14 << 20])])), ("b.exe", PE)]);
    std::thread::scope(|scope| {
        for i in 0..6 {
            let (client, bomb) = (Client::cliente(&server), &bomb);
            scope.spawn(move || assert_eq!(client.upload(&format!("{i}.zip"), bomb).status, 201));
        }
    });
    let admin = Client::admin(&server);
    eventually("all have a verdict", || {
        let list = admin.get("/api/files").json();
        list.as_array().expect("a list").iter().filter(|file| file["state"] == "suspicious").count() == 6
    });
    let peak = server.rss_kib("VmHWM:");
    println!("peak {peak} KiB");
    assert!(peak < MAX_PEAK_KIB, "{peak} KiB");
}

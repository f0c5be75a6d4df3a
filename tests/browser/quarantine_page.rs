//! Held files in the list: reason, offered actions, and updates by a verdict without a reload.

use serde_json::{Value, json};

use super::browser::{Browser, Setup};
use super::common::archive::{EntryHeader, GIF, PDF, PE, Zip, docx, eicar};
use super::common::{Client, Options, Server};

impl Browser {
    /// Returns name, state, offer of the bytes, and note of every row from top to bottom.
    async fn rows(&self) -> Value {
        self.js("[...document.querySelectorAll('#files .file')].map((row) => [row.dataset.name,
                row.querySelector('.state-chip').textContent, row.querySelector('.download') !== null,
                [...row.querySelectorAll('.file-reason li, .file-reason p, p.file-reason')].map((one) => one.textContent.replace(/[0-9][0-9.]{3,}/, 'N')).join(' | ')])")
            .await
    }

    async fn shows_rows(&self, count: usize) {
        self.goto("/listar").await;
        self.until(&format!("document.querySelectorAll('#files .file').length === {count}")).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn held_files_show_the_reason_and_allowed_actions() {
    let server = Server::start(Options::config("[limits]\nuploads_per_minute = 100\nupload_burst = 100"));
    let cliente = Client::cliente(&server);
    let locked =
        Zip::default().add(&EntryHeader { flags: 1, ..EntryHeader::stored("nomina.xlsx", b"x") }).finish();
    let bomb = Zip::of(&[("ceros.txt", &vec![0; 6 << 20])]);
    let polyglot = [GIF, &Zip::of(&[("a.txt", b"a")])].concat();
    for (name, data) in [
        ("acta.docx", docx(&[])),
        ("factura.pdf.exe", PE.to_vec()),
        ("nómina.zip", locked),
        ("respaldo.zip", bomb),
        ("gato.gif", polyglot),
        ("eicar.txt", eicar()),
        ("informe.pdf", PDF.to_vec()),
    ] {
        assert_eq!(cliente.upload(name, &data).status, 201);
    }
    let (nobody, others) = (
        "Nadie lo puede descargar.",
        "Está retenido: solo lo puede descargar quien administra PiChat. Pídeselo si lo necesitas.",
    );
    let seen_by = |held: &str, offered: bool| {
        json!([
            ["informe.pdf", "Disponible", true, ""],
            [
                "eicar.txt",
                "Infectado",
                false,
                format!("Es el archivo de prueba EICAR, que los antivirus tratan como un virus | {nobody}")
            ],
            [
                "gato.gif",
                "Retenido",
                offered,
                format!(
                    "El archivo se puede abrir como dos tipos distintos, y así se esconden programas (zip) | {held}"
                )
            ],
            [
                "respaldo.zip",
                "Retenido",
                offered,
                format!(
                    "Al abrirse, el comprimido ocuparía muchísimo espacio y podría bloquear un computador (× N) | {held}"
                )
            ],
            [
                "nómina.zip",
                "Retenido",
                offered,
                format!("El comprimido tiene contraseña y no se puede revisar (nomina.xlsx) | {held}")
            ],
            [
                "factura.pdf.exe",
                "Retenido",
                offered,
                format!(
                    "El nombre parece de un documento pero termina como un programa (factura.pdf.exe) | Es un programa de Windows, o contiene uno | {held}"
                )
            ],
            ["acta.docx", "Disponible", true, ""],
        ])
    };
    let (admin, ana, beto) = (
        Browser::open(server.addr).await,
        Browser::open(server.addr).await,
        Browser::open(server.addr).await,
    );
    admin.sign_in("admin", "admin123").await;
    admin.resize(1280, 1100, false).await;
    admin.shows_rows(7).await;
    assert_eq!(
        admin.rows().await,
        seen_by("Solo los administradores lo pueden descargar. Revísalo antes de entregarlo.", true)
    );
    admin.resize(390, 844, true).await;
    admin.shows_rows(7).await;
    assert_eq!(admin.js("document.documentElement.scrollWidth").await, 390);

    ana.sign_in("cliente", "cliente123").await;
    ana.shows_rows(7).await;
    assert_eq!(ana.rows().await, seen_by(others, false));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tarea.bat"), "echo hola").expect("writes");
    ana.choose("#file-input", &folder.path().join("tarea.bat")).await;
    ana.until_says("#notice", "Se subió tarea.bat. Quedó retenido. El motivo está en la lista.").await;

    beto.sign_in("usuario", "usuario123").await;
    beto.shows_rows(2).await;
    assert_eq!(beto.files().await, json!(["informe.pdf", "acta.docx"]));
    for who in [admin, ana, beto] {
        who.finish(&[]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn late_verdict_appears_without_a_reload() {
    let server = Server::demo();
    assert_eq!(Client::cliente(&server).upload("acta.docx", &docx(&[])).status, 201);
    let put = |state: &str, reasons: &str| {
        let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
        db.busy_timeout(std::time::Duration::from_secs(5)).expect("sets");
        db.execute("UPDATE files SET state = ?1, reasons = ?2", [state, reasons]).expect("changes");
    };
    put("inspecting", "");
    let setup = Setup { languages: "en-US,en", ..Setup::default() };
    let ana = Browser::with(server.addr, setup).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.shows_rows(1).await;
    ana.js("window.stillTheSamePage = true").await;
    let waiting = "It is being checked. If it is fine, everyone will be able to download it.";
    assert_eq!(ana.rows().await, json!([["acta.docx", "Being checked", false, waiting]]));
    put("unscannable", "archive-encrypted a.txt");
    ana.until_says(".file .state-chip", "On hold").await;
    let why = "The archive has a password and cannot be checked (a.txt) | On hold: only an administrator can download it. Ask if you need it.";
    assert_eq!(ana.rows().await, json!([["acta.docx", "On hold", false, why]]));
    put("inspecting", "");
    ana.shows_rows(1).await;
    ana.js("window.stillTheSamePage = true").await;
    put("clean", "");
    ana.until("document.querySelector('.download')").await;
    assert_eq!(ana.rows().await, json!([["acta.docx", "Available", true, ""]]));
    assert_eq!(ana.js("window.stillTheSamePage").await, true);
    ana.finish(&[]).await;
}

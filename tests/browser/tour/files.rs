//! States of the files.

use serde_json::json;

use super::super::common::archive::{EntryHeader, JPEG, PDF, PE, PNG, Zip, eicar};
use super::{LONG_NAME, Office, Purpose, Tour};

/// Drags a file over the page.
const DRAG: &str = "const carried = new DataTransfer(); carried.items.add(new File(['x'], 'acta.txt'));
    window.dispatchEvent(new DragEvent('dragenter', { dataTransfer: carried, bubbles: true, cancelable: true })); return true;";
const ROWS: &str = "document.querySelectorAll('#files .file').length";

impl Tour {
    pub(super) async fn walk_files(&self, office: &Office) {
        let front = &office.front;
        front.change_to("compras").await;
        front.open_page("/listar").await;
        front.until("document.querySelector('#empty-list .empty')").await;
        self.at(front, "files-reader").await;
        front.change_to("recepcion").await;
        front.open_page("/subir").await;
        self.at(front, "upload").await;
        front.open_page("/listar").await;
        front.until("document.querySelector('#empty-list .empty')").await;
        self.at(front, "files-empty").await;
        self.at_after(front, "files-drag", DRAG).await;
        front.open_page("/listar").await;
        front.until("document.querySelector('#empty-list .empty')").await;
        self.walk_uploads(office).await;
        self.fill_list(office);
        front.open_page("/listar").await;
        front.until(&format!("{ROWS} === 9")).await;
        self.at(front, "files").await;
        front.fill("#filter", "presupuesto 2031").await;
        front.until(&format!("{ROWS} === 0")).await;
        self.at(front, "files-no-match").await;

        front.change_to("laura").await;
        front.open_page("/listar").await;
        front.until(&format!("{ROWS} === 9")).await;
        self.at_after(front, "files-admin", "document.querySelector('.file details').open = true").await;
        front.click(".delete").await;
        front.until("document.querySelector('#confirm-delete').open").await;
        self.at(front, "files-delete").await;
        front.click("#confirm-delete button[value=no]").await;
        // axe takes long for what is alike.
        insert_files(office, if self.purpose == Purpose::Axe { 12 } else { 60 });
        front.open_page("/listar").await;
        front.until(&format!("{ROWS} >= 20")).await;
        self.at_after(front, "files-many", "document.querySelector('.file:nth-child(8)').scrollIntoView()")
            .await;
        front.change_to("recepcion").await;
    }

    async fn walk_uploads(&self, office: &Office) {
        let front = &office.front;
        let folder = tempfile::tempdir().expect("a folder");
        let [large, slow, small] = ["Video de la bodega.mp4", "Fotos de la bodega.zip", "Acta del lunes.txt"]
            .map(|name| folder.path().join(name));
        // Sparse: no byte of it is sent.
        std::fs::File::create(&large).and_then(|file| file.set_len(600 << 20)).expect("writes");
        std::fs::write(&slow, vec![b'a'; 900_000]).expect("writes");
        std::fs::write(&small, "acta").expect("writes");
        front.choose("#file-input", &large).await;
        front.until("document.querySelector('#notice').textContent").await;
        self.at(front, "files-too-large").await;

        front.cdp("Network.enable", json!({})).await;
        let net = |speed| json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed});
        front.cdp("Network.emulateNetworkConditions", net(9_000)).await;
        front.choose("#file-input", &slow).await;
        front.until("document.querySelector('#progress-bar').value >= 7").await;
        self.at(front, "files-uploading").await;
        front.click("#cancel-upload").await;
        front.until("document.querySelector('#notice').textContent").await;
        self.at(front, "files-canceled").await;
        front.cdp("Network.emulateNetworkConditions", net(-1)).await;
        front.choose("#file-input", &small).await;
        front.until(&format!("{ROWS} === 1")).await;
        self.at(front, "files-uploaded").await;
    }

    /// Adds eight files to the one that was uploaded.
    fn fill_list(&self, office: &Office) {
        let (front, back) = (office.client("recepcion"), office.client(LONG_NAME));
        let locked = Zip::default()
            .add(&EntryHeader { flags: 1, ..EntryHeader::stored("nomina.xlsx", b"x") })
            .finish();
        let pdf = [PDF, &b"% una hoja\n".repeat(20_000)].concat();
        let long = self.say(
            "Informe consolidado de despachos y devoluciones de la zona franca del norte, revisado por contabilidad (final).pdf",
            "Consolidated report of deliveries and returns of the northern free zone, reviewed by accounting (final).pdf",
        );
        for (who, name, bytes) in [
            (&front, "factura.pdf.exe", PE.to_vec()),
            (&front, self.say("Nómina de noviembre.zip", "November payroll.zip"), locked),
            (&front, "eicar.txt", eicar()),
            (&front, self.say("Pedidos de noviembre.csv", "November orders.csv"), b"a;b;c\n".repeat(900)),
            (
                &back,
                self.say("foto-tablero.png", "whiteboard.png"),
                [PNG, &b"\0\x89".repeat(300_000)].concat(),
            ),
            (&front, self.say("Fotos.zip", "Photos.zip"), Zip::stored(&[("bodega.jpg", JPEG)])),
            (
                &back,
                "Electroencefalografistas_y_otorrinolaringólogos_del_norte_sin_espacios_v2.tar.gz",
                super::super::common::archive::gzip(b"x"),
            ),
            (&front, long, pdf),
        ] {
            let stored = who.upload(name, &bytes);
            assert_eq!(stored.status, 201, "{}", stored.text());
        }
        let page = office.client("laura");
        super::super::common::server::eventually("all files are inspected", || {
            !page.get("/api/files").text().contains("inspecting")
        });
    }
}

/// Inserts file records, as if they had been uploaded on an earlier day.
fn insert_files(office: &Office, count: u32) {
    let mut db = rusqlite::Connection::open(office.data.path().join("pichat.db")).expect("opens");
    let tx = db.transaction().expect("begins");
    for n in 0..count {
        let name =
            format!("Relación de despachos y devoluciones número {n:02} de la zona franca del norte.xlsx");
        tx.execute(
            "INSERT INTO files (id, name, size, sha256, media_type, state, reasons, uploaded_by, uploaded_at)
             VALUES (?1, ?2, 48231, zeroblob(32), 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'clean', '', 'bodega', 1767225600000)",
            rusqlite::params![format!("{n:032x}"), name],
        )
        .expect("inserts");
    }
    tx.commit().expect("commits");
}

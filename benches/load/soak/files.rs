//! Scenario of files: uploads, refusals, aborted uploads, downloads, deletions.

use std::io::Write as _;
use std::time::Duration;

use crate::common::Client;
use crate::common::archive::{Zip, deflated_zeros, eicar, gzip};
use crate::common::http::multipart;
use crate::runner::{Context, Rng};

/// Largest accepted file in bytes; the limit is 2 MiB.
const LARGEST: u64 = 512 * 1024;

pub fn upload_and_delete(context: &Context, rng: &mut Rng) {
    let (sube, other, jefa) =
        (context.signed_in("sube", 50), context.signed_in("victima", 51), context.signed_in("jefa", 52));
    let bomb = gzip(&deflated_zeros(64));
    while !context.is_over() {
        for kind in 0..8 {
            let (name, data) = match kind {
                0 => ("virus.txt", eicar()),
                1 => ("varios.zip", Zip::of(&[("a.txt", b"a"), ("b/c.txt", b"c")])),
                2 => ("roto.zip", b"PK\x03\x04 y nada".to_vec()),
                3 => ("bomba.gz", bomb.clone()),
                4 => ("largo.bin", vec![b'x'; 3 << 20]),
                _ => ("informe.txt", text(rng)),
            };
            let status = sube.upload(name, &data).status;
            assert!([201, 413, 429].contains(&status), "{name}: {status}");
            context.count(format!("uploads answered {status}"));
            context.pause(rng.millis(50, 400));
        }
        assert_eq!(other.upload("no.txt", b"no").status, 403);
        assert_eq!(sube.upload("", b"x").status / 100, 4, "no name");
        context.count("uploads refused");
        hang_up(context, &sube, rng);
        clear(context, &sube, &jefa);
    }
    clear(context, &sube, &jefa);
    for client in [sube, other, jefa] {
        context.sign_out(&client);
    }
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let length = rng.below(LARGEST) as usize;
    b"Una linea de un informe que nadie lee hasta el final.\n".iter().copied().cycle().take(length).collect()
}

/// Sends half of a file and hangs up.
fn hang_up(context: &Context, client: &Client, rng: &mut Rng) {
    let (kind, body) = multipart("archivo", "medio.txt", &text(rng));
    let length = body.len().to_string();
    let head = client.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
    let mut stream = client.connect();
    let _ = stream
        .write_all(format!("{head}\r\n").as_bytes())
        .and_then(|()| stream.write_all(&body[..body.len() / 2]));
    context.pause(rng.millis(1, 200));
    context.count("uploads broken off");
}

/// Downloads every file and deletes it.
fn clear(context: &Context, sube: &Client, jefa: &Client) {
    for file in jefa.get("/api/files").json().as_array().expect("a list") {
        let place = format!("/api/files/{}", file["id"].as_str().expect("an id"));
        let status = sube.get(&format!("{place}/content")).status;
        assert!([200, 403, 404].contains(&status), "{file}: {status}");
        context.count(format!("downloads answered {status}"));
        assert_eq!(sube.delete(&place).status, 403);
        let mut deleted = jefa.delete(&place);
        // Deletion may have to wait for the inspection.
        for _ in 0..20 {
            if deleted.status == 204 {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
            deleted = jefa.delete(&place);
        }
        assert_eq!(deleted.status, 204, "{file}: {}", deleted.text());
        context.count("deletes");
    }
}

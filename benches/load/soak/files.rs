//! Who uploads, is refused, hangs up in the middle, downloads and deletes.

use std::io::Write as _;
use std::time::Duration;

use crate::common::Client;
use crate::common::archive::{Zip, deflated_zeros, eicar, gzip};
use crate::common::http::multipart;
use crate::runner::{Chance, World};

/// Bytes of the largest that is taken; the settings' 2 MiB are the limit.
const LARGEST: u64 = 512 * 1024;

pub fn upload_and_delete(world: &World, chance: &mut Chance) {
    let (sube, other, jefa) = (world.signed_in("sube", 50), world.signed_in("victima", 51), world.signed_in("jefa", 52));
    let bomb = gzip(&deflated_zeros(64));
    while !world.is_over() {
        for kind in 0..8 {
            let (name, data) = match kind {
                0 => ("virus.txt", eicar()),
                1 => ("varios.zip", Zip::of(&[("a.txt", b"a"), ("b/c.txt", b"c")])),
                2 => ("roto.zip", b"PK\x03\x04 y nada".to_vec()),
                3 => ("bomba.gz", bomb.clone()),
                4 => ("largo.bin", vec![b'x'; 3 << 20]),
                _ => ("informe.txt", text(chance)),
            };
            let status = sube.upload(name, &data).status;
            assert!([201, 413, 429].contains(&status), "{name}: {status}");
            world.count(format!("uploads told {status}"));
            world.pause(chance.millis(50, 400));
        }
        assert_eq!(other.upload("no.txt", b"no").status, 403);
        assert_eq!(sube.upload("", b"x").status / 100, 4, "no name");
        world.count("uploads refused");
        hang_up(world, &sube, chance);
        clear(world, &sube, &jefa);
    }
    clear(world, &sube, &jefa);
    for client in [sube, other, jefa] {
        world.sign_out(&client);
    }
}

fn text(chance: &mut Chance) -> Vec<u8> {
    let length = chance.below(LARGEST) as usize;
    b"Una linea de un informe que nadie lee hasta el final.\n".iter().copied().cycle().take(length).collect()
}

/// Sends half of a file.
fn hang_up(world: &World, client: &Client, chance: &mut Chance) {
    let (kind, body) = multipart("archivo", "medio.txt", &text(chance));
    let length = body.len().to_string();
    let head = client.head("POST", "/api/files", &[("Content-Type", &kind), ("Content-Length", &length)]);
    let mut stream = client.connect();
    let _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(&body[..body.len() / 2]));
    world.pause(chance.millis(1, 200));
    world.count("uploads broken off");
}

/// Fetches every file and deletes it.
fn clear(world: &World, sube: &Client, jefa: &Client) {
    for file in jefa.get("/api/files").json().as_array().expect("a list") {
        let place = format!("/api/files/{}", file["id"].as_str().expect("an id"));
        let status = sube.get(&format!("{place}/content")).status;
        assert!([200, 403, 404].contains(&status), "{file}: {status}");
        world.count(format!("downloads told {status}"));
        assert_eq!(sube.delete(&place).status, 403);
        let mut deleted = jefa.delete(&place);
        // One that is being looked into may have to wait a moment.
        for _ in 0..20 {
            if deleted.status == 204 {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
            deleted = jefa.delete(&place);
        }
        assert_eq!(deleted.status, 204, "{file}: {}", deleted.text());
        world.count("deletes");
    }
}

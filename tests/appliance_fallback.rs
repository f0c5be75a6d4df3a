//! A card with a broken pichat.toml uses the last good one; a machine that is no card is left alone.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use common::card::{CODE, Card, ERROR, FAT, HASH, IN_FORCE, LAST_GOOD, MARK, NETWORK, SHIPPED, WPA};
use common::tls::self_signed;

/// Second line about a broken file.
const BEFORE_HOLDS: &str = "mientras tanto sigue la última configuración buena";
const SHIPPED_HOLDS: &str = "mientras tanto rigen los valores de fábrica";

const HOSTNAME: &str = "proc/sys/kernel/hostname";
const GOOD: &str = "# la oficina\nlimits.rooms = 7\n[device]\nhostname = \"casa\"\n[wifi]\nssid = \"y\"\npassword = \"clave larga\"\n\
                    [network]\naddress = \"10.0.0.2/8\"\n";

/// Files that the settings put in force.
fn in_force(card: &Card) -> [String; 4] {
    [IN_FORCE, HOSTNAME, WPA, NETWORK].map(|path| card.read(path))
}

#[test]
fn broken_file_keeps_the_last_good_settings() {
    let secret = "[wifi]\nssid = \"x\"\npassword = \"clave\"\n";
    let weak = format!("[claim]\nadmin_password_hash = \"{}\"\n", HASH.replace("19456", "64"));
    let large = "#".repeat(1024 * 1024);
    let broken: Vec<(&[u8], &str, &str)> = vec![
        (b"[limits]\r\n\r\nrooms = = 3\r\n", "3:9: ", "TOML"),
        (b"# \xc3\xb1\n[limits]\n  rums = 3\n", "3:3: ", "\u{bf}Quisiste decir limits.rooms?"),
        (b"\xef\xbb\xbf[limites]\n", "1:2: ", "limites"),
        (b"[limits]\nrooms = 3000\n", "2:9: ", "1024"),
        (b"# a\xf1o\n", "1:4: ", "UTF-8"),
        (b"\xff\xfe#\0", "1:1: ", "UTF-8"),
        (secret.as_bytes(), "3:12: ", "wifi.password"),
        (weak.as_bytes(), "2:23: ", "OWASP"),
        (b"[network]\naddress = \"192.168.1.20\"\n", "2:11: ", "192.168.1.20/24"),
        (large.as_bytes(), "", "256 KiB"),
        (b"[tls]\nmode = \"files\"\n", "2:8: ", "tls.certificate"),
        (b"[tls]\nmode = \"files\"\nkey = \"k\"\ncertificate = \"c\"\n", "4:15: ", "/var/lib/pichat/c"),
        (b"[tls]\nmode = \"files\"\nkey = \"/root/k\"\ncertificate = \"/root/c\"\n", "4:15: ", "/root/c"),
        (b"[http]\nlisten = \"127.0.0.1:80\"\n", "2:10: ", "127.0.0.1"),
        (b"[http]\nlisten = \"192.168.1.20:80\"\n", "2:10: ", "192.168.1.20"),
        (b"[http]\nlisten = \"[::]:0\"\n", "2:10: ", "[::]:0"),
    ];
    for (bytes, place, word) in broken {
        let card = Card::new(GOOD);
        card.boot();
        let held = in_force(&card);
        for held in [Some(held), None] {
            card.write(FAT, bytes);
            if held.is_none() {
                fs::remove_file(card.at(LAST_GOOD)).expect("is there");
            }
            let said = card.boot();
            let line = card.read(ERROR);
            assert!(line.starts_with(&format!("pichat.toml:{place}")) && line.contains(word), "{line}");
            let meanwhile = if held.is_some() { BEFORE_HOLDS } else { SHIPPED_HOLDS };
            let (first, second) = line.split_once('\n').expect("two lines");
            assert_eq!(
                (second, said),
                (format!("{meanwhile}\n").as_str(), format!("<3>{first}\n<4>{meanwhile}\n"))
            );
            assert!(!line.contains("\"clave\"") && !line.contains("$I1Uj"), "{line}");
            assert_eq!(card.mode(ERROR), 0o644);
            match held {
                Some(held) => assert_eq!(in_force(&card), held),
                None => {
                    assert_eq!(
                        (card.read(IN_FORCE).as_str(), card.read(HOSTNAME).as_str()),
                        (SHIPPED, "pichat")
                    );
                    assert!(!card.at(WPA).exists() && !card.at(NETWORK).exists(), "what held before is gone");
                }
            }
            assert_eq!(fs::read(card.at(FAT)).expect("is there"), bytes);
        }
        card.write(FAT, "");
        assert_eq!(card.boot(), "");
        assert!(!card.at(ERROR).exists(), "mended");
    }
    let card = Card::new("");
    fs::remove_file(card.at(FAT)).expect("is there");
    assert_eq!(
        card.boot(),
        format!("<3>pichat.toml: no existe ese archivo de configuración\n<4>{SHIPPED_HOLDS}\n")
    );
    assert_eq!(card.read(IN_FORCE), SHIPPED);
    fs::remove_file(card.at("usr/share/pichat/pichat.toml")).expect("is there");
    assert_eq!(
        (card.boot().lines().count(), card.read(IN_FORCE).contains("listen = \"[::]:80\"")),
        (3, true),
        "still listens"
    );

    let card = Card::new("limits.rooms = 7\n[device]\ntime_zone = \"America/Bogotta\"\n");
    for zone in ["America/Bogotta", "leapseconds", "America"] {
        card.write(FAT, format!("limits.rooms = 7\n[device]\ntime_zone = \"{zone}\"\n"));
        let said = card.boot();
        assert!(said.starts_with(&format!("<3>pichat.toml:3:13: device.time_zone: «{zone}» ")), "{said}");
        assert!(
            said.contains(card.read(ERROR).trim()) && card.read(IN_FORCE).contains("rooms = 7"),
            "the rest holds"
        );
        let link = fs::read_link(card.at("run/pichat-settings/localtime")).expect("a link");
        assert_eq!(link.to_str(), Some("/usr/share/zoneinfo/UTC"));
    }
}

#[test]
fn last_good_file_is_kept_without_secrets() {
    let card = Card::new(&format!("{GOOD}[claim]\nadmin_password_hash = \"{HASH}\"\n"));
    card.boot();
    let held = in_force(&card);
    assert!(held[0].contains("rooms = 7") && held[0].contains(HASH), "{}", held[0]);
    assert!(
        held[1] == "casa" && held[2].contains("636c617665206c61726761") && held[3].contains("10.0.0.2/8"),
        "{held:?}"
    );
    let kept = card.read(LAST_GOOD);
    assert_eq!(kept, GOOD.replace("clave larga", "") + "[claim]\nadmin_password_hash = \"\"\n");
    assert_eq!(card.mode(LAST_GOOD), 0o600);
    fs::remove_file(card.at(FAT)).expect("is there");
    for _ in 0..2 {
        card.boot();
        assert_eq!(in_force(&card), held, "a missing file too, and its secrets");
    }
    // Files that the server's user could leave there are not trusted.
    fs::set_permissions(card.at(LAST_GOOD), fs::Permissions::from_mode(0o666)).expect("sets");
    assert!(card.boot().contains("<4>") && card.read(HOSTNAME) == "pichat");
    fs::remove_file(card.at(LAST_GOOD)).expect("is there");
    card.write("elsewhere", GOOD);
    symlink(card.at("elsewhere"), card.at(LAST_GOOD)).expect("a link");
    assert!(card.boot().contains("<4>") && card.read(HOSTNAME) == "pichat");
    card.write(FAT, GOOD);
    card.boot();
    assert!(
        card.read(HOSTNAME) == "casa" && !card.at(LAST_GOOD).is_symlink() && card.read("elsewhere") == GOOD
    );
}

#[test]
fn name_and_network_survive_unstartable_settings() {
    let card =
        Card::new(&format!("{GOOD}[tls]\nmode = \"files\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"));
    self_signed(&card.at("var/lib/pichat"), "pichat.local");
    assert_eq!(card.boot(), "");
    let held = in_force(&card);
    fs::remove_file(card.at("var/lib/pichat/k.pem")).expect("is there");
    card.boot();
    assert_eq!(card.read(IN_FORCE), SHIPPED);
    assert_eq!(in_force(&card)[1..], held[1..]);
}

#[test]
fn machine_without_the_mark_is_left_alone() {
    for command in ["settings", "code"] {
        let card = Card::new(GOOD);
        fs::remove_file(card.at(MARK)).expect("is there");
        card.write(HOSTNAME, "servidor");
        card.write("run/pichat/claim", "ABCD-EFGH-JKMNP\n");
        card.write("boot/firmware/pichat-reclamar", "");
        let (code, said) = card.call(command);
        assert!(code == Some(78) && said.contains("no es una tarjeta de PiChat"), "{code:?} {said}");
        assert_eq!((card.read(HOSTNAME).as_str(), card.read(FAT).as_str()), ("servidor", GOOD));
        for untouched in ["run/pichat-settings", "run/systemd", CODE, "data/pichat", "var/lib/pichat/reclaim"]
        {
            assert!(!card.at(untouched).exists(), "{untouched}");
        }
        assert!(card.at("boot/firmware/pichat-reclamar").exists());
        // A link does not mark a card.
        symlink(card.at(FAT), card.at(MARK)).expect("a link");
        assert_eq!(card.call(command).0, Some(78));
    }
}

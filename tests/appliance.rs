//! `pichat appliance` applies pichat.toml of the boot partition, in a folder that stands for the root.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use common::card::{CODE, Card, ERROR, FAT, HASH, IN_FORCE, NETWORK, SECRETS, SHIPPED, WPA};

/// P-256 key made for this test and used nowhere else.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJ2MN5o0tDWxlJ3f6
+iRkoGxGhGSZPJfoazHRE4utdJyhRANCAASNTtC2KCSJs0E5BWx4Hjapu4/JjgRa
4Cuel0J90OpGzsj5MNiLSnM6xyeNgfYd/yFBZpf+PimBGI2O3pwh3lhK
-----END PRIVATE KEY-----";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBhDCCASugAwIBAgIUVkIC7hnN4zBHFTdd0FgYlazb248wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcGljaGF0LmxvY2FsMCAXDTI2MTEyNDAwMzAwMVoYDzIxMjYx
MDMxMDAzMDAxWjAXMRUwEwYDVQQDDAxwaWNoYXQubG9jYWwwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASNTtC2KCSJs0E5BWx4Hjapu4/JjgRa4Cuel0J90OpGzsj5
MNiLSnM6xyeNgfYd/yFBZpf+PimBGI2O3pwh3lhKo1MwUTAdBgNVHQ4EFgQUBoau
lJYe4uyhP+sKkG4YMN7X0s4wHwYDVR0jBBgwFoAUBoaulJYe4uyhP+sKkG4YMN7X
0s4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiApRtyJFzJ4+zNU
Rq4YzTX0roqQ64DTdJe14X3cYMyNNQIgeoAA04lO8lTPCihe6wzz6tgJZplvQ/Yi
kHlGqhCOTT0=
-----END CERTIFICATE-----";

#[test]
fn settings_of_the_card_are_applied() {
    let card = Card::new(
        "\u{feff}data_dir = \"/elsewhere\"\r\nlimits.rooms = 7\r\n[files]\r\ndir = \"/elsewhere\"\r\nmax_file_mib = 3\r\n[device]\r\n\
         hostname = \"Recepcion\"\r\ntime_zone = \"America/Bogota\"\r\n[accounts]\r\nsession_hours = 1\r\n[network]\r\n\
         address = \"192.168.1.20/24\"\r\ngateway = \"192.168.1.1\"\r\ndns = [\"192.168.1.1\", \"fd00::1\"]\r\n",
    );
    let before = card.read(FAT);
    let said = card.boot();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("<4>pichat.toml:1:12: data_dir: ") && said.contains("<4>pichat.toml:4:7: files.dir: "),
        "{said}"
    );
    let settings = card.read(IN_FORCE);
    for line in
        ["listen = \"[::]:80\"", "argon2 = \"auto\"", "rooms = 7", "max_file_mib = 3", "session_hours = 1"]
    {
        assert!(settings.lines().any(|there| there == line), "{line}: {settings}");
    }
    assert!(!settings.contains("elsewhere"), "{settings}");
    card.check_in_force();
    assert_eq!(card.read("proc/sys/kernel/hostname"), "recepcion");
    let zone = fs::read_link(card.at("run/pichat-settings/localtime")).expect("a link");
    assert_eq!(zone.to_str(), Some("/usr/share/zoneinfo/America/Bogota"));
    let network = card.read(NETWORK);
    let lines: Vec<_> = network.lines().collect();
    for line in [
        "Type=ether wlan",
        "DHCP=no",
        "Address=192.168.1.20/24",
        "Gateway=192.168.1.1",
        "DNS=fd00::1",
        "MulticastDNS=yes",
        "LLMNR=no",
    ] {
        assert!(lines.contains(&line), "{line}: {network}");
    }
    assert_eq!((card.mode(IN_FORCE), card.mode(NETWORK)), (0o600, 0o644));
    assert_eq!(
        (card.mode("run/pichat-settings"), card.mode("run/systemd"), card.mode("run/systemd/network")),
        (0o755, 0o755, 0o755)
    );
    assert!(!card.at(ERROR).exists() && !card.at(WPA).exists() && !card.at(SECRETS).exists());
    assert_eq!(card.read(FAT), before);

    card.write(FAT, "[http]\nlisten = \"0.0.0.0:8080\"\n[network]\naddress = \"fd00::20/64\"\n");
    assert_eq!(card.boot(), "");
    assert!(
        card.read(IN_FORCE).contains("listen = \"0.0.0.0:8080\"")
            && card.read(NETWORK).contains("DHCP=ipv4\nAddress=fd00::20/64\n")
    );
    card.write(FAT, "");
    assert_eq!(card.boot(), "");
    assert!(!card.at(NETWORK).exists(), "DHCP again");
    let zone = fs::read_link(card.at("run/pichat-settings/localtime")).expect("a link");
    assert_eq!(
        (card.read("proc/sys/kernel/hostname").as_str(), zone.to_str()),
        ("pichat", Some("/usr/share/zoneinfo/UTC"))
    );
}

/// File of a Windows editor with both secrets, before and after they were taken.
fn with_secrets() -> (String, String) {
    let text = format!(
        "\u{feff}# Oficina, año 2026\r\n\r\n[wifi]   # la de visitas\r\n\tpassword= 'con \"#\\ raro'   # mía\r\nssid = \"Visitas\"\r\n\
         [claim]\r\nadmin_password_hash = \"{HASH}\"\r\nadmin_name=\"ana\"\r\n\r\n[limits]\r\nrooms = 7"
    );
    let note = " # importada / imported";
    let taken = text.replace("'con \"#\\ raro'   # mía", &format!("\"\"   # mía{note}"));
    (text.clone(), taken.replace(&format!("\"{HASH}\""), &format!("\"\"{note}")))
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

/// Checks the state after the secrets were taken, at the first boot and at every later one.
#[track_caller]
fn assert_taken(card: &Card) {
    let (_, taken) = with_secrets();
    assert_eq!(card.read(FAT), taken);
    let secrets = card.read(SECRETS);
    assert!(
        secrets.contains("'con \"#\\ raro'") && secrets.contains(HASH) && secrets.contains("\"Visitas\""),
        "{secrets}"
    );
    assert_eq!((card.mode(SECRETS), card.mode("data/pichat"), card.mode(WPA)), (0o600, 0o700, 0o600));
    let settings = card.read(IN_FORCE);
    assert!(
        settings.contains(HASH) && settings.contains("\"ana\"") && settings.contains("rooms = 7"),
        "{settings}"
    );
    assert!(!settings.contains("raro"), "the Wi-Fi password is none of the server's business: {settings}");
    assert!(
        card.read(WPA).contains(&format!("\tsae_password={}\n", hex("con \"#\\ raro"))),
        "{}",
        card.read(WPA)
    );
    assert!(
        !card.at("boot/firmware/pichat.toml.NEW").exists()
            && !card.at("data/pichat/secrets.toml.NEW").exists()
    );
}

#[test]
fn secrets_leave_the_card_without_other_changes() {
    let (text, taken) = with_secrets();
    let card = Card::new(&text);
    // A hard link keeps the old file readable, as the freed sectors of the card still hold it.
    let remnant = card.at("boot/remnant");
    fs::hard_link(card.at(FAT), &remnant).expect("a second name");
    assert_eq!(card.boot(), "");
    assert_taken(&card);
    assert_eq!(
        fs::read(&remnant).expect("is there"),
        vec![0; text.len()],
        "nothing stays where the secrets were"
    );
    fs::remove_file(&remnant).expect("is removed");
    assert_eq!(card.boot(), "");
    assert_taken(&card);

    card.write(FAT, taken.replace("Visitas", "Otra"));
    card.boot();
    assert!(card.read(WPA).contains("key_mgmt=NONE"), "a password is its own network's: {}", card.read(WPA));
    card.write(FAT, taken.replace("password= \"\"", "password= \"otra clave\""));
    card.boot();
    assert_eq!(card.read(FAT), taken, "the note comes once");
    assert!(
        card.read(WPA).contains(&hex("otra clave")) && card.read(SECRETS).contains(HASH),
        "{}",
        card.read(SECRETS)
    );
    card.write(FAT, "wifi = { ssid = '''\nx''', password = \"12345678\" }\n");
    card.boot();
    assert_eq!(card.read(FAT), "wifi = { ssid = '''\nx''', password = \"\" } # importada / imported\n");
    card.write(FAT, "wifi = { password = \"12345678\", ssid = '''\nx''' }\n");
    card.boot();
    assert_eq!(
        card.read(FAT),
        "wifi = { password = \"\", ssid = '''\nx''' }\n",
        "a note would be part of the name"
    );
    card.write(FAT, "");
    card.boot();
    assert!(!card.at(WPA).exists() && card.read(IN_FORCE).contains(HASH));

    card.write(SECRETS, "broken");
    card.write(FAT, &text);
    assert!(card.boot().contains("<4>") && card.read(IN_FORCE).contains(HASH));
    assert_taken(&card);
}

#[test]
fn power_cut_between_steps_loses_nothing() {
    let (text, taken) = with_secrets();
    let done = Card::new(&text);
    done.boot();
    let secrets = done.read(SECRETS);
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let states = [
        vec![("data/pichat/secrets.toml.NEW", half(&secrets))],
        vec![("data/pichat/secrets.toml.NEW", secrets.clone())],
        vec![(SECRETS, secrets.clone())],
        vec![(SECRETS, secrets.clone()), ("boot/firmware/pichat.toml.NEW", half(&taken))],
        vec![(SECRETS, secrets.clone()), ("boot/firmware/pichat.toml.NEW", taken.clone())],
        vec![(SECRETS, secrets.clone()), (FAT, taken.clone())],
    ];
    for state in states {
        let card = Card::new(&text);
        fs::create_dir(card.at("data/pichat")).expect("a folder");
        fs::set_permissions(card.at("data/pichat"), fs::Permissions::from_mode(0o700)).expect("sets");
        for (path, text) in &state {
            card.write(path, text);
            fs::set_permissions(card.at(path), fs::Permissions::from_mode(0o600)).expect("sets");
        }
        assert_eq!(card.boot(), "", "{state:?}");
        assert_taken(&card);
    }

    // On a full or broken disk the card keeps the only copy.
    let card = Card::new(&text);
    card.write("data/pichat", "no folder");
    let (code, said) = card.call("settings");
    assert!(code == Some(74) && said.contains("<3>"), "{said}");
    assert_eq!(card.read(FAT), text);
    assert!(card.read(WPA).contains(&hex("raro")) && card.read(IN_FORCE).contains(HASH), "the rest is done");
}

#[test]
fn without_a_disk_secrets_stay_on_the_card() {
    let (text, _) = with_secrets();
    for card in [Card::new(&text), Card::new(&text)] {
        card.write("run/pichat-data-fallback", "");
        card.write("boot/firmware/pichat-reclamar", "");
        assert_eq!(card.boot(), "");
        assert_eq!(card.read(FAT), text);
        assert!(!card.at("data/pichat").exists() && !card.at("var/lib/pichat/reclaim").exists());
        assert!(card.at("boot/firmware/pichat-reclamar").exists(), "asked again when there is a disk");
        assert!(
            card.read(IN_FORCE).contains(HASH) && card.read(WPA).contains(&hex("raro")),
            "in force all the same"
        );
    }
}

#[test]
fn certificates_are_checked_as_by_the_server() {
    let card = Card::new("[tls]\nmode = \"files\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n");
    let (file, key) = ("var/lib/pichat/c.pem", "var/lib/pichat/k.pem");
    let set = |path, text: &str, mode| {
        card.write(path, text);
        fs::set_permissions(card.at(path), fs::Permissions::from_mode(mode)).expect("sets");
        card.boot()
    };
    set(file, CERTIFICATE, 0o600);
    assert_eq!(set(key, KEY, 0o600), "");
    assert!(card.read(IN_FORCE).contains("mode = \"files\""));
    assert!(set(key, "no key", 0o600).starts_with("<3>pichat.toml:4:7: tls.key: no se puede usar: "));
    assert!(
        set(key, KEY, 0o000).starts_with("<3>pichat.toml:4:7: tls.key: «/var/lib/pichat/k.pem» no es válido")
    );
    assert_eq!(card.read(IN_FORCE), SHIPPED);
    assert_eq!(set(key, KEY, 0o600), "");
    assert!(set(file, "", 0o600).starts_with("<3>pichat.toml:3:15: tls.certificate: no se puede usar: "));
}

#[test]
fn wpa_supplicant_gets_any_network_name_exactly() {
    let key = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";
    // The last value of each row is the PSK, computed by another implementation of PBKDF2.
    let networks = [
        (
            "Oficina",
            "una clave # \"con\" \\ y }",
            "",
            "924681aeab8a1f441bbc962dec54f88814b2bc10aad68bcc01b4d9e79d938612",
        ),
        (
            "Cafetería \"5G\" #1\\",
            "\"\"\"\"\"\"\"\"",
            "co",
            "3ba9a0427ef79918ba78767328f8a62f5457f9aeca97977810ff9ae398c817c3",
        ),
        // Quoted, wpa_supplicant 2.10 would take this `#` for a comment.
        ("Bar", "con \"#\\ raro", "", "4afa31cddb4c64b686adc6626b89129de7f874bb925516d3b0a2b9ed49496268"),
        ("ñandú", key, "CO", ""),
        ("a\nctrl_interface=/x", "", "", ""),
        ("x", &"~".repeat(63), "", "39f8245f5db773c92b9b6fc6a6ef4aca23380438dc714bb41ecc6b8954b5c33d"),
    ];
    for (ssid, password, country, made) in networks {
        let card = Card::new(&format!(
            "wifi = {{ ssid = {ssid:?}, password = {password:?}, country = {country:?} }}\n"
        ));
        assert_eq!(card.boot(), "", "{ssid}");
        let text = card.read(WPA);
        let value =
            |key: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix('='));
        assert_eq!(value("ssid"), Some(hex(ssid).as_str()));
        assert_eq!(value("country"), (!country.is_empty()).then_some("CO"), "{text}");
        let told = (value("key_mgmt"), value("psk"), value("sae_password").map(str::to_owned));
        let want = match password {
            "" => (Some("NONE"), None, None),
            raw if raw == key => (Some("WPA-PSK"), Some(raw), None),
            phrase => (Some("WPA-PSK SAE"), Some(made), Some(hex(phrase))),
        };
        assert_eq!(told, want);
        // The installed program reads the file on an absent interface and then gives up.
        if let Ok(output) = Command::new("/usr/sbin/wpa_supplicant")
            .args(["-i", "pichat0", "-D", "none", "-dd", "-c"])
            .arg(card.at(WPA))
            .output()
        {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                said.contains("Priority group 0")
                    && !said.contains("Line ")
                    && !said.contains("Failed to read"),
                "{said}"
            );
        }
    }
}

#[test]
fn reclaim_request_is_forwarded_once() {
    for name in ["pichat-reclamar", "PICHAT-RECLAMAR.TXT", "Pichat-Reclamar"] {
        let card = Card::new("");
        let (asked, request) = (format!("boot/firmware/{name}"), "var/lib/pichat/reclaim");
        card.write(&asked, "");
        assert_eq!(card.boot(), "");
        assert!(card.at(request).exists() && !card.at(&asked).exists(), "{name}");
        // Power was cut before the card's file was removed: the request exists already.
        card.write(&asked, "");
        assert_eq!(card.boot(), "");
        assert!(card.at(request).exists() && !card.at(&asked).exists(), "{name}");
        fs::remove_file(card.at(request)).expect("the server takes it");
        card.boot();
        assert!(!card.at(request).exists());

        fs::remove_dir(card.at("var/lib/pichat")).expect("is empty");
        card.write(&asked, "");
        assert_eq!(card.boot(), "");
        assert!(
            !card.at("var/lib/pichat").exists() && !card.at(&asked).exists(),
            "there is no server to take it"
        );
    }
}

#[test]
fn claim_code_is_on_the_card_while_valid() {
    let languages = pichat::types::Lang::ALL.len();
    let card = Card::new("");
    let code = || assert_eq!(card.call("code"), (Some(0), String::new()));
    code();
    assert!(!card.at(CODE).exists());
    card.boot();
    card.write("run/pichat/claim", "ABCD-EFGH-JKMNP\n");
    card.write("proc/sys/kernel/hostname", "recepcion\n");
    code();
    let text = card.read(CODE);
    assert_eq!(
        (
            text.matches("ABCD-EFGH-JKMNP\r\n").count(),
            text.matches("http://recepcion.local/activar\r\n").count()
        ),
        (languages, languages)
    );
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.find("Código") < text.find("Setup code"), "{text}");
    let inode = || card.at(CODE).metadata().expect("is there").ino();
    let first = inode();
    code();
    assert_eq!(inode(), first, "not written again");
    card.write(
        "run/pichat/status.json",
        r#"{"version":"0","scheme":"https","listen":"[::]:8443","claim":null,"rooms":2}"#,
    );
    code();
    assert!(card.read(CODE).contains("https://recepcion.local:8443/activar\r\n"));
    let own =
        r#"{"scheme":"https","listen":"[::]:443","plain":"[::]:80","fingerprint":["0A1B 2C3D","4E5F 6071"]}"#;
    card.write("run/pichat/status.json", own);
    code();
    let text = card.read(CODE);
    for (part, times) in [
        ("    http://recepcion.local\r\n", languages),
        ("       0A1B 2C3D\r\n       4E5F 6071\r\n", languages),
        ("    https://recepcion.local/activar\r\n", languages),
    ] {
        assert_eq!(text.matches(part).count(), times, "{part} {text}");
    }
    // Two power cuts: during the write and during the removal.
    card.write("boot/firmware/PICHAT-CODIGO.txt.NEW", "PiC");
    fs::remove_file(card.at("run/pichat/claim")).expect("is there");
    code();
    assert!(!card.at(CODE).exists() && !card.at("boot/firmware/PICHAT-CODIGO.txt.NEW").exists());
    code();

    // The server owns the folder: its content must not reach the card nor delay the boot.
    card.write(SECRETS.trim_start_matches("data/pichat/"), "ABCD-EFGH-JKMNP");
    symlink(card.at("secrets.toml"), card.at("run/pichat/claim")).expect("a link");
    code();
    assert!(!card.at(CODE).exists());
    fs::remove_file(card.at("run/pichat/claim")).expect("is there");
    assert!(Command::new("mkfifo").arg(card.at("run/pichat/claim")).status().expect("runs").success());
    code();
    assert!(!card.at(CODE).exists());
}

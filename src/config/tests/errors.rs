//! Error texts, with line and column.

use super::*;

#[test]
fn unknown_key_error_has_line_and_column() {
    assert_eq!(
        complaint("data_dir = \"x\"\n\n[limits]\nrooms = 3\n  romms = 3\n"),
        "pichat.toml:5:3: there is no setting called limits.romms. Did you mean limits.rooms?"
    );
    assert_eq!(
        complaint("[limits]\nzzzzzz = 3"),
        "pichat.toml:2:1: there is no setting called limits.zzzzzz. There are: \
         logins_per_minute login_failures lockout_seconds uploads_per_minute upload_burst downloads_per_minute \
         download_burst deletes_per_minute delete_burst requests_per_minute request_burst messages_per_minute \
         message_burst joins_per_minute message_chars rooms rooms_per_user room_members rooms_per_socket room_ring \
         connections connections_per_address sockets_per_session sessions sessions_per_user files"
    );
    assert!(
        complaint("rooms = 3")
            .starts_with("pichat.toml:1:1: there is no setting called rooms. Did you mean limits.rooms?")
    );
    let table = complaint("[http]\n[limit]\nrooms = 3");
    assert!(
        table.starts_with("pichat.toml:2:2: there is no setting called limit. Did you mean limits?"),
        "{table}"
    );
    let es = parse("[http]\nport = 80").unwrap_err().text(Lang::Es);
    assert_eq!(
        es,
        "pichat.toml:2:1: la opción http.port no existe. Hay: listen hosts allowed_origins trusted_proxies"
    );
    let secret = complaint("SECRET_KEY = \"x\"");
    assert!(secret.contains("there is no setting called SECRET_KEY"), "secrets are not for files: {secret}");
}

#[test]
fn error_columns_count_characters() {
    let text = "http = { hosts = [\"ñandú\"], listen = \"1.1.1.1:1\" }";
    assert!(complaint(text).starts_with("pichat.toml:1:19: http.hosts: "), "{}", complaint(text));
    let text = "# ñ\n'data_dir' = \"ñ\" # ñ\nhttp = { 'ñ' = 1 }";
    assert!(
        complaint(text).starts_with("pichat.toml:3:10: there is no setting called http.ñ"),
        "{}",
        complaint(text)
    );
}

#[test]
fn out_of_range_error_has_limit_and_place() {
    assert_eq!(
        complaint("[limits]\n\nrooms =   1025"),
        "pichat.toml:3:11: limits.rooms: 1025 is over the maximum of 1024 (allowed: 1 to 1024)"
    );
    assert_eq!(
        parse("limits.rooms = 0").unwrap_err().text(Lang::Es),
        "pichat.toml:1:16: limits.rooms: 0 está por debajo del mínimo de 1 (se permite de 1 a 1024)"
    );
    assert_eq!(
        complaint("files.keep_free_percent = -1"),
        "pichat.toml:1:27: files.keep_free_percent: -1 is below the minimum of 0 (allowed: 0 to 50)"
    );
    let huge = complaint("limits.rooms = 99999999999999999999999");
    assert!(huge.contains("limits.rooms: 99999999999999999999999 is over the maximum of 1024"), "{huge}");
    assert_eq!(
        env_complaint("PICHAT_LIMITS_ROOMS", "2000"),
        "environment variable PICHAT_LIMITS_ROOMS: limits.rooms: 2000 is over the maximum of 1024 (allowed: 1 to 1024)"
    );
}

#[test]
fn wrong_type_error_names_the_right_type() {
    let wrong = [
        ("limits.rooms = \"12\"", "1:16: limits.rooms: must be a whole number without quotes"),
        ("limits.rooms = 1.5", "1:16: limits.rooms: must be a whole number without quotes"),
        ("data_dir = 3", "1:12: data_dir: must be a text in quotes"),
        ("[data_dir]", "1:1: data_dir: must be a text in quotes"),
        ("http = 3", "1:8: http: must be a table: [name]"),
        ("[[http]]", "1:1: http: must be a table: [name]"),
        ("http.hosts = \"a\"", "1:14: http.hosts: must be a list of texts: [\"one\", \"two\"]"),
        ("http.hosts = [\"a\", 3]", "1:20: http.hosts: must be a list of texts: [\"one\", \"two\"]"),
    ];
    for (text, want) in wrong {
        assert_eq!(complaint(text), format!("pichat.toml:{want}"), "{text}");
    }
}

#[test]
fn syntax_error_has_line_and_column() {
    let text = complaint("[limits]\nrooms = = 3\n");
    assert!(text.starts_with("pichat.toml:2:9: not valid TOML: "), "{text}");
    let twice = complaint("[limits]\nrooms = 3\nrooms = 4\n");
    assert!(twice.starts_with("pichat.toml:3:1: not valid TOML: duplicate key"), "{twice}");
}

#[test]
fn malformed_text_error_has_its_place() {
    let wrong = [
        (
            "http.listen = \"localhost:80\"",
            "1:15: http.listen: \"localhost:80\" is not valid. Use an IP address and a port",
        ),
        (
            "http.allowed_origins = [\n\"http://a\",\n  \"http://a/b\"]",
            "3:3: http.allowed_origins: \"http://a/b\" is not valid",
        ),
        (
            "http.trusted_proxies = [\"10.0.0.1/8\"]",
            "1:25: http.trusted_proxies: \"10.0.0.1/8\" is not valid. Use an IP",
        ),
        (
            "http.trusted_proxies = [\"::1\", \"0.0.0.0/0\"]",
            "1:32: http.trusted_proxies: \"0.0.0.0/0\" is not valid. Use an IP",
        ),
        ("tls.mode = \"on\"", "1:12: tls.mode: \"on\" is not valid. Use \"off\", \"local-ca\" or \"files\""),
        ("[tls]\nlisten = \":443\"", "2:10: tls.listen: \":443\" is not valid. Use an IP address and a port"),
        (
            "[tls]\n  listen = \"0.0.0.0:8080\"",
            "2:12: tls.listen: \"0.0.0.0:8080\" is not valid. Use one that is not",
        ),
        ("tls.listen = 443", "1:14: tls.listen: must be a text in quotes"),
        ("tls.mode = \"files\"", "1:12: tls.certificate: missing: a path"),
        ("tls = { mode = \"files\", certificate = \"a\", key = \"\" }", "1:50: tls.key: missing: a path"),
        (
            "accounts.argon2 = \"m=1,t=1,p=1\"",
            "1:19: accounts.argon2: too weak; use at least one row of OWASP: m=19456,t=2,p=1",
        ),
        (
            "accounts.argon2 = \"m=999999,t=2,p=1\"",
            "1:19: accounts.argon2: over the maximum of m=262144,t=16,p=4",
        ),
        ("audit.syslog = \"dev/log\"", "1:16: audit.syslog: \"dev/log\" is not valid"),
        ("audit.level = \"loud\"", "1:15: audit.level: \"loud\" is not valid"),
        ("data_dir = \"\"", "1:12: data_dir: missing: a folder"),
        (
            "data_dir = \"/d\"\nfiles.dir = \"./.\"",
            "2:13: files.dir: \"./.\" is not valid. Use a folder of its own",
        ),
    ];
    for (text, want) in wrong {
        assert!(complaint(text).starts_with(&format!("pichat.toml:{want}")), "{}", complaint(text));
    }
    let card = [
        (
            "device.hostname = \"mi pichat\"",
            "1:19: device.hostname: \"mi pichat\" is not valid. Use a name of up to 63",
        ),
        (
            "device.language = \"ES\"",
            "1:19: device.language: \"ES\" is not valid. Use a language of PiChat, such as \"es\" or \"en\"",
        ),
        (
            "device.time_zone = \"../etc\"",
            "1:20: device.time_zone: \"../etc\" is not valid. Use the name of a time zone",
        ),
        ("wifi.ssid = \"ñññññññññññññññññ\"", "1:13: wifi.ssid: \"ñññññññññññññññññ\" is not valid"),
        ("wifi.password = \"12345678\"", "1:17: wifi.ssid: missing: the network's name"),
        ("[wifi]\nssid = \"x\"\npassword = \"1234567\"", "3:12: wifi.password: not valid. Use 8 to 63 ASCII"),
        (
            "[wifi]\nssid = \"x\"\npassword = \"contraseña\"",
            "3:12: wifi.password: not valid. Use 8 to 63 ASCII",
        ),
        ("wifi.country = \"COL\"", "1:16: wifi.country: \"COL\" is not valid"),
        ("network.address = \"192.168.1.20\"", "1:19: network.address: \"192.168.1.20\" is not valid"),
        ("network.gateway = \"10.0.0.1\"", "1:19: network.address: missing: a fixed address"),
        ("network.dns = [\"10.0.0.1\"]", "1:15: network.address: missing: a fixed address"),
        (
            "network = { address = \"fd00::2/64\", gateway = \"10.0.0.1\" }",
            "1:47: network.gateway: \"10.0.0.1\" is not valid",
        ),
        ("claim.admin_name = \"a b\"", "1:20: claim.admin_name: \"a b\" is not valid"),
        (
            "claim.admin_password_hash = \"admin123\"",
            "1:29: claim.admin_password_hash: not valid. Use a hash of Argon2id",
        ),
    ];
    for (text, want) in card {
        assert!(complaint(text).starts_with(&format!("pichat.toml:{want}")), "{}", complaint(text));
    }
    let weak = complaint(&format!("claim.admin_password_hash = \"{}\"", HASH.replace("19456", "1024")));
    assert!(
        weak.starts_with("pichat.toml:1:29: claim.admin_password_hash: too weak; use at least"),
        "{weak}"
    );
    for (key, text) in
        [("wifi.password", "ssid = \"x\"\npassword = \"corta\""), ("claim.admin_password_hash", "corta")]
    {
        let secret = match key {
            "wifi.password" => format!("[wifi]\n{text}"),
            _ => format!("{key} = \"{text}\""),
        };
        let error = parse(&secret).unwrap_err();
        assert!(
            !format!("{error:?} {error} {}", error.text(Lang::Es)).contains("corta"),
            "{key}: secrets are not repeated"
        );
    }
    let long = complaint(&format!("audit.level = \"\\u0007{}\"", "x".repeat(500)));
    assert!(long.contains("\\u{7}xxx") && long.contains('…') && long.len() < 300, "{long}");
    let many = complaint(&format!("http.hosts = [{}]", "\"a\",".repeat(65)));
    assert!(many.contains("1:14: http.hosts: the list has more than 64 entries"), "{many}");
}

#[test]
fn crlf_and_byte_order_mark_are_accepted() {
    let text = "\u{feff}[limits]\r\nrooms = 3\r\n\r\nroom_ring = 4\r\n";
    let limits = parse(text).unwrap().limits;
    assert_eq!((limits.rooms, limits.room_ring), (3, 4));
    assert!(
        complaint(&text.replace('4', "4000")).starts_with("pichat.toml:4:13: limits.room_ring: 4000 is over")
    );
    assert!(complaint("\u{feff}bad = 1").starts_with("pichat.toml:1:1: there is no setting called bad"));
}

#[test]
fn unreadable_files_are_rejected_with_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pichat.toml");
    let load = || Config::load(Some(&path), &[], Overrides::default()).unwrap_err();
    let shown = path.display();

    assert_eq!(load().to_string(), format!("{shown}: there is no such configuration file"));
    assert_eq!(load().text(Lang::Es), format!("{shown}: no existe ese archivo de configuración"));
    std::fs::write(&path, b"# ok\n# a\xf1o\n").unwrap();
    assert_eq!(load().to_string(), format!("{shown}:2:4: not UTF-8; save the file in that encoding"));
    std::fs::write(&path, "#".repeat(256 * 1024 + 1)).unwrap();
    assert_eq!(load().to_string(), format!("{shown}: file is larger than 256 KiB"));
    let error = Config::load(Some(folder.path()), &[], Overrides::default()).unwrap_err();
    assert!(
        matches!(error, ConfigError::Unreadable { .. }) && error.text(Lang::Es).contains("no se puede leer")
    );
}

//! Variables and flags override the file.

use super::*;

#[test]
fn flags_override_variables_override_legacy_override_file() {
    let file = "data_dir = 'file'\nhttp.listen = '1.1.1.1:1'\nlimits.login_failures = 1";
    let seed = ("MAX_LOGIN_ATTEMPTS", "2");
    let own = ("PICHAT_LIMITS_LOGIN_FAILURES", "3");
    let failures = |pairs: &[_]| with_env(file, pairs).unwrap().limits.login_failures;
    assert_eq!((failures(&[]), failures(&[seed]), failures(&[own, seed])), (1, 2, 3));
    assert_eq!(
        failures(&[("PICHAT_LIMITS_LOGIN_FAILURES", ""), ("MAX_LOGIN_ATTEMPTS", " ")]),
        1,
        "empty is unset"
    );

    let listen = |pairs: &[_]| with_env(file, pairs).unwrap().http.listen.to_string();
    let (port, host, whole) = (("PORT", "2"), ("HOST", "::1"), ("PICHAT_HTTP_LISTEN", "3.3.3.3:3"));
    assert_eq!(listen(&[port]), "1.1.1.1:2");
    assert_eq!(listen(&[host]), "[::1]:1");
    assert_eq!(listen(&[host, port]), "[::1]:2");
    assert_eq!(listen(&[host, port, whole]), "3.3.3.3:3");
    assert_eq!(with_env("", &[port]).unwrap().http.listen.to_string(), "0.0.0.0:2");

    let flags = Overrides {
        listen: "4.4.4.4:4".parse().ok(),
        tls_listen: "4.4.4.4:5".parse().ok(),
        data_dir: Some("flag".into()),
        plain: false,
    };
    let variables = env(&[whole, ("PICHAT_DATA_DIR", "variable"), ("PICHAT_TLS_LISTEN", "3.3.3.3:4")]);
    let config = Config::parse(file, Path::new(""), &variables, flags).unwrap();
    assert_eq!(
        (config.http.listen.to_string().as_str(), config.files.dir.as_path()),
        ("4.4.4.4:4", Path::new("flag/cuarentena"))
    );
    assert_eq!(config.tls_listen().to_string(), "4.4.4.4:5");
    assert_eq!(with_env(file, &[("PICHAT_DATA_DIR", "variable")]).unwrap().data_dir, Path::new("variable"));
    assert!(
        with_env("limits.rooms = 5000", &[("PICHAT_LIMITS_ROOMS", "007")]).is_ok(),
        "overridden values are not checked"
    );
}

#[test]
fn legacy_variables_set_their_settings() {
    let key = "0123456789abcdef0123456789abcdef";
    let config = with_env(
        "",
        &[
            ("ALLOWED_ORIGINS", "https://tudominio.com, http://192.168.1.5:8080,"),
            ("LOGIN_LOCKOUT_TIME", "60"),
            ("RATE_LIMIT_LOGIN", "11"),
            ("RATE_LIMIT_UPLOAD", "12 per minute"),
            ("RATE_LIMIT_DOWNLOAD", "13/minute"),
            ("RATE_LIMIT_DELETE", "14 PER MINUTE"),
            ("LOG_LEVEL", "Critical"),
            ("ADMIN_PASS", " hunter2 "),
            ("SECRET_KEY", key),
            ("DEBUG", "whatever"),
        ],
    )
    .unwrap();
    let origins: Vec<_> = config.http.allowed_origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://tudominio.com", "http://192.168.1.5:8080"]);
    let limits = config.limits;
    assert_eq!((limits.lockout_seconds, limits.logins_per_minute, limits.uploads_per_minute), (60, 11, 12));
    assert_eq!((limits.downloads_per_minute, limits.deletes_per_minute), (13, 14));
    assert_eq!(config.audit.level, Level::Warning);
    assert_eq!(config.secrets.admin_pass.as_ref().map(|s| s.as_str()), Some(" hunter2 "));
    assert_eq!(config.secrets.secret_key.as_ref().map(|s| s.as_str()), Some(key));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(key), "{shown}");

    for (word, want) in [("DEBUG", Level::Debug), ("Info", Level::Info), ("ERROR", Level::Warning)] {
        assert_eq!(with_env("", &[("LOG_LEVEL", word)]).unwrap().audit.level, want);
    }
}

#[test]
fn bad_variables_are_named_without_secret_values() {
    let wrong = [
        (
            "HOST",
            "localhost",
            "environment variable HOST: http.listen: \"localhost\" is not valid. Use an IP address",
        ),
        ("PORT", "65536", "environment variable PORT: http.listen: \"65536\" is not valid. Use a port"),
        (
            "RATE_LIMIT_UPLOAD",
            "5 per hour",
            "environment variable RATE_LIMIT_UPLOAD: limits.uploads_per_minute: \"5 per hour\" is",
        ),
        (
            "RATE_LIMIT_UPLOAD",
            "per minute",
            "environment variable RATE_LIMIT_UPLOAD: limits.uploads_per_minute: \"per minute\" is",
        ),
        (
            "MAX_LOGIN_ATTEMPTS",
            "0",
            "environment variable MAX_LOGIN_ATTEMPTS: limits.login_failures: 0 is below the minimum of 1",
        ),
        ("LOG_LEVEL", "loud", "environment variable LOG_LEVEL: audit.level: \"loud\" is not valid"),
        (
            "ALLOWED_ORIGINS",
            "*",
            "environment variable ALLOWED_ORIGINS: http.allowed_origins: \"*\" is not valid",
        ),
        (
            "PICHAT_LIMITS_ROOMS",
            "-1",
            "environment variable PICHAT_LIMITS_ROOMS: limits.rooms: must be a whole number",
        ),
        ("PICHAT_TLS_MODE", "files", "environment variable PICHAT_TLS_MODE: tls.certificate: missing"),
        (
            "PICHAT_LIMITS_ROMS",
            "1",
            "no setting has the environment variable PICHAT_LIMITS_ROMS. Did you mean PICHAT_LIMITS_ROOMS?",
        ),
        (
            "PICHAT_SECRET_KEY",
            "1",
            "no setting has the environment variable PICHAT_SECRET_KEY. Did you mean SECRET_KEY?",
        ),
        (
            "PICHAT_ROOMS",
            "1",
            "no setting has the environment variable PICHAT_ROOMS. Did you mean PICHAT_LIMITS_ROOMS?",
        ),
        ("PICHAT_COLOUR", "1", "no setting has the environment variable PICHAT_COLOUR. Each setting"),
    ];
    for (name, value, want) in wrong {
        let got = env_complaint(name, value);
        assert!(got.starts_with(want), "{got}");
    }
    assert!(with_env("", &[("PICHAT_CI_X", "1"), ("PICHAT_TEST_X", "1"), ("PICHAT_EMPTY", "")]).is_ok());
    let short = with_env("", &[("SECRET_KEY", "a-very-secret-key-for-dev")]).unwrap_err();
    assert_eq!(
        short.to_string(),
        "environment variable SECRET_KEY: it has 25 bytes; at least 32 random ones are needed"
    );
    assert!(!format!("{short:?} {}", short.text(Lang::Es)).contains("a-very"));
    for (name, secret) in
        [("PICHAT_WIFI_PASSWORD", "corta"), ("PICHAT_CLAIM_ADMIN_PASSWORD_HASH", "$argon2id$corta")]
    {
        let error = with_env("", &[("PICHAT_WIFI_SSID", "Oficina"), (name, secret)]).unwrap_err();
        let said = format!("{error:?} {error} {}", error.text(Lang::Es));
        assert!(said.contains(name) && !said.contains("corta"), "{said}");
    }
}

#[test]
fn each_variable_changes_its_setting_only() {
    let tls = [("PICHAT_TLS_MODE", "files"), ("PICHAT_TLS_CERTIFICATE", "c"), ("PICHAT_TLS_KEY", "k")];
    for setting in settings() {
        let base: &[_] = match (setting.table(), setting.key()) {
            ("tls", "certificate" | "key") => &tls,
            ("wifi", "password") => &[("PICHAT_WIFI_SSID", "Oficina")],
            ("network", "gateway" | "dns") => &[("PICHAT_NETWORK_ADDRESS", "10.0.0.2/24")],
            _ => &[],
        };
        let value = match (setting.path, setting.kind) {
            ("http.listen", _) => "127.0.0.1:1",
            ("http.allowed_origins", _) => "http://a.b",
            ("http.trusted_proxies", _) => "10.0.0.1, ::1",
            ("tls.mode", _) => "files",
            ("tls.listen", _) => "127.0.0.1:1",
            ("accounts.argon2", _) => "auto",
            ("audit.syslog", _) => "stderr",
            ("audit.level", _) => "debug",
            ("device.language", _) => "en",
            ("wifi.password", _) => "una clave larga",
            ("wifi.country", _) => "CO",
            ("network.address", _) => "10.0.0.2/24",
            ("network.gateway", _) => "10.0.0.1",
            ("network.dns", _) => "10.0.0.1, ::1",
            ("claim.admin_password_hash", _) => HASH,
            (_, SettingKind::Number) => "7",
            _ => "other",
        };
        let variable = setting.variable();
        let mut pairs = base.to_vec();
        if setting.path == "tls.mode" {
            pairs.extend(&tls[1..]);
        }
        let before = with_env("", &pairs).unwrap();
        pairs.retain(|(name, _)| *name != variable);
        pairs.push((&variable, value));
        let changes = before.compare(&with_env("", &pairs).unwrap());
        let want = if setting.path == "tls.mode" {
            vec!["tls.mode", "tls.certificate", "tls.key"]
        } else {
            vec![setting.path]
        };
        match setting.reload {
            Reload::Live => assert_eq!(changes, Changes { live: want, restart: Vec::new() }),
            Reload::Restart => assert_eq!(changes, Changes { live: Vec::new(), restart: want }),
        }
    }
    let restart: Vec<_> = settings().filter(|s| s.reload == Reload::Restart).map(|s| s.path).collect();
    let want = "data_dir http.listen tls.mode tls.listen tls.certificate tls.key accounts.argon2 files.dir audit.syslog audit.level \
                device.hostname device.language device.time_zone wifi.ssid wifi.password wifi.country network.address \
                network.gateway network.dns claim.admin_name claim.admin_password_hash";
    assert_eq!(restart.join(" "), want);
}

#[test]
fn only_demo_defaults_to_plain_http() {
    let plain = Overrides { plain: true, ..Overrides::default() };
    let mode = |text: &str, flags: &Overrides| {
        Config::parse(text, Path::new(""), &[], flags.clone()).unwrap().tls.mode
    };
    assert_eq!((mode("", &plain), mode("", &Overrides::default())), (TlsMode::Off, TlsMode::LocalCa));
    assert_eq!(mode("tls.mode = 'local-ca'", &plain), TlsMode::LocalCa);
    assert_eq!(mode("tls.mode = 'off'", &Overrides::default()), TlsMode::Off);
}

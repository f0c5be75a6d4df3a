//! The whole way from text, variables and flags to a `Config` or an error.

mod environment;
mod errors;

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::types::Lang;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    with_env(text, &[])
}

fn with_env(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("pichat.toml"), &env(pairs), Overrides::default())
}

/// Made by the crate that verifies it: password `admin123`, default parameters.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0";

#[track_caller]
fn complaint(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[track_caller]
fn env_complaint(name: &str, value: &str) -> String {
    with_env("", &[(name, value)]).expect_err(name).to_string()
}

#[test]
fn empty_input_gives_the_defaults() {
    let defaults = format!("{:?}", Config::defaults());
    assert_eq!(format!("{:?}", parse("").unwrap()), defaults);
    assert_eq!(format!("{:?}", Config::load(None, &[], Overrides::default()).unwrap()), defaults);
    assert_eq!(Config::defaults().files.dir, Path::new("./cuarentena"));
}

#[test]
fn numbers_have_their_documented_ranges() {
    let ranges: &[(&str, u64, u64)] = &[
        ("accounts.session_idle_minutes", 1, 43_200),
        ("accounts.session_hours", 1, 720),
        ("accounts.remember_days", 0, 30),
        ("chat.wipe_minutes", 0, 4320),
        ("chat.empty_room_hours", 1, 720),
        ("chat.chat_memory_mib", 1, 256),
        ("files.keep_free_percent", 0, 50),
        ("files.max_file_mib", 1, 1_048_576),
        ("files.max_total_mib", 1, 1_048_576),
        ("files.user_mib", 0, 1_048_576),
        ("files.user_files", 0, 100_000),
        ("limits.message_chars", 1, 4000),
        ("limits.rooms", 1, 1024),
        ("limits.rooms_per_user", 1, 1024),
        ("limits.room_members", 1, 1024),
        ("limits.rooms_per_socket", 1, 32),
        ("limits.room_ring", 1, 1000),
        ("limits.connections", 1, 16_384),
        ("limits.connections_per_address", 1, 16_384),
        ("limits.sockets_per_session", 1, 16_384),
        ("limits.sessions", 1, 16_384),
        ("limits.sessions_per_user", 1, 16_384),
        ("limits.files", 1, 100_000),
    ];
    for setting in settings().filter(|setting| setting.kind == SettingKind::Number) {
        let own = ranges.iter().find(|(path, ..)| *path == setting.path);
        let (_, low, high) = own.copied().unwrap_or(("", 1, 1_000_000_000));
        let taken = |value: i128| parse(&format!("{} = {value}", setting.path)).is_ok();
        assert!(taken(low.into()) && taken(high.into()), "{}", setting.path);
        assert!(!taken(i128::from(low) - 1) && !taken(i128::from(high) + 1), "{}", setting.path);
    }
}

#[test]
fn full_file_is_parsed() {
    let config = parse(
        "data_dir = '/srv/pichat'\n[http]\nlisten = '[::1]:0'\nhosts = ['Chat.Lan']\nallowed_origins = ['HTTPS://A.b:443']\n\
         trusted_proxies = ['::1', '10.0.0.1']\n[tls]\nmode = 'files'\nlisten = '[::1]:1'\ncertificate = '/etc/c.pem'\nkey = 'k.pem'\n[accounts]\n\
         argon2 = 'auto'\nsession_idle_minutes = 5\n[chat]\nwipe_minutes = 0\n[files]\ndir = 'q'\nmax_file_mib = 1\n\
         [audit]\nsyslog = 'stderr'\nlevel = 'debug'\n[limits]\nmessage_chars = 4_000\n",
    )
    .unwrap();
    assert_eq!(config.http.listen.to_string(), "[::1]:0");
    assert_eq!(
        (config.http.hosts[0].as_str(), config.http.allowed_origins[0].to_string().as_str()),
        ("chat.lan", "https://a.b")
    );
    assert_eq!(config.http.trusted_proxies.len(), 2);
    let mode = TlsMode::Files { certificate: "/etc/c.pem".into(), key: "/srv/pichat/k.pem".into() };
    assert_eq!(config.tls, TlsSettings { listen: "[::1]:1".parse().ok(), mode });
    assert_eq!(config.accounts.argon2, Argon2Setting::Auto);
    assert_eq!(config.accounts.session_idle, Duration::from_secs(300));
    assert_eq!(config.accounts.session_life, Duration::from_secs(12 * 3600));
    assert_eq!(config.chat.wipe, Duration::ZERO);
    assert_eq!((config.files.dir.as_path(), config.files.max_file), (Path::new("/srv/pichat/q"), 1 << 20));
    assert_eq!(config.audit, AuditSettings { syslog: SyslogTarget::Stderr, level: Level::Debug });
    assert_eq!(config.limits.frame_bytes(), 49_024);
}

#[test]
fn card_tables_are_parsed() {
    let config = parse(&format!(
        "[device]\nhostname = 'Recepcion-2'\nlanguage = 'en'\ntime_zone = 'America/Bogota'\n[wifi]\nssid = 'Cafetería \"5G\"'\n\
         password = 'con \"#\\ raro'\ncountry = 'co'\n[network]\naddress = '192.168.1.20/24'\ngateway = '192.168.1.1'\n\
         dns = ['192.168.1.1', 'fd00::1']\n[claim]\nadmin_name = 'Jose\u{301}'\nadmin_password_hash = '{HASH}'\n"
    ))
    .unwrap();
    assert_eq!(
        config.device,
        DeviceSettings {
            hostname: "recepcion-2".into(),
            language: Lang::En,
            time_zone: "America/Bogota".into()
        }
    );
    assert_eq!(
        (config.wifi.ssid.as_deref(), config.wifi.country.as_deref()),
        (Some("Cafetería \"5G\""), Some("CO"))
    );
    let password = config.wifi.password.as_ref().unwrap();
    assert_eq!((password.as_str(), password.is_key()), ("con \"#\\ raro", false));
    assert_eq!(config.network.address.unwrap().to_string(), "192.168.1.20/24");
    assert_eq!(
        (config.network.gateway.unwrap().to_string().as_str(), config.network.dns.len()),
        ("192.168.1.1", 2)
    );
    assert_eq!(config.claim.admin_name.as_str(), "José");
    assert_eq!(config.claim.admin_password_hash.as_ref().unwrap().as_str(), HASH);
    let shown = format!("{config:?}");
    assert!(!shown.contains("raro") && !shown.contains("argon2id"), "{shown}");

    let key = parse(&format!("wifi.ssid = 'x'\nwifi.password = '{}'", "0aF9".repeat(16)))
        .unwrap()
        .wifi
        .password
        .unwrap();
    assert!(key.is_key());
    let empty = "[wifi]\nssid = ''\npassword = ''\ncountry = ''\n[network]\naddress = ''\ngateway = ''\ndns = []\n\
                 [claim]\nadmin_password_hash = ''\n";
    assert!(Config::defaults().compare(&parse(empty).unwrap()).is_empty());
}

#[test]
fn limits_raised_for_a_measurement_are_accepted() {
    let config = parse(
        "[limits]\nlogins_per_minute = 1000000\nrequests_per_minute = 100000000\nrequest_burst = 1000000\n\
         messages_per_minute = 100000000\nroom_members = 1024\nrooms = 1024\nconnections = 16384\n\
         connections_per_address = 16384\nsockets_per_session = 16384\n",
    );
    assert_eq!(config.unwrap().limits.sockets_per_session, 16_384);
}

/// A line that is almost a setting, so that the property test gets past the parser.
fn line() -> impl Strategy<Value = String> {
    let settings: Vec<_> = settings().collect();
    let value = prop_oneof![
        any::<i128>().prop_map(|n| n.to_string()),
        "[0-9]{1,6}",
        ".{0,12}".prop_map(|s| format!("{s:?}")),
        ".{0,12}".prop_map(|s| format!("['{s}']")),
        Just("{}".to_owned()),
    ];
    (proptest::sample::select(settings), value).prop_map(|(s, value)| format!("{} = {value}\n", s.path))
}

proptest! {
    #[test]
    fn parser_never_panics_on_any_text(text in prop_oneof![".{0,80}", proptest::collection::vec(line(), 0..4).prop_map(|v| v.concat())]) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.text(Lang::Es).is_empty() && !error.to_string().contains('\n'));
        }
    }

    #[test]
    fn parser_never_panics_on_any_variable(which in 0..64_usize, value in ".{0,40}|[0-9]{1,40}|[0-9]{1,3} ?(per|/) ?minute") {
        let seed = ["PORT", "HOST", "SECRET_KEY", "ALLOWED_ORIGINS", "RATE_LIMIT_LOGIN", "LOG_LEVEL"];
        let name = settings().nth(which).map_or_else(|| seed[which % seed.len()].to_owned(), |s| s.variable());
        let _ = Config::parse("", Path::new(""), &[(name, value)], Overrides::default()).map_err(|error| error.text(Lang::Es));
    }

    #[test]
    fn accepted_numbers_are_within_bounds(rooms in any::<i64>(), chars in 0..6000_i64) {
        if let Ok(config) = parse(&format!("limits.rooms = {rooms}\nlimits.message_chars = {chars}")) {
            prop_assert!((1..=ROOMS_CEILING).contains(&config.limits.rooms));
            prop_assert!(config.limits.frame_bytes() >= 12 * config.limits.message_chars);
        }
    }
}

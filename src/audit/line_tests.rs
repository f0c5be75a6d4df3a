use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::audit::{EventSpec, LoginFailure, SessionEnd};
use crate::types::{ClaimKind, Role, RoomCode, RoomKind, UserName};

const AT: Timestamp = Timestamp(1_769_860_800_123);
const MONO: Duration = Duration::from_millis(123_456);

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn line(event: &Event) -> String {
    format(event, AT, MONO)
}

/// Small logfmt parser, as a person's tool would have.
fn read(line: &str) -> Vec<(String, String)> {
    let mut rest = line.chars().peekable();
    let mut pairs = Vec::new();
    while rest.peek().is_some() {
        let key: String = std::iter::from_fn(|| rest.next_if(|&c| c != '=')).collect();
        assert_eq!(rest.next(), Some('='), "a key without a value in {line}");
        let mut value = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next().expect("an open quote") {
                    '"' => break,
                    '\\' => value.push(match rest.next().unwrap() {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => {
                            assert_eq!(rest.next(), Some('{'));
                            let hex: String = rest.by_ref().take_while(|&c| c != '}').collect();
                            char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap()
                        }
                        c => c,
                    }),
                    c => value.push(c),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|&c| c != ' ') {
                value.push(c);
            }
        }
        pairs.push((key, value));
        if let Some(c) = rest.next() {
            assert_eq!(c, ' ', "fields are apart by one space in {line}");
        }
    }
    pairs
}

fn cut(value: &str) -> String {
    if value.chars().count() <= 256 {
        return value.to_owned();
    }
    value.chars().take(256).chain(['…']).collect()
}

#[test]
fn line_matches_the_manual() {
    let event = Event::LoginFailed {
        user: Some(user("ana")),
        addr: "192.168.1.5".parse().unwrap(),
        reason: LoginFailure::WrongPassword,
    };
    assert_eq!(
        line(&event),
        "event=login.failed result=failed user=\"ana\" addr=192.168.1.5 reason=wrong_password \
         at=2026-01-31T12:00:00.123Z mono=123.456"
    );
}

#[test]
fn account_named_unknown_is_quoted() {
    let seconds = 900;
    let addr: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    let unknown = line(&Event::LoginLockedOut { user: None, addr, seconds });
    assert!(unknown.contains(" user=unknown addr=10.0.0.1 seconds=900 "), "{unknown}");
    let quoted = line(&Event::LoginLockedOut { user: Some(user("unknown")), addr, seconds });
    assert!(quoted.contains(" user=\"unknown\" "), "{quoted}");
}

#[test]
fn text_is_quoted_only_if_needed() {
    let name = |name: &str| {
        let line = line(&Event::FileLost { id: "a1".into(), name: name.into() });
        let value = line.split_once(" name=").unwrap().1;
        value.split_once(" at=").unwrap().0.to_owned()
    };
    assert_eq!(name("informe.pdf"), "informe.pdf");
    assert_eq!(name("año-名.txt"), "año-名.txt");
    assert_eq!(name(""), "\"\"");
    assert_eq!(name("a b"), "\"a b\"");
    assert_eq!(name("a\u{a0}b"), "\"a\u{a0}b\"");
    assert_eq!(name("a=b"), "\"a=b\"");
    assert_eq!(name("a\"\\b"), r#""a\"\\b""#);
    assert_eq!(name("x\nevent=login.ok"), r#""x\nevent=login.ok""#);
    assert_eq!(name("\r\t\u{1b}[2J\u{9b}\u{7f}"), r#""\r\t\u{1b}[2J\u{9b}\u{7f}""#);
    assert_eq!(name("a\u{202e}fdp\u{2028}\u{200f}"), r#""a\u{202e}fdp\u{2028}\u{200f}""#);
    assert_eq!(name(&"ñ".repeat(256)), "ñ".repeat(256));
    assert_eq!(name(&"ñ".repeat(257)), format!("{}…", "ñ".repeat(256)));
}

/// One sample of every event, in the order of the inventory.
fn samples() -> Vec<Event> {
    let addr: IpAddr = "10.0.0.7".parse().unwrap();
    let (user, room) = (|| user("ana"), || "sala-1".parse::<RoomCode>().unwrap());
    let text = || "x".to_owned();
    let reason = "r";
    vec![
        Event::ServerStarted { version: text(), listen: text(), mode: text() },
        Event::ServerStopping {},
        Event::ServerStopped {},
        Event::ServerReloaded { changed: text(), restart: text() },
        Event::SettingsRetired { key: "limits.old", replaced_by: "limits.rooms" },
        Event::ConfigRejected { error: text() },
        Event::TlsAuthorityMade { reason: "first", fingerprint: text() },
        Event::TlsAuthorityDamaged { kept: text() },
        Event::TlsAuthorityRenewed { by: text(), fingerprint: text(), kept: text() },
        Event::TlsRenewed { reason: "address", until: text() },
        Event::TlsReloaded {},
        Event::TlsRejected { error: text() },
        Event::LoginOk { user: user(), addr, session: text() },
        Event::LoginFailed { user: None, addr, reason: LoginFailure::UnknownUser },
        Event::LoginLockedOut { user: Some(user()), addr, seconds: 1 },
        Event::LoginRateLimited { addr, seconds: 1 },
        Event::LoginNameThrottled { user: Some(user()), addr, seconds: 1 },
        Event::DeviceForged { addr },
        Event::SessionEnded { user: user(), session: text(), reason: SessionEnd::PasswordChanged },
        Event::SessionRevoked { user: user(), addr, session: text(), by: text() },
        Event::SessionsSuspended { seconds: 10 },
        Event::SessionsResumed {},
        Event::PasswordChangeDue { user: user(), addr },
        Event::PasswordChanged { user: user(), addr },
        Event::PasswordRefused { user: user(), addr, reason },
        Event::ClaimOpened { kind: ClaimKind::First },
        Event::ClaimFailed { addr, reason },
        Event::ClaimLapsed { kind: ClaimKind::Again },
        Event::ClaimClosed { kind: ClaimKind::First, by: "command:ana:1000".to_owned() },
        Event::ClaimDone { user: user(), addr, kind: ClaimKind::Again },
        Event::UserAdded { user: user(), role: Role::Uploader, by: text() },
        Event::UserRoleChanged { user: user(), role: Role::Member, by: text() },
        Event::UserLocked { user: user(), by: text() },
        Event::UserUnlocked { user: user(), by: text() },
        Event::MetricsTokenSet { by: text() },
        Event::MetricsTokenRemoved { by: text() },
        Event::UserPasswordSet { user: user(), by: text() },
        Event::UserMustChange { user: user(), days: 7, by: text() },
        Event::AccessDenied { user: None, addr, method: text(), path: text() },
        Event::RequestUnauthenticated { addr, method: text(), path: text() },
        Event::RequestRejected { addr, status: 400 },
        Event::RequestCrossOrigin { addr, origin: text(), host: text(), path: text() },
        Event::RequestMisdirected { addr, host: text() },
        Event::RequestRateLimited { addr, seconds: 1 },
        Event::ConnectionRefused { addr, reason, count: 1 },
        Event::SocketOpened { user: user(), addr, session: text() },
        Event::SocketClosed { user: user(), addr, session: text(), code: 1001, messages: 1 },
        Event::SocketRefused { user: user(), addr, reason },
        Event::SocketFlooding { user: user(), addr, reason },
        Event::RoomCodesSeen { user: user(), addr, session: text(), count: 1 },
        Event::RoomCreated { user: user(), addr, room: room(), kind: RoomKind::Group },
        Event::RoomJoined { user: user(), addr, room: room(), means: "invitation" },
        Event::RoomLeft { user: user(), room: room() },
        Event::RoomWrongPassword { user: user(), addr, room: room() },
        Event::RoomInvitationMade { user: user(), addr, room: room(), hours: 1, uses: 1 },
        Event::RoomInvitationRefused { user: user(), addr },
        Event::RoomEnded { room: room(), messages: 1, bytes: 1 },
        Event::RoomTally { room: room(), messages: 1, bytes: 1 },
        Event::AnnouncementMade { user: user(), addr, id: text() },
        Event::AnnouncementEnded { user: user(), addr, id: text(), acknowledged: 1 },
        Event::AnnouncementExpired { id: text(), acknowledged: 1 },
        Event::AnnouncementExported { user: user(), addr, id: text() },
        Event::FileUploaded { user: user(), addr, id: text(), name: text(), size: 1, sha256: text() },
        Event::FileRefused { user: user(), addr, reason },
        Event::FileInspected { id: text(), name: text(), state: "clean", reasons: text() },
        Event::FileHeld { user: user(), addr, id: text(), name: text(), state: "infected" },
        Event::FileDownloaded { user: user(), addr, id: text(), name: text() },
        Event::FileDeleted { user: user(), addr, id: text(), name: text() },
        Event::FileSwept { count: 1 },
        Event::FileOrphaned { count: 1, ids: text() },
        Event::FileAdopted { id: text(), name: text(), size: 1, sha256: text(), by: text() },
        Event::FileLost { id: text(), name: text() },
        Event::FileFound { id: text(), name: text() },
        Event::FileDeleteFailed { user: user(), addr, id: text(), name: text(), error: text() },
        Event::FileUnlinked { id: text() },
        Event::FilesAccepted { folder: text(), lost: 1, orphaned: 1, by: text() },
        Event::DatabaseUpgraded { from: 3, to: 4, snapshot: text() },
        Event::DatabaseRestored { snapshot: text(), replaced: text(), by: text() },
        Event::AuditThrottled { of: "login.failed", count: 1 },
        Event::AuditDropped { count: 1 },
    ]
}

#[test]
fn event_fields_match_their_inventory_row() {
    let samples = samples();
    let named: Vec<_> = samples.iter().map(Event::name).collect();
    let listed: Vec<_> = Event::INVENTORY.iter().map(|entry| entry.name).collect();
    assert_eq!(named, listed, "a sample of every event, in order");
    for event in &samples {
        let entry = event.entry();
        let keys: Vec<_> = read(&line(event)).into_iter().map(|(key, _)| key).collect();
        let frame = [&["event", "result"][..], entry.fields, &["at", "mono"]].concat();
        assert_eq!(keys, frame, "{}", entry.name);
    }
}

#[test]
fn event_names_are_noun_verb_and_unique() {
    for (i, entry) in Event::INVENTORY.iter().enumerate() {
        let (noun, verb) = entry.name.split_once('.').expect("noun.verb");
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(word(noun) && word(verb), "{}", entry.name);
        assert!(Event::INVENTORY[..i].iter().all(|other| other.name != entry.name), "{}", entry.name);
    }
}

#[test]
fn no_event_field_carries_a_secret_or_text() {
    let forbidden = ["password", "clave", "token", "text", "message", "cookie", "resume", "secret"];
    for entry in Event::INVENTORY {
        assert!(!entry.fields.iter().any(|field| forbidden.contains(field)), "{}", entry.name);
    }
}

fn row(entry: &EventSpec) -> String {
    let fields: Vec<_> = entry.fields.iter().map(|field| format!("`{field}`")).collect();
    format!(
        "| `{}` | {} | {} | {} | {} | {} | {} |",
        entry.name,
        if fields.is_empty() { "—".to_owned() } else { fields.join(" ") },
        entry.outcome.as_str(),
        entry.facility.as_str(),
        entry.severity.as_str(),
        entry.class.as_str(),
        entry.meaning_en,
    )
}

#[test]
fn manual_table_equals_the_inventory() {
    let manual = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/AUDIT.md"));
    let listed: Vec<_> = manual.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<_> = Event::INVENTORY.iter().map(row).collect();
    let table = wanted.join("\n");
    assert!(listed == wanted, "docs/AUDIT.md must hold this table:\n{table}");
}

/// Any text, with a high share of problematic characters.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        '\n', '\r', '\t', '\0', '\u{1b}', '"', '\\', '=', ' ', '\u{85}', '\u{2028}', '\u{202e}', '…', '{',
    ]);
    prop::collection::vec(prop_oneof![any::<char>(), nasty], 0..300)
        .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn any_event_is_one_line_that_parses_back(
        method in any_text(), path in any_text(), secs in 0..u64::MAX / 2,
    ) {
        let event = Event::AccessDenied {
            user: Some(user("ñandú")),
            addr: "fe80::1".parse().unwrap(),
            method: method.clone(),
            path: path.clone(),
        };
        let mono = Duration::from_secs(secs);
        let line = format(&event, AT, mono);
        prop_assert!(!line.chars().any(|c| c.is_control() || crate::types::is_bidi_control(c)));
        prop_assert_eq!(line.find(['\u{2028}', '\u{2029}']), None);
        let wanted: Vec<(String, String)> = [
            ("event", "access.denied"),
            ("result", "refused"),
            ("user", "ñandú"),
            ("addr", "fe80::1"),
            ("method", &cut(&method)),
            ("path", &cut(&path)),
            ("at", "2026-01-31T12:00:00.123Z"),
            ("mono", &format!("{secs}.000")),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        prop_assert_eq!(read(&line), wanted);
    }
}

use super::*;
use proptest::prelude::*;

#[test]
fn requests_are_read_strictly() {
    let ok = |text: &str| Request::parse(text).is_ok();
    assert!(ok(r#"{"type":"join","room":"a","password":"1234","kind":"group"}"#));
    assert!(ok(r#"{"type":"join","ref":null,"room":"a","password":"1234","kind":"private"}"#));
    assert!(ok(r#"{"type":"join","room":"a","password":"1234","kind":"group","create":true,"label":"Á"}"#));
    assert!(ok(r#"{"type":"enter","room":"a","since":0}"#));
    assert!(ok(r#"{"type":"read","room":"a","seq":7}"#));
    assert!(ok(r#"{"type":"moderate","room":"a","do":"end"}"#));
    assert!(ok(r#"{"type":"send","room":"a","text":"x","reply":3}"#));
    assert!(ok(r#"{"type":"edit","ref":"1","room":"a","seq":3,"text":"x"}"#));
    assert!(ok(r#"{"type":"remove","room":"a","seq":3}"#));
    assert!(ok(r#"{"type":"react","room":"a","seq":3,"emoji":"👍"}"#));
    assert!(ok(r#"{"type":"typing","room":"a"}"#));
    assert!(ok(r#"{"type":"acknowledge","id":"7"}"#));
    for bad in [
        "",
        "{",
        "[]",
        r#"["typing","a"]"#,
        r#" ["join",null,"a","1234","group"]"#,
        "null",
        r#"{"type":"join","room":"a","password":"1234"}"#,
        r#"{"type":"join","room":"a","password":"1234","kind":"secret"}"#,
        r#"{"type":"send","room":"a","text":"x","extra":1}"#,
        r#"{"type":"send","room":7,"text":"x"}"#,
        r#"{"type":"shout","room":"a"}"#,
        r#"{"room":"a","text":"x"}"#,
        r#"{"type":"enter","room":"a","since":-1}"#,
        r#"{"type":"enter","room":"a"}"#,
        r#"{"type":"send","room":"a","text":"x","reply":null}"#,
        r#"{"type":"edit","room":"a","seq":3}"#,
        r#"{"type":"edit","room":"a","text":"x"}"#,
        r#"{"type":"remove","room":"a","seq":3,"text":"x"}"#,
        r#"{"type":"react","room":"a","seq":3}"#,
        r#"{"type":"read","ref":"1","room":"a","seq":1}"#,
        r#"{"type":"moderate","room":"a","do":"shout"}"#,
        r#"{"type":"join","room":"a","password":"1234","kind":"group","create":null}"#,
        r#"{"type":"resume","room":"a","resume":"x","since":1}"#,
        r#"{"type":"typing","ref":"1","room":"a"}"#,
        r#"{"type":"typing","room":"a","id":"7"}"#,
        r#"{"type":"acknowledge"}"#,
        r#"{"type":"acknowledge","id":7}"#,
        r#"{"type":"acknowledge","id":""}"#,
        r#"{"type":"acknowledge","id":"-7"}"#,
        r#"{"type":"acknowledge","id":"7","room":"a"}"#,
        r#"{"type":"acknowledge","id":"7","ref":"1"}"#,
        r#"{"type":"send","room":"a","text":"\ud800"}"#,
        r#"{"type":0,"room":"a"}"#,
        r#"{"type":" typing","room":"a"}"#,
        r#"{"type":{"typing":null},"room":"a"}"#,
        r#"{"type":"join","room":"a","password":"1234","kind":{"group":null}}"#,
    ] {
        assert!(!ok(bad), "{bad}");
    }
}

#[test]
fn bad_request_keeps_its_ref_and_quotes_no_value() {
    let refused = |text: &str| Request::parse(text).err().expect("is refused").to_string();
    let invalid = Request::parse(r#"{"type":"send","ref":"r7","room":{"hidden":1},"text":"x"}"#)
        .err()
        .expect("is refused");
    assert_eq!(invalid.reference.as_deref(), Some("r7"));
    let detail = invalid.to_string();
    assert!(!detail.contains("hidden"), "{detail}");
    let detail = refused(r#"{"type":"enter","room":"a","since":"geheim"}"#);
    assert!(!detail.contains("geheim"), "{detail}");
    let detail = refused(r#"{"type":"enter","room":"a","since":"x, expected geheim"}"#);
    assert!(!detail.contains("geheim"), "{detail}");
    let detail = refused(&format!(r#"{{"type":"leave","room":"a","{}":1}}"#, "ñ".repeat(9000)));
    assert_eq!(detail.chars().count(), MAX_ERROR_CHARS, "{detail}");
    let reference = |text: &str| Request::parse(text).err().expect("is refused").reference;
    let long = "x".repeat(33);
    assert_eq!(reference(&format!(r#"{{"type":"leave","ref":"{long}","room":"a"}}"#)), None);
    assert_eq!(reference(&format!(r#"{{"type":"nope","ref":"{long}"}}"#)), None);
}

#[test]
fn field_of_other_request_or_null_is_refused() {
    let words = |text: &str| Request::parse(text).err().expect("is refused").to_string();
    assert!(
        words(r#"{"type":"typing","ref":null,"room":"a"}"#)
            .starts_with("unknown field `ref`, expected `room`")
    );
    assert!(words(r#"{"type":"send","room":"a","text":"x","since":1}"#).starts_with("unknown field `since`"));
    assert_eq!(words(r#"{"type":"send","room":"a"}"#), "missing field `text`");
    assert!(words(r#"{"type":"leave","room":null}"#).contains("expected a string"));
    assert!(words(r#"{"type":"leave","room":"a","text":null}"#).contains("expected a string"));
    assert!(words(r#"{"type":"leave","room":"a","room":"b"}"#).starts_with("duplicate field `room`"));
}

#[test]
fn invalid_room_code_is_a_fault_of_every_request() {
    let code = "x".repeat(RoomCode::MAX + 1);
    for fields in [
        r#""type":"join","password":"1234","kind":"group""#,
        r#""type":"send","text":"x""#,
        r#""type":"edit","seq":1,"text":"x""#,
        r#""type":"remove","seq":1"#,
        r#""type":"react","seq":1,"emoji":"x""#,
        r#""type":"leave""#,
        r#""type":"enter","since":1"#,
        r#""type":"read","seq":1"#,
        r#""type":"moderate","do":"end""#,
        r#""type":"typing""#,
    ] {
        for (code, error) in [
            ("", RoomCodeError::BadCharacter),
            ("a b", RoomCodeError::BadCharacter),
            (&code, RoomCodeError::TooLong),
        ] {
            let invalid =
                Request::parse(&format!(r#"{{{fields},"room":"{code}"}}"#)).err().expect("is refused");
            assert_eq!(
                invalid,
                InvalidRequest { reference: None, fault: RequestFault::Room(error) },
                "{fields} {code:?}"
            );
        }
    }
}

#[test]
fn invalid_room_code_keeps_ref_and_comes_last() {
    let refused = |text: &str| Request::parse(text).err().expect("is refused");
    let invalid = refused(r#"{"type":"leave","ref":"r7","room":""}"#);
    assert_eq!(
        (invalid.reference.as_deref(), invalid.fault),
        (Some("r7"), RequestFault::Room(RoomCodeError::BadCharacter))
    );
    let long = "x".repeat(MAX_REF + 1);
    for text in [
        r#"["leave",null,""]"#.to_owned(),
        r#"{"type":"leave","room":"","text":"x"}"#.to_owned(),
        r#"{"type":"send","room":""}"#.to_owned(),
        format!(r#"{{"type":"leave","ref":"{long}","room":""}}"#),
    ] {
        let InvalidRequest { reference, fault } = refused(&text);
        assert!(reference.is_none() && matches!(fault, RequestFault::Malformed(_)), "{text}");
    }
}

proptest! {
    #[test]
    fn parser_never_panics(text in ".{0,80}") {
        let _ = Request::parse(&text);
    }
}

use super::*;
use proptest::prelude::*;

fn name_of(parameters: &[u8]) -> Option<Result<String, UnreadableName>> {
    Disposition::parse(&[b"form-data; name=\"archivo\"; ", parameters].concat()).file_name
}

#[track_caller]
fn assert_name(parameters: &[u8], want: &str) {
    assert_eq!(name_of(parameters), Some(Ok(want.to_owned())), "{}", String::from_utf8_lossy(parameters));
}

#[test]
fn file_names_are_read_as_programs_write_them() {
    for (parameters, want) in [
        (&b"filename=\"a.txt\""[..], "a.txt"),
        (b"filename=a.txt", "a.txt"),
        (b"filename=mi archivo.txt ; x=y", "mi archivo.txt"),
        (b"FileName = \"a.txt\"", "a.txt"),
        ("filename=\"año.txt\"".as_bytes(), "año.txt"),
        (b"filename*=UTF-8''a%C3%B1o.txt", "año.txt"),
        (b"filename*=utf-8'es'a%c3%b1o%20nuevo.txt", "año nuevo.txt"),
        (b"filename*=iso-8859-1''a%F1o.txt", "año.txt"),
        (b"filename*=\"UTF-8''a%C3%B1o.txt\"", "año.txt"),
        (b"filename*=UTF-8''a%C3%B1o.txt; filename=\"ano.txt\"", "año.txt"),
        (b"filename=\"ano.txt\"; FILENAME*=UTF-8''a%C3%B1o.txt", "año.txt"),
        (b"filename=\"ano.txt\"; filename*=UTF-8''a%FFo.txt", "ano.txt"),
        (b"filename*0*=UTF-8''informe%20; filename*1*=a%C3%B1o; filename*2=\".txt\"", "informe año.txt"),
        (b"filename*1=\"b.txt\"; filename*0=\"a\"", "ab.txt"),
        (b"filename=\"=?utf-8?B?YcOxby50eHQ=?=\"", "año.txt"),
        (b"filename=\"=?UTF-8?Q?a=C3=B1o_x.txt?=\"", "año x.txt"),
        (b"filename=\"a%C3%B1o%20nuevo.txt\"", "año nuevo.txt"),
        (b"filename=\"di %22hola%22%0D%0a.txt\"", "di \"hola\"\r\n.txt"),
        (b"filename=\"di \\\"hola\\\".txt\"", "di \"hola\".txt"),
        (b"filename=\"a\xf1o \x80.txt\"", "año €.txt"),
        (b"filename=\"C:\\dir\\x.txt\"", "C:\\dir\\x.txt"),
        (b"filename=\"C:\\\\dir\\\\x.txt\"", "C:\\dir\\x.txt"),
        (b"filename=\"a;b=c.txt\"; x=y", "a;b=c.txt"),
        (b"filename=\"a.txt", "a.txt"),
        (b"filename=\"dir\\\"", "dir\\"),
        (b"filename=\"\"", ""),
    ] {
        assert_name(parameters, want);
    }
}

#[test]
fn percent_signs_of_ordinary_names_stay() {
    for name in [
        "100%25.txt",
        "5%.txt",
        "50%2C00.txt",
        "a%20b.txt",
        "100% año.txt",
        "%",
        "%2",
        "%zz",
        "a%FFo.txt",
        "a%C3%B1o 5%.txt",
    ] {
        assert_name(format!("filename=\"{name}\"").as_bytes(), name);
    }
}

#[test]
fn unreadable_names_are_errors_and_fields_are_none() {
    for parameters in [
        &b"filename*=UTF-8''a%FFo.txt"[..],
        b"filename*=UTF-8''a%C3%B1o%2",
        b"filename*=shift_jis''a.txt",
        b"filename*=a.txt",
        b"filename=\"=?utf-8?B?***?=\"",
        b"filename=\"=?koi8-r?Q?a?=\"",
        b"filename=\"a\x81\xff\"",
        b"filename*0=\"a\"; filename*2=\"b\"",
    ] {
        assert_eq!(name_of(parameters), Some(Err(UnreadableName)), "{}", String::from_utf8_lossy(parameters));
    }
    for parameters in [&b""[..], b"x", b"x=filename", b"xfilename=\"a\"", b"x=\"; filename=a\"", b";;; ;"] {
        assert_eq!(name_of(parameters), None, "{}", String::from_utf8_lossy(parameters));
    }
}

#[test]
fn field_name_is_read_in_any_case_and_place() {
    for value in [
        &b"form-data; name=\"archivo\""[..],
        b"Form-Data;NAME=archivo",
        b"form-data; filename=\"a;name=x\"; Name = \"archivo\"",
    ] {
        assert_eq!(
            Disposition::parse(value).field.as_deref(),
            Some(&b"archivo"[..]),
            "{}",
            String::from_utf8_lossy(value)
        );
    }
    for value in [&b"form-data"[..], b"", b"name=archivo", b"form-data; filename=\"name=archivo\""] {
        assert_eq!(Disposition::parse(value).field, None, "{}", String::from_utf8_lossy(value));
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_header_is_parsed_within_bounds(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(Ok(name)) = Disposition::parse(&value).file_name {
            prop_assert!(name.len() <= 3 * value.len());
        }
    }

    #[test]
    fn odd_parameters_are_parsed_within_bounds(
        parts in proptest::collection::vec("filename(\\*([0-9]{1,3}\\*?)?)?|name|=|;|\"|\\\\|'|UTF-8''|%[0-9A-F]{0,2}|=\\?utf-8\\?[BQ]\\?|\\?=|\\PC{0,4}", 0..30)
    ) {
        let value = format!("form-data; {}", parts.concat());
        if let Some(Ok(name)) = Disposition::parse(value.as_bytes()).file_name {
            prop_assert!(name.len() <= 3 * value.len());
        }
    }

    #[test]
    fn names_of_browsers_and_libraries_come_back(name in "[^\\p{C}\\\\=\"]{1,30}") {
        // The one name that does not come back is one that is percent-encoded UTF-8 as a whole.
        if percent_decode(name.as_bytes()).is_none_or(|bytes| bytes == name.as_bytes()) && unescape(&name) == name {
            prop_assert_eq!(name_of(format!("filename=\"{name}\"").as_bytes()), Some(Ok(name.clone())));
        }
        let extended = format!("filename=\"x\"; filename*=UTF-8''{}", percent_encoded(&name));
        prop_assert_eq!(name_of(extended.as_bytes()), Some(Ok(name.clone())));
        if !name.is_ascii() {
            let encoded = format!("filename=\"{}\"", percent_encoded(&name));
            prop_assert_eq!(name_of(encoded.as_bytes()), Some(Ok(name)));
        }
    }

    #[test]
    fn ascii_names_keep_their_percent_signs(name in "[a-zA-Z0-9 .%()_-]{1,30}") {
        let decoded = percent_decode(name.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
        if decoded.is_none_or(|text| text.is_ascii()) && unescape(&name) == name {
            prop_assert_eq!(name_of(format!("filename=\"{name}\"").as_bytes()), Some(Ok(name)));
        }
    }
}

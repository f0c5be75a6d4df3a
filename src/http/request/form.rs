//! `application/x-www-form-urlencoded`, as far as two text fields need it.

use zeroize::Zeroizing;

/// The first field of that name, decoded (WHATWG URL section 5.1); what is no UTF-8 becomes U+FFFD.
pub(crate) fn field(body: &[u8], name: &str) -> Option<Zeroizing<String>> {
    body.split(|b| *b == b'&').find_map(|pair| {
        let cut = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (key, value) = (&pair[..cut], pair.get(cut + 1..).unwrap_or_default());
        (decode(key).as_str() == name).then(|| decode(value))
    })
}

fn decode(text: &[u8]) -> Zeroizing<String> {
    let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                bytes.push(hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0));
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(body: &str, name: &str) -> Option<String> {
        field(body.as_bytes(), name).map(|v| v.to_string())
    }

    #[test]
    fn fields_are_decoded() {
        let body = "usuario=jos%C3%A9+p&clave=a%26b%3D%2B&vacio=&solo";
        assert_eq!(get(body, "usuario").as_deref(), Some("josé p"));
        assert_eq!(get(body, "clave").as_deref(), Some("a&b=+"));
        assert_eq!(get(body, "vacio").as_deref(), Some(""));
        assert_eq!(get(body, "solo").as_deref(), Some(""));
        assert_eq!(get(body, "nada"), None);
        assert_eq!(get("a=%zz%4", "a").as_deref(), Some("%zz%4"), "not an escape: stays");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let encoded: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
            prop_assert_eq!(get(&format!("x=1&f={encoded}&y"), "f"), Some(text));
        }
    }
}

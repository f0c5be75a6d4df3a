//! The session cookie: `__Host-pichat` over TLS, `pichat` over plain HTTP, where a `Secure` cookie would never come back.

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

use crate::types::crypto::Token;

const fn name(secure: bool) -> &'static str {
    if secure { "__Host-pichat" } else { "pichat" }
}

/// The token that a request carries. Of several cookies of the name the first that reads as a token counts.
pub(super) fn token(headers: &HeaderMap, secure: bool) -> Option<Token> {
    let lines = headers.get_all(header::COOKIE);
    let mut pairs = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        if key == name(secure) { Token::parse(value) } else { None }
    })
}

fn build(value: String, secure: bool) -> cookie::CookieBuilder<'static> {
    Cookie::build((name(secure), value)).path("/").http_only(true).same_site(SameSite::Strict).secure(secure)
}

fn header_value(cookie: &Cookie<'_>) -> HeaderValue {
    // Hexadecimal digits and fixed attributes: always a valid header.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Sets the cookie until the browser is closed; the server knows when the session ends.
pub(super) fn set(token: &Token, secure: bool) -> HeaderValue {
    header_value(&build(token.reveal(), secure).build())
}

/// Takes the cookie away.
pub(super) fn clear(secure: bool) -> HeaderValue {
    header_value(&build(String::new(), secure).removal().build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_by_transport() {
        let token = Token::random();
        let plain = set(&token, false).to_str().expect("text").to_owned();
        assert_eq!(plain, format!("pichat={}; HttpOnly; SameSite=Strict; Path=/", token.reveal()));
        let secure = set(&token, true).to_str().expect("text").to_owned();
        assert!(secure.starts_with("__Host-pichat=") && secure.contains("; Secure"), "{secure}");
        assert!(clear(false).to_str().expect("text").contains("Max-Age=0"));
    }

    #[test]
    fn only_a_whole_token_under_the_right_name_is_read() {
        let sent = Token::random();
        let read = |line: String, secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, line.parse().expect("header"));
            token(&headers, secure).map(|t| t.digest())
        };
        let text = sent.reveal();
        assert_eq!(read(format!("a=b; pichat={text}; c"), false), Some(sent.digest()));
        assert_eq!(read(format!("pichat={text}"), true), None, "a plain cookie is nothing over TLS");
        assert_eq!(read(format!("xpichat={text}"), false), None);
        assert_eq!(read(format!("pichat={}", &text[1..]), false), None);
        assert_eq!(read(format!("pichat={}", text.to_uppercase()), false), None);
    }
}

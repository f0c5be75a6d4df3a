//! Cookies of this server: their names and attributes.
//!
//! Browsers share cookies between the ports of a host. So each name carries the port of the address where
//! PiChat answers, and two servers on one host do not sign each other's people out.

use std::time::Duration;

use cookie::{Cookie, CookieBuilder, SameSite};
use http::{HeaderMap, HeaderValue, header};

use crate::types::crypto::Token;

/// Base of the session cookie's name; before ports were in the names it was the whole name.
const SESSION: &str = "pichat";
/// Tokens under one name that are looked up. A browser sends one; more come from cookies that were planted
/// under narrower paths.
const MAX_TOKENS: usize = 4;

/// Names and attributes of the cookies that one browser gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieScope {
    port: u16,
    secure: bool,
}

impl CookieScope {
    /// Cookies of the server whose address has this `port`; `secure` if the browser came over TLS.
    pub(crate) const fn new(port: u16, secure: bool) -> Self {
        Self { port, secure }
    }

    /// The full name of a cookie: `__Host-BASE-PORT` over TLS, `BASE-PORT` over plain HTTP, from where a
    /// `Secure` cookie would never come back.
    pub(crate) fn name(self, base: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}{base}-{}", self.port)
    }

    /// The session cookie's name before it carried the port.
    const fn legacy_name(self) -> &'static str {
        if self.secure { "__Host-pichat" } else { SESSION }
    }

    /// A cookie for all paths that no script reads and no other site sends.
    pub(crate) fn build(self, base: &str, value: String) -> CookieBuilder<'static> {
        self.build_named(self.name(base), value)
    }

    fn build_named(self, name: String, value: String) -> CookieBuilder<'static> {
        Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Strict).secure(self.secure)
    }

    /// The session tokens that a request carries, in the order sent, at most [`MAX_TOKENS`].
    pub(crate) fn tokens(self, headers: &HeaderMap) -> impl Iterator<Item = Token> {
        tokens_where(headers, move |name| self.is_session(name))
    }

    /// The tokens under the name without port, at most [`MAX_TOKENS`].
    pub(crate) fn legacy_tokens(self, headers: &HeaderMap) -> impl Iterator<Item = Token> {
        tokens_where(headers, move |name| name == self.legacy_name())
    }

    /// Returns true for [`name`](Self::name) of the session cookie; makes none, as each request asks.
    fn is_session(self, name: &str) -> bool {
        let port = name.strip_prefix(self.legacy_name()).and_then(|rest| rest.strip_prefix('-'));
        port.is_some_and(|digits| !digits.starts_with(['0', '+']) && digits.parse() == Ok(self.port))
    }

    /// Sets the session cookie for `life`, or until the browser is closed; the server knows when the session
    /// ends.
    pub(crate) fn set(self, token: &Token, life: Option<Duration>) -> HeaderValue {
        let mut cookie = self.build(SESSION, token.reveal()).build();
        cookie.set_max_age(life.and_then(|life| life.try_into().ok()));
        header_value(&cookie)
    }

    /// Returns true if a cookie may outlive the browser's run: only one that never travels in the clear.
    pub(crate) const fn may_persist(self) -> bool {
        self.secure
    }

    /// Removes the session cookie.
    pub(crate) fn clear(self) -> HeaderValue {
        header_value(&self.build(SESSION, String::new()).removal().build())
    }

    /// Removes the session cookie without port.
    pub(crate) fn clear_legacy(self) -> HeaderValue {
        header_value(&self.build_named(self.legacy_name().to_owned(), String::new()).removal().build())
    }

    /// Returns true if `answer` sets or removes the session cookie.
    pub(crate) fn is_set_in(self, answer: &HeaderMap) -> bool {
        let pair = format!("{}=", self.name(SESSION));
        answer.get_all(header::SET_COOKIE).iter().any(|set| set.as_bytes().starts_with(pair.as_bytes()))
    }
}

fn tokens_where(headers: &HeaderMap, is_name: impl Fn(&str) -> bool) -> impl Iterator<Item = Token> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let tokens = pairs.filter_map(move |pair| {
        let (key, value) = pair.trim().split_once('=')?;
        if is_name(key) { Token::parse(value) } else { None }
    });
    tokens.take(MAX_TOKENS)
}

/// A cookie as a header value. Values are hexadecimal digits or base64url and attributes are fixed, so this
/// does not fail.
pub(crate) fn header_value(cookie: &Cookie<'_>) -> HeaderValue {
    HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: CookieScope = CookieScope::new(8080, false);
    const SECURE: CookieScope = CookieScope::new(443, true);

    #[test]
    fn names_and_attributes_follow_scheme_and_port() {
        let token = Token::random();
        let plain = PLAIN.set(&token, None).to_str().expect("text").to_owned();
        assert_eq!(plain, format!("pichat-8080={}; HttpOnly; SameSite=Strict; Path=/", token.reveal()));
        let secure = SECURE.set(&token, Some(Duration::from_secs(60))).to_str().expect("text").to_owned();
        assert!(secure.starts_with("__Host-pichat-443=") && secure.contains("; Secure"), "{secure}");
        assert!(secure.contains("; Max-Age=60"), "{secure}");
        for cleared in [PLAIN.clear(), PLAIN.clear_legacy()] {
            assert!(cleared.to_str().expect("text").contains("Max-Age=0"));
        }
        assert!(SECURE.clear_legacy().to_str().expect("text").starts_with("__Host-pichat=;"));
        assert_eq!(SECURE.name("pichat-device"), "__Host-pichat-device-443");
    }

    #[test]
    fn only_whole_tokens_under_the_right_name_are_read() {
        let sent = Token::random();
        let text = sent.reveal();
        let read = |line: String, scope: CookieScope| {
            let headers = HeaderMap::from_iter([(header::COOKIE, line.parse().expect("header"))]);
            (scope.tokens(&headers).count(), scope.legacy_tokens(&headers).count())
        };
        assert_eq!(read(format!("a=b; pichat-8080={text}; c"), PLAIN), (1, 0));
        assert_eq!(read(format!("pichat={text}"), PLAIN), (0, 1));
        assert_eq!(read(format!("pichat-8081={text}"), PLAIN), (0, 0), "another server's");
        assert_eq!(
            read(format!("pichat-443={text}; pichat={text}"), SECURE),
            (0, 0),
            "a plain cookie is nothing over TLS"
        );
        assert_eq!(read(format!("xpichat-8080={text}; pichat-80800={text}"), PLAIN), (0, 0));
        for port in ["", "08080", "+8080", " 8080", "8080 ", "73616"] {
            assert_eq!(read(format!("pichat-{port}={text}"), PLAIN), (0, 0), "{port:?}");
        }
        assert_eq!(read(format!("pichat-8080={}", &text[1..]), PLAIN), (0, 0));
        assert_eq!(read(format!("pichat-8080={}", text.to_uppercase()), PLAIN), (0, 0));
        assert_eq!(read(vec![format!("pichat-8080={text}"); 99].join("; "), PLAIN), (MAX_TOKENS, 0));
    }

    #[test]
    fn an_answer_that_sets_the_cookie_is_recognised() {
        let mut answer = HeaderMap::new();
        answer.append(header::SET_COOKIE, PLAIN.clear_legacy());
        assert!(!PLAIN.is_set_in(&answer));
        answer.append(header::SET_COOKIE, PLAIN.clear());
        assert!(PLAIN.is_set_in(&answer) && !SECURE.is_set_in(&answer));
    }
}

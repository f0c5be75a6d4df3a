//! Opening handshake of the server (RFC 6455 section 4.2).

use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

/// The request is not a WebSocket handshake of version 13.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a WebSocket handshake of version 13: {0}")]
pub struct HandshakeError(String);

/// Returns the 101 response to a handshake. No extension and no subprotocol is ever negotiated.
pub fn accept<B>(request: &Request<B>) -> Result<Response<()>, HandshakeError> {
    let mut plain = Request::new(());
    *plain.method_mut() = request.method().clone();
    *plain.version_mut() = request.version();
    let headers = request.headers();
    // tungstenite reads only one line of each, and splits lists at spaces only.
    for (name, token) in [(CONNECTION, "upgrade"), (UPGRADE, "websocket")] {
        if has_token(headers, &name, token) {
            plain.headers_mut().insert(name, HeaderValue::from_static(token));
        }
    }
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
        let mut lines = headers.get_all(&name).iter();
        // Section 4.1: each exactly once.
        if let (Some(value), None) = (lines.next(), lines.next()) {
            plain.headers_mut().insert(name, value.clone());
        }
    }
    tungstenite::handshake::server::create_response_with_body(&plain, || ())
        .map_err(|e| HandshakeError(e.to_string()))
}

/// Returns true if a list header has `token` in any of its lines, ignoring case (RFC 9110 section 5.6.1).
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let entries = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).any(|entry| entry.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn accepted(fields: &[(&str, &str)]) -> bool {
        let mut request = Request::get("/ws");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        accept(&request.body(()).expect("a request")).is_ok()
    }

    fn with(connection: &[&str], upgrade: &[&str]) -> bool {
        let lines = connection
            .iter()
            .map(|value| ("Connection", *value))
            .chain(upgrade.iter().map(|value| ("Upgrade", *value)));
        let rest = [("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13")];
        accepted(&lines.chain(rest).collect::<Vec<_>>())
    }

    #[test]
    fn connection_and_upgrade_are_lists() {
        for connection in [
            &["Upgrade"][..],
            &["keep-alive, Upgrade"],
            &["keep-alive,\tUpgrade"],
            &["keep-alive\t,\tUPGRADE\t"],
            &["keep-alive", "upgrade"],
            &["upgrade", "keep-alive"],
            &[", ,Upgrade,"],
        ] {
            assert!(with(connection, &["websocket"]), "{connection:?}");
        }
        for upgrade in [&["WebSocket"][..], &["h2c, websocket"], &["h2c", "websocket"], &["\twebsocket\t"]] {
            assert!(with(&["Upgrade"], upgrade), "{upgrade:?}");
        }
    }

    #[test]
    fn malformed_handshake_is_refused() {
        for connection in [
            &[][..],
            &["keep-alive"],
            &["upgraded"],
            &["keep-alive Upgrade"],
            &["\"Upgrade\""],
            &["Upgrade;q=1"],
        ] {
            assert!(!with(connection, &["websocket"]), "{connection:?}");
        }
        for upgrade in [&[][..], &["h2c"], &["websockets"], &["web", "socket"], &["websocket/13"]] {
            assert!(!with(&["Upgrade"], upgrade), "{upgrade:?}");
        }
        let own = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
        let (key, version) = (("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13"));
        assert!(accepted(&[own[0], own[1], key, version]));
        assert!(!accepted(&[own[0], own[1], key, key, version]), "two keys");
        assert!(!accepted(&[own[0], own[1], key, version, ("Sec-WebSocket-Version", "8")]), "two versions");
        assert!(!accepted(&[own[0], own[1], key, ("Sec-WebSocket-Version", "12")]));
        assert!(!accepted(&[own[0], own[1], ("Sec-WebSocket-Key", "short"), version]));
    }
}

//! The upgrade of RFC 6455 section 4.2.

use http::{Request, Response};

/// The request is no WebSocket handshake of version 13.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a WebSocket handshake of version 13: {0}")]
pub struct HandshakeError(String);

/// The answer 101 to a handshake; no extension and no subprotocol is ever agreed on.
pub fn accept<B>(request: &Request<B>) -> Result<Response<()>, HandshakeError> {
    tungstenite::handshake::server::create_response_with_body(request, || ()).map_err(|e| HandshakeError(e.to_string()))
}

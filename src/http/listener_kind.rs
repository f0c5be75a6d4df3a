//! Listeners of the program.

/// Listener of a connection, which decides the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// PiChat itself.
    App,
    /// Plain HTTP beside HTTPS: how to trust this device, and the way to HTTPS.
    PlainHttp,
}

//! Client at the other end of a socket.

use std::net::IpAddr;
use std::sync::Arc;

use crate::accounts::Session;
use crate::types::Lang;

/// Client of a socket.
pub struct Client {
    /// Session of the client.
    pub session: Arc<Session>,
    /// Address of the client.
    pub addr: IpAddr,
    /// Language of texts.
    pub lang: Lang,
}

//! Server under test, plain or over TLS, and connections into its rooms.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use super::frames::frame;
use crate::common::http::read_response;
use crate::common::tls::Secure;
use crate::common::{Client, Options, Server};

/// Rate limits that are never reached, and room for ten thousand sockets.
pub const UNLIMITED: &str = "[limits]\nrequests_per_minute = 1000000000\nrequest_burst = 1000000000\n\
    messages_per_minute = 1000000000\nmessage_burst = 1000000000\njoins_per_minute = 1000000000\nrooms = 1024\nroom_members = 1024\n\
    connections = 16384\nconnections_per_address = 16384\nsockets_per_session = 16384\nuploads_per_minute = 1000000\nupload_burst = 1000000\ndownload_burst = 1000000\ndelete_burst = 1000000\nrooms_per_user = 1024\nsessions_per_user = 1024\n\
    downloads_per_minute = 1000000\ndeletes_per_minute = 1000000\n";
pub const PASSWORD: &str = "una clave para medir";
const NAME: &str = "pichat.local";
/// Tries of one connection: the server admits 20 handshakes a second, and 16 connections wait at once.
const MAX_HANDSHAKES: u32 = 60;
const HANDSHAKE_PAUSE: Duration = Duration::from_secs(1);
/// Holds the names of 1000 members.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Server with the accounts `jefa` (administrator), `ana` (cliente) and `beto` (usuario).
pub enum Host {
    Plain(Server),
    Tls(Secure),
}

impl Host {
    pub fn start(tls: bool, settings: &str) -> Self {
        let users = [("jefa", "administrator"), ("ana", "cliente"), ("beto", "usuario")];
        let users = users.map(|(name, role)| (name, PASSWORD, role)).to_vec();
        let options = Options { users, ..Options::config(settings) };
        if tls { Self::Tls(Secure::start(options)) } else { Self::Plain(Server::start(options)) }
    }

    pub fn server(&self) -> &Server {
        match self {
            Self::Plain(server) => server,
            Self::Tls(secure) => &secure.server,
        }
    }

    /// Signs in and returns the session cookie.
    pub fn sign_in(&self, name: &str) -> String {
        let Self::Tls(secure) = self else {
            return Client::signed_in(self.server(), name, PASSWORD).cookie.expect("a cookie");
        };
        let body = format!("{{\"username\":\"{name}\",\"password\":\"{PASSWORD}\"}}");
        let mut stream = secure.connect(NAME).expect("connects");
        write!(
            stream,
            "POST /api/session HTTP/1.1\r\nHost: {NAME}:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.server().addr.port(),
            body.len()
        )
        .expect("writes");
        let answer = read_response(&mut stream, false).expect("an answer");
        let cookie = answer.session_cookie().and_then(|cookie| cookie.split(';').next());
        cookie.unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
    }

    /// Returns a connector to this server.
    pub fn connector(&self) -> Connector {
        let tls = match self {
            Self::Plain(_) => None,
            Self::Tls(secure) => Some(tls_connector(&secure.authority)),
        };
        let host = if tls.is_some() {
            format!("{NAME}:{}", self.server().addr.port())
        } else {
            self.server().addr.to_string()
        };
        Connector { addr: self.server().addr, host, tls }
    }

    pub fn rss_kib(&self) -> u64 {
        self.server().rss_kib("VmRSS")
    }

    /// Returns the processor time of the server so far, in seconds. The kernel counts ticks of 10 ms.
    pub fn cpu_seconds(&self) -> f64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.server().pid())).expect("is running");
        let (_, fields) = stat.rsplit_once(") ").expect("the kernel reports it");
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().expect("a number")).sum();
        ticks as f64 / 100.0
    }
}

fn tls_connector(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Opens WebSockets to one server.
#[derive(Clone)]
pub struct Connector {
    pub addr: SocketAddr,
    host: String,
    tls: Option<TlsConnector>,
}

impl Connector {
    /// Returns an open socket that has joined `room` and read the answer.
    pub async fn enter(&self, cookie: &str, room: String) -> Box<dyn Stream> {
        self.enter_with(cookie, room, None).await
    }

    /// Like [`Self::enter`], with a receive buffer of that many bytes in the kernel.
    pub async fn enter_with(&self, cookie: &str, room: String, buffer: Option<u32>) -> Box<dyn Stream> {
        let mut stream = self.connect(buffer).await;
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.host
        );
        stream.write_all(head.as_bytes()).await.expect("writes");
        read_until(&mut stream, b"\r\n\r\n").await;
        let join =
            format!("{{\"type\":\"join\",\"room\":\"{room}\",\"password\":\"secreta\",\"kind\":\"group\"}}");
        stream.write_all(&frame(&join)).await.expect("writes");
        // The answer follows the frame with the session's rooms and ends with a boolean, which that has not.
        let answer = read_until(&mut stream, b"e}").await;
        assert!(answer.contains("\"joined\""), "{answer}");
        stream
    }

    /// Connects. Handshakes that the server refuses, 600 at once and then 20 a second, are tried again.
    async fn connect(&self, buffer: Option<u32>) -> Box<dyn Stream> {
        for _ in 0..MAX_HANDSHAKES {
            let socket = TcpSocket::new_v4().expect("a socket");
            if let Some(bytes) = buffer {
                socket.set_recv_buffer_size(bytes).expect("sets");
            }
            let stream = socket.connect(self.addr).await.expect("connects");
            stream.set_nodelay(true).expect("sets");
            let Some(tls) = &self.tls else { return Box::new(stream) };
            let name = ServerName::try_from(NAME).expect("a name");
            match tls.connect(name, stream).await {
                Ok(stream) => return Box::new(stream),
                Err(_) => tokio::time::sleep(HANDSHAKE_PAUSE).await,
            }
        }
        panic!("{MAX_HANDSHAKES} handshakes were refused");
    }
}

async fn read_until(stream: &mut Box<dyn Stream>, end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(stream.read_u8().await.expect("reads"));
        assert!(read.len() < LONGEST_ANSWER, "an answer of another kind");
    }
    String::from_utf8_lossy(&read).into_owned()
}

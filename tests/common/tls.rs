//! Server over TLS: its two addresses, its authority, and a client on rustls' client side.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http::{Client, Response, read_response};
use super::{Options, Server};

/// Bound on an answer.
const PATIENCE: Duration = Duration::from_secs(60);

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Server with its own authority, and the certificate that it offers over plain HTTP.
pub struct Secure {
    pub server: Server,
    /// Address of plain HTTP.
    pub plain: SocketAddr,
    /// Certificate of the authority, PEM.
    pub authority: String,
    /// The certificate as a file.
    pub authority_file: PathBuf,
}

impl Secure {
    /// Starts a server with the accounts of the options; `[tls] mode = "local-ca"` unless the settings
    /// mention `tls`.
    pub fn start(mut options: Options) -> Self {
        if !options.config.contains("tls") {
            options.config.push_str("\n[tls]\nmode = \"local-ca\"\n");
        }
        options.serve = true;
        let server = Server::start(options);
        let plain = plain_address(&server);
        let authority =
            Client { addr: plain, cookie: None, headers: Vec::new(), from: None }.get("/pichat.crt").text();
        let authority_file = server.data_dir.join("outside.crt");
        std::fs::write(&authority_file, &authority).expect("writes");
        Self { server, plain, authority, authority_file }
    }

    /// Starts a server with the administrator `ana`.
    pub fn with_ana() -> Self {
        Self::start(Options {
            users: vec![("ana", "una-clave-larga", "administrator")],
            ..Options::default()
        })
    }

    /// Returns a client of the plain port.
    pub fn plain(&self) -> Client {
        Client { addr: self.plain, cookie: None, headers: Vec::new(), from: None }
    }

    /// Connects as a client that trusts the authority.
    pub fn connect(&self, name: &str) -> io::Result<Stream> {
        connect(self.server.addr, &self.authority, name)
    }

    /// Sends a request with this head over TLS; returns the answer.
    pub fn request(&self, head: &str) -> Response {
        let mut stream = self.connect("pichat.local").expect("connects");
        let body = format!("{head}Connection: close\r\n\r\n");
        stream.write_all(body.as_bytes()).expect("writes");
        read_response(&mut stream, false).expect("an answer")
    }

    /// Sends a request on a new connection.
    fn ask(&self, method: &str, path: &str, rest: &str) -> Stream {
        let mut stream = self.connect("pichat.local").expect("connects");
        stream.sock.set_read_timeout(Some(Duration::from_secs(20))).expect("sets");
        let port = self.server.addr.port();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: pichat.local:{port}\r\n{rest}").expect("writes");
        stream
    }

    /// Signs in; returns the session cookie.
    pub fn sign_in(&self, name: &str, password: &str) -> String {
        let body = serde_json::json!({"username": name, "password": password}).to_string();
        let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = read_response(&mut self.ask("POST", "/api/session", &head), false).expect("an answer");
        answer.session_cookie().and_then(|c| c.split(';').next()).expect("a cookie").to_owned()
    }

    /// Opens the socket of a session; returns the connection after the upgrade.
    pub fn upgrade(&self, cookie: &str) -> Stream {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut stream = self.ask("GET", "/ws", &format!("Cookie: {cookie}\r\n{upgrade}"));
        // Byte by byte: the first frame may have come with the head.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let answer = read_response(&mut head.as_slice(), false).expect("an answer");
        assert_eq!(answer.status, 101, "{}", answer.text());
        stream
    }

    pub fn get(&self, path: &str, extra: &str) -> Response {
        self.request(&format!(
            "GET {path} HTTP/1.1\r\nHost: pichat.local:{}\r\n{extra}",
            self.server.addr.port()
        ))
    }
}

/// Returns the authority's file, the only one of a fresh data folder.
pub fn authority_file(data_dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data_dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found = entries.filter(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.starts_with("local-ca.") && name.ends_with(".pem")
    });
    found.next().expect("an authority")
}

/// Returns the last address that a server printed: plain HTTP comes after HTTPS.
pub fn plain_address(server: &Server) -> SocketAddr {
    let (_, address) = server.banner.rsplit_once("http://").expect("an address of plain HTTP");
    address.trim().trim_end_matches(')').parse().expect("an address")
}

/// Connects over TLS and trusts `authority`.
pub fn connect(addr: SocketAddr, authority: &str, name: &str) -> io::Result<Stream> {
    over(TcpStream::connect(addr)?, authority, name)
}

/// Starts TLS on a connection and trusts `authority`.
pub fn over(mut tcp: TcpStream, authority: &str, name: &str) -> io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(connection, tcp))
}

/// Runs a program with empty standard input.
pub fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{program} is not installed: {error}"))
}

/// Returns both outputs of a program.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Writes a certificate for `name` and its key as PEM files to `folder`, signed by a new authority; returns
/// the authority's certificate.
pub fn signed(folder: &Path, name: &str) -> String {
    let (authority_key, key) =
        (rcgen::KeyPair::generate().expect("a key"), rcgen::KeyPair::generate().expect("a key"));
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let authority = params.self_signed(&authority_key).expect("a certificate").pem();
    let issuer = rcgen::Issuer::new(params, authority_key);
    let mut leaf = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
    // Browsers refuse certificates with a distant end.
    let start = std::time::SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    (leaf.not_before, leaf.not_after) =
        (start.into(), (start + Duration::from_secs(90 * 24 * 60 * 60)).into());
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer).expect("a certificate").pem();
    std::fs::write(folder.join("c.pem"), certificate).expect("writes");
    std::fs::write(folder.join("k.pem"), key.serialize_pem()).expect("writes");
    authority
}

/// Writes a self-signed certificate for `name` and its key as PEM files to `folder`.
pub fn self_signed(folder: &Path, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(folder.join("c.pem"), &certificate).expect("writes");
    std::fs::write(folder.join("k.pem"), &key).expect("writes");
    (certificate, key)
}

//! nginx and Caddy with TLS in front of a server, set up as `docs/INSTALL.md` says.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::eventually;
use super::tls::{self, Stream};
use super::{Client, Options, Server};

/// Host name of the proxy.
pub const NAME: &str = "chat.example";
const INSTALL: &str = include_str!("../../docs/INSTALL.md");

/// Proxy program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

/// Server and a proxy in front of it.
pub struct Proxied {
    pub server: Server,
    /// Address of the proxy.
    pub addr: SocketAddr,
    /// Authority of the proxy's certificate, PEM.
    pub authority: String,
    /// The authority as a file.
    pub authority_file: PathBuf,
    proxy: Child,
    _folder: TempDir,
}

/// Returns the only example of a language on the page.
fn example(language: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let mut blocks = INSTALL.split(&*fence).skip(1);
    let block = blocks.next().and_then(|rest| rest.split("```").next()).expect("an example");
    assert!(blocks.next().is_none(), "one example in {language}");
    block
}

/// Replaces pieces, each of which must occur once, so that page and test cannot drift apart.
fn replace(text: &str, pieces: &[(&str, &str)]) -> String {
    pieces.iter().fold(text.to_owned(), |text, (old, new)| {
        assert_eq!(text.matches(old).count(), 1, "{old:?} in the example");
        text.replacen(old, new, 1)
    })
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// Returns true if the program is installed; otherwise prints a note.
    #[allow(clippy::print_stdout, reason = "a person who runs the tests reads it")]
    pub fn is_installed(self) -> bool {
        let found = Command::new("sh")
            .args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {}", self.program())])
            .output();
        let installed = found.is_ok_and(|found| found.status.success());
        if !installed {
            println!("skipped: {} is not installed", self.program());
        }
        installed
    }

    fn command(self, folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> Command {
        let path = |name: &str| folder.join(name).display().to_string();
        let (certificate, key) = (path("c.pem"), path("k.pem"));
        let files = [
            ("/etc/ssl/certs/chat.example.pem", &*certificate),
            ("/etc/ssl/private/chat.example.key", &*key),
        ];
        let upstream = upstream.to_string();
        let (name, text, args) = match self {
            Self::Nginx => {
                let listen = format!("listen {listen} ssl;");
                let pieces = [
                    ("listen 443 ssl;", &*listen),
                    ("    listen [::]:443 ssl;\n", ""),
                    ("127.0.0.1:8080", &*upstream),
                ];
                let site = replace(example("nginx"), &[&pieces[..], &files].concat());
                let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|of| {
                    let folder = path(of);
                    format!("{of}_temp_path {folder};\n")
                });
                let text = format!(
                    "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{}{site}}}\n",
                    path("pid"),
                    folders.concat()
                );
                ("nginx.conf", text, vec!["-e", "stderr", "-c"])
            }
            Self::Caddy => {
                let address = format!("https://{NAME}:{} {{\n    bind {}\n", listen.port(), listen.ip());
                let pieces = [("chat.example {\n", &*address), ("127.0.0.1:8080", &*upstream)];
                let site = replace(example("caddyfile"), &[&pieces[..], &files].concat());
                let global = "{\n    admin off\n    auto_https disable_redirects\n}\n";
                ("Caddyfile", format!("{global}{site}"), vec!["run", "--adapter", "caddyfile", "--config"])
            }
        };
        std::fs::write(folder.join(name), text).expect("writes");
        let mut command = Command::new(self.program());
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command
            .args(args)
            .arg(folder.join(name))
            .env("PATH", path)
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder);
        command
    }
}

impl Proxied {
    /// Starts both; `more` precedes the settings of the page.
    pub fn start(kind: Kind, more: &str) -> Self {
        let server = Server::start(Options::config(&format!("{more}\n{}", example("toml"))));
        let folder = tempfile::tempdir().expect("a folder");
        let authority = tls::signed(folder.path(), NAME);
        let authority_file = folder.path().join("authority.pem");
        std::fs::write(&authority_file, &authority).expect("writes");
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let log = folder.path().join("log");
        let mut command = kind.command(folder.path(), free, server.addr);
        let output = std::fs::File::create(&log).expect("a log");
        let errors = output.try_clone().expect("the same log");
        let mut proxy =
            command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().expect("the proxy starts");
        eventually("the proxy listens", || {
            let ended = proxy.try_wait().expect("waits");
            assert!(ended.is_none(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            TcpStream::connect(free).is_ok()
        });
        Self { server, addr: free, authority, authority_file, proxy, _folder: folder }
    }

    /// Returns the origin of its pages.
    pub fn origin(&self) -> String {
        format!("https://{NAME}:{}", self.addr.port())
    }

    /// Returns a client with its own loopback address and the headers of a browser.
    pub fn client(&self, last: u8) -> Client {
        let client = Client { addr: self.addr, ..Client::new(&self.server) }.from(last);
        client.with("Host", self.origin().trim_start_matches("https://")).with("Origin", &self.origin())
    }

    /// Connects that client over TLS.
    pub fn connect(&self, client: &Client) -> Stream {
        tls::over(client.connect(), &self.authority, NAME).expect("connects")
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

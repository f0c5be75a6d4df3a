//! Small HTTP/1.1 client over a plain socket; it sends exactly the bytes of a test, valid or not.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::Server;

/// Bound on an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// HTTP answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Returns the `Set-Cookie` line of the session; a device cookie may precede it.
    pub fn session_cookie(&self) -> Option<&str> {
        self.set_cookies().find(|line| !line.contains("-device-"))
    }

    /// Returns the `Set-Cookie` line of the device cookie.
    pub fn device_cookie(&self) -> Option<&str> {
        self.set_cookies().find(|line| line.contains("-device-"))
    }

    fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(|(k, _)| k.eq_ignore_ascii_case("set-cookie")).map(|(_, v)| v.as_str())
    }

    pub fn is_html(&self) -> bool {
        self.header("content-type") == Some("text/html; charset=utf-8")
    }

    /// Returns the address of a stored file.
    pub fn location(&self) -> String {
        assert_eq!(self.status, 201, "{}", self.text());
        self.header("location").expect("an address").to_owned()
    }

    /// Returns status and `code` of a problem.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Returns the stable `code` of a problem.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().expect("a code").to_owned()
    }
}

/// Reads one answer.
pub fn read_response(stream: &mut impl io::Read, head: bool) -> io::Result<Response> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .ok_or_else(|| io::Error::other(line.clone()))?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if status == 100 {
            continue;
        }
        let mut response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").and_then(|v| v.parse::<u64>().ok());
        if !head && status != 204 && status != 304 && status != 101 {
            match length {
                Some(length) => {
                    reader.by_ref().take(length).read_to_end(&mut response.body)?;
                    if response.body.len() as u64 != length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                None if response.header("transfer-encoding") == Some("chunked") => {
                    response.body = read_chunks(&mut reader)?;
                }
                None => drop(reader.read_to_end(&mut response.body)?),
            }
        }
        return Ok(response);
    }
}

/// Reads a chunked body (RFC 9112 section 7.1).
fn read_chunks(reader: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim_end(), 16)
            .map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if reader.take(length).read_to_end(&mut body)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Line end after a chunk, or after the last one.
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Client with or without a session.
#[derive(Clone)]
pub struct Client {
    pub addr: SocketAddr,
    /// `name=value`, as the server set it.
    pub cookie: Option<String>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// Source address, such as `127.0.0.2`.
    pub from: Option<std::net::Ipv4Addr>,
}

impl Client {
    pub fn new(server: &Server) -> Self {
        Self { addr: server.addr, cookie: None, headers: Vec::new(), from: None }
    }

    /// Returns a signed-in client.
    pub fn signed_in(server: &Server, user: &str, password: &str) -> Self {
        let mut client = Self::new(server);
        let answer = client.sign_in(user, password);
        assert_eq!(answer.status, 200, "{}", answer.text());
        client
    }

    pub fn admin(server: &Server) -> Self {
        Self::signed_in(server, "admin", "admin123")
    }

    pub fn cliente(server: &Server) -> Self {
        Self::signed_in(server, "cliente", "cliente123")
    }

    pub fn usuario(server: &Server) -> Self {
        Self::signed_in(server, "usuario", "usuario123")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses another loopback address, like another machine.
    pub fn from(mut self, last: u8) -> Self {
        self.from = Some(std::net::Ipv4Addr::new(127, 0, 0, last));
        self
    }

    /// Comes from 10.0.0.`last`, by the header of a trusted proxy on this machine ([`super::TRUSTING`]): all
    /// of 127.0.0.0/8 is one client.
    pub fn behind(self, last: u8) -> Self {
        self.with("X-Forwarded-For", &format!("10.0.0.{last}"))
    }

    /// Takes over the session cookie of an answer.
    pub fn take_cookie(&mut self, answer: &Response) {
        if let Some(cookie) = answer.session_cookie() {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
    }

    pub fn sign_in(&mut self, user: &str, password: &str) -> Response {
        let body = serde_json::json!({"username": user, "password": password}).to_string();
        let answer =
            self.send("POST", "/api/session", &[("Content-Type", "application/json")], body.as_bytes());
        self.take_cookie(&answer);
        answer
    }

    /// Continues with a server that restarted on another port, which names its cookie after the port.
    pub fn follow(&mut self, server: &Server) {
        self.addr = server.addr;
        if let Some((_, token)) = self.cookie.as_deref().and_then(|cookie| cookie.split_once('=')) {
            self.cookie = Some(format!("{}={token}", server.cookie_name()));
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = match self.from {
            None => TcpStream::connect(self.addr).expect("connects"),
            Some(from) => connect_from(from, self.addr),
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        stream.set_write_timeout(Some(PATIENCE)).expect("sets");
        stream
    }

    /// Returns the head of a request with this client's cookie and headers; `extra` may replace `Host`.
    pub fn head(&self, method: &str, path: &str, extra: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let own = self.headers.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let all: Vec<_> = own.chain(extra.iter().copied()).collect();
        if !all.iter().any(|(k, _)| k.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.addr));
        }
        if let Some(cookie) = &self.cookie {
            head.push_str(&format!("Cookie: {cookie}\r\n"));
        }
        for (name, value) in all {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut stream = self.connect();
        let mut head = self.head(method, path, extra);
        if !body.is_empty() || matches!(method, "POST" | "PUT") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        // A server that refuses early answers before it has read all.
        let sent = stream.write_all(body);
        match read_response(&mut stream, method == "HEAD") {
            Ok(response) => Ok(response),
            Err(error) => sent.and(Err(error)),
        }
    }

    pub fn send(&self, method: &str, path: &str, extra: &[(&str, &str)], body: &[u8]) -> Response {
        self.try_send(method, path, extra, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// Sends one request on a connection that stays open.
    pub fn get_on(&self, stream: &mut TcpStream, path: &str) -> io::Result<Response> {
        stream.write_all(format!("{}\r\n", self.head("GET", path, &[])).as_bytes())?;
        read_response(stream, false)
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    pub fn post_form(&self, path: &str, body: &str) -> Response {
        self.send("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], body.as_bytes())
    }

    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, &[], b"")
    }

    /// Uploads to `/api/files`.
    pub fn upload(&self, name: &str, data: &[u8]) -> Response {
        let (kind, body) = multipart("archivo", name, data);
        self.send("POST", "/api/files", &[("Content-Type", &kind)], &body)
    }
}

/// Returns content type and body of a form with one file.
pub fn multipart(field: &str, name: &str, data: &[u8]) -> (String, Vec<u8>) {
    let boundary = "----pichat-test-5f1c";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(data);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// Connects from a chosen loopback address.
fn connect_from(from: std::net::Ipv4Addr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(from.into(), 0)).expect("binds");
        socket.connect(to).await.expect("connects").into_std().expect("a stream")
    });
    stream.set_nonblocking(false).expect("sets");
    stream
}

/// Returns the statuses of `count` sequential requests for `path` over one connection.
pub fn get_many(client: &Client, path: &str, count: usize) -> Vec<u16> {
    let mut stream = client.connect();
    let mut statuses = Vec::new();
    for _ in 0..count {
        let head = client.head("GET", path, &[]);
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("writes");
        statuses.push(read_response(&mut stream, false).expect("answers").status);
    }
    statuses
}

/// Counts the statuses 429.
pub fn refused(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status == 429).count()
}

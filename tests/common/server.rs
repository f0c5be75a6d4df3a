//! Server process: the real binary, started for one test and ended with it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Bound on a start or an end; no test depends on shorter times.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options of a start.
#[derive(Default, Clone)]
pub struct Options {
    /// `pichat.toml`. Without any mention of `tls` the server speaks plain HTTP, as these clients do.
    pub config: String,
    /// Environment variables.
    pub env: Vec<(&'static str, String)>,
    /// Accounts to create before `serve` starts; `demo` without any.
    pub users: Vec<(&'static str, &'static str, &'static str)>,
    /// Data folder that outlives the server, for tests of restarts.
    pub data_dir: Option<PathBuf>,
    /// Starts `serve` even without accounts.
    pub serve: bool,
    /// Largest file in KiB: to the server's writes, a full disk.
    pub largest_file_kib: Option<u32>,
    /// Limit of open files and connections.
    pub open_files: Option<u32>,
    /// Port to listen on; 0 lets the system choose. Cookie names contain it, so a restart that browsers see
    /// needs the same port.
    pub port: u16,
}

impl Options {
    pub fn config(text: &str) -> Self {
        Self { config: text.to_owned(), ..Self::default() }
    }

    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }

    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }
}

/// Running server, killed on drop.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    pub data_dir: PathBuf,
    /// Output up to and including its address.
    pub banner: String,
    _folder: TempDir,
}

/// Returns the program under test: this build's, or the one that `PICHAT_UNDER_TEST` names, such as a static
/// binary.
fn program() -> OsString {
    std::env::var_os("PICHAT_UNDER_TEST").unwrap_or_else(|| env!("CARGO_BIN_EXE_pichat").into())
}

/// Returns a command of the program under test with a clean environment and Spanish texts.
pub fn pichat_command() -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command
}

/// Returns a command with limits on file size (writes fail, as the signal is ignored) and on descriptors.
fn limited(options: &Options) -> Command {
    let mut command = Command::new("bash");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    let set =
        |flag, limit: Option<u32>| limit.map(|limit| format!("ulimit -{flag} {limit}; ")).unwrap_or_default();
    let (size, open) = (set('f', options.largest_file_kib), set('n', options.open_files));
    let script = format!("trap '' XFSZ; {size}{open}exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(program());
    command
}

impl Server {
    /// Starts `demo` with default settings.
    pub fn demo() -> Self {
        Self::start(Options::default())
    }

    /// Starts a server with the three demo accounts, or those of the options.
    pub fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = options.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let config = folder.path().join("pichat.toml");
        std::fs::write(&config, &options.config).expect("writes the settings");
        let serve = options.serve || !options.users.is_empty();
        for (name, password, role) in &options.users {
            add_user(&data_dir, name, password, role);
        }
        let bounded = options.largest_file_kib.or(options.open_files).is_some();
        let mut command = if bounded { limited(&options) } else { pichat_command() };
        command
            .arg(if serve { "serve" } else { "demo" })
            .args(["--listen", &format!("127.0.0.1:{}", options.port), "--config"])
            .arg(&config)
            .arg("--data-dir")
            .arg(&data_dir)
            // Audit lines go to standard error by default, not to this machine's journal.
            .env("PICHAT_AUDIT_SYSLOG", "stderr")
            .envs((!options.config.contains("tls")).then_some(("PICHAT_TLS_MODE", "off")))
            .envs(options.env.iter().map(|(k, v)| (*k, v.as_str())))
            .stdout(Stdio::piped())
            .stderr(Stdio::from(std::fs::File::create(folder.path().join("stderr")).expect("a log")));
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("is piped");
        let (tell, told) = mpsc::channel();
        // Reads on after the address, so that the server never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut banner = String::new();
        let deadline = Instant::now() + PATIENCE;
        let addr = loop {
            match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    banner.push_str(&line);
                    banner.push('\n');
                    if let Some(addr) = address_in(&line) {
                        break addr;
                    }
                }
                Err(_) => {
                    let log = std::fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
                    let _ = child.kill();
                    panic!("no address came; printed: {banner}; said: {log}");
                }
            }
        };
        Self { child, addr, data_dir, banner, _folder: folder }
    }

    /// Starts a server whose limits on transfers no test reaches, with further settings.
    pub fn with_free_transfers(config: &str) -> Self {
        let limits = "[limits]\nuploads_per_minute = 100000\ndownloads_per_minute = 100000\nupload_burst = 100000\n\
            download_burst = 100000\ndelete_burst = 100000\ndeletes_per_minute = 100000\n";
        Self::start(Options::config(&format!("{limits}{config}")))
    }

    /// Returns the name of its session cookie over plain HTTP.
    pub fn cookie_name(&self) -> String {
        format!("pichat-{}", self.addr.port())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its standard error so far: the audit lines, unless the test named a syslog socket.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self._folder.path().join("stderr")).unwrap_or_default()
    }

    /// Waits until standard error holds `text`; returns the line.
    pub fn wait_for_line(&self, text: &str) -> String {
        self.wait_for_line_within(text, PATIENCE)
    }

    /// Waits at most `patience` until standard error holds `text`; returns the line.
    pub fn wait_for_line_within(&self, text: &str, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            let log = self.stderr();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "{text:?} never came; said: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the settings file, which a test may change before a SIGHUP.
    pub fn config_file(&self) -> PathBuf {
        self._folder.path().join("pichat.toml")
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "kill -s {name}");
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns a memory figure in KiB from `/proc`, such as `VmRSS`.
    pub fn rss_kib(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("is running");
        let line = status.lines().find(|l| l.starts_with(key)).expect("the kernel says it");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Polls until `check` holds.
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the first `127.0.0.1:PORT` of a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let start = line.find("127.0.0.1:")?;
    let text: String =
        line[start..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
    text.parse().ok()
}

/// Creates an account with the command line; the password goes over standard input.
pub fn add_user(data_dir: &Path, name: &str, password: &str, role: &str) {
    let (status, _, stderr) = user_command(&["add", name, "--role", role], data_dir, password);
    assert!(status.success(), "{stderr}");
}

/// Runs `pichat user …`; returns status, standard output, standard error.
pub fn user_command(args: &[&str], data_dir: &Path, stdin: &str) -> (ExitStatus, String, String) {
    use std::io::Write as _;
    let mut child = pichat_command()
        .arg("user")
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .env("PICHAT_AUDIT_SYSLOG", "stderr")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // It may end without reading a password.
    let _ = child.stdin.take().expect("is piped").write_all(format!("{stdin}\n").as_bytes());
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("is piped").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("is piped").read_to_string(&mut err).expect("text");
    (child.wait().expect("ends"), out, err)
}

//! Server under test: this program as another process, with its own accounts, on loopback, in a temporary
//! folder. Data of the device is neither read nor changed.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::wire;

/// Time limit of the start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Clock ticks a second in `/proc` (proc_pid_stat(5)): Linux shows this value to programs on all our targets.
const TICKS: u64 = 100;

/// Settings that raise the limits for a measurement; all others are the defaults.
const SETTINGS: &str = "[audit]\nsyslog = \"stderr\"\nlevel = \"warning\"\n[limits]\nlogins_per_minute = 1000000\n\
    requests_per_minute = 1000000\nrequest_burst = 1000000\nmessages_per_minute = 100000000\nmessage_burst = 1000000\n\
    joins_per_minute = 1000000\nconnections = 16384\nconnections_per_address = 16384\nsockets_per_session = 16384\n";

/// Folder for the test, removed on drop.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it in `data_dir`, so that it is on the same disk. Removes the folder of a test that was killed
    /// before.
    pub(super) fn make(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(".pichat-selftest");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&path)?,
        }
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The next test tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Running server, killed on drop.
pub(super) struct ChildServer {
    child: Child,
    pub(super) addr: SocketAddr,
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        // It has no data worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ChildServer {
    /// Starts a server and waits until it answers.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let settings = folder.join("pichat.toml");
        fs::write(&settings, SETTINGS)?;
        // This port was free a moment ago; if another process takes it, the start fails with an error.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["demo", "--listen", &addr.to_string(), "--config"])
            .arg(&settings)
            .arg("--data-dir")
            .arg(folder.join("data"))
            // No setting of the real server applies here.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { child, addr };
        let start = Instant::now();
        while !wire::is_up(addr) {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("the server under test ended: {status}")));
            }
            if start.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    fn proc(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))
    }

    /// Returns its resident memory in bytes.
    pub(super) fn memory(&self) -> io::Result<u64> {
        let kib = self
            .proc("status")?
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        kib.map(|kib: u64| kib * 1024).ok_or_else(|| io::Error::other("VmRSS"))
    }

    /// Returns its processor time, user and system.
    pub(super) fn cpu(&self) -> io::Result<Duration> {
        let stat = self.proc("stat")?;
        // The name may contain blanks; behind its parenthesis the 12th and 13th fields are user and system
        // ticks.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS))
    }

    /// Returns the limit of open files.
    pub(super) fn open_files(&self) -> io::Result<usize> {
        let limits = self.proc("limits")?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        // Open files are never "unlimited".
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| io::Error::other("Max open files"))
    }
}

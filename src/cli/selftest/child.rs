//! The server under test: this very program as another process, with accounts of its own, on loopback, in a folder that is gone
//! afterwards. What people keep on the device is neither read nor touched.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::wire;

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Clock ticks a second in `/proc` (proc_pid_stat(5)): what Linux shows to programs on every one of our targets.
const TICKS: u64 = 100;

/// Limits that would stand in the way of a measurement, raised; everything else as shipped.
const SETTINGS: &str = "[audit]\nsyslog = \"stderr\"\nlevel = \"warning\"\n[limits]\nlogins_per_minute = 1000000\n\
    requests_per_minute = 1000000\nrequest_burst = 1000000\nmessages_per_minute = 100000000\nmessage_burst = 1000000\n\
    joins_per_minute = 1000000\nconnections = 16384\nconnections_per_address = 16384\nsockets_per_session = 16384\n";

/// A folder for the test, gone with the value.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it in `data_dir`, so that it is the same disk. What a test that was killed has left there goes first.
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

/// A running server; it ends with the value.
pub(super) struct Server {
    child: Child,
    pub(super) addr: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that anybody misses.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one and waits until it answers.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let settings = folder.join("pichat.toml");
        fs::write(&settings, SETTINGS)?;
        // Free a moment ago; should somebody else take it, the start fails and says so.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["demo", "--listen", &addr.to_string(), "--config"])
            .arg(&settings)
            .arg("--data-dir")
            .arg(folder.join("data"))
            // Nothing of the real server's settings is for this one.
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

    /// Memory that it holds, bytes.
    pub(super) fn memory(&self) -> io::Result<u64> {
        let kib =
            self.proc("status")?.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        kib.map(|kib: u64| kib * 1024).ok_or_else(|| io::Error::other("VmRSS"))
    }

    /// Processor time that it has used, user and system.
    pub(super) fn cpu(&self) -> io::Result<Duration> {
        let stat = self.proc("stat")?;
        // The name may hold blanks; behind its parenthesis the 12th and 13th fields are user and system ticks.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS))
    }

    /// Files that it may have open.
    pub(super) fn open_files(&self) -> io::Result<usize> {
        let limits = self.proc("limits")?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
        // "unlimited" is not for open files.
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or_else(|| io::Error::other("Max open files"))
    }
}

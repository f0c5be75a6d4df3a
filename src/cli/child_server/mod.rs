//! Server under test: this program as another process, with its own accounts, on loopback, in a temporary
//! folder. Data of the device is neither read nor changed.

pub(super) mod client;

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use self::client::Target;

/// Time limit of the start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Clock ticks a second in `/proc` (proc_pid_stat(5)): Linux shows this value to programs on all our targets.
const TICKS: u64 = 100;

/// Working folder of the server, beside its data; core files go there unless the system says otherwise.
pub(super) const WORK: &str = "work";
/// Time limit of an orderly end: that of the server's own shutdown, and some more.
const ENDING: Duration = Duration::from_secs(15);

/// Folder for the test, removed on drop.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it in `data_dir`, so that it is on the same disk. Removes the folder of a test that was killed
    /// before.
    pub(super) fn make(data_dir: &Path, name: &str) -> io::Result<Self> {
        let path = data_dir.join(name);
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
    pub(super) target: Target,
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        // It has no data worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Options of a start.
pub(super) struct ChildOptions<'a> {
    /// Folder of its settings and, in `data`, of its data.
    pub(super) folder: &'a Path,
    /// Its settings, without `[tls]`.
    pub(super) settings: &'a str,
    pub(super) tls: bool,
    /// File of its output; `None` discards it.
    pub(super) output: Option<File>,
}

impl ChildServer {
    /// Starts a server and waits until it answers.
    pub(super) fn start(options: ChildOptions<'_>) -> io::Result<Self> {
        let ChildOptions { folder, settings, tls, output } = options;
        let plain = free_address()?;
        let secure = if tls { Some(free_address()?) } else { None };
        let mode = secure.map(|addr| format!("[tls]\nmode = \"local-ca\"\nlisten = \"{addr}\"\n"));
        let work = folder.join(WORK);
        fs::create_dir_all(&work)?;
        let file = folder.join("pichat.toml");
        fs::write(&file, [settings, mode.as_deref().unwrap_or_default()].concat())?;
        let (stdout, stderr) = match output {
            Some(output) => (Stdio::from(output.try_clone()?), Stdio::from(output)),
            None => (Stdio::null(), Stdio::null()),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["demo", "--listen", &plain.to_string(), "--config"])
            .arg(&file)
            .arg("--data-dir")
            .arg(folder.join("data"))
            // No setting of the real server applies here.
            .env_clear()
            .current_dir(work)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()?;
        let start = Instant::now();
        let target = loop {
            match Target::find(plain, secure) {
                Some(target) => break target,
                None if start.elapsed() > PATIENCE => {
                    // The child would outlive this command.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(io::ErrorKind::TimedOut.into());
                }
                None => {}
            }
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("the server under test ended: {status}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ok(Self { child, target })
    }

    /// Returns its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as `systemctl stop` does, and waits for the end.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or(io::ErrorKind::InvalidInput)?, Signal::TERM)?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > ENDING {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Reads one of its files in `/proc`.
    pub(super) fn proc(&self, file: &str) -> io::Result<String> {
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

/// Returns an address that was free a moment ago; if another process takes it, the start fails with an error.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

//! `pichat selftest`: number of people this board supports, and the bound that limits it. Takes under a
//! minute, on loopback, with its own server.

mod disk;
mod load_clients;
mod verdict;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;

use crate::accounts::hash_pool::hash_now;
use crate::accounts::tune;
use crate::app::{cores, open_data_dir};
use crate::config::{Argon2Params, Argon2Setting, Config, TlsMode};
use crate::types::Lang;
use crate::types::crypto::bench_tls_record;
use crate::types::texts::key;

use self::disk::DiskSpeed;
use self::load_clients::{LatencyRecorder, LoadClients, ROOMS};
use self::verdict::{Measurements, ROOM, SPEAKS_EVERY};
use super::child_server::{ChildOptions, ChildServer, Folder};
use super::config_source::{ConfigSource, Flags};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;

/// Time limit of the whole test; remaining measurements are left out.
const LONGEST: Duration = Duration::from_secs(55);
/// Time for hashing.
const HASHING: Duration = Duration::from_secs(2);
/// Latency up to which messages feel prompt.
const PROMPT: Duration = Duration::from_millis(200);
/// First pace in deliveries a second, and the maximum number of times it is doubled; no board reaches the
/// last.
const FIRST_PACE: u64 = 2_000;
const DOUBLINGS: u32 = 10;
/// Number of bisections between the last pace that was kept and the first that was not; an eighth of the
/// interval remains.
const HALVINGS: usize = 3;
/// Bytes of a message of 64 characters on the wire, for TLS.
const RECORD: usize = 200;
/// Sync latency above which uploads and sign-ins are noticeably slow.
const SLOW_SYNC: Duration = Duration::from_millis(100);

/// Settings that raise the limits for a measurement; all others are the defaults.
const SETTINGS: &str = "[audit]\nsyslog = \"stderr\"\nlevel = \"warning\"\n[limits]\nlogins_per_minute = 1000000\n\
    requests_per_minute = 1000000\nrequest_burst = 1000000\nmessages_per_minute = 100000000\nmessage_burst = 1000000\n\
    joins_per_minute = 1000000\nconnections = 16384\nconnections_per_address = 16384\nsockets_per_session = 16384\n";
/// Name of the clients.
const AGENT: &str = "pichat-selftest";

#[derive(Args)]
pub(super) struct SelfTest {
    #[command(flatten)]
    source: ConfigSource,
}

/// All measurements.
struct Report {
    argon2: Argon2Params,
    /// Time of one hash while every core computes one.
    hash: Duration,
    disk: DiskSpeed,
    top: LatencyRecorder,
    measured: Measurements,
    tls: bool,
}

impl SelfTest {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let config = self.source.load(Flags::default())?;
        become_owner(&config.data_dir)?;
        open_data_dir(&config.data_dir).map_err(Failure::from)?;
        let text = key::SELFTEST_START;
        say(text.get(lang));
        let report = measure(&config).map_err(Failure::SelfTest)?;
        say(format_args!("  {}", report.figures(lang)));
        // In every language, since people forward the output to others.
        for lang in Lang::ALL {
            say(format_args!("\n{}", report.sentence(*lang)));
        }
        say(format_args!("\n{}", report.measured.verdict().limits()));
        Ok(())
    }
}

fn measure(config: &Config) -> io::Result<Report> {
    let start = Instant::now();
    let folder = Folder::make(&config.data_dir, ".pichat-selftest")?;
    let argon2 = match config.accounts.argon2 {
        Argon2Setting::Fixed(params) => params,
        Argon2Setting::Auto => tune::on_this_board(tune::DEFAULT_TARGET).chosen.params,
    };
    let hashing = hashes(argon2)?;
    let disk = disk::measure(folder.path(), free_space(folder.path(), config)?)?;
    let seal = if config.tls.mode == TlsMode::Off { Duration::ZERO } else { bench_tls_record(RECORD) };
    let free_memory = free_memory()?;
    let server = ChildServer::start(ChildOptions {
        folder: folder.path(),
        settings: SETTINGS,
        tls: false,
        output: None,
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores().div_ceil(2))
        .enable_all()
        .build()?;
    let Delivery { top, cpu: cpu_per_delivery, bytes_per_socket } =
        runtime.block_on(people(&server, start + LONGEST))?;
    let measured = Measurements {
        sign_ins_per_s: hashing.per_s,
        deliveries_per_s: top.per_s,
        cpu_per_delivery,
        seal,
        bytes_per_socket,
        free_memory,
        open_files: server.open_files()?,
    };
    Ok(Report { argon2, hash: hashing.each, disk, top, measured, tls: config.tls.mode != TlsMode::Off })
}

/// Speed of hashing while every core hashes.
struct HashRate {
    per_s: f64,
    /// Time of one hash.
    each: Duration,
}

/// Hashes on every core at once.
fn hashes(params: Argon2Params) -> io::Result<HashRate> {
    let start = Instant::now();
    let threads: Vec<_> = (0..cores())
        .map(|_| {
            std::thread::spawn(move || {
                let mut made = 0_u32;
                while made == 0 || start.elapsed() < HASHING {
                    hash_now(b"correct horse battery staple", params).map_err(io::Error::other)?;
                    made += 1;
                }
                Ok::<_, io::Error>(made)
            })
        })
        .collect();
    let mut made = 0;
    for thread in threads {
        made += thread.join().map_err(|_| io::Error::other("a hash"))??;
    }
    let elapsed = start.elapsed();
    let each = elapsed * u32::try_from(cores()).unwrap_or(1) / made.max(1);
    Ok(HashRate { per_s: f64::from(made) / elapsed.as_secs_f64(), each })
}

/// Delivery at the highest pace that was prompt.
struct Delivery {
    top: LatencyRecorder,
    /// Processor time of the server for one delivery.
    cpu: Duration,
    bytes_per_socket: u64,
}

/// Finds the highest pace with prompt delivery, the server's processor time for one delivery at it, and its
/// memory per socket.
async fn people(server: &ChildServer, until: Instant) -> io::Result<Delivery> {
    let cookie = server.target.sign_in("cliente", "cliente123", AGENT)?;
    // The first sockets allocate the shared memory: rooms and code pages.
    let mut crowd = LoadClients::default();
    crowd.gather(&server.target, &cookie, ROOM).await?;
    let before = server.memory()?;
    crowd.gather(&server.target, &cookie, ROOMS * ROOM).await?;
    let bytes_per_socket = server.memory()?.saturating_sub(before) / ((ROOMS - 1) * ROOM) as u64;
    let top = LatencyRecorder { per_s: 0.0, p99: Duration::MAX, whole: false };
    let mut best = Delivery { top, cpu: Duration::ZERO, bytes_per_socket };
    let (mut held, mut lost) = (0, None);
    for step in 0..DOUBLINGS as usize + HALVINGS {
        let pace = match lost {
            None if step < DOUBLINGS as usize => FIRST_PACE << step,
            None => break,
            Some(lost) => u64::midpoint(held, lost),
        };
        if Instant::now() >= until || pace <= held + held / 8 || !crowd.is_whole() {
            break;
        }
        let cpu = server.cpu()?;
        let heard = crowd.speak(pace).await?;
        if heard.whole && heard.p99 < PROMPT {
            let deliveries = heard.per_s * load_clients::SEND_WINDOW.as_secs_f64();
            let cpu = server.cpu()?.saturating_sub(cpu).div_f64(deliveries.max(1.0));
            (best, held) = (Delivery { top: heard, cpu, bytes_per_socket }, pace);
        } else {
            lost = Some(pace);
        }
    }
    Ok(best)
}

/// Returns the bytes that the disk test may write: a quarter of the space above the part that stays free.
fn free_space(folder: &Path, config: &Config) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    let (free, total) =
        (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
    Ok(free.saturating_sub(total / 100 * u64::from(config.files.keep_free_percent)) / 4)
}

/// Returns the available memory in bytes: the kernel's estimate (proc_meminfo(5)).
fn free_memory() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok());
    kib.map(|kib: u64| kib * 1024).ok_or_else(|| io::Error::other("MemAvailable"))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Report {
    /// Returns the measurements, one line each.
    fn figures(&self, lang: Lang) -> String {
        let (Measurements { cpu_per_delivery, bytes_per_socket, seal, .. }, top) = (self.measured, self.top);
        let (hash, per_minute) = (ms(self.hash), self.measured.sign_ins_per_s * 60.0);
        let (mb, p50, p99) = (self.disk.mb_per_s, ms(self.disk.sync_p50), ms(self.disk.sync_p99));
        let (late, cpu, kib) =
            (ms(top.p99), cpu_per_delivery.as_secs_f64() * 1e6, bytes_per_socket as f64 / 1024.0);
        let (argon2, per_s, tls) = (self.argon2, top.per_s, seal.as_secs_f64() * 1e6);
        let values: [(_, &dyn fmt::Display); 13] = [
            ("hash", &format_args!("{hash:.0}")),
            ("argon2", &argon2),
            ("sign_ins", &format_args!("{per_minute:.0}")),
            ("mb", &format_args!("{mb:.0}")),
            ("p50", &format_args!("{p50:.1}")),
            ("p99", &format_args!("{p99:.1}")),
            ("deliveries", &format_args!("{per_s:.0}")),
            ("rooms", &ROOMS),
            ("room", &ROOM),
            ("late", &format_args!("{late:.0}")),
            ("cpu", &format_args!("{cpu:.1}")),
            ("tls", &format_args!("{tls:.1}")),
            ("kib", &format_args!("{kib:.1}")),
        ];
        key::SELFTEST_FIGURES.fill(lang, &values)
    }

    /// Returns the number of people, the bound that limits it, and the missing measurements.
    fn sentence(&self, lang: Lang) -> String {
        let verdict = self.measured.verdict();
        let values: [(_, &dyn fmt::Display); 5] = [
            ("people", &verdict.people),
            ("room", &ROOM),
            ("every", &SPEAKS_EVERY.as_secs()),
            ("prompt", &PROMPT.as_millis()),
            ("bound", &verdict.bound.text().get(lang)),
        ];
        let mut sentences = vec![key::SELFTEST_SENTENCE.fill(lang, &values)];
        let further = [
            (self.tls, key::SELFTEST_TLS),
            (self.disk.sync_p99 > SLOW_SYNC, key::SELFTEST_SLOW_DISK),
            (true, key::SELFTEST_WIFI),
        ];
        sentences
            .extend(further.iter().filter(|(holds, _)| *holds).map(|(_, text)| text.get(lang).to_owned()));
        sentences.join(" ")
    }
}

//! Samples of memory, files and tables every second, and the rule for "flat".

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::metrics::{figures, watcher};
use crate::common::{Client, Server};

/// Interval between samples.
const EVERY: Duration = Duration::from_secs(1);
/// The median of the last quarter may exceed that of the second by this share, or by the slack of the column
/// if that is more. The first quarter is warm-up: caches fill and tables reach their size. Under a constant
/// load the medians of 150 samples differ by 5 %.
const PER_CENT: u64 = 5;

/// Column: name in the CSV, metric of `/api/metrics` (none: `/proc`), slack of its median.
/// The last field is the distance to the first value that is allowed at the end.
type Column = (&'static str, Option<&'static str>, u64, Option<u64>);

/// Slack: 1 MiB of memory; 8 sockets, seats or rooms, a tenth of the usual number; the queue of one socket
/// (256 frames, 256 KiB); files of one round of uploads.
const COLUMNS: [Column; 16] = [
    ("rss_kib", None, 1024, None),
    // SQLite may keep one more file for its next checkpoint.
    ("open_files", None, 8, Some(2)),
    ("connections", Some("pichat_connections"), 8, Some(0)),
    ("sockets", Some("pichat_sockets"), 8, Some(0)),
    ("places", Some("pichat_seats"), 8, Some(0)),
    ("rooms", Some("pichat_rooms{state=\"occupied\"}"), 8, Some(0)),
    ("rooms_quiet", Some("pichat_rooms{state=\"quiet\"}"), 8, Some(0)),
    ("members", Some("pichat_members"), 8, Some(0)),
    ("chat_memory", Some("pichat_chat_memory_bytes"), 65_536, Some(0)),
    // Sessions of the user that never signs out, up to the limit of a user.
    ("sessions", Some("pichat_sessions"), 2, Some(16)),
    ("frames_waiting", Some("pichat_outbound_frames"), 256, Some(0)),
    ("bytes_waiting", Some("pichat_outbound_bytes"), 256 * 1024, Some(0)),
    ("deepest_queue", Some("pichat_outbound_deepest"), 256, Some(0)),
    ("hashes_waiting", Some("pichat_hash_waiting{pool=\"accounts\"}"), 8, Some(0)),
    ("audit_waiting", Some("pichat_audit_waiting"), 64, Some(0)),
    ("files", Some("pichat_files"), 8, Some(0)),
];

/// All samples so far.
pub struct Samples {
    pid: u32,
    client: Client,
    start: Instant,
    csv: File,
    rows: Vec<[u64; COLUMNS.len()]>,
    /// Number of rows taken under load.
    churned: usize,
}

impl Samples {
    /// Takes the first sample.
    pub fn new(server: &Server, csv: &Path) -> Self {
        let mut csv = File::create(csv).expect("the folder target is there");
        let names: Vec<_> = COLUMNS.iter().map(|(name, ..)| *name).collect();
        writeln!(csv, "seconds,churn,{}", names.join(",")).expect("writes");
        let mut samples = Self {
            pid: server.pid(),
            client: watcher(server),
            start: Instant::now(),
            csv,
            rows: Vec::new(),
            churned: usize::MAX,
        };
        samples.take();
        samples
    }

    fn take(&mut self) {
        let figures = figures(&self.client);
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("is running");
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel reports it");
        let rss = rss.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("is running").count() as u64;
        let row = COLUMNS.map(|(name, sample, ..)| match sample {
            Some(sample) => figures[sample],
            None if name == "rss_kib" => rss,
            None => files,
        });
        let churn = u8::from(self.rows.len() < self.churned && !self.rows.is_empty());
        let values: Vec<_> = row.iter().map(u64::to_string).collect();
        writeln!(self.csv, "{:.1},{churn},{}", self.start.elapsed().as_secs_f64(), values.join(","))
            .expect("writes");
        self.rows.push(row);
    }

    /// Takes one sample a second until `over` or until `enough` returns true; returns true in the second
    /// case.
    pub fn take_until(&mut self, over: Instant, enough: impl Fn(&Self) -> bool) -> bool {
        while Instant::now() < over {
            std::thread::sleep(EVERY);
            self.take();
            if enough(self) {
                return true;
            }
        }
        false
    }

    /// Marks the end of the load.
    pub fn churn_is_over(&mut self) {
        self.churned = self.rows.len();
    }

    /// Returns true if every column that must is back at its first value.
    pub fn is_back(&self) -> bool {
        self.missing().is_empty()
    }

    /// Returns the columns that are not back at their first value.
    pub fn missing(&self) -> Vec<&'static str> {
        let (Some(first), Some(last)) = (self.rows.first(), self.rows.last()) else { return Vec::new() };
        let columns = COLUMNS.iter().zip(first.iter().zip(last));
        columns
            .filter(|((.., back), (first, last))| back.is_some_and(|within| **last > **first + within))
            .map(|((name, ..), _)| *name)
            .collect()
    }

    /// Prints the table; returns true if a column grew, provided that the quarters are long enough to
    /// `judge`.
    pub fn print(&self, judge: bool) -> bool {
        let churned = &self.rows[1..self.churned.min(self.rows.len())];
        let quarter = churned.len() / 4;
        let [first, second, last] =
            [0, quarter, churned.len() - quarter].map(|at| &churned[at..at + quarter]);
        println!(
            "{:<16} {:>8} | {:>8} {:>8} {:>8} | {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>8}",
            "",
            "before",
            "1st: min",
            "median",
            "max",
            "2nd: med",
            "4th: min",
            "median",
            "max",
            "may be",
            "after"
        );
        let mut grew = false;
        for (at, (name, _, slack, _)) in COLUMNS.iter().enumerate() {
            let of = |rows: &[[u64; COLUMNS.len()]]| {
                let mut values: Vec<_> = rows.iter().map(|row| row[at]).collect();
                values.sort_unstable();
                [values[0], values[values.len() / 2], values[values.len() - 1]]
            };
            let ([a, b, c], [_, then, _], [x, now, z]) = (of(first), of(second), of(last));
            let allowed = then + (then * PER_CENT / 100).max(*slack);
            let more = judge && now > allowed;
            let verdict = if more { " GREW" } else { "" };
            grew |= more;
            println!(
                "{name:<16} {:>8} | {a:>8} {b:>8} {c:>8} | {then:>8} | {x:>8} {now:>8} {z:>8} | {allowed:>8} {:>8}{verdict}",
                self.rows[0][at],
                self.rows[self.rows.len() - 1][at]
            );
        }
        grew
    }
}

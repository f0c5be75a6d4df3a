//! Write speed and sync latency of the disk.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Maximum bytes of the large write: four of the largest uploads.
const MOST: u64 = 64 * 1024 * 1024;
/// Bytes of one write call, as for an upload.
const PIECE: usize = 256 * 1024;
/// Time limit of the large write; a slow card has shown its speed by then.
const LONGEST: Duration = Duration::from_secs(5);
/// Number of small synced writes, and their total time limit.
const SYNCS: usize = 200;
const SYNCING: Duration = Duration::from_secs(3);
/// Bytes of a database row with the journal's share.
const ROW: usize = 4096;

/// Result of the measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskSpeed {
    /// Speed of a large synced file, MB (10⁶ bytes) a second.
    pub(super) mb_per_s: f64,
    /// Median latency of a small synced write.
    pub(super) sync_p50: Duration,
    /// 99th percentile of that latency.
    pub(super) sync_p99: Duration,
}

/// Measures in `folder`; at most `most` bytes are written at a time, and none stay.
pub(super) fn measure(folder: &Path, most: u64) -> io::Result<DiskSpeed> {
    let path = folder.join("disk");
    let mut file = File::create_new(&path)?;
    // Without a name the file disappears with the process.
    std::fs::remove_file(&path)?;
    // Incompressible, so that a compressing disk gives no better figure.
    let piece: Vec<u8> = (0..PIECE as u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes())
        .take(PIECE)
        .collect();
    let start = Instant::now();
    let mut written = 0;
    while written + (PIECE as u64) <= most.min(MOST) && start.elapsed() < LONGEST {
        file.write_all(&piece)?;
        written += PIECE as u64;
    }
    file.sync_all()?;
    let mb_per_s = written as f64 / 1e6 / start.elapsed().as_secs_f64();
    file.set_len(0)?;
    file.rewind()?;
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < SYNCS && start.elapsed() < SYNCING {
        let one = Instant::now();
        file.write_all(&piece[..ROW])?;
        file.sync_data()?;
        times.push(one.elapsed());
    }
    times.sort_unstable();
    let at =
        |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied();
    let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    Ok(DiskSpeed { mb_per_s, sync_p50: p50, sync_p99: p99 })
}

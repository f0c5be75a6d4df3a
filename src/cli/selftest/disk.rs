//! How fast the disk takes a file, and how long it takes to have something for certain.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Written at most in one go: four of the largest uploads.
const MOST: u64 = 64 * 1024 * 1024;
/// Bytes in one call, as an upload is written.
const PIECE: usize = 256 * 1024;
/// A card that has not taken everything by then has shown what it can do.
const LONGEST: Duration = Duration::from_secs(5);
/// Small writes, each one synced, and how long they may take together.
const SYNCS: usize = 200;
const SYNCING: Duration = Duration::from_secs(3);
/// A row of the database with what the journal adds.
const ROW: usize = 4096;

/// What the disk can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiskSpeed {
    /// A large file, synced at its end, MB (10⁶ bytes) a second.
    pub(super) mb_per_s: f64,
    /// A small write until it is on the disk: half of them take no longer.
    pub(super) sync_p50: Duration,
    /// 99 of 100 take no longer.
    pub(super) sync_p99: Duration,
}

/// Measures in `folder`; at most `most` bytes are written at a time, and nothing stays.
pub(super) fn measure(folder: &Path, most: u64) -> io::Result<DiskSpeed> {
    let path = folder.join("disk");
    let mut file = File::create_new(&path)?;
    // Without a name it is gone with the process, however that ends.
    std::fs::remove_file(&path)?;
    // What a disk could shorten would flatter it.
    let piece: Vec<u8> =
        (0..PIECE as u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()).take(PIECE).collect();
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
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied();
    let (p50, p99) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    Ok(DiskSpeed { mb_per_s, sync_p50: p50, sync_p99: p99 })
}

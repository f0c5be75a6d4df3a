//! Starts the write-back of an upload while it streams, so that the final sync has little left to wait for.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Bytes of one write-back: large enough for an SD card to write in one go.
const STEP: u64 = 2 * 1024 * 1024;

/// Number of bytes whose write-back was started.
#[derive(Default)]
pub(super) struct WriteBack(u64);

impl WriteBack {
    /// Starts the write-back of the bytes since the last call, once there are enough.
    pub(super) fn begin(&mut self, file: &File, size: u64) {
        if size - self.0 >= STEP
            && let Some(len) = NonZeroU64::new(size - self.0)
        {
            // Linux starts to write the range's dirty pages and drops only clean ones (mm/fadvise.c), so
            // these pages stay cached for the next reader. A refused hint costs only the call.
            let _ = fadvise(file, self.0, Some(len), Advice::DontNeed);
            self.0 = size;
        }
    }
}

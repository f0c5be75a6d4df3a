//! The disk begins to write an upload while the rest of it is still on its way, so that the sync at its end has little left to wait for.

use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Bytes handed over at a time: large enough for a card to write in one go.
const STEP: u64 = 2 * 1024 * 1024;

/// How far a file was handed over.
#[derive(Default)]
pub(super) struct WriteBack(u64);

impl WriteBack {
    /// Lets the disk begin with what came in since the last time, once it is worth it.
    pub(super) fn begin(&mut self, file: &File, size: u64) {
        if size - self.0 >= STEP
            && let Some(len) = NonZeroU64::new(size - self.0)
        {
            // Linux begins to write the range's dirty pages then, and forgets only clean ones (mm/fadvise.c): these stay for whoever reads the
            // file next. A hint that is refused costs nothing but the time.
            let _ = fadvise(file, self.0, Some(len), Advice::DontNeed);
            self.0 = size;
        }
    }
}

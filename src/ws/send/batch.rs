//! Gathers queued frames into one write.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use zeroize::Zeroize as _;

use crate::ws::protocol::frame::Frame;

/// Maximum number of frames in one write.
pub(crate) const BATCH_FRAMES: usize = 64;
/// Batches up to this size in bytes are copied into one buffer on the stack. For a few small frames that is
/// cheaper than a vectored write.
const COALESCE_BELOW: usize = 4096;

/// Bytes of one write.
pub(crate) enum Gathered<'a> {
    /// One contiguous buffer.
    Contiguous(&'a [u8]),
    /// Slices for a vectored write.
    Vectored(&'a [IoSlice<'a>]),
}

/// Passes the first frames to `write`, without the first `written` bytes, which are already out.
pub(crate) fn gather<'a, R>(
    frames: impl Iterator<Item = &'a Frame> + Clone,
    written: usize,
    write: impl FnOnce(Gathered<'_>) -> R,
) -> R {
    let mut rest = frames.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        return write(Gathered::Contiguous(&only.as_bytes()[written..]));
    }
    let parts = frames
        .take(BATCH_FRAMES)
        .enumerate()
        .map(|(i, frame)| &frame.as_bytes()[if i == 0 { written } else { 0 }..]);
    // Passed by reference only: moving the buffer would cost more than the copy saves.
    let mut copy = heapless::Vec::<u8, COALESCE_BELOW>::new();
    let fits = parts.clone().all(|part| copy.extend_from_slice(part).is_ok());
    let written = if fits { Ok(write(Gathered::Contiguous(&copy))) } else { Err(write) };
    // The stack keeps what was on it.
    copy.as_mut_slice().zeroize();
    let write = match written {
        Ok(result) => return result,
        Err(write) => write,
    };
    let parts: heapless::Vec<IoSlice<'_>, BATCH_FRAMES> = parts.map(IoSlice::new).collect();
    write(Gathered::Vectored(&parts))
}

/// Copy of several small frames, shared by all receivers with equal queues. In a busy room these are nearly
/// all.
#[derive(Default)]
pub(crate) struct CoalescedBatch {
    frames: heapless::Vec<Frame, BATCH_FRAMES>,
    bytes: heapless::Vec<u8, COALESCE_BELOW>,
}

impl Drop for CoalescedBatch {
    fn drop(&mut self) {
        self.clear();
    }
}

impl CoalescedBatch {
    /// Overwrites the copy, which is on the stack.
    fn clear(&mut self) {
        self.frames.clear();
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
    }

    /// Returns the bytes of `frames`, or `None` for a single frame or for more than fit in the copy.
    pub(crate) fn of<'a>(
        &mut self,
        frames: impl ExactSizeIterator<Item = &'a Frame> + Clone,
    ) -> Option<&[u8]> {
        if frames.len() < 2 {
            return None;
        }
        let same = self.frames.len() == frames.len()
            && self.frames.iter().zip(frames.clone()).all(|(a, b)| a.ptr_eq(b));
        if !same {
            self.clear();
            for frame in frames {
                if self.frames.push(frame.clone()).is_err()
                    || self.bytes.extend_from_slice(frame.as_bytes()).is_err()
                {
                    // Too large. Cleared, so that the next receiver's frames do not match a partial copy.
                    self.clear();
                    return None;
                }
            }
        }
        Some(&self.bytes)
    }
}

/// Removes the frames that `n` more bytes complete. Returns the bytes already written of the new first frame.
pub(crate) fn advance<T>(
    frames: &mut VecDeque<T>,
    bytes_of: impl Fn(&T) -> usize,
    written: usize,
    n: usize,
) -> usize {
    let mut out = written + n;
    while let Some(len) = frames.front().map(&bytes_of) {
        if out < len {
            return out;
        }
        out -= len;
        frames.pop_front();
    }
    0
}

/// Maps `WouldBlock` to 0 bytes written.
pub(crate) fn would_block_as_zero(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each receiver gets the bytes of its own frames, whatever the order of receivers.
        #[test]
        fn coalesced_batch_equals_its_frames(sizes in prop::collection::vec(0..1500_usize, 1..5), queues in prop::collection::vec(prop::collection::vec(0..5_usize, 0..70), 1..12)) {
            let frames: Vec<_> = sizes.iter().map(|size| Frame::json(&"x".repeat(*size))).collect();
            let mut run = CoalescedBatch::default();
            for queue in queues.iter().flat_map(|queue| [queue, queue]) {
                let queue: Vec<_> = queue.iter().map(|i| &frames[i % frames.len()]).collect();
                let whole: Vec<u8> = queue.iter().flat_map(|frame| frame.as_bytes().to_vec()).collect();
                let some = (2..=BATCH_FRAMES).contains(&queue.len()) && whole.len() <= COALESCE_BELOW;
                prop_assert_eq!(run.of(queue.iter().copied()), some.then_some(&*whole));
            }
        }

        /// All bytes go out once and in order, whatever the kernel accepts per call.
        #[test]
        fn all_bytes_go_out_once_and_in_order(sizes in prop::collection::vec(0..3000_usize, 0..90), takes in prop::collection::vec(1..5000_usize, 1..20)) {
            let frames: Vec<_> = sizes.iter().enumerate().map(|(i, size)| Frame::json(&format!("{i:-<size$}"))).collect();
            let whole: Vec<u8> = frames.iter().flat_map(|f| f.as_bytes().to_vec()).collect();
            let mut queue: VecDeque<_> = frames.into();
            let (mut sent, mut written) = (Vec::new(), 0);
            for take in takes.iter().cycle() {
                if queue.is_empty() {
                    break;
                }
                let bytes: Vec<u8> = gather(queue.iter(), written, |gathered| match gathered {
                    Gathered::Contiguous(bytes) => bytes.to_vec(),
                    Gathered::Vectored(parts) => parts.iter().flat_map(|part| part.to_vec()).collect(),
                });
                let n = bytes.len().min(*take);
                sent.extend_from_slice(&bytes[..n]);
                written = advance(&mut queue, |f| f.as_bytes().len(), written, n);
            }
            prop_assert_eq!(sent, whole);
        }
    }
}

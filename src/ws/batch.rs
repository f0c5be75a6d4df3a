//! Frames on their way to the kernel: one write for all of them, whoever makes it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use super::frame::Frame;

/// Frames in one write.
pub(super) const BATCH_FRAMES: usize = 64;
/// A batch of up to so many bytes is copied together: for a few small frames that is cheaper than for the kernel to gather them. The
/// copy lives on the stack for the length of one call.
const COALESCE_BELOW: usize = 4096;

/// What is to be written in one call.
pub(super) enum Gathered<'a> {
    /// Bytes one after the other.
    Contiguous(&'a [u8]),
    /// Where they lie.
    Vectored(&'a [IoSlice<'a>]),
}

/// Hands over the first frames, less the `written` bytes of the very first that are out already.
pub(super) fn gather<'a, R>(
    frames: impl Iterator<Item = &'a Frame> + Clone,
    written: usize,
    write: impl FnOnce(Gathered<'_>) -> R,
) -> R {
    let mut rest = frames.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        return write(Gathered::Contiguous(&only.as_bytes()[written..]));
    }
    let parts = frames.take(BATCH_FRAMES).enumerate().map(|(i, frame)| &frame.as_bytes()[if i == 0 { written } else { 0 }..]);
    // Handed on by reference only: moving it would cost more than it saves.
    let mut copy = heapless::Vec::<u8, COALESCE_BELOW>::new();
    if parts.clone().all(|part| copy.extend_from_slice(part).is_ok()) {
        return write(Gathered::Contiguous(&copy));
    }
    let parts: heapless::Vec<IoSlice<'_>, BATCH_FRAMES> = parts.map(IoSlice::new).collect();
    write(Gathered::Vectored(&parts))
}

/// Some small frames, copied together once for all receivers who have the same ones to come: as good as everybody in a busy room.
#[derive(Default)]
pub(super) struct CoalescedBatch {
    frames: heapless::Vec<Frame, BATCH_FRAMES>,
    bytes: heapless::Vec<u8, COALESCE_BELOW>,
}

impl CoalescedBatch {
    /// The bytes of these frames, where they are more than one and small enough.
    pub(super) fn of<'a>(&mut self, frames: impl ExactSizeIterator<Item = &'a Frame> + Clone) -> Option<&[u8]> {
        if frames.len() < 2 {
            return None;
        }
        let same = self.frames.len() == frames.len() && self.frames.iter().zip(frames.clone()).all(|(a, b)| a.ptr_eq(b));
        if !same {
            self.frames.clear();
            self.bytes.clear();
            for frame in frames {
                if self.frames.push(frame.clone()).is_err() || self.bytes.extend_from_slice(frame.as_bytes()).is_err() {
                    // Not a run of anything: the next receiver's are compared with none.
                    self.frames.clear();
                    return None;
                }
            }
        }
        Some(&self.bytes)
    }
}

/// Takes `n` bytes that were written off the front; returns how many of them are of a frame that is not out yet.
pub(super) fn advance<T>(frames: &mut VecDeque<T>, bytes_of: impl Fn(&T) -> usize, written: usize, n: usize) -> usize {
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

/// What a call to the kernel that cannot wait came to: bytes, or nothing for now.
pub(super) fn would_block_as_zero(result: io::Result<usize>) -> io::Result<usize> {
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
        /// Whoever comes after whom, each gets their own frames.
        #[test]
        fn a_run_is_its_frames(sizes in prop::collection::vec(0..1500_usize, 1..5), queues in prop::collection::vec(prop::collection::vec(0..5_usize, 0..70), 1..12)) {
            let frames: Vec<_> = sizes.iter().map(|size| Frame::json(&"x".repeat(*size))).collect();
            let mut run = CoalescedBatch::default();
            for queue in queues.iter().flat_map(|queue| [queue, queue]) {
                let queue: Vec<_> = queue.iter().map(|i| &frames[i % frames.len()]).collect();
                let whole: Vec<u8> = queue.iter().flat_map(|frame| frame.as_bytes().to_vec()).collect();
                let some = (2..=BATCH_FRAMES).contains(&queue.len()) && whole.len() <= COALESCE_BELOW;
                prop_assert_eq!(run.of(queue.iter().copied()), some.then_some(&*whole));
            }
        }

        /// Whatever the kernel takes at a time, the bytes come out once and in order.
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

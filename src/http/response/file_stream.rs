//! A stretch of a file on its way out: read on the network thread where the kernel has it in memory,
//! elsewhere where it has not.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use crate::locks::lock;
use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use tokio::sync::oneshot::Receiver;

use crate::detached;

/// Bytes of a file read at once: twice this stays within a processor's second-level cache, so that the kernel
/// reads for the socket what it has just written for us. It is also what a transfer holds in memory.
const CHUNK: usize = 128 * 1024;
/// Bytes after which other tasks of the thread have their turn: some 0.2 ms of copying on a desktop's core, 1
/// to 2 ms on a small board.
const YIELD_AFTER: usize = 512 * 1024;

/// Buffer of a transfer while it is not in use. It is allocated once: with musl's allocator, which maps
/// memory of this size on each allocation, the kernel would clear every page again.
type BufferPool = Arc<Mutex<Option<Vec<u8>>>>;

/// Bytes that were read. Dropping the value returns the buffer to the pool.
struct Buffer {
    buffer: Vec<u8>,
    len: usize,
    shelf: BufferPool,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut shelf = lock(&self.shelf);
        *shelf = Some(std::mem::take(&mut self.buffer));
    }
}

impl Buffer {
    fn take(shelf: &BufferPool, len: usize) -> Self {
        let buffer = lock(shelf).take();
        let mut buffer = buffer.unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        Self { buffer, len, shelf: Arc::clone(shelf) }
    }

    /// Reads what the kernel has in memory, without waiting for a disk. `false` where it has nothing of it,
    /// or cannot tell.
    fn read_now(&mut self, file: &File, at: u64) -> io::Result<bool> {
        let mut space = [IoSliceMut::new(&mut self.buffer[..self.len])];
        match preadv2(file, &mut space, at, ReadWriteFlags::NOWAIT) {
            Ok(0) | Err(Errno::AGAIN | Errno::INTR | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {
                Ok(false)
            }
            Ok(n) => {
                self.len = n;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads all of it. Blocks.
    fn read(mut self, file: &File, at: u64) -> io::Result<Self> {
        let mut done = 0;
        while done < self.len {
            match pread(file, &mut self.buffer[done..self.len], at + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => done += n,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self)
    }
}

/// Bytes of a file that are still to be sent.
pub(crate) struct FileStream {
    file: Arc<File>,
    at: u64,
    left: u64,
    shelf: BufferPool,
    /// A read that waits for the disk, on a thread that may.
    reading: Option<Receiver<io::Result<Buffer>>>,
    /// Bytes since others had their turn.
    turn: usize,
}

impl FileStream {
    /// `left` bytes from `at` on.
    pub(crate) fn new(file: File, at: u64, left: u64) -> Self {
        Self { file: Arc::new(file), at, left, shelf: BufferPool::default(), reading: None, turn: 0 }
    }

    /// Bytes that are still to be sent.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The next bytes; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.reading.is_none() {
            if self.turn >= YIELD_AFTER {
                self.turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let len = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
            let mut chunk = Buffer::take(&self.shelf, len);
            match chunk.read_now(&self.file, self.at) {
                Ok(true) => return Poll::Ready(Some(Ok(self.next_bytes(chunk)))),
                Ok(false) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            let (file, at) = (Arc::clone(&self.file), self.at);
            self.reading = Some(detached::blocking(move || chunk.read(&file, at)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Pending };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let read = read.unwrap_or_else(|_| Err(io::Error::other("the disk thread ended early")));
        Poll::Ready(Some(read.map(|chunk| self.next_bytes(chunk))))
    }

    fn next_bytes(&mut self, chunk: Buffer) -> Bytes {
        self.at += chunk.len as u64;
        self.left -= chunk.len as u64;
        self.turn += chunk.len;
        Bytes::from_owner(chunk)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;

    use super::*;

    const LEN: usize = 3 * YIELD_AFTER + 12_345;

    fn content() -> Vec<u8> {
        (0..LEN).map(|n| u8::try_from(n % 251).expect("small")).collect()
    }

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a folder for files");
        file.write_all(content).expect("room");
        file.sync_all().expect("a disk");
        file
    }

    async fn read(mut stretch: FileStream) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        while let Some(bytes) = poll_fn(|cx| stretch.poll_next(cx)).await {
            read.extend_from_slice(&bytes?);
        }
        Ok(read)
    }

    #[tokio::test]
    async fn every_byte_comes_once_from_memory_and_from_the_disk() {
        let content = content();
        for (at, len) in [(0, LEN), (0, 1), (CHUNK - 1, 2), (LEN - 1, 1), (7, 2 * CHUNK), (5, 0)] {
            for cold in [false, true] {
                let file = file(&content);
                if cold {
                    // Where the file system has no disk this changes nothing.
                    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
                }
                let got = read(FileStream::new(file, at as u64, len as u64)).await.expect("it is all there");
                assert!(got == content[at..at + len], "{len} from {at}, cold: {cold}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error_and_no_end() {
        let error = read(FileStream::new(file(&[b'a'; 100]), 0, 101)).await.expect_err("one byte is missing");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_buffer_is_used_again_once_it_is_written_and_not_before() {
        let content = content();
        let mut stretch = FileStream::new(file(&content), 0, LEN as u64);
        let mut next = async || poll_fn(|cx| stretch.poll_next(cx)).await.expect("more").expect("readable");
        let first = next().await;
        let second = next().await;
        assert_ne!(first.as_ptr(), second.as_ptr(), "a reader still holds the first");
        assert!(first == content[..first.len()] && second == content[first.len()..][..second.len()]);
        let free = second.as_ptr();
        drop((first, second));
        assert_eq!(next().await.as_ptr(), free);
    }

    #[tokio::test]
    async fn others_have_their_turn() {
        let mut stretch = FileStream::new(file(&content()), 0, LEN as u64);
        let (mut turns, mut bytes) = (0, 0);
        poll_fn(|cx| {
            while let Poll::Ready(Some(chunk)) = stretch.poll_next(cx) {
                bytes += chunk.expect("readable").len();
            }
            turns += 1;
            if stretch.left() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(bytes, LEN);
        assert!(turns > LEN / YIELD_AFTER, "{turns}");
    }
}

//! Scratch storage for nested archives that are too large for memory.

use std::io::{self, Cursor, Read, Seek, Write};

/// Seekable read-write storage.
pub trait Scratch: Read + Write + Seek {}
impl<T: Read + Write + Seek> Scratch for T {}

/// Opens scratch storage in memory, for tests.
pub fn in_memory() -> io::Result<Box<dyn Scratch>> {
    Ok(Box::new(Cursor::new(Vec::new())))
}

//! Reads what is left of a stream.

use std::io::{self, Read};

/// Bytes read in one step.
const BUFFER: usize = 32 * 1024;

/// Discards the rest, so that the data behind it can be read.
pub(super) fn drain(input: &mut (impl Read + ?Sized)) -> io::Result<()> {
    io::copy(input, &mut io::sink()).map(drop)
}

/// Reads to the end; returns true if all bytes are zero.
pub(super) fn only_zeros(input: &mut (impl Read + ?Sized)) -> io::Result<bool> {
    let mut chunk = vec![0; BUFFER];
    let mut zeros = true;
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(zeros),
            Ok(n) => zeros &= chunk[..n].iter().all(|b| *b == 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

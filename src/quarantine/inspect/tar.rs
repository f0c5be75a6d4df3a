//! Reads tar archives header by header as they stream. Names are for display only: nothing is ever unpacked.

use std::io::{self, Read};

/// Block size of headers and padding.
const BLOCK: u64 = 512;
/// Longest path; no system can create a longer one (Linux: 4096).
const MAX_NAME: usize = 4096;
/// Bytes read of an extension record, which holds a longer name; POSIX records hold times and owners too.
const MAX_EXTENSION: u64 = 64 * 1024;

/// Type of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// With content.
    File,
    /// Without.
    Folder,
    /// A hard or symbolic link, a device, a pipe.
    Special,
}

/// One entry; its content follows in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TarEntry {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) size: u64,
}

/// Returns true if a header's checksum is right, computed over unsigned or signed bytes; both are in use.
pub(super) fn checksum_is_right(header: &[u8]) -> bool {
    let Some(told) = header.get(148..156).and_then(octal) else { return false };
    let blanked = |i: usize, b: u8| if (148..156).contains(&i) { b' ' } else { b };
    let bytes = || header.iter().enumerate().take(512).map(|(i, b)| blanked(i, *b));
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|b| i64::from(b.cast_signed())).sum();
    told == unsigned || i64::try_from(told) == Ok(signed)
}

/// Parses octal digits, with leading blanks and a trailing blank or NUL.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.trim_ascii_start();
    let digits = &digits[..digits.iter().position(|b| !matches!(b, b'0'..=b'7')).unwrap_or(digits.len())];
    if digits.is_empty() || digits.len() > 21 {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, b| sum.checked_mul(8)?.checked_add(u64::from(b - b'0')))
}

/// Parses a size: octal, or binary if the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 == 0 {
        return octal(field);
    }
    let (high, low) = field.split_at(field.len() - 8);
    let fits = high[0] == 0x80 && high[1..].iter().all(|b| *b == 0);
    fits.then(|| low.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end.min(MAX_NAME)]).into_owned()
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Fills `buf`; returns false at a clean end.
fn fill(input: &mut dyn Read, buf: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buf.len() {
        match input.read(&mut buf[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Skips `bytes`, all of which must be present.
pub(super) fn skip(input: &mut dyn Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut (&mut *input).take(bytes), &mut io::sink())?;
    if skipped < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Returns the padding up to the next block.
pub(super) fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// Returns the next entry, `None` at the end of the archive. `count` is called for every header, extension
/// records included.
pub(super) fn next(
    input: &mut dyn Read,
    count: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Option<TarEntry>> {
    let mut longer: Option<String> = None;
    let mut larger: Option<u64> = None;
    loop {
        let mut header = [0_u8; BLOCK as usize];
        // Some archives lack the two zero blocks at the end.
        if !fill(input, &mut header)? || header.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        count()?;
        if !checksum_is_right(&header) {
            return Err(damaged());
        }
        let told = number(&header[124..136]).ok_or_else(damaged)?;
        match header[156] {
            flag @ (b'L' | b'K' | b'x') => {
                let record = read_extension(input, told)?;
                match flag {
                    b'L' => longer = Some(text(&record)),
                    b'x' => {
                        longer = attribute(&record, "path").or(longer);
                        larger = attribute(&record, "size").and_then(|size| size.parse().ok()).or(larger);
                    }
                    _ => {}
                }
            }
            b'g' => drop(read_extension(input, told)?),
            flag => {
                let prefix =
                    if header[257..262] == *b"ustar" { text(&header[345..500]) } else { String::new() };
                let short = text(&header[..100]);
                let whole = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
                let name = longer.unwrap_or(whole);
                let kind = match flag {
                    b'1'..=b'4' | b'6' => Type::Special,
                    b'5' => Type::Folder,
                    _ if name.ends_with('/') => Type::Folder,
                    _ => Type::File,
                };
                // Links and folders have no content, whatever their size field says.
                let size = if matches!(flag, b'1'..=b'6') { 0 } else { larger.unwrap_or(told) };
                return Ok(Some(TarEntry { name, kind, size }));
            }
        }
    }
}

fn read_extension(input: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    let mut record = Vec::new();
    (&mut *input).take(size.min(MAX_EXTENSION)).read_to_end(&mut record)?;
    let left = size
        .checked_sub(record.len() as u64)
        .and_then(|left| left.checked_add(padding(size)))
        .ok_or_else(damaged)?;
    skip(input, left)?;
    Ok(record)
}

/// Returns a value of a POSIX extension record, lines of `LENGTH KEY=VALUE`. The last one wins.
fn attribute(record: &[u8], key: &str) -> Option<String> {
    let mut found = None;
    let mut rest = record;
    while let Some(blank) = rest.iter().take(20).position(|b| *b == b' ') {
        let length: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
        let line = rest.get(blank + 1..length)?;
        if let Some(value) = line.strip_prefix(key.as_bytes()).and_then(|v| v.strip_prefix(b"=")) {
            found = Some(text(value.strip_suffix(b"\n").unwrap_or(value)));
        }
        rest = rest.get(length.max(blank + 1)..)?;
    }
    found
}

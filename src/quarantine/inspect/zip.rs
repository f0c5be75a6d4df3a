//! Zip structures that describe the layout (APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16). They
//! are compared with each other and never trusted.

use std::io::{self, Read, Seek, SeekFrom};

use memchr::memmem;

/// End of central directory, without its comment.
const END: usize = 22;
/// Longest archive comment.
const MAX_COMMENT: u64 = u16::MAX as u64;
/// Fixed part of an entry in the central directory.
const CENTRAL: usize = 46;
/// Fixed part of a local header.
const LOCAL: usize = 30;

const END_MAGIC: &[u8] = b"PK\x05\x06";
const CENTRAL_MAGIC: &[u8] = b"PK\x01\x02";
pub(super) const LOCAL_MAGIC: &[u8] = b"PK\x03\x04";

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Reads `buf` at `at`; returns false if the data ends before.
fn read_at(source: &mut (impl Read + Seek + ?Sized), at: u64, buf: &mut [u8]) -> io::Result<bool> {
    source.seek(SeekFrom::Start(at))?;
    match source.read_exact(buf) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Central directory: position and declared contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Declared number of entries.
    pub(super) count: u64,
    /// Bytes before the archive that its offsets do not count.
    pub(super) before: u64,
    /// Bytes behind the archive.
    pub(super) behind: u64,
    /// Another program might find another directory.
    pub(super) ambiguous: bool,
}

impl Directory {
    /// Finds the directory from the end of `source`, as programs do; `None` if there is none.
    pub(super) fn find(source: &mut (impl Read + Seek + ?Sized)) -> io::Result<Option<Self>> {
        let len = source.seek(SeekFrom::End(0))?;
        let tail_at = len.saturating_sub(END as u64 + MAX_COMMENT);
        source.seek(SeekFrom::Start(tail_at))?;
        let mut tail = Vec::new();
        source.take(END as u64 + MAX_COMMENT).read_to_end(&mut tail)?;
        let mut found: Option<Self> = None;
        let mut exact = 0;
        for at in memmem::rfind_iter(&tail, END_MAGIC) {
            let Some(end) = tail.get(at..at + END) else { continue };
            let behind = (tail.len() - at - END) as u64;
            let fits = u64::from(u16_at(end, 20)) == behind;
            // After the first match, others matter only if programs could choose them as well.
            if found.is_some() && !fits {
                continue;
            }
            let Some(mut directory) = Self::of_end(source, end, tail_at + at as u64)? else { continue };
            directory.behind = behind.saturating_sub(u64::from(u16_at(end, 20)));
            exact += u32::from(fits);
            match &mut found {
                // Every program chooses a record that ends exactly at the end of the file.
                Some(first) if first.behind > 0 => *first = Self { ambiguous: true, ..directory },
                Some(first) => first.ambiguous |= exact > 1,
                None => found = Some(directory),
            }
        }
        Ok(found)
    }

    /// Parses an end record at `at`; `None` if no directory lies where it points.
    fn of_end(source: &mut (impl Read + Seek + ?Sized), end: &[u8], at: u64) -> io::Result<Option<Self>> {
        let (mut count, mut size, mut offset) =
            (u64::from(u16_at(end, 10)), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
        let mut end_of_list = at;
        let mut locator = [0; 20];
        if at >= 20 && read_at(source, at - 20, &mut locator)? && locator.starts_with(b"PK\x06\x07") {
            let mut large = [0; 56];
            let place = u64_at(&locator, 8);
            if read_at(source, place, &mut large)? && large.starts_with(b"PK\x06\x06") {
                (count, size, offset) = (u64_at(&large, 32), u64_at(&large, 40), u64_at(&large, 48));
                end_of_list = place;
            }
        }
        if count == 0 && size == 0 {
            return Ok(Some(Self {
                start: at,
                end: at,
                count,
                before: 0,
                behind: 0,
                ambiguous: offset != at,
            }));
        }
        for (start, before) in [(end_of_list.checked_sub(size), true), (Some(offset), false)] {
            let mut magic = [0; 4];
            let Some(start) = start else { continue };
            if start < end_of_list && read_at(source, start, &mut magic)? && magic == CENTRAL_MAGIC {
                let shift = if before { start.checked_sub(offset) } else { Some(0) };
                let (before, ambiguous) = (shift.unwrap_or(0), shift.is_none() || !before);
                return Ok(Some(Self { start, end: end_of_list, count, before, behind: 0, ambiguous }));
            }
        }
        Ok(None)
    }
}

/// Bytes from an entry's local header to the end of its data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Local header of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalHeader {
    /// Offset of the entry's data.
    pub(super) data_at: u64,
    /// It says the same as the directory.
    pub(super) agrees: bool,
}

/// Entry of the central directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    /// Offset of the local header.
    pub(super) header_at: u64,
    /// Unix file type; 0 if the archive was made elsewhere.
    unix_type: u32,
    /// Offset of the next entry.
    pub(super) next: u64,
}

impl ZipEntry {
    /// Reads the entry at `at` of the directory.
    ///
    /// # Errors
    /// `InvalidData` if there is none.
    pub(super) fn read(
        source: &mut (impl Read + Seek + ?Sized),
        at: u64,
        directory: &Directory,
    ) -> io::Result<Self> {
        let mut fixed = [0; CENTRAL];
        if !read_at(source, at, &mut fixed)? || !fixed.starts_with(CENTRAL_MAGIC) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let [name, extra, comment] = [28, 30, 32].map(|place| usize::from(u16_at(&fixed, place)));
        let mut name = vec![0; name];
        let mut extra = vec![0; extra];
        source.read_exact(&mut name)?;
        source.read_exact(&mut extra)?;
        let next = at + (CENTRAL + name.len() + extra.len() + comment) as u64;
        let unix = matches!(fixed[5], 3 | 19);
        let mut entry = Self {
            flags: u16_at(&fixed, 8),
            method: u16_at(&fixed, 10),
            crc: u32_at(&fixed, 16),
            packed: u64::from(u32_at(&fixed, 20)),
            unpacked: u64::from(u32_at(&fixed, 24)),
            header_at: u64::from(u32_at(&fixed, 42)),
            unix_type: if unix { u32_at(&fixed, 38) >> 16 & 0o170_000 } else { 0 },
            name,
            next,
        };
        entry.enlarge(&extra);
        entry.header_at = entry.header_at.saturating_add(directory.before);
        if next > directory.end {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(entry)
    }

    /// Takes the 64-bit values where the 32-bit fields are saturated (section 4.5.3).
    fn enlarge(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let Some(mut field) = extra.get(4..4 + len) else { return };
            if id == 1 {
                for value in [&mut self.unpacked, &mut self.packed, &mut self.header_at] {
                    if *value == u64::from(u32::MAX) && field.len() >= 8 {
                        *value = u64_at(field, 0);
                        field = &field[8..];
                    }
                }
                return;
            }
            extra = &extra[4 + len..];
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// A link, a device, a pipe.
    pub(super) fn is_special(&self) -> bool {
        !matches!(self.unix_type, 0 | 0o100_000 | 0o040_000)
    }

    pub(super) fn is_folder(&self) -> bool {
        matches!(self.name.last(), Some(b'/' | b'\\')) || self.unix_type == 0o040_000
    }

    /// Reads the local header and compares it with the directory.
    ///
    /// # Errors
    /// `InvalidData` if there is no local header.
    pub(super) fn local_header(&self, source: &mut (impl Read + Seek + ?Sized)) -> io::Result<LocalHeader> {
        let mut fixed = [0; LOCAL];
        if !read_at(source, self.header_at, &mut fixed)? || !fixed.starts_with(LOCAL_MAGIC) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let [name_len, extra_len] = [26, 28].map(|place| usize::from(u16_at(&fixed, place)));
        let mut name = vec![0; name_len];
        source.read_exact(&mut name)?;
        // Sizes may follow the data or stand in an extra field; these are then zero or all ones.
        let told = |place: usize, listed: u64| {
            let here = u64::from(u32_at(&fixed, place));
            here == listed || here == u64::from(u32::MAX) || (u16_at(&fixed, 6) & 8 != 0 && here == 0)
        };
        let agrees = name == self.name
            && u16_at(&fixed, 8) == self.method
            && u16_at(&fixed, 6) & 1 == self.flags & 1
            && told(18, self.packed)
            && told(22, self.unpacked);
        Ok(LocalHeader { data_at: self.header_at + (LOCAL + name_len + extra_len) as u64, agrees })
    }
}

/// Detects the end record of an archive in streaming content, whose directory can no longer be read.
#[derive(Default)]
pub(super) struct EndFinder(Option<u64>);

impl EndFinder {
    /// Takes bytes that start at offset `from`; a record cut off at their end must be fed again.
    pub(super) fn feed(&mut self, bytes: &[u8], from: u64) {
        for place in memmem::find_iter(bytes, END_MAGIC) {
            let Some(end) = bytes.get(place..place + END) else { return };
            let (count, size) = (u64::from(u16_at(end, 10)), u64::from(u32_at(end, 12)));
            let at = from + place as u64;
            if count > 0 && size >= count * CENTRAL as u64 && size <= at {
                self.0 = Some(at);
            }
        }
    }

    /// Returns true if an end record lies where programs search for it, in a content of `len` bytes.
    pub(super) fn ends_with_archive(&self, len: u64) -> bool {
        self.0.is_some_and(|at| len - at <= END as u64 + MAX_COMMENT)
    }
}

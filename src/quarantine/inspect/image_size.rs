//! Reads the declared dimensions of an image without decoding it.

use memchr::memmem;

/// Declared size of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelSize {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl PixelSize {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Finds the size of a streaming image.
#[derive(Default)]
pub(super) struct Dimensions {
    later: Incomplete,
    found: Option<PixelSize>,
}

/// Formats with the dimensions somewhere behind their first bytes.
#[derive(Default)]
enum Incomplete {
    /// Another format, or already found.
    #[default]
    Nowhere,
    Jpeg(Jpeg),
    Tiff(Tiff),
    Heif(Heif),
}

impl Incomplete {
    fn of(head: &[u8]) -> Self {
        match head {
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg(Jpeg::default()),
            [b'I', b'I', 42, 0, at @ ..] => Tiff::of(false, at),
            [b'M', b'M', 0, 42, at @ ..] => Tiff::of(true, at),
            // Its variants need no distinction: videos have no such part.
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Self::Heif(Heif::default()),
            _ => Self::Nowhere,
        }
    }
}

impl Dimensions {
    /// Starts with the first bytes, which must be fed too.
    pub(super) fn of(head: &[u8]) -> Self {
        Self { later: Incomplete::of(head), found: in_head(head) }
    }

    /// Processes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.found = match &mut self.later {
            Incomplete::Nowhere => return,
            Incomplete::Jpeg(jpeg) => jpeg.feed(bytes),
            Incomplete::Tiff(tiff) => tiff.feed(bytes),
            Incomplete::Heif(heif) => {
                heif.feed(bytes);
                self.found = heif.largest;
                return;
            }
        };
        if self.found.is_some() {
            self.later = Incomplete::Nowhere;
        }
    }

    /// Returns the size once it is known.
    pub(super) fn found(&self) -> Option<PixelSize> {
        self.found
    }
}

/// Reads formats with the dimensions at a fixed offset.
fn in_head(head: &[u8]) -> Option<PixelSize> {
    let be32 = |at: usize| head.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let le32 = |at: usize| head.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let le16 = |at: usize| head.get(at..at + 2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])));
    let le24 = |at: usize| head.get(at..at + 3).map(|b| u32::from_le_bytes([b[0], b[1], b[2], 0]));
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(PixelSize { width: be32(16)?, height: be32(20)? });
    }
    if head.starts_with(b"GIF8") {
        return Some(PixelSize { width: le16(6)?, height: le16(8)? });
    }
    if head.starts_with(b"BM") {
        // A negative height means that the top line comes first.
        return Some(PixelSize { width: le32(18)?, height: le32(22)?.cast_signed().unsigned_abs() });
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return match head.get(12..16)? {
            b"VP8X" => Some(PixelSize { width: le24(24)? + 1, height: le24(27)? + 1 }),
            b"VP8L" => le32(21)
                .map(|bits| PixelSize { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 }),
            b"VP8 " => Some(PixelSize { width: le16(26)? & 0x3fff, height: le16(28)? & 0x3fff }),
            _ => None,
        };
    }
    None
}

/// Walks the segments of a JPEG up to its frame header, behind thumbnails and color profiles of any length.
#[derive(Default)]
struct Jpeg {
    skip: usize,
    segment: Vec<u8>,
    over: bool,
}

impl Jpeg {
    fn feed(&mut self, mut bytes: &[u8]) -> Option<PixelSize> {
        while !self.over && !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let Some((next, rest)) = bytes.split_first() else { break };
            bytes = rest;
            self.segment.push(*next);
            let found = self.step();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Parses marker (2 bytes), length (2), and of a frame header precision (1), height (2) and width (2).
    fn step(&mut self) -> Option<PixelSize> {
        let two = |at: usize| u32::from(self.segment[at]) << 8 | u32::from(self.segment[at + 1]);
        let marker = self.segment.get(1).copied().unwrap_or_default();
        let frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        match self.segment.len() {
            1 => self.over = self.segment[0] != 0xff,
            2 => match marker {
                0xff => self.segment.truncate(1),
                0x01 | 0xd0..=0xd8 => self.segment.clear(),
                0xd9 | 0xda | 0x00 => self.over = true,
                _ => {}
            },
            4 if !frame => match two(2) {
                0 | 1 => self.over = true,
                len => {
                    self.skip = len as usize - 2;
                    self.segment.clear();
                }
            },
            9 => {
                self.over = true;
                return Some(PixelSize { width: two(7), height: two(5) });
            }
            _ => {}
        }
        None
    }
}

/// Reads the first directory of a TIFF (revision 6.0, section 2), which may have any offset.
struct Tiff {
    big_endian: bool,
    /// Bytes to skip.
    skip: u64,
    /// Remaining entries, once their number is known.
    left: Option<u16>,
    part: Vec<u8>,
    width: Option<u32>,
    height: Option<u32>,
}

/// Minimum offset of a directory, and the size of an entry.
const TIFF_HEAD: u64 = 8;
const TIFF_ENTRY: usize = 12;

impl Tiff {
    /// `at`: the bytes after the first four.
    fn of(big_endian: bool, at: &[u8]) -> Incomplete {
        let mut tiff = Self { big_endian, skip: 0, left: None, part: Vec::new(), width: None, height: None };
        match at.first_chunk().map(|at| u64::from(tiff.four(*at))) {
            Some(skip) if skip >= TIFF_HEAD => {
                tiff.skip = skip;
                Incomplete::Tiff(tiff)
            }
            _ => Incomplete::Nowhere,
        }
    }

    fn two(&self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn four(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn feed(&mut self, mut bytes: &[u8]) -> Option<PixelSize> {
        while !bytes.is_empty() && self.left != Some(0) {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            bytes = &bytes[skipped..];
            let wanted = if self.left.is_none() { 2 } else { TIFF_ENTRY };
            let (part, rest) = bytes.split_at(bytes.len().min(wanted - self.part.len()));
            self.part.extend_from_slice(part);
            bytes = rest;
            if self.part.len() == wanted {
                self.step();
                self.part.clear();
            }
        }
        Some(PixelSize { width: self.width?, height: self.height? })
    }

    /// Parses the number of entries, or one entry: tag, type, count, value.
    fn step(&mut self) {
        let two =
            |at: usize| self.part.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |part| self.two(*part));
        let Some(left) = self.left else {
            self.left = Some(two(0));
            return;
        };
        let value = match two(2) {
            // SHORT and LONG.
            3 => Some(u32::from(two(8))),
            4 => self.part.last_chunk().map(|value| self.four(*value)),
            _ => None,
        };
        match two(0) {
            256 => self.width = value,
            257 => self.height = value,
            _ => {}
        }
        self.left = Some(left - 1);
    }
}

/// Searches the image sizes of a HEIF or AVIF (ISO/IEC 23008-12, section 6.5.3): `ispe`, four zero bytes,
/// width, height. Tiles and the composed image each have one; the largest counts.
#[derive(Default)]
struct Heif {
    window: Vec<u8>,
    largest: Option<PixelSize>,
}

const ISPE: usize = 16;

impl Heif {
    fn feed(&mut self, bytes: &[u8]) {
        self.window.extend_from_slice(bytes);
        for at in memmem::find_iter(&self.window, b"ispe\0\0\0\0") {
            let four = |from: usize| {
                self.window.get(at + from..).and_then(<[u8]>::first_chunk).map(|b| u32::from_be_bytes(*b))
            };
            let (Some(width), Some(height)) = (four(8), four(12)) else { break };
            let size = PixelSize { width, height };
            if self.largest.is_none_or(|largest| largest.pixels() < size.pixels()) {
                self.largest = Some(size);
            }
        }
        // A record that is cut off completes with the next bytes.
        self.window.drain(..self.window.len().saturating_sub(ISPE - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(data: &[u8], piece: usize) -> Option<(u32, u32)> {
        let mut dimensions = Dimensions::of(&data[..data.len().min(64)]);
        data.chunks(piece).for_each(|chunk| dimensions.feed(chunk));
        dimensions.found().map(|size| (size.width, size.height))
    }

    #[test]
    fn head_formats_report_their_size() {
        let png =
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &60000_u32.to_be_bytes(), &70000_u32.to_be_bytes()]
                .concat();
        assert_eq!(size(&png, 99), Some((60000, 70000)));
        assert_eq!(size(b"GIF89a\x10\x00\x20\x00\0\0", 99), Some((16, 32)));
        let bmp = [b"BM".as_slice(), &[0; 16], &640_u32.to_le_bytes(), &(-480_i32).to_le_bytes()].concat();
        assert_eq!(size(&bmp, 99), Some((640, 480)));
        let webp =
            [b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".as_slice(), &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
                .concat();
        assert_eq!(size(&webp, 99), Some((1 << 24, 1 << 24)));
        assert_eq!(size(b"BM", 99), None);
    }

    /// Returns a TIFF whose directory follows `before` bytes of image data and holds width and height last.
    fn tiff(big: bool, before: usize, width: u32, height: u16) -> Vec<u8> {
        let two = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let four = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let at = u32::try_from(8 + before).unwrap_or_default();
        let mut all =
            [if big { b"MM" } else { b"II" }.as_slice(), &two(42), &four(at), &vec![7; before], &two(3)]
                .concat();
        for (tag, kind, value) in [
            (258, 3, [two(8), [0; 2]].concat()),
            (257, 3, [two(height), [0; 2]].concat()),
            (256, 4, four(width).to_vec()),
        ] {
            all.extend([&two(tag), &two(kind), four(1).as_slice(), &value].concat());
        }
        all
    }

    #[test]
    fn tiff_size_is_found_at_any_offset() {
        for (big, before) in [(false, 0), (true, 0), (false, 1), (true, 9000)] {
            let all = tiff(big, before, 90_000, 60_000);
            for piece in [1, 7, 4096, all.len()] {
                assert_eq!(size(&all, piece), Some((90_000, 60_000)), "{big} {before} {piece}");
            }
            assert_eq!(size(&all[..all.len() - 1], 7), None, "cut off");
        }
        assert_eq!(size(b"II*\0\xff\xff\xff\xffxxxx", 3), None, "its directory stands behind its end");
    }

    #[test]
    fn heif_reports_its_largest_image() {
        let part = |width: u32, height: u32| {
            [b"\0\0\0\x14ispe\0\0\0\0".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
        };
        let all = [
            b"\0\0\0\x18ftypmif1\0\0\0\0miafheic".as_slice(),
            &part(512, 512),
            b"ispe no size ",
            &part(50_000, 40_000),
            &part(9, 9),
        ]
        .concat();
        for piece in [1, 7, 31, all.len()] {
            assert_eq!(size(&all, piece), Some((50_000, 40_000)), "{piece}");
        }
        assert_eq!(size(&[b"mif1 is a brand: ".as_slice(), &part(5, 5)].concat(), 99), None);
    }

    #[test]
    fn jpeg_size_is_found_behind_its_thumbnail() {
        let thumbnail = [b"\xff\xe1\xff\xff".as_slice(), &[0xff; 65533]].concat();
        let frame = b"\xff\xff\xc2\x00\x0b\x08\x03\x00\x04\x00\x01\x01\x11\x00";
        let jpeg = [b"\xff\xd8\xff\xe0\x00\x04ab".as_slice(), &thumbnail, frame].concat();
        for piece in [1, 7, 4096, jpeg.len()] {
            assert_eq!(size(&jpeg, piece), Some((1024, 768)), "{piece}");
        }
        assert_eq!(
            size(b"\xff\xd8\xff\xda\x00\x0bxxxxxxxxxxxxxxxxxx", 3),
            None,
            "the picture itself has begun"
        );
        assert_eq!(size(b"\xff\xd8\xff\xe0\x00\x01xxxxxxxxxxxxxxxxxx", 3), None, "no segment is so short");
    }
}

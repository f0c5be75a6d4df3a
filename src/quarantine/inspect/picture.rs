//! How many pixels a picture says it has, without decoding it.

/// Finds width and height in a picture that streams by.
#[derive(Default)]
pub(super) struct Dimensions {
    jpeg: Option<Jpeg>,
    found: Option<(u32, u32)>,
}

impl Dimensions {
    /// Starts with the first bytes, which are to be fed too.
    pub(super) fn of(head: &[u8]) -> Self {
        let jpeg = head.starts_with(b"\xff\xd8\xff").then(Jpeg::default);
        Self { jpeg, found: in_head(head) }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if let Some(jpeg) = self.jpeg.as_mut().filter(|_| self.found.is_none()) {
            self.found = jpeg.feed(bytes);
        }
    }

    /// Width and height.
    pub(super) fn found(&self) -> Option<(u32, u32)> {
        self.found
    }
}

/// Formats that say it at a fixed place.
fn in_head(head: &[u8]) -> Option<(u32, u32)> {
    let be32 = |at: usize| head.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let le32 = |at: usize| head.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let le16 = |at: usize| head.get(at..at + 2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])));
    let le24 = |at: usize| head.get(at..at + 3).map(|b| u32::from_le_bytes([b[0], b[1], b[2], 0]));
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be32(16)?, be32(20)?));
    }
    if head.starts_with(b"GIF8") {
        return Some((le16(6)?, le16(8)?));
    }
    if head.starts_with(b"BM") {
        // Negative heights mean that the first line is the topmost.
        return Some((le32(18)?, le32(22)?.cast_signed().unsigned_abs()));
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return match head.get(12..16)? {
            b"VP8X" => Some((le24(24)? + 1, le24(27)? + 1)),
            b"VP8L" => le32(21).map(|bits| ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)),
            b"VP8 " => Some((le16(26)? & 0x3fff, le16(28)? & 0x3fff)),
            _ => None,
        };
    }
    None
}

/// Walks the segments of a JPEG up to its frame header, which stands behind thumbnails and colour profiles of any length.
#[derive(Default)]
struct Jpeg {
    skip: usize,
    segment: Vec<u8>,
    over: bool,
}

impl Jpeg {
    fn feed(&mut self, mut bytes: &[u8]) -> Option<(u32, u32)> {
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

    /// Looks at marker (2 bytes), length (2), and of a frame header precision (1), height (2) and width (2).
    fn step(&mut self) -> Option<(u32, u32)> {
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
                return Some((two(7), two(5)));
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(data: &[u8], piece: usize) -> Option<(u32, u32)> {
        let mut dimensions = Dimensions::of(&data[..data.len().min(64)]);
        data.chunks(piece).for_each(|chunk| dimensions.feed(chunk));
        dimensions.found()
    }

    #[test]
    fn every_format_says_its_size() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &60000_u32.to_be_bytes(), &70000_u32.to_be_bytes()].concat();
        assert_eq!(size(&png, 99), Some((60000, 70000)));
        assert_eq!(size(b"GIF89a\x10\x00\x20\x00\0\0", 99), Some((16, 32)));
        let bmp = [b"BM".as_slice(), &[0; 16], &640_u32.to_le_bytes(), &(-480_i32).to_le_bytes()].concat();
        assert_eq!(size(&bmp, 99), Some((640, 480)));
        let webp = [b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".as_slice(), &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
        assert_eq!(size(&webp, 99), Some((1 << 24, 1 << 24)));
        assert_eq!(size(b"BM", 99), None);
    }

    #[test]
    fn a_jpeg_says_it_behind_its_thumbnail() {
        let thumbnail = [b"\xff\xe1\xff\xff".as_slice(), &[0xff; 65533]].concat();
        let frame = b"\xff\xff\xc2\x00\x0b\x08\x03\x00\x04\x00\x01\x01\x11\x00";
        let jpeg = [b"\xff\xd8\xff\xe0\x00\x04ab".as_slice(), &thumbnail, frame].concat();
        for piece in [1, 7, 4096, jpeg.len()] {
            assert_eq!(size(&jpeg, piece), Some((1024, 768)), "{piece}");
        }
        assert_eq!(size(b"\xff\xd8\xff\xda\x00\x0bxxxxxxxxxxxxxxxxxx", 3), None, "the picture itself has begun");
        assert_eq!(size(b"\xff\xd8\xff\xe0\x00\x01xxxxxxxxxxxxxxxxxx", 3), None, "no segment is so short");
    }
}

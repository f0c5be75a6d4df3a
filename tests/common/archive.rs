//! Archives for tests, well-formed and hostile.

use std::io::Write as _;

use flate2::{Compress, Compression, Crc, FlushCompress, write::DeflateEncoder, write::GzEncoder};

/// Returns the EICAR test file, joined here so that scanners ignore this source.
pub fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// Returns deflated zeros: ten GiB fit into ten MiB. After the first MiB the output repeats, so that it is
/// packed once.
pub fn deflated_zeros(mib: usize) -> Vec<u8> {
    let mut packer = Compress::new(Compression::best(), false);
    let zeros = vec![0; 1 << 20];
    let mut piece = |input: &[u8], flush| {
        let mut out = Vec::with_capacity(8192);
        packer.compress_vec(input, &mut out, flush).expect("packs");
        out
    };
    let [first, next] = [(); 2].map(|()| piece(&zeros, FlushCompress::Sync));
    let end = piece(&[], FlushCompress::Finish);
    [first, next.repeat(mib - 1), end].concat()
}

/// Header fields of one entry, with its data as it is written.
#[derive(Clone)]
pub struct EntryHeader {
    pub name: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub unpacked: u64,
    /// Unix mode; 0 for an entry of another system.
    pub mode: u32,
    pub data: Vec<u8>,
}

impl EntryHeader {
    pub fn stored(name: &str, data: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(data);
        let (name, data, unpacked) = (name.as_bytes().to_vec(), data.to_vec(), data.len() as u64);
        Self { name, method: 0, flags: 0, crc: crc.sum(), unpacked, mode: 0, data }
    }

    pub fn deflated(name: &str, data: &[u8]) -> Self {
        Self { method: 8, data: deflate(data), ..Self::stored(name, data) }
    }
}

/// Zip archive, written header by header.
#[derive(Default)]
pub struct Zip {
    pub out: Vec<u8>,
    pub list: Vec<u8>,
    pub count: u16,
}

impl Zip {
    pub fn of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        entries
            .iter()
            .fold(Self::default(), |zip, (name, data)| zip.add(&EntryHeader::deflated(name, data)))
            .finish()
    }

    pub fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
        entries
            .iter()
            .fold(Self::default(), |zip, (name, data)| zip.add(&EntryHeader::stored(name, data)))
            .finish()
    }

    /// Writes header and data, and adds the entry to the central directory.
    pub fn add(mut self, header: &EntryHeader) -> Self {
        let at = self.out.len() as u64;
        self.header(header);
        self.out.extend_from_slice(&header.data);
        self.lists(header, at)
    }

    /// Writes the local header.
    pub fn header(&mut self, header: &EntryHeader) {
        let (packed, unpacked, extra) = sizes(header);
        self.out.extend_from_slice(b"PK\x03\x04\x14\0");
        for word in [header.flags, header.method, 0, 0x21] {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        for word in [header.crc, packed, unpacked] {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        self.out.extend_from_slice(&(header.name.len() as u16).to_le_bytes());
        self.out.extend_from_slice(&(extra.len() as u16).to_le_bytes());
        self.out.extend_from_slice(&header.name);
        self.out.extend_from_slice(&extra);
    }

    /// Adds an entry to the central directory whose local header is at `at`.
    pub fn lists(mut self, header: &EntryHeader, at: u64) -> Self {
        let (packed, unpacked, extra) = sizes(header);
        let made_by = if header.mode == 0 { 0x14 } else { 0x314_u16 };
        self.list.extend_from_slice(b"PK\x01\x02");
        for word in [made_by, 0x14, header.flags, header.method, 0, 0x21] {
            self.list.extend_from_slice(&word.to_le_bytes());
        }
        for word in [header.crc, packed, unpacked] {
            self.list.extend_from_slice(&word.to_le_bytes());
        }
        for word in [header.name.len() as u16, extra.len() as u16, 0, 0, 0] {
            self.list.extend_from_slice(&word.to_le_bytes());
        }
        self.list.extend_from_slice(&(header.mode << 16).to_le_bytes());
        self.list.extend_from_slice(&(at as u32).to_le_bytes());
        self.list.extend_from_slice(&header.name);
        self.list.extend_from_slice(&extra);
        self.count += 1;
        self
    }

    pub fn finish(mut self) -> Vec<u8> {
        let at = self.out.len() as u32;
        self.out.extend_from_slice(&self.list);
        self.out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        self.out.extend_from_slice(&self.count.to_le_bytes());
        self.out.extend_from_slice(&self.count.to_le_bytes());
        self.out.extend_from_slice(&(self.list.len() as u32).to_le_bytes());
        self.out.extend_from_slice(&at.to_le_bytes());
        self.out.extend_from_slice(&[0, 0]);
        self.out
    }
}

/// Returns the sizes as 32 bits, and the Zip64 extra field if they need it.
fn sizes(header: &EntryHeader) -> (u32, u32, Vec<u8>) {
    let packed = header.data.len() as u32;
    match u32::try_from(header.unpacked) {
        Ok(unpacked) => (packed, unpacked, Vec::new()),
        Err(_) => {
            let mut extra = b"\x01\0\x10\0".to_vec();
            extra.extend_from_slice(&header.unpacked.to_le_bytes());
            extra.extend_from_slice(&u64::from(packed).to_le_bytes());
            (u32::MAX, u32::MAX, extra)
        }
    }
}

/// Returns one tar header with its content and padding.
pub fn tar_entry(name: &str, flag: u8, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = flag;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend_from_slice(data);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

pub fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out: Vec<u8> = entries.iter().flat_map(|(name, data)| tar_entry(name, b'0', data)).collect();
    out.resize(out.len() + 1024, 0);
    out
}

/// Returns the smallest Office document; `more` are further parts.
pub fn docx(more: &[(&str, &[u8])]) -> Vec<u8> {
    let types = br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
    let text =
        br#"<?xml version="1.0"?><w:document xmlns:w="x"><w:body><w:p>Acta de la reuni&#243;n</w:p></w:body></w:document>"#;
    Zip::of(
        &[
            &[
                ("[Content_Types].xml", types.as_slice()),
                ("_rels/.rels", b"<x/>"),
                ("word/document.xml", text),
            ],
            more,
        ]
        .concat(),
    )
}

/// Returns the smallest OpenDocument text; its first part is stored, as the format requires.
pub fn odt(more: &[(&str, &[u8])]) -> Vec<u8> {
    let first =
        Zip::default().add(&EntryHeader::stored("mimetype", b"application/vnd.oasis.opendocument.text"));
    let parts: [(&str, &[u8]); 3] = [
        ("content.xml", b"<office:document-content/>"),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
        ("Thumbnails/", b""),
    ];
    parts
        .iter()
        .chain(more)
        .fold(first, |zip, (name, data)| zip.add(&EntryHeader::deflated(name, data)))
        .finish()
}

/// Picture of one pixel.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdac\xfc\xcf\xc0P\x0f\0\x04\x85\x01\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82";
/// Start and end of a photograph.
pub const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x0b\x08\x03\0\x04\0\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\x12\x34\xff\xd9";
/// Document of one page.
pub const PDF: &[u8] = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
/// Start of a Windows program.
pub const PE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0PE\0\0\x64\x86";
/// GIF of one pixel.
pub const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Returns the first bytes of a compound file and the name of a stream.
pub fn ole(stream: &str) -> Vec<u8> {
    let mut out = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    out.resize(1024, 0);
    out.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
    out.resize(2048, 0);
    out
}

/// Returns nested zips with `wide` entries each, the innermost holding `leaf`, like 42.zip.
pub fn nested(levels: usize, wide: usize, leaf: &EntryHeader) -> Vec<u8> {
    let mut inner = Zip::default().add(leaf).finish();
    for level in 0..levels {
        let packed = EntryHeader::deflated("", &inner);
        let named =
            |i| EntryHeader { name: format!("nivel{level}-{i:x}.zip").into_bytes(), ..packed.clone() };
        inner = (0..wide).map(named).fold(Zip::default(), |zip, header| zip.add(&header)).finish();
    }
    inner
}

//! Walks a file and all archives nested in it.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::{DeflateDecoder, GzDecoder};

use super::budget::{CrcReader, InspectionBudget, LimitedReader, StopReason};
use super::declared_type;
use super::drain::{drain, only_zeros};
use super::entry_path::{join, last, unpacked};
use super::findings::{FindingCode, Findings};
use super::package::{Package, PackageMarks};
use super::sniff::{DetectedType, HEAD_BYTES, sniff};
use super::spool::Spool;
use super::zip::{Directory, Extent, LOCAL_MAGIC, ZipEntry};
use super::{name, scan, tar};

/// Read buffer for compressed content.
const BUFFER: usize = 32 * 1024;
/// Longest name; no system can create a longer one (Linux: 4096).
const MAX_NAME: usize = 4096;
/// Largest data descriptor (sizes and checksum) behind an entry's data.
const MAX_DESCRIPTOR: u64 = 24;
/// Bytes read of a gap between two entries, to find a hidden third one.
const GAP_HEAD: u64 = 64;

/// Random-access input.
pub(super) trait ReadSeek: Read + Seek {}
impl<R: Read + Seek> ReadSeek for R {}

pub(super) struct Walker<'a> {
    pub(super) meter: &'a InspectionBudget<'a>,
    pub(super) findings: RefCell<Findings>,
}

/// Position of a content in the upload: its name and its path through the archives around it.
#[derive(Clone, Copy)]
struct WalkPosition<'a> {
    /// Last path component, for the extension.
    name: &'a str,
    /// Path such as `a.zip/b/c.txt` without the upload's own name; empty for the upload itself.
    path: &'a str,
    depth: u32,
}

impl Walker<'_> {
    fn add(&self, code: FindingCode, detail: &str) {
        self.findings.borrow_mut().add(code, detail);
    }

    /// Records an error in one content; returns errors that end the inspection.
    fn note(&self, error: io::Error, path: &str) -> io::Result<()> {
        match StopReason::of(&error) {
            Some(halt) if halt.is_final() => return Err(error),
            Some(StopReason::Ratio(times)) => self.add(FindingCode::Ratio, &times.to_string()),
            Some(halt) => self.add(halt.code(), path),
            None => self.add(FindingCode::Broken, path),
        }
        Ok(())
    }

    /// Inspects the upload itself.
    pub(super) fn file(&self, source: &mut dyn ReadSeek, name: &str) -> io::Result<()> {
        let place = WalkPosition { name, path: "", depth: 0 };
        name::check_name(name, "", &mut self.findings.borrow_mut());
        let mut head = Vec::with_capacity(HEAD_BYTES);
        source.seek(SeekFrom::Start(0))?;
        (&mut *source).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let kind = sniff(&head);
        let mut package = Package::Plain;
        let directory = Directory::find(source)?;
        if let (Some(directory), true) = (&directory, kind == DetectedType::Zip || directory.is_some_and(|d| d.count > 0)) {
            if kind != DetectedType::Zip {
                self.add(FindingCode::Polyglot, "zip");
            }
            package = self.zip(source, directory, kind != DetectedType::Zip, place)?;
        }
        declared_type::check(name::extension(name).as_deref(), kind, package, "", false, &mut self.findings.borrow_mut());
        if kind == DetectedType::Zip {
            if directory.is_none() {
                self.add(FindingCode::Broken, "");
            }
            return Ok(());
        }
        source.seek(SeekFrom::Start(head.len() as u64))?;
        self.opened(kind, &head, source, place)
    }

    /// Inspects a content of an archive, read to its end.
    fn item(&self, input: &mut dyn Read, place: WalkPosition<'_>) -> io::Result<()> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        (&mut *input).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let kind = sniff(&head);
        let mut package = Package::Plain;
        if kind != DetectedType::Zip {
            self.opened(kind, &head, input, place)?;
        } else if place.depth >= self.meter.caps.depth {
            self.too_deep();
            drain(input)?;
        } else {
            let mut spool = Spool::of(&mut head.chain(&mut *input), self.meter)?;
            match Directory::find(&mut spool)? {
                Some(directory) => package = self.zip(&mut spool, &directory, false, place)?,
                None => self.add(FindingCode::Broken, place.path),
            }
        }
        declared_type::check(
            name::extension(place.name).as_deref(),
            kind,
            package,
            place.path,
            true,
            &mut self.findings.borrow_mut(),
        );
        Ok(())
    }

    fn too_deep(&self) {
        self.add(FindingCode::Depth, &self.meter.caps.depth.to_string());
    }

    /// Inspects a content that is no zip: `head`, then `rest`.
    fn opened(&self, kind: DetectedType, head: &[u8], rest: &mut dyn Read, place: WalkPosition<'_>) -> io::Result<()> {
        match kind {
            DetectedType::Gzip | DetectedType::Tar if place.depth >= self.meter.caps.depth => {
                self.too_deep();
                return drain(rest);
            }
            DetectedType::Gzip => return self.gzip(&mut BufReader::with_capacity(BUFFER, head.chain(rest)), place),
            DetectedType::Tar => return self.tar(&mut head.chain(rest), place),
            DetectedType::Program(code) => self.add(code, place.path),
            DetectedType::Closed(kind) => self.add(FindingCode::Kind, kind),
            _ => {}
        }
        let inside = place.depth > 0;
        scan::scan(head, rest, kind, place.path, inside, self.meter, &mut self.findings.borrow_mut())
    }

    /// Inspects concatenated streams, which the format allows.
    fn gzip(&self, input: &mut dyn BufRead, place: WalkPosition<'_>) -> io::Result<()> {
        let stem = unpacked(place.name);
        loop {
            self.meter.entry()?;
            let taken = Cell::new(0);
            let decoder = GzDecoder::new(LimitedReader::new(&mut *input, &taken));
            // Unpacking programs differ in which of the two names they use.
            let told =
                decoder.header().and_then(|header| header.filename()).map(|name| String::from_utf8_lossy(name).into_owned());
            for name in told.iter().chain([&stem]) {
                name::check_name(name, &join(place.path, name), &mut self.findings.borrow_mut());
            }
            let mut content = CrcReader::new(decoder, self.meter, Some(&taken));
            let inner = WalkPosition { name: &stem, path: &join(place.path, &stem), depth: place.depth + 1 };
            if let Err(error) = self.item(&mut content, inner) {
                self.note(error, place.path)?;
                return drain(input);
            }
            let next = input.fill_buf()?;
            if next.is_empty() {
                return Ok(());
            }
            if !next.starts_with(b"\x1f") {
                // Tapes are padded with zeros; other trailing data belongs to no stream.
                if !only_zeros(input)? {
                    self.add(FindingCode::Hidden, place.path);
                }
                return Ok(());
            }
        }
    }

    fn tar(&self, input: &mut dyn Read, place: WalkPosition<'_>) -> io::Result<()> {
        let result = self.tar_entries(input, place);
        if let Err(error) = result {
            self.note(error, place.path)?;
            return drain(input);
        }
        if !only_zeros(input)? {
            self.add(FindingCode::Hidden, place.path);
        }
        Ok(())
    }

    fn tar_entries(&self, input: &mut dyn Read, place: WalkPosition<'_>) -> io::Result<()> {
        while let Some(entry) = tar::next(input, &mut || self.meter.entry())? {
            let path = join(place.path, &entry.name);
            self.entry_name(&entry.name, &path);
            if entry.kind == tar::Type::Special {
                self.add(FindingCode::Link, &path);
            }
            if entry.kind != tar::Type::File {
                tar::skip(input, entry.size + tar::padding(entry.size))?;
                continue;
            }
            let mut content = CrcReader::new((&mut *input).take(entry.size), self.meter, None);
            let inner = WalkPosition { name: last(&entry.name), path: &path, depth: place.depth + 1 };
            let result = self.item(&mut content, inner);
            if let Err(error) = result {
                self.note(error, &path)?;
                drain(&mut content)?;
            }
            if content.out() < entry.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            tar::skip(input, tar::padding(entry.size))?;
        }
        Ok(())
    }

    /// Inspects every entry of a zip. `appended`: the bytes before the archive belong to another file.
    fn zip(
        &self,
        source: &mut dyn ReadSeek,
        directory: &Directory,
        appended: bool,
        place: WalkPosition<'_>,
    ) -> io::Result<Package> {
        let mut package = Package::Plain;
        match self.zip_entries(source, directory, appended, place, &mut package) {
            Ok(()) => {}
            Err(error) => self.note(error, place.path)?,
        }
        Ok(package)
    }

    fn zip_entries(
        &self,
        source: &mut dyn ReadSeek,
        directory: &Directory,
        appended: bool,
        place: WalkPosition<'_>,
        package: &mut Package,
    ) -> io::Result<()> {
        if directory.ambiguous || (directory.before > 0 && !appended) {
            self.add(FindingCode::Inconsistent, place.path);
        }
        if directory.behind > 0 {
            self.add(FindingCode::Hidden, place.path);
        }
        // First the layout: overlapping entries are not walked at all.
        let mut places = Vec::new();
        let mut extents = Vec::new();
        let mut at = directory.start;
        let mut full = false;
        while at < directory.end {
            self.meter.tick()?;
            if places.len() >= self.meter.entries_left() as usize {
                full = true;
                break;
            }
            let entry = ZipEntry::read(source, at, directory)?;
            let local = entry.local_header(source)?;
            let end = local.data_at.checked_add(entry.packed).filter(|end| *end <= directory.start);
            extents.push(Extent { start: entry.header_at, end: end.ok_or(io::ErrorKind::InvalidData)? });
            if !local.agrees {
                self.add(FindingCode::Inconsistent, &join(place.path, &String::from_utf8_lossy(&entry.name)));
            }
            places.push(at);
            at = entry.next;
        }
        if !full && places.len() as u64 != directory.count {
            self.add(FindingCode::Inconsistent, place.path);
        }
        extents.sort_unstable();
        if extents.windows(2).any(|two| two[0].end > two[1].start) {
            self.add(FindingCode::Overlap, place.path);
            return Ok(());
        }
        if !full {
            let first = if appended { extents.first().map_or(0, |extent| extent.start) } else { 0 };
            self.gaps(source, first, &extents, directory.start, place)?;
        }
        drop(extents);
        let mut marks = PackageMarks::default();
        for at in places {
            self.meter.entry()?;
            let entry = ZipEntry::read(source, at, directory)?;
            let name = String::from_utf8_lossy(&entry.name[..entry.name.len().min(MAX_NAME)]).into_owned();
            let path = join(place.path, &name);
            self.entry_name(&name, &path);
            match name.as_str() {
                "[Content_Types].xml" => marks.content_types = true,
                "mimetype" => marks.mimetype = true,
                "META-INF/manifest.xml" => marks.manifest = true,
                "AndroidManifest.xml" => self.add(FindingCode::Android, place.path),
                _ if name.to_ascii_lowercase().ends_with("vbaproject.bin") || name.starts_with("xl/macrosheets/") => {
                    self.add(FindingCode::MacroOoxml, &path);
                }
                _ if name.starts_with("Basic/") || name.starts_with("Scripts/") => marks.scripts = Some(path.clone()),
                _ => {}
            }
            self.zip_entry(source, &entry, WalkPosition { name: last(&name), path: &path, depth: place.depth + 1 })?;
        }
        if full {
            return Err(StopReason::Entries.into());
        }
        *package = marks.package();
        if let (Package::Odf, Some(path)) = (*package, marks.scripts) {
            self.add(FindingCode::MacroOdf, &path);
        }
        Ok(())
    }

    /// Finds entries between the listed ones, which programs that read from the start would unpack.
    fn gaps(
        &self,
        source: &mut dyn ReadSeek,
        from: u64,
        extents: &[Extent],
        end: u64,
        place: WalkPosition<'_>,
    ) -> io::Result<()> {
        let mut cursor = from;
        for Extent { start, end: next } in extents.iter().copied().chain([Extent { start: end, end }]) {
            if start.saturating_sub(cursor) > MAX_DESCRIPTOR {
                let mut gap = Vec::new();
                source.seek(SeekFrom::Start(cursor))?;
                (&mut *source).take(GAP_HEAD.min(start - cursor)).read_to_end(&mut gap)?;
                if memchr::memmem::find(&gap, LOCAL_MAGIC).is_some() {
                    self.add(FindingCode::Hidden, place.path);
                }
            }
            cursor = next;
        }
        Ok(())
    }

    fn zip_entry(&self, source: &mut dyn ReadSeek, entry: &ZipEntry, place: WalkPosition<'_>) -> io::Result<()> {
        if entry.is_special() {
            self.add(FindingCode::Link, place.path);
            return Ok(());
        }
        if entry.is_encrypted() {
            self.add(FindingCode::ArchiveEncrypted, place.path);
            return Ok(());
        }
        if entry.is_folder() && entry.packed == 0 {
            return Ok(());
        }
        let local = entry.local_header(source)?;
        source.seek(SeekFrom::Start(local.data_at))?;
        let packed = BufReader::with_capacity(BUFFER, (&mut *source).take(entry.packed));
        let taken = Cell::new(0);
        let packed = LimitedReader::new(packed, &taken);
        let result = match entry.method {
            0 => self.checked(CrcReader::new(packed, self.meter, None), entry, &taken, place),
            8 => self.checked(CrcReader::new(DeflateDecoder::new(packed), self.meter, Some(&taken)), entry, &taken, place),
            other => {
                self.add(FindingCode::Method, &other.to_string());
                Ok(())
            }
        };
        result.or_else(|error| self.note(error, place.path))
    }

    /// Reads an entry's content to its end and compares it with the directory.
    fn checked(
        &self,
        mut content: CrcReader<'_, impl Read>,
        entry: &ZipEntry,
        taken: &Cell<u64>,
        place: WalkPosition<'_>,
    ) -> io::Result<()> {
        let result = self.item(&mut content, place);
        // More output than declared is inconsistent even if the read failed.
        if content.out() > entry.unpacked || (result.is_ok() && (content.out() < entry.unpacked || taken.get() < entry.packed)) {
            self.add(FindingCode::Inconsistent, place.path);
        }
        result?;
        if content.crc() != entry.crc {
            self.add(FindingCode::Broken, place.path);
        }
        Ok(())
    }

    /// Checks an entry's name and the path it would be written to.
    fn entry_name(&self, entry: &str, path: &str) {
        name::check_name(entry, path, &mut self.findings.borrow_mut());
        let drive = entry.as_bytes().get(1) == Some(&b':') && entry.as_bytes()[0].is_ascii_alphabetic();
        if entry.starts_with(['/', '\\']) || drive || entry.split(['/', '\\']).any(|part| part == "..") || entry.len() >= MAX_NAME
        {
            self.add(FindingCode::Path, path);
        }
    }
}

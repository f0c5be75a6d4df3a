//! Walks a file and all archives nested in it.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::GzDecoder;

use super::budget::{CrcReader, InspectionBudget, LimitedReader, StopReason};
use super::declared_type;
use super::drain::{drain, only_zeros};
use super::entry_path::{join, last, unpacked};
use super::findings::{FindingCode, Findings};
use super::package::Package;
use super::sniff::{DetectedType, HEAD_BYTES, sniff};
use super::spool::Spool;
use super::zip::Directory;
use super::{name, scan, tar};

/// Read buffer for compressed content.
pub(super) const BUFFER: usize = 32 * 1024;
/// Longest name; no system can create a longer one (Linux: 4096).
pub(super) const MAX_NAME: usize = 4096;

/// Random-access input.
pub(super) trait ReadSeek: Read + Seek {}
impl<R: Read + Seek> ReadSeek for R {}

pub(super) struct Walker<'a> {
    pub(super) meter: &'a InspectionBudget<'a>,
    pub(super) findings: RefCell<Findings>,
}

/// Position of a content in the upload: its name and its path through the archives around it.
#[derive(Clone, Copy)]
pub(super) struct WalkPosition<'a> {
    /// Last path component, for the extension.
    pub(super) name: &'a str,
    /// Path such as `a.zip/b/c.txt` without the upload's own name; empty for the upload itself.
    pub(super) path: &'a str,
    pub(super) depth: u32,
}

impl Walker<'_> {
    pub(super) fn add(&self, code: FindingCode, detail: &str) {
        self.findings.borrow_mut().add(code, detail);
    }

    /// Records an error in one content; returns errors that end the inspection.
    pub(super) fn note(&self, error: io::Error, path: &str) -> io::Result<()> {
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
        if let (Some(directory), true) =
            (&directory, kind == DetectedType::Zip || directory.is_some_and(|d| d.count > 0))
        {
            if kind != DetectedType::Zip {
                self.add(FindingCode::Polyglot, "zip");
            }
            package = self.zip(source, directory, kind != DetectedType::Zip, place)?;
        }
        declared_type::check(
            name::extension(name).as_deref(),
            kind,
            package,
            "",
            false,
            &mut self.findings.borrow_mut(),
        );
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
    pub(super) fn item(&self, input: &mut dyn Read, place: WalkPosition<'_>) -> io::Result<()> {
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
    fn opened(
        &self,
        kind: DetectedType,
        head: &[u8],
        rest: &mut dyn Read,
        place: WalkPosition<'_>,
    ) -> io::Result<()> {
        match kind {
            DetectedType::Gzip | DetectedType::Tar if place.depth >= self.meter.caps.depth => {
                self.too_deep();
                return drain(rest);
            }
            DetectedType::Gzip => {
                return self.gzip(&mut BufReader::with_capacity(BUFFER, head.chain(rest)), place);
            }
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
            let told = decoder
                .header()
                .and_then(|header| header.filename())
                .map(|name| String::from_utf8_lossy(name).into_owned());
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

    /// Checks an entry's name and the path it would be written to.
    pub(super) fn entry_name(&self, entry: &str, path: &str) {
        name::check_name(entry, path, &mut self.findings.borrow_mut());
        let drive = entry.as_bytes().get(1) == Some(&b':') && entry.as_bytes()[0].is_ascii_alphabetic();
        if entry.starts_with(['/', '\\'])
            || drive
            || entry.split(['/', '\\']).any(|part| part == "..")
            || entry.len() >= MAX_NAME
        {
            self.add(FindingCode::Path, path);
        }
    }
}

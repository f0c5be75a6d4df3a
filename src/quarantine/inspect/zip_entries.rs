//! Walks the entries of a zip: first their layout, then the content of each.

use std::cell::Cell;
use std::io::{self, BufReader, Read, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::budget::{CrcReader, LimitedReader, StopReason};
use super::entry_path::{join, last};
use super::findings::FindingCode;
use super::package::{Package, PackageMarks};
use super::walk::{BUFFER, MAX_NAME, ReadSeek, WalkPosition, Walker};
use super::zip::{Directory, Extent, LOCAL_MAGIC, ZipEntry};

/// Largest data descriptor (sizes and checksum) behind an entry's data.
const MAX_DESCRIPTOR: u64 = 24;
/// Bytes read of a gap between two entries, to find a hidden third one.
const GAP_HEAD: u64 = 64;

impl Walker<'_> {
    /// Inspects every entry of a zip. `appended`: the bytes before the archive belong to another file.
    pub(super) fn zip(
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
                _ if name.to_ascii_lowercase().ends_with("vbaproject.bin")
                    || name.starts_with("xl/macrosheets/") =>
                {
                    self.add(FindingCode::MacroOoxml, &path);
                }
                _ if name.starts_with("Basic/") || name.starts_with("Scripts/") => {
                    marks.scripts = Some(path.clone());
                }
                _ => {}
            }
            self.zip_entry(
                source,
                &entry,
                WalkPosition { name: last(&name), path: &path, depth: place.depth + 1 },
            )?;
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

    fn zip_entry(
        &self,
        source: &mut dyn ReadSeek,
        entry: &ZipEntry,
        place: WalkPosition<'_>,
    ) -> io::Result<()> {
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
            8 => self.checked(
                CrcReader::new(DeflateDecoder::new(packed), self.meter, Some(&taken)),
                entry,
                &taken,
                place,
            ),
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
        if content.out() > entry.unpacked
            || (result.is_ok() && (content.out() < entry.unpacked || taken.get() < entry.packed))
        {
            self.add(FindingCode::Inconsistent, place.path);
        }
        result?;
        if content.crc() != entry.crc {
            self.add(FindingCode::Broken, place.path);
        }
        Ok(())
    }
}

//! Files that may hold what the server had in memory: its data, logs, swap, core files.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use super::needles::{Marks, Needles, SearchExtent};

/// Maximum number of files in one place.
const MOST_FILES: usize = 20_000;
/// Maximum depth of folders.
const DEEPEST: usize = 16;
/// Places of system logs: the journal, on disk and in memory, and files of syslog.
const LOGS: [&str; 6] = [
    "/var/log/journal",
    "/run/log/journal",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/user.log",
    "/var/log/daemon.log",
];
/// Places of core files beside the one that the kernel names: those of systemd-coredump and Apport.
const CORES: [&str; 2] = ["/var/lib/systemd/coredump", "/var/crash"];

/// Place whose files were searched.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) files: usize,
    pub(super) extent: SearchExtent,
    /// Files or folders that could not be read, with the reason.
    pub(super) failed: Vec<(PathBuf, io::Error)>,
}

impl Searched {
    /// Searches a file, or all files below a folder; symbolic links are not followed. Files that were last
    /// written before `since` are left out.
    pub(super) fn add(
        &mut self,
        path: &Path,
        since: Option<SystemTime>,
        needles: &Needles,
        marks: &mut Marks,
    ) {
        let mut pending = vec![(path.to_owned(), 0)];
        while let Some((path, depth)) = pending.pop() {
            match self.add_one(&path, since, needles, marks) {
                Ok(inside) if inside.is_empty() || depth < DEEPEST => {
                    pending.extend(inside.into_iter().map(|path| (path, depth + 1)));
                }
                Ok(_) => self.failed.push((path, io::ErrorKind::QuotaExceeded.into())),
                // Logs are rotated and temporary files removed while this runs.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.failed.push((path, error)),
            }
        }
    }

    /// Searches one file, or returns the entries of a folder.
    fn add_one(
        &mut self,
        path: &Path,
        since: Option<SystemTime>,
        needles: &Needles,
        marks: &mut Marks,
    ) -> io::Result<Vec<PathBuf>> {
        let meta = fs::symlink_metadata(path)?;
        if meta.is_dir() {
            return fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect();
        }
        let is_old = since.is_some_and(|since| meta.modified().is_ok_and(|at| at < since));
        if !meta.is_file() || is_old {
            return Ok(Vec::new());
        }
        if self.files >= MOST_FILES {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.files += 1;
        self.extent += search(path, needles, marks)?;
        Ok(Vec::new())
    }
}

/// Searches a file or a block device.
pub(super) fn search(path: &Path, needles: &Needles, marks: &mut Marks) -> io::Result<SearchExtent> {
    let mut file = File::open(path)?;
    // A device has no length in its metadata.
    let length = file.seek(SeekFrom::End(0))?;
    let name: Rc<str> = path.display().to_string().into();
    Ok(needles.search(|buf, at| file.read_at(buf, at), 0, length, &name, marks))
}

/// Returns the system's logs.
pub(super) fn system_logs() -> Vec<PathBuf> {
    LOGS.iter().map(PathBuf::from).filter(|path| path.exists()).collect()
}

/// Returns the active swap devices and files, from the text of `/proc/swaps` (proc_swaps(5)).
pub(super) fn swaps(text: &str) -> Vec<PathBuf> {
    let names = text.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().next());
    names.map(|name| PathBuf::from(name.replace("\\040", " "))).collect()
}

/// Returns the folders in which core files of a process in `folder` end, by the kernel's pattern (core(5)).
pub(super) fn core_folders(pattern: &str, folder: &Path) -> Vec<PathBuf> {
    let pattern = pattern.trim();
    let named = match pattern.strip_prefix('|') {
        // A program gets them.
        Some(_) => None,
        None => Path::new(pattern).parent().map(|parent| folder.join(parent)),
    };
    let known = CORES.iter().map(PathBuf::from).filter(|path| path.exists());
    named.into_iter().chain(known).chain([folder.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_devices_are_parsed() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1 0 100\n/swap\\040file file 1 0 -2\n";
        assert_eq!(swaps(text), [PathBuf::from("/dev/zram0"), PathBuf::from("/swap file")]);
        assert!(swaps("Filename\tType\tSize\tUsed\tPriority\n").is_empty());
    }

    #[test]
    fn core_folders_follow_the_pattern() {
        let folders = |pattern| core_folders(pattern, Path::new("/srv"));
        assert_eq!(folders("core\n")[0], Path::new("/srv"));
        assert_eq!(folders("dumps/core.%p")[0], Path::new("/srv/dumps"));
        assert_eq!(folders("/cores/%e.%p")[0], Path::new("/cores"));
        for pattern in ["|/usr/lib/systemd/systemd-coredump %P", "core"] {
            assert!(folders(pattern).contains(&PathBuf::from("/srv")), "{pattern}");
        }
    }

    #[test]
    fn files_below_a_folder_are_searched_without_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).expect("makes");
        fs::write(inner.join("file"), "…0h1j2k3m4n5ppl03…").expect("writes");
        std::os::unix::fs::symlink("/proc/self/mem", folder.path().join("link")).expect("links");
        let (needles, mut marks, mut searched) =
            (Needles::new("0h1j2k3m4n5p"), Marks::new(), Searched::default());
        searched.add(folder.path(), None, &needles, &mut marks);
        assert_eq!((searched.files, marks.len()), (1, 1), "{searched:?}");
        let late = SystemTime::now() + std::time::Duration::from_secs(60);
        let mut none = Searched::default();
        none.add(folder.path(), Some(late), &needles, &mut marks);
        assert_eq!(none.files, 0);
        let mut absent = Searched::default();
        absent.add(&folder.path().join("absent"), None, &needles, &mut marks);
        assert!(absent.failed.is_empty());
    }
}

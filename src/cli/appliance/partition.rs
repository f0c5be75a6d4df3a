//! The boot partition: FAT, which knows neither owners nor case, mounted read-only but for the moments in which something is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, mount_remount};

use crate::atomic_file;

use super::{Root, WARNING, tell};

/// Most names of the partition's top folder that are looked at: the firmware's files are some forty.
const MAX_NAMES: usize = 4096;

/// The boot partition.
pub(super) struct Partition {
    dir: PathBuf,
}

impl Partition {
    pub(super) fn of(root: &Root) -> Self {
        Self { dir: root.at("boot/firmware") }
    }

    /// The path of a file in its top folder.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The names in its top folder that are one of `wanted`, in whatever case.
    pub(super) fn find(&self, wanted: &[&str]) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.dir)?.take(MAX_NAMES).filter_map(Result::ok);
        let wanted = |name: &std::ffi::OsStr| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        Ok(entries.filter(|entry| wanted(&entry.file_name())).map(|entry| entry.path()).collect())
    }

    /// Puts `content` in the place of what the file holds.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _writable = Writable::make(&self.dir)?;
        atomic_file::replace(&self.at(name), content, None)
    }

    /// Puts `content` in the place of what the file holds, of which nothing stays: the sectors that a replaced file leaves behind
    /// keep their bytes until something else needs them, and any computer can read those. A power cut in the moment between the
    /// two leaves them.
    pub(super) fn replace_secret(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _writable = Writable::make(&self.dir)?;
        let old = OpenOptions::new().write(true).open(self.at(name))?;
        atomic_file::replace(&self.at(name), content, None)?;
        wipe(&old)
    }

    /// Removes these files, as far as there are any.
    pub(super) fn remove(&self, files: &[PathBuf]) -> io::Result<()> {
        if files.iter().all(|file| file.symlink_metadata().is_err()) {
            return Ok(());
        }
        let _writable = Writable::make(&self.dir)?;
        files.iter().try_for_each(|file| atomic_file::remove(file).map(drop))
    }
}

/// Writes zeros over what a file holds, in place; it may have lost its name.
fn wipe(mut file: &File) -> io::Result<()> {
    let zeros = [0; 4096];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let part = &zeros[..left.min(4096) as usize];
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    file.sync_all()
}

/// The partition while it can be written; read-only again when dropped, if it was before.
struct Writable<'a>(Option<(&'a Path, MountFlags)>);

impl<'a> Writable<'a> {
    fn make(dir: &'a Path) -> io::Result<Self> {
        // In a test, and where somebody has no such partition, it is a folder like any other.
        let mount = fs::metadata(dir)?.dev() != fs::metadata(dir.join(".."))?.dev();
        let flags = statvfs(dir)?.f_flag;
        if !mount || !flags.contains(StatVfsMountFlags::RDONLY) {
            return Ok(Self(None));
        }
        let kept = kept(flags);
        mount_remount(dir, kept, "")?;
        Ok(Self(Some((dir, kept))))
    }
}

impl Drop for Writable<'_> {
    fn drop(&mut self) {
        if let Some((dir, flags)) = self.0
            && let Err(error) = mount_remount(dir, flags | MountFlags::RDONLY, "")
        {
            // Everything is synced; a partition that stays writable is only more exposed to the next power cut.
            tell(WARNING, format_args!("{}: {error}", dir.display()));
        }
    }
}

/// A remount says all flags anew, so those in force are said again.
fn kept(now: StatVfsMountFlags) -> MountFlags {
    [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::SYNCHRONOUS, MountFlags::SYNCHRONOUS),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ]
    .into_iter()
    .filter(|(flag, _)| now.contains(*flag))
    .fold(MountFlags::empty(), |all, (_, flag)| all | flag)
}

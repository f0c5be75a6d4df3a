//! Boot partition: FAT, without owners and case, mounted read-only except during a write.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, mount_remount};

use crate::atomic_file;

use super::report::{WARNING, tell};
use super::root::Root;

/// Maximum names of the partition's top folder that are read; the firmware has about forty files.
const MAX_NAMES: usize = 4096;

/// Boot partition.
pub(super) struct Partition {
    dir: PathBuf,
}

impl Partition {
    pub(super) fn of(root: &Root) -> Self {
        Self { dir: root.at("boot/firmware") }
    }

    /// Returns the path of a file in the top folder.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Finds the names in the top folder that are one of `wanted`, in any case.
    pub(super) fn find(&self, wanted: &[&str]) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.dir)?.take(MAX_NAMES).filter_map(Result::ok);
        let wanted = |name: &std::ffi::OsStr| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        Ok(entries.filter(|entry| wanted(&entry.file_name())).map(|entry| entry.path()).collect())
    }

    /// Replaces the content of a file.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _writable = Writable::make(&self.dir)?;
        atomic_file::replace(&self.at(name), content, None)
    }

    /// Replaces the content of a file and wipes the old one. The sectors of a replaced file keep their bytes
    /// until they are used again, and any computer can read them. A power cut between the two steps leaves
    /// the old bytes.
    pub(super) fn replace_secret(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let _writable = Writable::make(&self.dir)?;
        let old = OpenOptions::new().write(true).open(self.at(name))?;
        atomic_file::replace(&self.at(name), content, None)?;
        wipe(&old)
    }

    /// Removes those of these files that exist.
    pub(super) fn remove(&self, files: &[PathBuf]) -> io::Result<()> {
        if files.iter().all(|file| file.symlink_metadata().is_err()) {
            return Ok(());
        }
        let _writable = Writable::make(&self.dir)?;
        files.iter().try_for_each(|file| atomic_file::remove(file).map(drop))
    }
}

/// Overwrites a file with zeros, in place; it may have lost its name.
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

/// Makes the partition writable; on drop it is read-only again, if it was before.
struct Writable<'a>(Option<(&'a Path, MountFlags)>);

impl<'a> Writable<'a> {
    fn make(dir: &'a Path) -> io::Result<Self> {
        // In a test and on a system without such a partition, it is an ordinary folder.
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
            // Everything is synced; a partition that stays writable is only more exposed to the next power
            // cut.
            tell(WARNING, format_args!("{}: {error}", dir.display()));
        }
    }
}

/// Returns the flags in force, because a remount sets all flags again.
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

//! Small files in folders that another user may write to. They are opened without following a link, read up
//! to a limit, and refused if they hold a key that others can read.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::types::Lang;
use crate::types::texts::key;

/// Sticky bit: in such a folder only its owner removes a file.
const STICKY: u32 = 0o1000;

/// File or folder that must not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text(Lang::En))]
pub enum Untrusted {
    /// Other users can read a key.
    OpenToOthers {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Other users can write to the data folder.
    Writable {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file or folder belongs to another user than the process.
    ForeignOwner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The file is a link, folder, pipe or device.
    NotRegular {
        /// The file.
        file: PathBuf,
    },
    /// A file or folder cannot be read.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl Untrusted {
    /// Returns one line with the fault and the remedy.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::OpenToOthers { file, mode } => key::UNTRUSTED_OPEN_TO_OTHERS
                .fill(lang, &[("path", &file.display()), ("mode", &format_args!("{mode:o}"))]),
            Self::Writable { folder, mode } => key::UNTRUSTED_WRITABLE
                .fill(lang, &[("path", &folder.display()), ("mode", &format_args!("{mode:o}"))]),
            Self::ForeignOwner { path, owner } => {
                key::UNTRUSTED_FOREIGN_OWNER.fill(lang, &[("path", &path.display()), ("owner", owner)])
            }
            Self::NotRegular { file } => key::UNTRUSTED_NOT_REGULAR.fill(lang, &[("path", &file.display())]),
            Self::Unreadable { path, cause } => {
                key::UNTRUSTED_UNREADABLE.fill(lang, &[("path", &path.display()), ("cause", cause)])
            }
        }
    }
}

/// Opens a regular file; `None` if there is none. A link at the end of the path is not followed, and a pipe
/// does not block.
///
/// # Errors
/// Fails on an entry that is not a regular file, and with the system's error.
pub fn open(path: &Path) -> Result<Option<File>, Untrusted> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let unreadable = |cause| Untrusted::Unreadable { path: path.to_owned(), cause };
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(Untrusted::NotRegular { file: path.to_owned() }),
        Err(error) => return Err(unreadable(error.into())),
    };
    if file.metadata().map_err(unreadable)?.is_file() {
        Ok(Some(file))
    } else {
        Err(Untrusted::NotRegular { file: path.to_owned() })
    }
}

/// Reads at most `max` bytes of a regular file; `None` if there is none.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Untrusted> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(max).read_to_end(&mut bytes);
    read.map_err(|cause| Untrusted::Unreadable { path: path.to_owned(), cause })?;
    Ok(Some(bytes))
}

/// Reads at most `max` bytes of text; `None` if there is no regular file of text. For files that another user
/// writes.
pub fn text(path: &Path, max: u64) -> Option<String> {
    String::from_utf8(read(path, max).ok()??).ok()
}

/// Reads at most `max` bytes of a file that holds a key; `None` if there is none.
///
/// # Errors
/// As [`open`]; also fails on a file that others can read, or that belongs neither to this process' user nor
/// to root.
pub fn read_key(path: &Path, max: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Untrusted> {
    let Some(file) = open(path)? else { return Ok(None) };
    let unreadable = |cause| Untrusted::Unreadable { path: path.to_owned(), cause };
    let meta = file.metadata().map_err(unreadable)?;
    check_owner(path, &meta)?;
    if meta.mode() & 0o077 != 0 {
        return Err(Untrusted::OpenToOthers { file: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    // Full capacity at once: a growing buffer would leave copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(meta.len().min(max)).unwrap_or(0).saturating_add(1),
    ));
    file.take(max).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Some(bytes))
}

/// Checks the server's data folder. Others may read it: keys and database they cannot.
///
/// # Errors
/// Fails on a folder that others can write to, or that belongs neither to this process' user nor to root.
pub fn check_data_folder(folder: &Path) -> Result<(), Untrusted> {
    let meta =
        fs::metadata(folder).map_err(|cause| Untrusted::Unreadable { path: folder.to_owned(), cause })?;
    check_owner(folder, &meta)?;
    if meta.mode() & 0o022 != 0 && meta.mode() & STICKY == 0 {
        return Err(Untrusted::Writable { folder: folder.to_owned(), mode: meta.mode() & 0o7777 });
    }
    Ok(())
}

fn check_owner(path: &Path, meta: &Metadata) -> Result<(), Untrusted> {
    let own = rustix::process::geteuid().as_raw();
    if meta.uid() == own || meta.uid() == 0 {
        Ok(())
    } else {
        Err(Untrusted::ForeignOwner { path: path.to_owned(), owner: meta.uid() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn key_readable_by_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        assert!(read_key(&key, 16).unwrap().is_none());
        fs::write(&key, "0123456789abcdefg").unwrap();
        for mode in [0o600, 0o400] {
            set_mode(&key, mode);
            assert_eq!(read_key(&key, 16).unwrap().unwrap().as_slice(), b"0123456789abcdef");
        }
        for mode in [0o604, 0o640, 0o620, 0o602, 0o660, 0o644] {
            set_mode(&key, mode);
            let refused = read_key(&key, 16).unwrap_err();
            assert!(
                matches!(refused, Untrusted::OpenToOthers { mode: seen, .. } if seen == mode),
                "{mode:o}"
            );
            assert!(refused.to_string().contains(&format!("chmod 600 {}", key.display())), "{refused}");
        }
    }

    #[test]
    fn links_and_pipes_are_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (there, link, pipe) =
            (folder.path().join("there"), folder.path().join("link"), folder.path().join("pipe"));
        fs::write(&there, "text").unwrap();
        symlink(&there, &link).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        for path in [&link, &pipe, &folder.path().to_owned()] {
            assert!(matches!(open(path), Err(Untrusted::NotRegular { .. })), "{}", path.display());
            assert_eq!(text(path, 16), None);
        }
        assert_eq!(text(&there, 3).as_deref(), Some("tex"));
    }

    #[test]
    fn data_folder_writable_by_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, good) in [(0o700, true), (0o755, true), (0o1777, true), (0o775, false), (0o702, false)] {
            set_mode(folder.path(), mode);
            assert_eq!(check_data_folder(folder.path()).is_ok(), good, "{mode:o}");
        }
        set_mode(folder.path(), 0o700);
    }
}

//! Faults of a files folder, each with its remedies.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::types::Lang;
use crate::types::texts::key;

/// Name of the file that ties a files folder to its database.
pub(super) const MARKER: &str = ".pichat-store";

/// Reason why the files folder is not used. Nothing was touched.
#[derive(Debug)]
pub struct FolderFault {
    /// The folder.
    pub folder: PathBuf,
    /// Kind of fault.
    pub flaw: Flaw,
}

/// Fault of a files folder.
#[derive(Debug)]
pub enum Flaw {
    /// The folder is missing: moved, or its disk is not mounted.
    Missing,
    /// The folder lacks the database's mark: empty, a mount point without its disk, or copied without hidden
    /// files.
    Unmarked,
    /// The folder carries another database's mark.
    Foreign,
    /// The folder holds none of the files that the database lists, or files unknown to the database.
    Unrelated,
    /// The folder cannot be written.
    Unwritable(io::Error),
    /// The file system cannot rename without replacing, or cannot sync a folder.
    Unsuitable(io::Error),
    /// Another process has locked the folder.
    InUse,
}

impl FolderFault {
    /// Returns true if the same start may succeed later without any change.
    pub const fn is_temporary(&self) -> bool {
        matches!(self.flaw, Flaw::InUse)
    }

    /// Returns the fault and its remedies as a sentence.
    pub fn text(&self, lang: Lang) -> String {
        let folder = self.folder.display();
        let mut values: Vec<(_, &dyn fmt::Display)> = vec![("folder", &folder)];
        let remedy = key::FOLDER_REMEDY.get(lang);
        let text = match &self.flaw {
            Flaw::Missing => key::FOLDER_MISSING,
            Flaw::Unmarked => {
                values.push(("mark", &MARKER));
                key::FOLDER_UNMARKED
            }
            Flaw::Foreign => key::FOLDER_FOREIGN,
            Flaw::Unrelated => key::FOLDER_UNRELATED,
            Flaw::Unwritable(cause) => {
                values.push(("cause", cause));
                key::FOLDER_UNWRITABLE
            }
            Flaw::Unsuitable(cause) => {
                values.push(("cause", cause));
                key::FOLDER_UNSUITABLE
            }
            Flaw::InUse => key::FOLDER_IN_USE,
        };
        values.push(("remedy", &remedy));
        text.fill(lang, &values)
    }
}

impl fmt::Display for FolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for FolderFault {}

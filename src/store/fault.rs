//! Faults of the database that prevent opening it, with their remedies.

use std::fmt;
use std::path::PathBuf;

use crate::types::Lang;
use crate::types::texts::key;

/// Reason why the database is not opened. Nothing was changed.
#[derive(Debug)]
pub enum DatabaseFault {
    /// The folder was used before, but its database is missing.
    Missing {
        /// The data folder.
        folder: PathBuf,
        /// File or folder that shows the earlier use.
        trace: String,
    },
    /// The folder has no database, and the command makes none.
    Absent {
        /// The data folder.
        folder: PathBuf,
    },
    /// A later version of the program has migrated the schema.
    Newer {
        /// The database.
        file: PathBuf,
        /// Schema of the database.
        found: i64,
        /// Newest schema of this program.
        known: i64,
        /// Newest snapshot that this program can use.
        snapshot: Option<PathBuf>,
    },
    /// SQLite reports the file as damaged or as not a database.
    Damaged {
        /// The database.
        file: PathBuf,
        /// Message of SQLite.
        cause: String,
        /// Newest snapshot that this program can use.
        snapshot: Option<PathBuf>,
    },
    /// The snapshot before a migration could not be made.
    NotSnapshotted {
        /// The database.
        file: PathBuf,
        /// Message of the system or of SQLite.
        cause: String,
    },
    /// Another process uses the database, and one of both needs it exclusively.
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// No snapshot in the folder fits this program.
    NoSnapshot {
        /// The data folder.
        folder: PathBuf,
    },
    /// The chosen snapshot cannot replace the database.
    BadSnapshot {
        /// The snapshot.
        file: PathBuf,
        /// Fault of that file.
        cause: String,
    },
}

impl DatabaseFault {
    /// Returns true if the same start may succeed later without a person's action.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::NotSnapshotted { .. } | Self::InUse { .. })
    }

    /// Describes the fault and the remedies.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Missing { folder, trace } => {
                key::DATABASE_MISSING.fill(lang, &[("folder", &folder.display()), ("trace", trace)])
            }
            Self::Absent { folder } => key::DATABASE_ABSENT.fill(lang, &[("folder", &folder.display())]),
            Self::Newer { file, found, known, snapshot } => {
                let values: [(_, &dyn fmt::Display); 4] = [
                    ("file", &file.display()),
                    ("found", found),
                    ("known", known),
                    ("snapshot", &snapshot_text(snapshot.as_ref(), lang)),
                ];
                key::DATABASE_NEWER.fill(lang, &values)
            }
            Self::Damaged { file, cause, snapshot } => {
                let values: [(_, &dyn fmt::Display); 3] = [
                    ("file", &file.display()),
                    ("cause", cause),
                    ("snapshot", &snapshot_text(snapshot.as_ref(), lang)),
                ];
                key::DATABASE_DAMAGED.fill(lang, &values)
            }
            Self::NotSnapshotted { file, cause } => {
                key::DATABASE_NOT_SNAPSHOTTED.fill(lang, &[("file", &file.display()), ("cause", cause)])
            }
            Self::InUse { folder } => key::DATABASE_IN_USE.fill(lang, &[("folder", &folder.display())]),
            Self::NoSnapshot { folder } => {
                key::DATABASE_NO_SNAPSHOT.fill(lang, &[("folder", &folder.display())])
            }
            Self::BadSnapshot { file, cause } => {
                key::DATABASE_BAD_SNAPSHOT.fill(lang, &[("file", &file.display()), ("cause", cause)])
            }
        }
    }
}

fn snapshot_text(snapshot: Option<&PathBuf>, lang: Lang) -> String {
    snapshot.map_or_else(
        || key::DATABASE_SNAPSHOT_NONE.get(lang).to_owned(),
        |path| key::DATABASE_SNAPSHOT.fill(lang, &[("path", &path.display())]),
    )
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for DatabaseFault {}

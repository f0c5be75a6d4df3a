//! Faults of the database that prevent opening it, with their remedies.

use std::fmt;
use std::path::PathBuf;

use crate::types::Lang;

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
        match lang {
            Lang::Es => self.spanish(),
            Lang::En => self.english(),
        }
    }

    fn spanish(&self) -> String {
        match self {
            Self::Missing { folder, trace } => format!(
                "{}: aquí ya trabajó PiChat (está «{trace}») y falta la base de datos pichat.db. No se hizo una nueva y no se tocó \
                 nada. Revisa --data-dir y que el disco esté montado, restaura pichat.db de una copia, o recupera la última copia \
                 previa a una actualización con «pichat restore-snapshot».",
                folder.display()
            ),
            Self::Absent { folder } => format!(
                "{}: en esta carpeta no hay una base de datos de PiChat (pichat.db). No se creó nada; revisa --data-dir y --config.",
                folder.display()
            ),
            Self::Newer { file, found, known, snapshot } => format!(
                "{}: la base de datos es de una versión más nueva de PiChat (esquema {found}; esta conoce hasta el {known}). No se \
                 tocó nada. Usa la versión nueva, o vuelve atrás con «pichat restore-snapshot»: {}.",
                file.display(),
                spanish_snapshot(snapshot.as_ref())
            ),
            Self::Damaged { file, cause, snapshot } => format!(
                "{}: la base de datos está dañada ({cause}). No se tocó nada. Restáurala de una copia de seguridad, o usa «pichat \
                 restore-snapshot»: {}.",
                file.display(),
                spanish_snapshot(snapshot.as_ref())
            ),
            Self::NotSnapshotted { file, cause } => format!(
                "{}: no se pudo guardar la copia previa a la actualización ({cause}), así que la base de datos no se actualizó. \
                 Libera espacio en el disco y arranca de nuevo.",
                file.display()
            ),
            Self::InUse { folder } => format!(
                "{}: otro proceso de PiChat usa estos datos; termínalo primero (con systemd: «systemctl stop pichat») e inténtalo \
                 de nuevo.",
                folder.display()
            ),
            Self::NoSnapshot { folder } => format!(
                "{}: no hay ninguna copia pichat.db.before-… que esta versión pueda usar. No se tocó nada; restaura pichat.db de \
                 una copia de seguridad o usa la versión nueva de PiChat.",
                folder.display()
            ),
            Self::BadSnapshot { file, cause } => {
                format!(
                    "{}: esta copia no se puede usar ({cause}). La base de datos quedó como estaba.",
                    file.display()
                )
            }
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Missing { folder, trace } => format!(
                "{}: PiChat was used here before (“{trace}” exists) and the database pichat.db is missing. No new one was made \
                 and nothing was touched. Check --data-dir and that the disk is mounted, restore pichat.db from a backup, or go \
                 back to the last copy from before an upgrade with “pichat restore-snapshot”.",
                folder.display()
            ),
            Self::Absent { folder } => format!(
                "{}: this folder has no PiChat database (pichat.db). Nothing was created; check --data-dir and --config.",
                folder.display()
            ),
            Self::Newer { file, found, known, snapshot } => format!(
                "{}: the database belongs to a newer version of PiChat (schema {found}; this one knows up to {known}). Nothing was \
                 touched. Use the newer version, or go back with “pichat restore-snapshot”: {}.",
                file.display(),
                english_snapshot(snapshot.as_ref())
            ),
            Self::Damaged { file, cause, snapshot } => format!(
                "{}: the database is damaged ({cause}). Nothing was touched. Restore it from a backup, or use “pichat \
                 restore-snapshot”: {}.",
                file.display(),
                english_snapshot(snapshot.as_ref())
            ),
            Self::NotSnapshotted { file, cause } => format!(
                "{}: the copy before the upgrade could not be saved ({cause}), so the database was not upgraded. Free some disk \
                 space and start again.",
                file.display()
            ),
            Self::InUse { folder } => format!(
                "{}: another PiChat process uses this data; end it first (with systemd: “systemctl stop pichat”) and try again.",
                folder.display()
            ),
            Self::NoSnapshot { folder } => format!(
                "{}: there is no copy pichat.db.before-… that this version can use. Nothing was touched; restore pichat.db from a \
                 backup or use the newer version of PiChat.",
                folder.display()
            ),
            Self::BadSnapshot { file, cause } => {
                format!("{}: this copy cannot be used ({cause}). The database is as it was.", file.display())
            }
        }
    }
}

fn spanish_snapshot(snapshot: Option<&PathBuf>) -> String {
    snapshot.map_or_else(
        || "en la carpeta no hay una copia utilizable".to_owned(),
        |path| format!("la copia utilizable es {}", path.display()),
    )
}

fn english_snapshot(snapshot: Option<&PathBuf>) -> String {
    snapshot.map_or_else(
        || "the folder has no usable copy".to_owned(),
        |path| format!("the usable copy is {}", path.display()),
    )
}

impl fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for DatabaseFault {}

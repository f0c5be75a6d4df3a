//! Faults of a files folder, each with its remedies.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::types::Lang;

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
        let (es, en) = self.flaw.texts();
        match lang {
            Lang::Es => format!("{}: {es}", self.folder.display()),
            Lang::En => format!("{}: {en}", self.folder.display()),
        }
    }
}

const OTHER_FOLDER_ES: &str = "Monta el disco o pon en [files] dir la carpeta anterior. Si de verdad quieres seguir con esta carpeta, usa «pichat files \
                            accept»: los archivos que falten quedan en la lista como perdidos y los que sobren pasan a perdidos/. No se tocó nada.";
const OTHER_FOLDER_EN: &str = "Mount the disk, or set [files] dir to the previous folder. To continue with this folder, use “pichat files \
                            accept”: missing files stay listed as lost, and unlisted files move to perdidos/. Nothing was touched.";

impl Flaw {
    fn texts(&self) -> (String, String) {
        match self {
            Self::Missing => (
                format!("la carpeta de archivos no está: la cambiaron de lugar o su disco no está montado. {OTHER_FOLDER_ES}"),
                format!("the files folder is missing: it was moved, or its disk is not mounted. {OTHER_FOLDER_EN}"),
            ),
            Self::Unmarked => (
                format!(
                    "la carpeta de archivos no tiene la marca de esta base de datos ({MARKER}): está vacía, es otra, o se copió sin \
                     los archivos ocultos. {OTHER_FOLDER_ES}"
                ),
                format!(
                    "the files folder lacks this database's mark ({MARKER}): it is empty, a different folder, or was copied \
                     without hidden files. {OTHER_FOLDER_EN}"
                ),
            ),
            Self::Foreign => (
                format!("la carpeta de archivos tiene la marca de otra base de datos. {OTHER_FOLDER_ES}"),
                format!("the files folder has another database's mark. {OTHER_FOLDER_EN}"),
            ),
            Self::Unrelated => (
                format!("los archivos de la carpeta no son los que registra la base de datos. {OTHER_FOLDER_ES}"),
                format!("the files in the files folder are not those that the database lists. {OTHER_FOLDER_EN}"),
            ),
            Self::Unwritable(cause) => (
                format!(
                    "no se puede escribir en la carpeta de archivos ({cause}). Revisa su dueño y que el disco no esté montado de solo \
                     lectura. No se tocó nada."
                ),
                format!(
                    "the files folder cannot be written ({cause}). Check its owner and that the disk is not mounted read-only. \
                     Nothing was touched."
                ),
            ),
            Self::Unsuitable(cause) => (
                format!(
                    "este sistema de archivos no es compatible con la carpeta de archivos ({cause}): no puede cambiar un nombre sin \
                     reemplazar otro, por ejemplo exFAT. Usa ext4 o pon otra carpeta en [files] dir. No se tocó nada."
                ),
                format!(
                    "this file system does not support the files folder ({cause}): it cannot rename without replacing, for example \
                     exFAT. Use ext4, or set [files] dir to another folder. Nothing was touched."
                ),
            ),
            Self::InUse => (
                "otro proceso de PiChat usa esta carpeta; termínalo primero (con systemd: «systemctl stop pichat») e inténtalo de \
                 nuevo."
                    .to_owned(),
                "another PiChat process uses this folder; end it first (with systemd: “systemctl stop pichat”) and try again."
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for FolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for FolderFault {}

//! Files of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Result;

/// Reads the files of a folder and those below it, by their path with `/`.
pub(crate) fn read_below(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
        if entry.file_type()?.is_dir() {
            read_below(&entry.path(), &format!("{prefix}{name}/"), into)?;
        } else {
            into.insert(format!("{prefix}{name}"), fs::read(entry.path())?);
        }
    }
    Ok(())
}

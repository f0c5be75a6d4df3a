//! Gives an orphaned file a record, so that it is listed again.

use std::io::{self, Read as _};

use super::disk::FileStorage;
use super::error::QuarantineError;
use super::file_name::FileName;
use super::folder::FilesFolder;
use super::media_type::{HEAD_BYTES, media_type};
use super::record::{FileId, FileRecord, FileState};
use crate::clock::Timestamp;
use crate::store::{FileRow, Store};
use crate::types::Person;
use crate::types::crypto::Sha256Hasher;

/// Uploader shown for a file that belongs to no account.
const NO_ACCOUNT: &str = "—";
/// Bytes read and hashed in one step.
const CHUNK: usize = 256 * 1024;

impl FilesFolder {
    /// Records the orphan `id` as `received` under `name`, or the first free numbering of it. `None` if there
    /// is no such orphan. Blocks.
    pub fn adopt(
        &self,
        id: FileId,
        name: &FileName,
        owner: Option<&Person>,
        store: &Store,
        now: Timestamp,
    ) -> Result<Option<FileRecord>, QuarantineError> {
        if store.with(|db| db.file(&id.to_string()))?.is_some() || !self.disk.take_back(id)? {
            return Ok(None);
        }
        let recorded = describe(&self.disk, id, name, owner, now)
            .map_err(QuarantineError::from)
            .and_then(|row| Ok(store.with(|db| db.add_file(row, |n| name.numbered(n).as_str().to_owned()))?));
        match recorded {
            Ok(row) => Ok(Some(FileRecord::from_row(row)?)),
            Err(error) => {
                // If that fails too, the next start does it.
                let _ = self.disk.set_aside(&[id]);
                Err(error)
            }
        }
    }
}

fn describe(
    disk: &FileStorage,
    id: FileId,
    name: &FileName,
    owner: Option<&Person>,
    now: Timestamp,
) -> io::Result<FileRow> {
    let mut file = disk.open_file(id)?;
    let (mut hasher, mut head, mut size) = (Sha256Hasher::default(), Vec::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        let of_head = read.min(HEAD_BYTES - head.len());
        head.extend_from_slice(&chunk[..of_head]);
        size += read as u64;
    }
    Ok(FileRow {
        arrival: 0,
        id: id.to_string(),
        name: name.as_str().to_owned(),
        size,
        sha256: hasher.finish(),
        media_type: media_type(&head, name),
        state: FileState::Received.as_str().to_owned(),
        reasons: String::new(),
        uploaded_by: owner.map_or(NO_ACCOUNT, |owner| owner.name.as_str()).to_owned(),
        user_id: owner.map(|owner| owner.id),
        uploaded_at: now,
    })
}

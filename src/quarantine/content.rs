//! Opens the bytes of a recorded file, or finds them missing.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::blocking::blocking;
use super::error::QuarantineError;
use super::record::{FileRecord, FileState};
use super::service::Quarantine;
use crate::audit::Event;

/// Outcome of [`Quarantine::open_content`].
#[derive(Debug)]
pub enum Content {
    /// The whole file, open for reading.
    Bytes(File),
    /// The bytes are gone; the record is now `lost`.
    Lost(FileRecord),
    /// The file was deleted before the bytes were opened.
    Deleted,
}

impl Quarantine {
    /// Opens the bytes of a file. A file with missing bytes or another size becomes `lost`.
    pub async fn open_content(self: &Arc<Self>, file: &FileRecord) -> Result<Content, QuarantineError> {
        if file.state.is_lost() {
            return Ok(Content::Lost(file.clone()));
        }
        let (disk, id, size) = (self.disk.clone(), file.id, file.size);
        match blocking(move || disk.open_whole(id, size)).await {
            Ok(bytes) => Ok(Content::Bytes(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.note_lost(file).await?;
                let now = self.find(file.id).await?;
                Ok(now.map_or(Content::Deleted, Content::Lost))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a file without bytes to `lost`, releases its quota and audits it, once.
    pub(super) async fn note_lost(&self, file: &FileRecord) -> Result<(), QuarantineError> {
        let id = file.id.to_string();
        if self.store.run(move |db| db.put_file_in(&id, FileState::Lost.as_str())).await? {
            self.quota.release_bytes(file.uploader, file.size);
            let (id, name) = (file.id.to_string(), file.name.as_str().to_owned());
            self.audit.record(Event::FileLost { id, name }).await;
        }
        Ok(())
    }
}

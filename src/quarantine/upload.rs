//! One upload: streamed, hashed and counted; never whole in memory.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot::Receiver;

use crate::audit::Event;
use crate::detached;
use crate::store::{Db, FileRow, StoreError};
use crate::types::{Person, UserName};

use super::blocking::blocking;
use super::disk::{Incoming, StoredFile};
use super::error::QuarantineError;
use super::file_name::FileName;
use super::inspect::judge_sent;
use super::quota::{QuotaExceeded, Reservation};
use super::record::{FileRecord, FileState};
use super::service::Quarantine;

/// Size of a write buffer: large enough that hand-overs to a blocking thread cost little. Two buffers are
/// half of the 1 MiB by which one upload may grow memory.
const WRITE_BUFFER: usize = 256 * 1024;

/// Upload error. The partial file is removed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file exceeds the size limit.
    #[error("the file is larger than {max} bytes")]
    TooLarge {
        /// The limit in force.
        max: u64,
    },
    /// The file store is full.
    #[error("the store is full")]
    StorageFull,
    /// The uploader's quota of bytes is used up.
    #[error("this user's files cannot have more than {max} bytes")]
    ShareOfBytes {
        /// The share in force.
        max: u64,
    },
    /// The uploader's quota of files is used up.
    #[error("this user cannot have more than {max} files")]
    ShareOfFiles {
        /// The share in force.
        max: u64,
    },
    /// The uploader's session or permission ended before the file was recorded.
    #[error("the uploader no longer has permission")]
    NotAllowed,
    /// Disk or database failed.
    #[error(transparent)]
    Internal(#[from] QuarantineError),
}

impl From<QuotaExceeded> for UploadError {
    fn from(full: QuotaExceeded) -> Self {
        match full {
            QuotaExceeded::Bytes { .. } | QuotaExceeded::Files { .. } => Self::StorageFull,
            QuotaExceeded::UserBytes { user_total: max } => Self::ShareOfBytes { max },
            QuotaExceeded::UserFiles { user_files: max } => Self::ShareOfFiles { max },
        }
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::StorageFull
            }
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Metadata that the client sent for a file, verbatim. It is dropped once the file is recorded, so findings
/// from it are recorded then.
pub struct ClientMetadata {
    /// File name before sanitizing.
    pub name: String,
    /// Media type, if one was declared.
    pub media_type: Option<String>,
}

/// Removes the partial file of an aborted upload, off the network threads.
struct PendingFile(Option<Box<Incoming>>);

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(incoming) = self.0.take() {
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || drop(incoming))),
                Err(_) => drop(incoming),
            }
        }
    }
}

/// Overlaps network and disk: one buffer is filled while the other is written.
///
/// ```text
///  receive         start_write           start_write: waits for the write,
/// ─────────▶ Idle ─────────────▶ InFlight ──┐ then starts the next one
///             ▲                   │     ▲   │
///             └───────────────────┘     └───┘
///               wait_for_write: the write ended; its buffer is free again
/// ```
enum WriteState {
    /// No write in progress.
    Idle(IdleWriter),
    InFlight(Receiver<io::Result<IdleWriter>>),
}

/// File without a write in progress, and the buffer that is free.
struct IdleWriter {
    file: PendingFile,
    spare: Vec<u8>,
}

impl WriteState {
    /// Waits for the write in progress.
    async fn wait_for_write(self) -> io::Result<IdleWriter> {
        match self {
            Self::Idle(writer) => Ok(writer),
            Self::InFlight(task) => {
                task.await.unwrap_or_else(|_| Err(io::Error::other("the disk thread ended early")))
            }
        }
    }
}

/// File being uploaded. Dropping it removes the partial file.
pub struct Upload {
    quarantine: Arc<Quarantine>,
    writing: WriteState,
    reservation: Reservation,
    /// Bytes reserved so far.
    reserved: u64,
    gathered: Vec<u8>,
    size: u64,
    max: u64,
}

impl Quarantine {
    /// Begins an upload by `by` and reserves the announced bytes.
    pub async fn receive(self: &Arc<Self>, by: &Person, announced: u64) -> Result<Upload, UploadError> {
        let reservation = self.quota.reserve(by.id, announced, &self.limits())?;
        let (disk, files) = (self.disk.clone(), self.config.get().files.clone());
        let create = move || {
            disk.ensure_free(announced.max(WRITE_BUFFER as u64), files.keep_free_percent)?;
            disk.create()
        };
        let incoming = PendingFile(Some(Box::new(blocking(create).await?)));
        let max = self.config.get().files.max_file;
        let writing = WriteState::Idle(IdleWriter { file: incoming, spare: Vec::new() });
        Ok(Upload {
            quarantine: Arc::clone(self),
            writing,
            reservation,
            reserved: announced,
            gathered: Vec::new(),
            size: 0,
            max,
        })
    }
}

impl Upload {
    /// Appends the next bytes.
    pub async fn write(mut self, chunk: &[u8]) -> Result<Self, UploadError> {
        self.size += chunk.len() as u64;
        if self.size > self.max {
            return Err(UploadError::TooLarge { max: self.max });
        }
        if let more @ 1.. = self.size.saturating_sub(self.reserved) {
            self.reservation.grow(more)?;
            self.reserved = self.size;
        }
        let mut rest = chunk;
        loop {
            let (now, later) = rest.split_at(rest.len().min(WRITE_BUFFER - self.gathered.len()));
            if self.gathered.capacity() == 0 {
                self.gathered.reserve_exact(WRITE_BUFFER);
            }
            self.gathered.extend_from_slice(now);
            rest = later;
            if rest.is_empty() {
                return Ok(self);
            }
            // Full buffers keep every write but the last page-aligned.
            self = self.start_write().await?;
        }
    }

    /// Waits for the previous write, then starts to write the full buffer off the network threads.
    async fn start_write(self) -> Result<Self, UploadError> {
        let Self { quarantine, writing, reservation, reserved, mut gathered, size, max } = self;
        let IdleWriter { mut file, spare } = writing.wait_for_write().await?;
        let disk = quarantine.disk.clone();
        let keep = quarantine.config.get().files.keep_free_percent;
        let work = move || {
            disk.ensure_free(gathered.len() as u64, keep)?;
            file.0.as_mut().ok_or(io::ErrorKind::NotFound)?.write(&gathered)?;
            gathered.clear();
            Ok(IdleWriter { file, spare: gathered })
        };
        let writing = WriteState::InFlight(detached::blocking(work));
        Ok(Self { quarantine, writing, reservation, reserved, gathered: spare, size, max })
    }

    /// Stores the file under `name`, or the first free numbering of it, and records it. On return the file
    /// survives a power cut and awaits its inspection. `allowed` is called while the database is locked,
    /// right before the record is added; if it returns false, the file is removed.
    pub async fn finish(
        self,
        sent: ClientMetadata,
        name: FileName,
        by: &Person,
        allowed: impl FnOnce(&Db) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<FileRecord, UploadError> {
        let this = self.start_write().await?;
        let Self { quarantine, writing, reservation, size, .. } = this;
        let IdleWriter { mut file, .. } = writing.wait_for_write().await?;
        let incoming = file.0.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let (landed, name) = blocking(move || Ok((incoming.finish(&name)?, name))).await?;
        let row = row(&landed, &sent, &name, by, quarantine.clock.now());
        // A task of its own: a client that disconnects now must not leave a file without a record or a record
        // without a file.
        let keeper = Arc::clone(&quarantine);
        let recorded = detached::task(async move {
            let add = move |db: &mut Db| match allowed(db)? {
                true => db.add_file(row, |n| name.numbered(n).as_str().to_owned()).map(Some),
                false => Ok(None),
            };
            let added = keeper.store.run(add).await;
            match added {
                Ok(Some(_)) => {
                    landed.persist();
                    reservation.commit(size);
                    keeper.signals.notify_new_file();
                }
                // Dropping it unlinks the file, which may block on the disk.
                Ok(None) | Err(_) => drop(detached::blocking(move || drop(landed))),
            }
            added
        });
        let row = recorded.await.unwrap_or(Err(StoreError::Interrupted))?;
        Ok(FileRecord::from_row(row.ok_or(UploadError::NotAllowed)?)?)
    }
}

fn row(
    landed: &StoredFile,
    sent: &ClientMetadata,
    name: &FileName,
    by: &Person,
    now: crate::clock::Timestamp,
) -> FileRow {
    FileRow {
        arrival: 0,
        id: landed.id.to_string(),
        name: name.as_str().to_owned(),
        size: landed.size,
        sha256: landed.sha256,
        media_type: landed.media_type.clone(),
        state: FileState::Received.as_str().to_owned(),
        reasons: judge_sent(&sent.name, name.as_str(), sent.media_type.as_deref(), &landed.head)
            .lines()
            .join("\n"),
        uploaded_by: by.name.as_str().to_owned(),
        user_id: Some(by.id),
        uploaded_at: now,
    }
}

impl Quarantine {
    /// Audits an upload.
    pub async fn note_uploaded(&self, file: &FileRecord, user: &UserName, addr: std::net::IpAddr) {
        let event = Event::FileUploaded {
            user: user.clone(),
            addr,
            id: file.id.to_string(),
            name: file.name.as_str().to_owned(),
            size: file.size,
            sha256: file.sha256.to_string(),
        };
        self.audit.record(event).await;
    }
}

//! All quarantined files, as one service.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::SharedConfig;
use crate::store::{FileFilter, FilePage, Store, StoreError};

use super::disk::FileStorage;
use super::error::QuarantineError;
use super::folder::FilesFolder;
use super::inspection_signals::InspectionSignals;
use super::listing::Lists;
use super::pending_removals::PendingRemovals;
use super::quota::{FileTotals, Quota, QuotaLimits};
use super::reconcile::reconcile;
use super::record::{FileId, FileRecord, FileState};

/// All quarantined files.
pub struct Quarantine {
    pub(super) disk: FileStorage,
    pub(super) store: Store,
    pub(super) quota: Arc<Quota>,
    pub(super) removals: PendingRemovals,
    pub(super) signals: InspectionSignals,
    pub(super) lists: Lists,
    pub(super) config: Arc<SharedConfig>,
    pub(super) audit: Audit,
    pub(super) clock: Arc<dyn Clock>,
}

impl Quarantine {
    /// Opens the quarantine: reconciles records with bytes and requeues interrupted inspections. Blocks; used
    /// at start-up.
    pub fn open(
        folder: FilesFolder,
        store: Store,
        config: Arc<SharedConfig>,
        audit: Audit,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, QuarantineError> {
        let found = reconcile(&folder, &store, &audit)?;
        let (quota, signals) = (Arc::new(Quota::new(found.held)), InspectionSignals::default());
        let removals = PendingRemovals::new(found.pending);
        Ok(Arc::new(Self {
            disk: folder.disk,
            store,
            quota,
            removals,
            signals,
            lists: Lists::new(),
            config,
            audit,
            clock,
        }))
    }

    pub(super) fn limits(&self) -> QuotaLimits {
        let config = self.config.get();
        let (files, most) = (&config.files, config.limits.files);
        QuotaLimits {
            max_total: files.max_total,
            max_files: most as u64,
            user_total: files.user_total(),
            user_files: files.user_count(most),
        }
    }

    /// Returns the number of files and their bytes, uploads in progress included.
    pub fn totals(&self) -> FileTotals {
        self.quota.totals()
    }

    /// Returns the number of files without a verdict.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let states = [FileState::Received, FileState::Inspecting].map(FileState::as_str);
        self.store.run(move |db| db.count_files_in(states)).await
    }

    /// Returns the record of a file.
    pub async fn find(&self, id: FileId) -> Result<Option<FileRecord>, QuarantineError> {
        let row = self.store.run(move |db| db.file(&id.to_string())).await?;
        row.map(FileRecord::from_row).transpose().map_err(Into::into)
    }

    /// Stops the inspector; an inspection in progress starts again with the next start.
    pub fn stop_inspecting(&self) {
        self.signals.stop();
    }

    /// Waits at most `patience` for the verdict on a new file. Returns the record at that time.
    pub async fn wait_for_verdict(&self, file: FileRecord, patience: Duration) -> FileRecord {
        let mut verdicts = self.signals.verdicts();
        let id = file.id;
        let verdict = async {
            loop {
                match self.find(id).await {
                    Ok(Some(found)) if found.state.is_pending() => {}
                    Ok(found) => return found,
                    Err(_) => return None,
                }
                if verdicts.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(patience, verdict).await {
            Ok(found) => found.unwrap_or(file),
            Err(_) => self.find(id).await.ok().flatten().unwrap_or(file),
        }
    }

    /// Returns the newest `limit` files of a list that arrived before position `before`.
    pub async fn page(
        &self,
        filter: FileFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<FilePage, QuarantineError> {
        let _turn = self.lists.reads.acquire().await.map_err(|_| StoreError::Interrupted)?;
        Ok(self.store.run(move |db| db.file_page(&filter, before, limit)).await?)
    }

    /// Returns the files at these positions that the list still holds.
    pub async fn at(
        &self,
        filter: FileFilter,
        arrivals: Vec<i64>,
    ) -> Result<Vec<FileRecord>, QuarantineError> {
        let _turn = self.lists.reads.acquire().await.map_err(|_| StoreError::Interrupted)?;
        let rows = self.store.run(move |db| db.listed_files(&filter, &arrivals)).await?;
        rows.into_iter().map(|row| FileRecord::from_row(row).map_err(Into::into)).collect()
    }

    /// Counts an answered list request.
    pub fn count_list(&self) {
        self.lists.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of list requests answered since the start.
    pub fn lists_answered(&self) -> u64 {
        self.lists.answered.load(Ordering::Relaxed)
    }
}

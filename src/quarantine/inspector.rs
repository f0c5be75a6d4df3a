//! Inspection of uploads: one at a time, on a blocking thread, within a time limit. The records are the
//! queue. People take turns, so that many files of one person delay another's single file by one inspection.
//!
//! Failures leave the file withheld. A file stays `received` until its turn and `inspecting` until the
//! verdict, and no one can download it in these states. A panic or a timeout of an inspection is a verdict
//! too.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::Event;
use crate::clock::Clock;
use crate::detached;
use crate::store::{FileArrival, FileRow, StoreError};
use crate::types::UserId;

use super::error::{QuarantineError, is_momentary};
use super::fair_queue::FairQueue;
use super::inspect::{FindingCode, Findings, InspectionLimits, InspectionOutcome, Scratch, StopReason, walk};
use super::record::{FileId, FileRecord, FileState};
use super::service::Quarantine;

/// Time limit of one inspection. The limits end it after some 5 s on the slowest Pi; this one is for a card
/// that hardly responds.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Extra time for the thread, which checks the clock every 64 KiB, before it is abandoned.
const GRACE: Duration = Duration::from_secs(10);
/// Abandoned inspections that still run; at this number no further one starts, and files stay withheld.
const MAX_RUNAWAY_THREADS: usize = 2;
/// Delay before a failed database access is retried.
const DB_RETRY_DELAY: Duration = Duration::from_secs(30);
/// Records read into the queue before each inspection: eight people's bursts of 60 uploads. The rest is read
/// later.
const READ_AT_ONCE: usize = 500;

/// Input of an inspector.
struct Task<'a> {
    file: File,
    name: &'a str,
    check: &'a dyn Fn() -> Option<StopReason>,
    scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
}

/// Function that inspects one file: [`look`] in the server, others in tests.
type Inspect = Arc<dyn Fn(Task<'_>) -> InspectionOutcome + Send + Sync>;

fn inspect(task: Task<'_>) -> InspectionOutcome {
    walk(task.file, task.name, &InspectionLimits::DEFAULT, task.check, task.scratch)
}

/// Waiting files by uploader, at most one number a record, which `[limits] files` bounds.
#[derive(Default)]
struct Waiting {
    queue: FairQueue<Option<UserId>, i64>,
    /// Position up to which records were read.
    read: i64,
}

/// Inspects waiting files, one after the other, until it is stopped.
pub struct Inspector {
    quarantine: Arc<Quarantine>,
    inspect: Inspect,
    /// One for the inspection in progress, the others for abandoned ones.
    threads: Arc<Semaphore>,
    time: Duration,
}

impl Inspector {
    /// Creates the inspector of `quarantine`.
    pub fn new(quarantine: Arc<Quarantine>) -> Self {
        Self::with(quarantine, Arc::new(inspect), TIME_LIMIT)
    }

    fn with(quarantine: Arc<Quarantine>, inspect: Inspect, time: Duration) -> Self {
        Self { quarantine, inspect, threads: Arc::new(Semaphore::new(1 + MAX_RUNAWAY_THREADS)), time }
    }

    /// Inspects all waiting files until [`Quarantine::stop_inspecting`]. People take turns, each with the
    /// oldest file first. Runs once, for the lifetime of the server.
    pub async fn run(self) {
        let mut waiting = Waiting::default();
        while !self.quarantine.signals.is_stopped() {
            let done = match self.next_waiting(&mut waiting).await {
                Ok(Some(row)) => {
                    let (owner, arrival) = (row.user_id, row.arrival);
                    let done = self.inspect_row(row).await;
                    if done.is_err() {
                        waiting.queue.put_back(owner, arrival);
                    }
                    done
                }
                Ok(None) => {
                    self.quarantine.signals.new_file().await;
                    continue;
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                report(&error);
                // Most likely a full disk or a lack of descriptors. Files stay withheld until then.
                let _ = tokio::time::timeout(DB_RETRY_DELAY, self.quarantine.signals.new_file()).await;
            }
        }
    }

    /// Returns the file whose turn it is. Reads new records first; once none is left, reads all records again
    /// to find files that returned to `received`.
    async fn next_waiting(&self, waiting: &mut Waiting) -> Result<Option<FileRow>, StoreError> {
        let state = FileState::Received.as_str();
        loop {
            let read = waiting.read;
            for FileArrival { position, owner } in
                self.quarantine.store.run(move |db| db.arrivals_in(state, read, READ_AT_ONCE)).await?
            {
                waiting.read = position;
                waiting.queue.push(owner, position);
            }
            match waiting.queue.pop() {
                Some((_, arrival)) => {
                    // A deleted file is skipped.
                    if let Some(row) =
                        self.quarantine.store.run(move |db| db.arrival_in(state, arrival)).await?
                    {
                        return Ok(Some(row));
                    }
                }
                None if read == 0 => return Ok(None),
                None => waiting.read = 0,
            }
        }
    }

    /// Takes a file from `received` through `inspecting` to a verdict.
    async fn inspect_row(&self, row: FileRow) -> Result<(), QuarantineError> {
        let before = Findings::from_lines(row.reasons.lines());
        if !self.transition(&row.id, FileState::Received, FileState::Inspecting, &before).await? {
            // The file was deleted.
            return Ok(());
        }
        let outcome = match self.inspect_file(&row).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => {
                let lost = self.quarantine.note_lost(&FileRecord::from_row(row)?).await;
                self.quarantine.signals.notify_verdict();
                return lost;
            }
            Err(error) => {
                self.transition(&row.id, FileState::Inspecting, FileState::Received, &before).await?;
                return Err(error);
            }
        };
        let (mut findings, halted) = (before, outcome.halted);
        if halted == Some(StopReason::Cancelled) {
            self.transition(&row.id, FileState::Inspecting, FileState::Received, &findings).await?;
            return Ok(());
        }
        // This time the server did not crash.
        findings.remove(FindingCode::Interrupted);
        findings.extend(&outcome.findings);
        let state = findings.state();
        if self.transition(&row.id, FileState::Inspecting, state, &findings).await? {
            self.note_inspected(row, state, &findings).await;
        }
        self.quarantine.signals.notify_verdict();
        Ok(())
    }

    async fn transition(
        &self,
        id: &str,
        from: FileState,
        to: FileState,
        why: &Findings,
    ) -> Result<bool, StoreError> {
        let (id, reasons) = (id.to_owned(), why.lines().join("\n"));
        self.quarantine.store.run(move |db| db.move_file(&id, from.as_str(), to.as_str(), &reasons)).await
    }

    async fn note_inspected(&self, row: FileRow, state: FileState, findings: &Findings) {
        let reasons = findings.lines().join(", ");
        self.quarantine
            .audit
            .record(Event::FileInspected { id: row.id, name: row.name, state: state.as_str(), reasons })
            .await;
    }

    /// Inspects a file on a blocking thread. Whatever happens to that thread, there is an outcome; `None` if
    /// the bytes are gone.
    ///
    /// # Errors
    /// If the machine lacks descriptors or memory, which is no finding about the file.
    async fn inspect_file(&self, row: &FileRow) -> Result<Option<InspectionOutcome>, QuarantineError> {
        let Some(id) = FileId::parse(&row.id) else { return Ok(Some(failed(FindingCode::Failed))) };
        let Ok(permit) = Arc::clone(&self.threads).acquire_owned().await else {
            return Ok(Some(failed(FindingCode::Failed)));
        };
        let (disk, name, size) = (self.quarantine.disk.clone(), row.name.clone(), row.size);
        let (inspect, stopped) = (Arc::clone(&self.inspect), self.quarantine.signals.stop_flag());
        let (clock, time) = (Arc::clone(&self.quarantine.clock), self.time);
        let keep = self.quarantine.config.get().files.keep_free_percent;
        let work = move || {
            let _permit: OwnedSemaphorePermit = permit;
            let end = clock.monotonic() + time;
            let check = || should_stop(&stopped, &*clock, end);
            let short = Cell::new(None);
            let scratch = || {
                disk.ensure_free(InspectionLimits::DEFAULT.spool, keep)?;
                let made = disk.scratch();
                if let Err(error) = &made
                    && is_momentary(error)
                {
                    short.set(error.raw_os_error().map(io::Error::from_raw_os_error));
                }
                Ok(Box::new(made?) as Box<dyn Scratch>)
            };
            let outcome = match disk.open_whole(id, size) {
                Ok(file) => inspect(Task { file, name: &name, check: &check, scratch: &scratch }),
                Err(error) if is_momentary(&error) => return Err(error.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(_) => failed(FindingCode::Failed),
            };
            short.into_inner().map_or(Ok(Some(outcome)), |error| Err(error.into()))
        };
        match tokio::time::timeout(time + GRACE, detached::blocking(work)).await {
            Ok(Ok(outcome)) => outcome,
            // The inspection panicked.
            Ok(Err(_)) => Ok(Some(failed(FindingCode::Failed))),
            Err(_) => Ok(Some(failed(FindingCode::Time))),
        }
    }
}

fn should_stop(stopped: &AtomicBool, clock: &dyn Clock, end: Duration) -> Option<StopReason> {
    if stopped.load(Ordering::Relaxed) {
        return Some(StopReason::Cancelled);
    }
    (clock.monotonic() > end).then_some(StopReason::Time)
}

/// Returns the outcome of a failed inspection.
fn failed(code: FindingCode) -> InspectionOutcome {
    let mut findings = Findings::default();
    findings.add(code, "");
    InspectionOutcome { findings, halted: None, decoded: 0, entries: 0, spooled: 0 }
}

#[allow(clippy::print_stderr, reason = "systemd takes standard error to the journal")]
fn report(error: &QuarantineError) {
    eprintln!("pichat: inspection: {error}");
}

#[cfg(test)]
#[path = "inspector_tests.rs"]
mod tests;

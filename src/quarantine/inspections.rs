//! Who looks through the files that came in: one at a time, on a blocking thread, within a time limit, the records being the queue.
//! People take turns, so that many files of one person delay another's single file by one inspection.
//!
//! What goes wrong leaves the file held. A file stays `received` until its turn comes and `inspecting` until there is a verdict,
//! and neither is handed to anybody; an inspection that panics or does not end is a verdict too.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::audit::Event;
use crate::clock::Clock;
use crate::store::{FileRow, StoreError};
use crate::types::UserId;

use super::fair_queue::FairQueue;
use super::inspect::{Caps, Code, Findings, Halt, Outcome, Scratch, walk};
use super::record::{FileId, FileRecord, FileState};
use super::upload::check_disk;
use super::{Quarantine, QuarantineError, is_momentary, record};

/// How long one inspection may take: the caps end it after some 5 s on the slowest Pi; this is for a card that hardly answers.
const TIME: Duration = Duration::from_secs(20);
/// What a thread may take beyond that, which looks at the clock with every 64 KiB, before it is given up.
const GRACE: Duration = Duration::from_secs(10);
/// Inspections that were given up and run on; with as many no further one is begun, and files stay held.
const STRAYS: usize = 2;
/// Before the database is asked again that did not take a verdict.
const PAUSE: Duration = Duration::from_secs(30);
/// Records read into the queue before each inspection: eight people's bursts of 60 uploads. Further ones are read before the next.
const READ_AT_ONCE: usize = 500;

/// What an inspector gets.
struct Task<'a> {
    file: File,
    name: &'a str,
    check: &'a dyn Fn() -> Option<Halt>,
    scratch: &'a dyn Fn() -> io::Result<Box<dyn Scratch>>,
}

/// Looks through one file. The server's is [`look`]; tests have others.
type Inspector = Arc<dyn Fn(Task<'_>) -> Outcome + Send + Sync>;

fn look(task: Task<'_>) -> Outcome {
    walk(task.file, task.name, &Caps::SERVER, task.check, task.scratch)
}

/// What the parts of the quarantine share about inspections.
pub(super) struct Inspections {
    inspector: Inspector,
    /// A file came in.
    arrived: Notify,
    /// Counts verdicts, for those who wait for one.
    verdicts: watch::Sender<u64>,
    stopped: Arc<AtomicBool>,
    threads: Arc<Semaphore>,
    time: Duration,
}

impl Inspections {
    pub(super) fn new() -> Self {
        Self::with(Arc::new(look), TIME)
    }

    fn with(inspector: Inspector, time: Duration) -> Self {
        Self {
            inspector,
            arrived: Notify::new(),
            verdicts: watch::Sender::new(0),
            stopped: Arc::default(),
            threads: Arc::new(Semaphore::new(1 + STRAYS)),
            time,
        }
    }

    /// To be called when a file was recorded.
    pub(super) fn arrived(&self) {
        self.arrived.notify_one();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Files that wait, by the person who brought them. It holds a number for each record at the most, which `[limits] files` bounds.
#[derive(Default)]
struct Waiting {
    queue: FairQueue<Option<UserId>, i64>,
    /// Position up to which the records were read.
    read: i64,
}

/// What a file is when the server starts that was being looked into when it ended: it is looked into once more, and given up if
/// the server ended again; a file that makes it end must not do so for ever.
pub(super) fn after_restart(row: &FileRow) -> Option<(FileState, Findings)> {
    if row.state != FileState::Inspecting.as_str() {
        return None;
    }
    let mut findings = Findings::from_lines(row.reasons.lines());
    if findings.has(Code::Interrupted) {
        return Some((findings.state(), findings));
    }
    findings.add(Code::Interrupted, "");
    Some((FileState::Received, findings))
}

impl Quarantine {
    /// Looks through every file that waits for it, until [`Self::stop_inspecting`]: people take turns, the longest waiting file of each first.
    /// To be run once, for as long as the server runs.
    pub async fn inspect_arrivals(self: Arc<Self>) {
        let mut waiting = Waiting::default();
        while !self.inspections.is_stopped() {
            let done = match self.next_waiting(&mut waiting).await {
                Ok(Some(row)) => {
                    let (owner, arrival) = (row.user_id, row.arrival);
                    let done = self.inspect(row).await;
                    if done.is_err() {
                        waiting.queue.put_back(owner, arrival);
                    }
                    done
                }
                Ok(None) => {
                    self.inspections.arrived.notified().await;
                    continue;
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                report(&error);
                // A full disk or no descriptor left, most likely. Nothing is handed out meanwhile.
                let _ = tokio::time::timeout(PAUSE, self.inspections.arrived.notified()).await;
            }
        }
    }

    /// The file whose turn it is. Files that came since the last call are read first; before there is none all records are read again, so
    /// that none is missed that went back to waiting.
    async fn next_waiting(&self, waiting: &mut Waiting) -> Result<Option<FileRow>, StoreError> {
        let state = FileState::Received.as_str();
        loop {
            let read = waiting.read;
            for (arrival, owner) in self.store.run(move |db| db.arrivals_in(state, read, READ_AT_ONCE)).await? {
                waiting.read = arrival;
                waiting.queue.push(owner, arrival);
            }
            match waiting.queue.pop() {
                Some((_, arrival)) => {
                    // One that was deleted meanwhile is passed over.
                    if let Some(row) = self.store.run(move |db| db.arrival_in(state, arrival)).await? {
                        return Ok(Some(row));
                    }
                }
                None if read == 0 => return Ok(None),
                None => waiting.read = 0,
            }
        }
    }

    /// Ends what [`Self::inspect_arrivals`] does; a file that is just looked into is looked into at the next start.
    pub fn stop_inspecting(&self) {
        self.inspections.stopped.store(true, Ordering::Relaxed);
        self.inspections.arrived.notify_one();
    }

    /// Waits for the verdict on a file that just came in, at most for `patience`. The file as it is then.
    pub async fn settled(&self, file: FileRecord, patience: Duration) -> FileRecord {
        let mut verdicts = self.inspections.verdicts.subscribe();
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

    /// From `received` over `inspecting` to a verdict.
    async fn inspect(&self, row: FileRow) -> Result<(), QuarantineError> {
        let before = Findings::from_lines(row.reasons.lines());
        if !self.move_on(&row.id, FileState::Received, FileState::Inspecting, &before).await? {
            // Deleted meanwhile.
            return Ok(());
        }
        let outcome = match self.look_into(&row).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => {
                let lost = self.note_lost(&record(row)?).await;
                self.inspections.verdicts.send_modify(|verdicts| *verdicts += 1);
                return lost;
            }
            Err(error) => {
                self.move_on(&row.id, FileState::Inspecting, FileState::Received, &before).await?;
                return Err(error);
            }
        };
        let (mut findings, halted) = (before, outcome.halted);
        if halted == Some(Halt::Cancelled) {
            self.move_on(&row.id, FileState::Inspecting, FileState::Received, &findings).await?;
            return Ok(());
        }
        // It did not end the server this time.
        findings.remove(Code::Interrupted);
        findings.extend(&outcome.findings);
        let state = findings.state();
        if self.move_on(&row.id, FileState::Inspecting, state, &findings).await? {
            self.note_inspected(row, state, &findings).await;
        }
        self.inspections.verdicts.send_modify(|verdicts| *verdicts += 1);
        Ok(())
    }

    async fn move_on(&self, id: &str, from: FileState, to: FileState, why: &Findings) -> Result<bool, StoreError> {
        let (id, reasons) = (id.to_owned(), why.lines().join("\n"));
        self.store.run(move |db| db.move_file(&id, from.as_str(), to.as_str(), &reasons)).await
    }

    async fn note_inspected(&self, row: FileRow, state: FileState, findings: &Findings) {
        let reasons = findings.lines().join(", ");
        self.audit.record(Event::FileInspected { id: row.id, name: row.name, state: state.as_str(), reasons }).await;
    }

    /// The look itself, on a thread of its own. Whatever becomes of that thread, there is an outcome; `None` where the bytes are gone.
    ///
    /// # Errors
    /// When the machine had no descriptor or memory left to look with, which says nothing of the file.
    async fn look_into(&self, row: &FileRow) -> Result<Option<Outcome>, QuarantineError> {
        let Some(id) = FileId::parse(&row.id) else { return Ok(Some(failed(Code::Failed))) };
        let Ok(permit) = Arc::clone(&self.inspections.threads).acquire_owned().await else {
            return Ok(Some(failed(Code::Failed)));
        };
        let (disk, name, size, inspections) = (self.disk.clone(), row.name.clone(), row.size, &self.inspections);
        let (inspector, stopped) = (Arc::clone(&inspections.inspector), Arc::clone(&inspections.stopped));
        let (clock, time) = (Arc::clone(&self.clock), inspections.time);
        let keep = self.config.get().files.keep_free_percent;
        let work = move || {
            let _permit: OwnedSemaphorePermit = permit;
            let end = clock.monotonic() + time;
            let check = || watch_over(&stopped, &*clock, end);
            let short = Cell::new(None);
            let scratch = || {
                check_disk(&disk, Caps::SERVER.spool, keep)?;
                let made = disk.scratch();
                if let Err(error) = &made
                    && is_momentary(error)
                {
                    short.set(error.raw_os_error().map(io::Error::from_raw_os_error));
                }
                Ok(Box::new(made?) as Box<dyn Scratch>)
            };
            let outcome = match disk.open_whole(id, size) {
                Ok(file) => inspector(Task { file, name: &name, check: &check, scratch: &scratch }),
                Err(error) if is_momentary(&error) => return Err(error.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(_) => failed(Code::Failed),
            };
            short.into_inner().map_or(Ok(Some(outcome)), |error| Err(error.into()))
        };
        match tokio::time::timeout(time + GRACE, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(outcome)) => outcome,
            // It panicked.
            Ok(Err(_)) => Ok(Some(failed(Code::Failed))),
            Err(_) => Ok(Some(failed(Code::Time))),
        }
    }
}

fn watch_over(stopped: &AtomicBool, clock: &dyn Clock, end: Duration) -> Option<Halt> {
    if stopped.load(Ordering::Relaxed) {
        return Some(Halt::Cancelled);
    }
    (clock.monotonic() > end).then_some(Halt::Time)
}

/// An outcome where there was none.
fn failed(code: Code) -> Outcome {
    let mut findings = Findings::default();
    findings.add(code, "");
    Outcome { findings, halted: None, decoded: 0, entries: 0, spooled: 0 }
}

#[allow(clippy::print_stderr, reason = "systemd takes standard error to the journal")]
fn report(error: &QuarantineError) {
    eprintln!("pichat: inspection: {error}");
}

#[cfg(test)]
#[path = "inspections_tests.rs"]
mod tests;

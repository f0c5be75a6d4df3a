//! Reconciles records with bytes at a start. Differences are reported and kept; none is resolved by a
//! deletion.

use std::collections::{BTreeMap, BTreeSet};

use super::error::QuarantineError;
use super::folder::FilesFolder;
use super::inspect::{FindingCode, Findings};
use super::quota::QuotaShare;
use super::record::{FileId, FileState};
use crate::audit::{Audit, Event};
use crate::store::{FileRow, Store};

/// Ids in one audit line; with more the value would be truncated.
const IDS_IN_A_LINE: usize = 7;

/// Outcome of [`reconcile`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Records.
    pub files: u64,
    /// Records newly found without bytes.
    pub lost: u64,
    /// Lost records whose bytes are back.
    pub found: u64,
    /// Files without a record, moved to `perdidos/`.
    pub orphaned: u64,
    /// Input of the quota: owner and bytes on disk of each file.
    pub(super) held: Vec<QuotaShare>,
    /// Deleted files whose bytes could not be unlinked.
    pub(super) pending: BTreeMap<FileId, QuotaShare>,
}

/// Removes unfinished uploads, carries out noted removals, moves files without a record to `perdidos/`, and
/// sets the state of each record. Blocks; runs at a start, before the first upload.
pub fn reconcile(folder: &FilesFolder, store: &Store, audit: &Audit) -> Result<Reconciled, QuarantineError> {
    let FilesFolder { disk, survey } = folder;
    let (rows, removals) = store.with(|db| Ok((db.files()?, db.removals()?)))?;
    let mut done = Reconciled::default();

    disk.remove_temporary(&survey.temporary)?;
    if !survey.temporary.is_empty() {
        audit.try_record(Event::FileSwept { count: survey.temporary.len() as u64 });
    }

    let known: BTreeSet<_> = rows.iter().filter_map(|row| FileId::parse(&row.id)).collect();
    let mut gone = Vec::new();
    for (id, text) in removals.iter().filter_map(|text| Some((FileId::parse(text)?, text))) {
        // A record restored from an older database overrides an earlier deletion.
        let unlinked = known.contains(&id) || disk.remove(id).is_ok();
        if unlinked {
            gone.push(text.clone());
        } else {
            let share = QuotaShare { user: None, bytes: survey.stored.get(&id).copied().unwrap_or(0) };
            done.pending.insert(id, share);
        }
    }
    if !gone.is_empty() {
        store.with(|db| db.drop_removals(&gone))?;
    }

    let wanted: BTreeSet<_> = removals.iter().filter_map(|text| FileId::parse(text)).collect();
    let without: Vec<_> =
        survey.stored.keys().copied().filter(|id| !known.contains(id) && !wanted.contains(id)).collect();
    let moved = disk.set_aside(&without)?;
    if !moved.is_empty() {
        let ids: Vec<_> = moved.iter().take(IDS_IN_A_LINE).map(ToString::to_string).collect();
        audit.try_record(Event::FileOrphaned { count: moved.len() as u64, ids: ids.join(" ") });
    }
    done.orphaned = moved.len() as u64;

    settle(folder, &rows, store, audit, &mut done)?;
    done.files = known.len() as u64;
    done.held.extend(done.pending.values().copied());
    Ok(done)
}

/// Sets each record to the state that its bytes allow.
fn settle(
    folder: &FilesFolder,
    rows: &[FileRow],
    store: &Store,
    audit: &Audit,
    done: &mut Reconciled,
) -> Result<(), QuarantineError> {
    let orphans: BTreeMap<_, _> =
        folder.disk.orphans()?.into_iter().map(|orphan| (orphan.id, orphan.size)).collect();
    let mut states = Vec::new();
    for row in rows {
        let Some(id) = FileId::parse(&row.id) else { continue };
        let lost = row.state == FileState::Lost.as_str();
        let whole = folder.survey.stored.get(&id) == Some(&row.size);
        // A start with an older database may have moved the file to `perdidos/`; the newer one gets it back.
        let returned =
            !whole && orphans.get(&id) == Some(&row.size) && folder.disk.take_back(id).unwrap_or(false);
        done.held.push(QuotaShare { user: row.user_id, bytes: if whole || returned { row.size } else { 0 } });
        if whole || returned {
            if lost || returned {
                states.push((row.id.clone(), FileState::Received.as_str()));
                audit.try_record(Event::FileFound { id: row.id.clone(), name: row.name.clone() });
                done.found += 1;
            } else {
                resume_inspection(row, store, audit)?;
            }
        } else if !lost {
            states.push((row.id.clone(), FileState::Lost.as_str()));
            audit.try_record(Event::FileLost { id: row.id.clone(), name: row.name.clone() });
            done.lost += 1;
        }
    }
    if !states.is_empty() {
        store.with(|db| db.put_files_in(&states))?;
    }
    Ok(())
}

/// State and findings of a file whose inspection was interrupted.
struct RestartState {
    state: FileState,
    findings: Findings,
}

/// Returns the state at a start of a file whose inspection was interrupted. It is inspected once more; after
/// a second interruption it is given up, so that a file that crashes the server does not do so again and
/// again.
fn after_restart(row: &FileRow) -> Option<RestartState> {
    if row.state != FileState::Inspecting.as_str() {
        return None;
    }
    let mut findings = Findings::from_lines(row.reasons.lines());
    if findings.has(FindingCode::Interrupted) {
        return Some(RestartState { state: findings.state(), findings });
    }
    findings.add(FindingCode::Interrupted, "");
    Some(RestartState { state: FileState::Received, findings })
}

fn resume_inspection(row: &FileRow, store: &Store, audit: &Audit) -> Result<(), QuarantineError> {
    let Some(RestartState { state, findings }) = after_restart(row) else { return Ok(()) };
    let reasons = findings.lines().join("\n");
    store.with(|db| db.move_file(&row.id, &row.state, state.as_str(), &reasons))?;
    if !state.is_pending() {
        let (id, name, reasons) = (row.id.clone(), row.name.clone(), findings.lines().join(", "));
        audit.try_record(Event::FileInspected { id, name, state: state.as_str(), reasons });
    }
    Ok(())
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;

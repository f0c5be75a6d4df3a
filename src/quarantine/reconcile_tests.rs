//! Differences between records and bytes.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::audit::{AuditTarget, Threshold};
use crate::clock::{SystemClock, Timestamp};
use crate::quarantine::FileName;
use crate::types::crypto::Sha256;

struct Case {
    root: tempfile::TempDir,
    store: Store,
    audit: Audit,
}

impl Case {
    /// Three recorded files of one byte.
    fn new() -> (Self, [FileId; 3]) {
        let (audit, _writer) =
            Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::new(SystemClock)).unwrap();
        let case = Self { root: tempfile::tempdir().unwrap(), store: Store::in_memory().unwrap(), audit };
        let ids = [(); 3].map(|()| FileId::random());
        for id in ids {
            case.record(id);
            std::fs::write(case.at(id), "x").unwrap();
        }
        case.start();
        (case, ids)
    }

    fn record(&self, id: FileId) {
        let row = FileRow {
            arrival: 0,
            id: id.to_string(),
            name: id.to_string(),
            size: 1,
            sha256: Sha256::of(b"x"),
            media_type: "text/plain".into(),
            state: "clean".into(),
            reasons: String::new(),
            uploaded_by: "ana".into(),
            user_id: None,
            uploaded_at: Timestamp(1),
        };
        self.store.with(|db| db.add_file(row, |n| n.to_string())).unwrap();
    }

    fn at(&self, id: FileId) -> PathBuf {
        self.root.path().join(id.to_string())
    }

    fn aside(&self, id: FileId) -> PathBuf {
        self.root.path().join("perdidos").join(id.to_string())
    }

    fn start(&self) -> Reconciled {
        let folder = FilesFolder::open(self.root.path(), &self.store).unwrap();
        reconcile(&folder, &self.store, &self.audit).unwrap()
    }

    fn state(&self, id: FileId) -> Option<String> {
        self.store.with(|db| db.file(&id.to_string())).unwrap().map(|row| row.state)
    }
}

fn bytes(done: &Reconciled) -> u64 {
    done.held.iter().map(|share| share.bytes).sum()
}

#[test]
fn record_without_bytes_is_lost_until_they_are_back() {
    let (case, [gone, short, whole]) = Case::new();
    std::fs::remove_file(case.at(gone)).unwrap();
    std::fs::write(case.at(short), "").unwrap();
    let done = case.start();
    assert_eq!((done.lost, done.found, bytes(&done), done.files), (2, 0, 1, 3));
    let states = || [gone, short, whole].map(|id| case.state(id).unwrap());
    assert_eq!(states(), ["lost", "lost", "clean"]);
    assert_eq!(case.start().lost, 0, "said once");
    std::fs::write(case.at(gone), "yy").unwrap();
    assert_eq!(case.start().found, 0, "of another size");
    for id in [gone, short] {
        std::fs::write(case.at(id), "y").unwrap();
    }
    let done = case.start();
    assert_eq!((done.found, bytes(&done)), (2, 3));
    assert_eq!(states(), ["received", "received", "clean"], "looked into again");
}

#[test]
fn orphan_is_kept_and_returns_with_its_record() {
    let (case, [first, second, _]) = Case::new();
    let row = case.store.with(|db| db.remove_file(&first.to_string(), Timestamp(1))).unwrap().unwrap();
    case.store.with(|db| db.drop_removals(&[first.to_string()])).unwrap();
    let done = case.start();
    assert_eq!((done.orphaned, bytes(&done), done.files), (1, 2, 2));
    assert!(case.aside(first).exists() && !case.at(first).exists() && case.at(second).exists());
    // The newer database is restored.
    case.store.with(|db| db.add_file(row, |n| n.to_string())).unwrap();
    let done = case.start();
    assert_eq!((done.found, done.lost, bytes(&done)), (1, 0, 3));
    assert!(case.at(first).exists() && !case.aside(first).exists());
    assert_eq!(case.state(first).as_deref(), Some("received"));
}

#[test]
fn noted_removal_runs_at_start() {
    let (case, [deleted, stubborn, _]) = Case::new();
    for id in [deleted, stubborn] {
        case.store.with(|db| db.remove_file(&id.to_string(), Timestamp(1))).unwrap().unwrap();
    }
    std::fs::remove_file(case.at(stubborn)).unwrap();
    std::fs::create_dir(case.at(stubborn)).unwrap();
    let done = case.start();
    assert!(!case.at(deleted).exists() && !case.aside(deleted).exists());
    assert_eq!(done.pending.keys().copied().collect::<Vec<_>>(), [stubborn]);
    assert_eq!(
        (done.orphaned, done.files, done.held.len()),
        (0, 1, 2),
        "what could not be unlinked still counts"
    );
    assert_eq!(case.store.with(|db| db.removals()).unwrap(), [stubborn.to_string()]);
}

#[test]
fn restored_record_overrides_its_removal() {
    let (case, [id, ..]) = Case::new();
    case.store.with(|db| db.remove_file(&id.to_string(), Timestamp(1))).unwrap().unwrap();
    case.record(id);
    case.start();
    assert!(case.at(id).exists());
    assert_eq!(
        (case.state(id).as_deref(), case.store.with(|db| db.removals()).unwrap().len()),
        (Some("clean"), 0)
    );
}

#[test]
fn adopted_orphan_is_a_received_file() {
    let (case, [id, other, _]) = Case::new();
    case.store.with(|db| db.remove_file(&id.to_string(), Timestamp(1))).unwrap().unwrap();
    case.store.with(|db| db.drop_removals(&[id.to_string()])).unwrap();
    case.start();
    let folder = FilesFolder::open(case.root.path(), &case.store).unwrap();
    let name = FileName::from_upload(&other.to_string()).unwrap();
    let adopt = |id| folder.adopt(id, &name, None, &case.store, Timestamp(5)).unwrap();
    let file = adopt(id).unwrap();
    assert_eq!((file.state, file.size, file.sha256), (FileState::Received, 1, Sha256::of(b"x")));
    assert_eq!(file.name.as_str(), format!("{other} (2)"), "a taken name is numbered");
    assert!(
        case.at(id).exists()
            && adopt(id).is_none()
            && adopt(other).is_none()
            && adopt(FileId::random()).is_none()
    );
}

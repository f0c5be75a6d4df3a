//! Rules for the folder that a database may use.

use super::*;
use crate::store::FileRow;
use crate::types::crypto::Sha256;

/// A record of one byte.
fn row(id: FileId) -> FileRow {
    FileRow {
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
        uploaded_at: crate::clock::Timestamp(1),
    }
}

fn store_with(ids: &[FileId]) -> Store {
    let store = Store::in_memory().unwrap();
    for id in ids {
        store.with(|db| db.add_file(row(*id), |n| n.to_string())).unwrap();
    }
    store
}

fn flaw(result: Result<FilesFolder, QuarantineError>) -> Flaw {
    match result {
        Err(QuarantineError::Folder(fault)) => fault.flaw,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

fn put(dir: &Path, id: FileId) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(id.to_string()), "x").unwrap();
}

#[test]
fn bond_is_decided_by_identity_then_by_files() {
    let (mine, other) = (StoreId::random(), StoreId::random());
    let [known, unknown] = [FileId::random(), FileId::random()];
    let records = |ids: &[FileId]| ids.iter().map(|id| (*id, 1)).collect::<BTreeMap<_, _>>();
    let seen = |marker, ids: &[FileId]| Survey { marker, stored: records(ids), temporary: Vec::new() };
    let outcome = |id, listed: &[FileId], survey: Survey| match decide(id, &records(listed), &survey) {
        Ok(Bond::Holds) => "holds",
        Ok(Bond::Adopt(id)) if id == other => "adopts",
        Ok(Bond::Adopt(_)) => "adopts another identity",
        Ok(Bond::New) => "new",
        Err(Flaw::Foreign) => "foreign",
        Err(Flaw::Unmarked) => "unmarked",
        Err(Flaw::Unrelated) => "unrelated",
        Err(_) => "another flaw",
    };
    use Marker::{Absent, Of, Unreadable};
    for (id, listed, survey, want) in [
        (Some(mine), &[known][..], seen(Of(mine), &[known]), "holds"),
        (Some(mine), &[known], seen(Of(mine), &[]), "holds"),
        (Some(mine), &[], seen(Of(other), &[]), "foreign"),
        (Some(mine), &[known], seen(Of(other), &[known]), "foreign"),
        (Some(mine), &[], seen(Absent, &[]), "unmarked"),
        (Some(mine), &[known], seen(Absent, &[known]), "unmarked"),
        (Some(mine), &[known], seen(Unreadable, &[known]), "unmarked"),
        (None, &[], seen(Absent, &[]), "new"),
        (None, &[known], seen(Absent, &[known, unknown]), "new"),
        (None, &[known], seen(Absent, &[]), "unrelated"),
        (None, &[known], seen(Absent, &[unknown]), "unrelated"),
        (None, &[], seen(Absent, &[unknown]), "unrelated"),
        (None, &[known], seen(Of(other), &[known]), "adopts"),
        (None, &[], seen(Of(other), &[]), "adopts"),
        (None, &[], seen(Of(other), &[unknown]), "unrelated"),
        (None, &[known], seen(Of(other), &[unknown]), "unrelated"),
        (None, &[], seen(Unreadable, &[]), "unmarked"),
    ] {
        assert_eq!(outcome(id, listed, survey.clone()), want, "{id:?} {} records, {survey:?}", listed.len());
    }
}

#[test]
fn new_database_creates_and_marks_its_folder() {
    let root = tempfile::tempdir().unwrap();
    let (dir, store) = (root.path().join("a/cuarentena"), Store::in_memory().unwrap());
    drop(FilesFolder::open(&dir, &store).unwrap());
    let kept = store.with(|db| db.setting(SETTING)).unwrap().unwrap();
    assert!(std::fs::read_to_string(dir.join(".pichat-store")).unwrap().starts_with(&kept));
    assert!(is_files_folder(&dir));
    drop(FilesFolder::open(&dir, &store).unwrap());
    assert_eq!(store.with(|db| db.setting(SETTING)).unwrap().unwrap(), kept, "it stays");
}

#[test]
fn missing_folder_is_refused_and_not_created() {
    let root = tempfile::tempdir().unwrap();
    let (dir, other) = (root.path().join("cuarentena"), root.path().join("otra"));
    let store = store_with(&[]);
    drop(FilesFolder::open(&dir, &store).unwrap());
    assert!(matches!(flaw(FilesFolder::open(&other, &store)), Flaw::Missing));
    let listed = store_with(&[FileId::random()]);
    assert!(matches!(flaw(FilesFolder::open(&other, &listed)), Flaw::Missing));
    assert!(!other.exists());
}

#[test]
fn unmarked_folder_with_known_files_is_marked() {
    let root = tempfile::tempdir().unwrap();
    let id = FileId::random();
    put(root.path(), id);
    let store = store_with(&[id]);
    drop(FilesFolder::open(root.path(), &store).unwrap());
    assert!(is_files_folder(root.path()) && root.path().join(".pichat-store").exists());
}

#[test]
fn database_without_identity_takes_over_the_mark() {
    let root = tempfile::tempdir().unwrap();
    let id = FileId::random();
    put(root.path(), id);
    let (first, older) = (store_with(&[id]), store_with(&[id]));
    drop(FilesFolder::open(root.path(), &first).unwrap());
    drop(FilesFolder::open(root.path(), &older).unwrap());
    let kept = |store: &Store| store.with(|db| db.setting(SETTING)).unwrap().unwrap();
    assert_eq!(kept(&first), kept(&older));
}

#[test]
fn accepted_folder_belongs_to_the_database_alone() {
    let root = tempfile::tempdir().unwrap();
    let (dir, mine, other) = (root.path().join("c"), store_with(&[]), store_with(&[]));
    drop(FilesFolder::open(&dir, &other).unwrap());
    drop(FilesFolder::open(&root.path().join("d"), &mine).unwrap());
    assert!(matches!(flaw(FilesFolder::open(&dir, &mine)), Flaw::Foreign));
    drop(FilesFolder::accept(&dir, &mine).unwrap());
    drop(FilesFolder::open(&dir, &mine).unwrap());
    assert!(matches!(flaw(FilesFolder::open(&dir, &other)), Flaw::Foreign));
}

#[test]
fn folder_in_use_is_a_temporary_fault() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let held = FilesFolder::open(root.path(), &store).unwrap();
    let again = flaw(FilesFolder::open(root.path(), &store));
    assert!(FolderFault { folder: root.path().to_owned(), flaw: again }.is_temporary());
    assert!(FilesFolder::lock(root.path()).is_err());
    drop(held);
    assert!(FilesFolder::lock(root.path()).unwrap().is_some());
}

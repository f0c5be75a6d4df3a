//! Survey of the folder, and moves within it.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::*;

fn folder() -> (tempfile::TempDir, FileStorage) {
    let folder = tempfile::tempdir().unwrap();
    let disk = FileStorage::open(folder.path()).unwrap();
    (folder, disk)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn survey_lists_only_our_names() {
    let (folder, disk) = folder();
    let hex = "0123456789abcdef0123456789abcdef";
    let upper = hex.to_uppercase();
    let theirs = format!("tesis {hex}0 {upper} {hex}.txt tmp-{hex}0 tmp-{upper} a{hex}");
    for name in theirs.split(' ') {
        std::fs::write(folder.path().join(name), "theirs").unwrap();
    }
    let [stored, linked, piped, kept] = [(); 4].map(|()| FileId::random());
    std::fs::write(folder.path().join(stored.to_string()), "ours").unwrap();
    std::fs::write(folder.path().join(format!("tmp-{kept}")), "half").unwrap();
    std::fs::create_dir(folder.path().join(hex)).unwrap();
    symlink("tesis", folder.path().join(linked.to_string())).unwrap();
    fs::mknodat(disk.folder(), piped.to_string(), FileType::Fifo, Mode::RWXU, 0).unwrap();
    for id in [FileId::parse(hex).unwrap(), linked, piped] {
        assert_eq!(disk.open_file(id).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    let before = names(folder.path());
    let seen = disk.survey().unwrap();
    assert_eq!((seen.marker, seen.stored), (Marker::Absent, BTreeMap::from([(stored, 4)])));
    assert_eq!(seen.temporary, [format!("tmp-{kept}")]);
    assert_eq!(names(folder.path()), before);
    disk.remove_temporary(&seen.temporary).unwrap();
    assert_eq!(names(folder.path()).len(), before.len() - 1);
}

#[test]
fn mark_is_private_and_reads_back() {
    let (folder, disk) = folder();
    let path = folder.path().join(MARKER);
    for id in [StoreId::random(), StoreId::random()] {
        std::fs::write(folder.path().join(UNFINISHED_MARKER), "half").unwrap();
        disk.mark(id).unwrap();
        assert_eq!(disk.survey().unwrap().marker, Marker::Of(id));
        assert_eq!((path.metadata().unwrap().mode() & 0o777, names(folder.path()).len()), (0o600, 1));
    }
    std::fs::write(&path, "nonsense").unwrap();
    assert_eq!(disk.survey().unwrap().marker, Marker::Unreadable);
    std::fs::remove_file(&path).unwrap();
    symlink("/etc/hostname", &path).unwrap();
    assert_eq!(disk.survey().unwrap().marker, Marker::Unreadable);
}

#[test]
fn orphans_go_aside_and_come_back_unchanged() {
    let (folder, disk) = folder();
    let [first, second] = [FileId::random(), FileId::random()];
    let at = |id: FileId| folder.path().join(id.to_string());
    std::fs::write(at(first), "one").unwrap();
    std::fs::write(at(second), "two").unwrap();
    assert_eq!(disk.orphans().unwrap(), []);
    assert!(!disk.take_back(first).unwrap());
    assert_eq!(disk.set_aside(&[]).unwrap(), []);
    assert!(!folder.path().join(ORPHANS).exists(), "made only for a reason");
    assert_eq!(disk.set_aside(&[first, second]).unwrap(), [first, second]);
    let aside = folder.path().join(ORPHANS);
    assert_eq!(
        (names(folder.path()), aside.metadata().unwrap().mode() & 0o777),
        (vec![ORPHANS.to_owned()], 0o700)
    );
    let listed: Vec<_> = disk.orphans().unwrap().into_iter().map(|orphan| (orphan.id, orphan.size)).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeMap<_, _>>(), BTreeMap::from([(first, 3), (second, 3)]));
    assert!(disk.take_back(first).unwrap());
    assert_eq!(std::fs::read(at(first)).unwrap(), b"one");
}

#[test]
fn move_aside_never_replaces() {
    let (folder, disk) = folder();
    let id = FileId::random();
    std::fs::create_dir(folder.path().join(ORPHANS)).unwrap();
    for path in [folder.path().join(id.to_string()), folder.path().join(ORPHANS).join(id.to_string())] {
        std::fs::write(&path, path.display().to_string()).unwrap();
    }
    assert_eq!(disk.set_aside(&[id]).unwrap(), []);
    assert!(disk.take_back(id).is_err());
    for path in [folder.path().join(id.to_string()), folder.path().join(ORPHANS).join(id.to_string())] {
        assert_eq!(std::fs::read_to_string(&path).unwrap(), path.display().to_string());
    }
}

#[test]
fn trial_write_leaves_nothing() {
    let (folder, disk) = folder();
    assert!(disk.try_out().unwrap().is_ok());
    assert_eq!(names(folder.path()), [""; 0]);
}

//! Outcomes of successful and failed inspections.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::audit::{Audit, AuditTarget, Threshold};
use crate::clock::SystemClock;
use crate::config::{Config, SharedConfig};
use crate::quarantine::{ClientMetadata, FileName, FileTotals, FilesFolder, UploadError};
use crate::store::Store;
use crate::types::{Person, UserId};

/// Opens a quarantine without an inspector.
fn quarantine(folder: &tempfile::TempDir, store: &Store) -> Arc<Quarantine> {
    let clock = Arc::new(SystemClock);
    let (audit, _writer) =
        Audit::start(AuditTarget::Stderr, Threshold::Warning, Arc::<SystemClock>::clone(&clock)).unwrap();
    let mut config = Config::defaults();
    config.files.keep_free_percent = 0;
    let files = FilesFolder::open(&folder.path().join("c"), store).unwrap();
    Quarantine::open(files, store.clone(), Arc::new(SharedConfig::new(config)), audit, clock).unwrap()
}

/// Runs a custom inspector.
fn start(quarantine: &Arc<Quarantine>, inspect: Inspect, time: Duration) -> tokio::task::JoinHandle<()> {
    tokio::spawn(Inspector::with(Arc::clone(quarantine), inspect, time).run())
}

fn ana() -> Person {
    Person { id: UserId(1), name: "ana".parse().unwrap() }
}

async fn upload(quarantine: &Arc<Quarantine>, name: &str, data: &[u8]) -> FileRecord {
    upload_as(quarantine, &ana(), name, data).await
}

async fn upload_as(quarantine: &Arc<Quarantine>, who: &Person, name: &str, data: &[u8]) -> FileRecord {
    let upload = quarantine.receive(who, 0).await.unwrap().write(data).await.unwrap();
    let sent = ClientMetadata { name: name.to_owned(), media_type: None };
    upload.finish(sent, FileName::from_upload(name).unwrap(), who, |_| Ok(true)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_without_permission_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let upload = quarantine.receive(&ana(), 0).await.unwrap().write(b"tarde").await.unwrap();
    let sent = ClientMetadata { name: "tarde.txt".to_owned(), media_type: None };
    let name = FileName::from_upload("tarde.txt").unwrap();
    let refused = upload.finish(sent, name, &ana(), |_| Ok(false)).await;
    assert!(matches!(refused, Err(UploadError::NotAllowed)), "{refused:?}");
    assert_eq!((quarantine.waiting().await.unwrap(), quarantine.totals()), (0, FileTotals::default()));
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Uploads two files; returns their final states. The inspector under test may misbehave for the first one.
async fn outcome_of(inspector: Inspect, time: Duration) -> [(FileState, String); 2] {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let worker = start(&quarantine, inspector, time);
    let bad = upload(&quarantine, "malo.bin", b"malo").await;
    let bad = quarantine.wait_for_verdict(bad, PATIENCE).await;
    let good = upload(&quarantine, "bueno.bin", b"bueno").await;
    let good = quarantine.wait_for_verdict(good, PATIENCE).await;
    quarantine.stop_inspecting();
    worker.await.unwrap();
    [bad, good].map(|file| (file.state, file.reasons.join(", ")))
}

fn clean() -> (FileState, String) {
    (FileState::Clean, String::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn panicking_inspector_leaves_the_file_withheld() {
    let inspector: Inspect = Arc::new(|task| {
        assert!(task.name != "malo.bin", "on purpose");
        inspect(task)
    });
    assert_eq!(
        outcome_of(inspector, TIME_LIMIT).await,
        [(FileState::Unscannable, "inspection-failed".to_owned()), clean()]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_inspector_is_stopped() {
    let inspector: Inspect = Arc::new(|task| {
        while task.name == "malo.bin" && (task.check)().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        inspect(task)
    });
    let time = Duration::from_millis(300);
    assert_eq!(
        outcome_of(inspector, time).await,
        [(FileState::Unscannable, "inspection-time".to_owned()), clean()]
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_inspector_is_abandoned() {
    let (hung, until) = std::sync::mpsc::channel::<()>();
    let until = std::sync::Mutex::new(until);
    let inspector: Inspect = Arc::new(move |task| {
        if task.name == "malo.bin" {
            let _ = until.lock().unwrap().recv();
        }
        inspect(task)
    });
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let inspector = Arc::new(Inspector::with(Arc::clone(&quarantine), inspector, TIME_LIMIT));
    let bad = upload(&quarantine, "malo.bin", b"malo").await;
    let row = quarantine.store.with(|db| db.file(&bad.id.to_string())).unwrap().unwrap();
    // Paused time advances only when nothing runs, and a blocking thread counts as running.
    let looking = tokio::spawn({
        let inspector = Arc::clone(&inspector);
        async move { inspector.inspect_file(&row).await }
    });
    tokio::task::yield_now().await;
    tokio::time::advance(TIME_LIMIT + GRACE + Duration::from_secs(1)).await;
    assert_eq!(looking.await.unwrap().unwrap().unwrap().findings.lines(), ["inspection-time"]);
    assert_eq!(inspector.threads.available_permits(), MAX_RUNAWAY_THREADS, "one thread is still out");
    assert!(!quarantine.find(bad.id).await.unwrap().unwrap().state.downloadable_by(true));
    drop(hung);
}

/// Returns an archive with a nested one of over half a MiB, which goes to a scratch file.
fn nested() -> Vec<u8> {
    let mut inner = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    inner
        .start_file(
            "a.txt",
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
        )
        .unwrap();
    io::Write::write_all(&mut inner, &[b'a'; 1024 * 1024]).unwrap();
    let inner = inner.finish().unwrap().into_inner();
    let mut outer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    outer.start_file("inner.zip", zip::write::SimpleFileOptions::default()).unwrap();
    io::Write::write_all(&mut outer, &inner).unwrap();
    outer.finish().unwrap().into_inner()
}

/// Returns the lowest free descriptor.
fn lowest_free() -> u64 {
    std::os::fd::AsRawFd::as_raw_fd(&File::open("/dev/null").unwrap()).try_into().unwrap()
}

/// Limits this process to descriptors below `limit`.
fn limit_descriptors(limit: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum }).unwrap();
}

#[test]
fn file_stays_queued_without_descriptors() {
    // A process of its own, since other tests need descriptors.
    let this = std::env::current_exe().unwrap();
    let child = concat!(module_path!(), "::without_descriptors");
    let child = child.split_once("::").unwrap().1;
    let out = std::process::Command::new(this)
        .args(["--exact", child, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[tokio::test]
#[ignore = "takes descriptors from the whole process; the test above runs it in one of its own"]
async fn without_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let inspector = Inspector::with(Arc::clone(&quarantine), Arc::new(inspect), TIME_LIMIT);
    let file = upload(&quarantine, "a.zip", &nested()).await;
    let next = || quarantine.store.with(|db| db.file(&file.id.to_string())).unwrap().unwrap();
    let free = lowest_free();
    // First none for the file, then one for the file and none for the nested archive.
    for left in [0, 1] {
        limit_descriptors(free + left);
        let error = inspector.inspect_row(next()).await.expect_err("there is none");
        assert!(error.is_momentary(), "{error}");
        limit_descriptors(free + 100);
        let found = quarantine.find(file.id).await.unwrap().unwrap();
        assert_eq!((found.state, found.reasons), (FileState::Received, vec![]), "{left} left");
    }
    inspector.inspect_row(next()).await.unwrap();
    assert_eq!(quarantine.find(file.id).await.unwrap().unwrap().state, FileState::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_the_client_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let turned = upload(&quarantine, "foto\u{202e}gpj.txt", b"hola").await;
    assert_eq!((turned.state, turned.reasons.join(",")), (FileState::Received, "name-bidi".to_owned()));
    let sent = ClientMetadata { name: "a.txt".to_owned(), media_type: Some("image/png".to_owned()) };
    let page = quarantine.receive(&ana(), 0).await.unwrap().write(b"<!doctype html>").await.unwrap();
    let page =
        page.finish(sent, FileName::from_upload("a.txt").unwrap(), &ana(), |_| Ok(true)).await.unwrap();
    let worker = start(&quarantine, Arc::new(inspect), TIME_LIMIT);
    for (file, why) in [(turned, "name-bidi"), (page, "declared-mismatch image/png")] {
        let file = quarantine.wait_for_verdict(file, PATIENCE).await;
        assert_eq!((file.state, file.reasons.join(",")), (FileState::Suspicious, why.to_owned()));
    }
    quarantine.stop_inspecting();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_inspected_one_by_one_oldest_first() {
    let (now, most, order) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(std::sync::Mutex::new(Vec::new())),
    );
    let seen = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&order));
    let inspector: Inspect = Arc::new(move |task| {
        let (now, most, order) = &seen;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        order.lock().unwrap().push(task.name.to_owned());
        std::thread::sleep(Duration::from_millis(5));
        now.fetch_sub(1, Ordering::SeqCst);
        inspect(task)
    });
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let mut files = Vec::new();
    for i in 0..5 {
        files.push(upload(&quarantine, &format!("{i}"), b"x").await);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let worker = start(&quarantine, inspector, TIME_LIMIT);
    for file in files {
        assert_eq!(quarantine.wait_for_verdict(file, PATIENCE).await.state, FileState::Clean);
    }
    assert_eq!((most.load(Ordering::SeqCst), order.lock().unwrap().concat()), (1, "01234".to_owned()));
    quarantine.stop_inspecting();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_take_turns_and_each_keeps_the_own_order() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let inspector: Inspect = Arc::new(move |task| {
        seen.lock().unwrap().push(task.name.to_owned());
        inspect(task)
    });
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let [beto, carla] = [2, 3].map(|id| Person { id: UserId(id), name: "otra".parse().unwrap() });
    let mut files = Vec::new();
    for i in 0..6 {
        files.push(upload(&quarantine, &format!("a{i}"), b"x").await);
    }
    for (who, name) in [(&carla, "c0"), (&beto, "b0"), (&beto, "b1")] {
        files.push(upload_as(&quarantine, who, name, b"x").await);
    }
    let deleted = files.remove(1);
    quarantine.delete(deleted.id, ana().name, "127.0.0.1".parse().unwrap(), |_| Ok(true)).await.unwrap();
    let worker = start(&quarantine, inspector, TIME_LIMIT);
    for file in files {
        assert_eq!(quarantine.wait_for_verdict(file, PATIENCE).await.state, FileState::Clean);
    }
    assert_eq!(order.lock().unwrap().join(" "), "a0 b0 c0 a2 b1 a3 a4 a5", "a deleted file takes no turn");
    quarantine.stop_inspecting();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_for_verdict_times_out() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let file = upload(&quarantine, "a", b"a").await;
    assert_eq!(
        quarantine.wait_for_verdict(file.clone(), Duration::from_millis(10)).await,
        file,
        "no inspector runs"
    );
    quarantine.delete(file.id, ana().name, "127.0.0.1".parse().unwrap(), |_| Ok(true)).await.unwrap();
    assert_eq!(
        quarantine.wait_for_verdict(file.clone(), PATIENCE).await,
        file,
        "deleted: there is nothing to wait for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_requeues_the_file_and_a_crash_only_once() {
    let (folder, store) = (tempfile::tempdir().unwrap(), Store::in_memory().unwrap());
    let (begun, beginning) = std::sync::mpsc::channel();
    let begun = std::sync::Mutex::new(begun);
    let inspector: Inspect = Arc::new(move |task| {
        let _ = begun.lock().unwrap().send(());
        while (task.check)().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        inspect(task)
    });
    let first = quarantine(&folder, &store);
    let worker = start(&first, inspector, TIME_LIMIT);
    let file = upload(&first, "a.txt", b"hola").await;
    tokio::task::spawn_blocking(move || beginning.recv().unwrap()).await.unwrap();
    assert_eq!(first.find(file.id).await.unwrap().unwrap().state, FileState::Inspecting);
    first.stop_inspecting();
    worker.await.unwrap();
    assert_eq!(first.find(file.id).await.unwrap().unwrap(), file, "back in the queue");
    drop(first);

    // State left by a server that crashed during an inspection.
    let id = file.id.to_string();
    let crash = || {
        store.with(|db| db.move_file(&id, "received", "inspecting", &db.file(&id)?.unwrap().reasons)).unwrap()
    };
    assert!(crash());
    let second = quarantine(&folder, &store);
    let again = second.find(file.id).await.unwrap().unwrap();
    assert_eq!(
        (again.state, again.reasons.join(",")),
        (FileState::Received, "inspection-interrupted".to_owned())
    );
    assert!(crash());
    drop(second);
    let third = quarantine(&folder, &store);
    let given_up = third.find(file.id).await.unwrap().unwrap();
    assert_eq!(
        (given_up.state, given_up.reasons.join(",")),
        (FileState::Unscannable, "inspection-interrupted".to_owned())
    );
    drop(third);

    let other = quarantine(&folder, &store);
    let file = upload(&other, "b.txt", b"hola").await;
    let id = file.id.to_string();
    store.with(|db| db.move_file(&id, "received", "inspecting", "")).unwrap();
    drop(other);
    let last = quarantine(&folder, &store);
    let worker = start(&last, Arc::new(inspect), TIME_LIMIT);
    let settled = last.wait_for_verdict(file, PATIENCE).await;
    assert_eq!((settled.state, settled.reasons.len()), (FileState::Clean, 0), "the second look went well");
    last.stop_inspecting();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn file_without_bytes_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let file = upload(&quarantine, "a.txt", b"hola").await;
    std::fs::remove_file(folder.path().join("c").join(file.id.to_string())).unwrap();
    let worker = start(&quarantine, Arc::new(inspect), TIME_LIMIT);
    let settled = quarantine.wait_for_verdict(file, PATIENCE).await;
    assert_eq!((settled.state, settled.reasons.len()), (FileState::Lost, 0));
    assert_eq!(quarantine.totals(), FileTotals { files: 1, bytes: 0 }, "the record counts, the bytes do not");
    quarantine.stop_inspecting();
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_count_until_unlinked() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = quarantine(&folder, &Store::in_memory().unwrap());
    let file = upload(&quarantine, "a.txt", b"hola").await;
    let path = folder.path().join("c").join(file.id.to_string());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let addr = "127.0.0.1".parse().unwrap();
    let refused = quarantine.delete(file.id, ana().name, addr, |_| Ok(false)).await;
    assert!(matches!(refused, Err(QuarantineError::NotAllowed)));
    let deletion = quarantine.delete(file.id, ana().name, addr, |_| Ok(true)).await.unwrap().unwrap();
    assert!(deletion.unlinked.is_err());
    assert!(quarantine.find(file.id).await.unwrap().is_none(), "it is off the list");
    quarantine.retry_removals().await;
    assert_eq!(quarantine.totals(), FileTotals { files: 1, bytes: 4 });
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "hola").unwrap();
    quarantine.retry_removals().await;
    assert!(!path.exists());
    assert_eq!(quarantine.totals(), FileTotals { files: 0, bytes: 0 });
    assert_eq!(quarantine.store.with(|db| db.removals()).unwrap().len(), 0);
}

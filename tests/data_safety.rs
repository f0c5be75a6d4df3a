//! Data is never deleted on suspicion: another files folder, an unmounted disk, an older database, missing
//! bytes.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::fs;
use std::process::Command;

use common::Client;
use common::data::{
    NEEDS_A_PERSON, TRY_AGAIN, assert_all_there, assert_refused, command, content_of, filled, id_of, refused,
    start, states, stop, stored_in, text,
};
use rusqlite::Connection;

#[test]
fn another_folder_is_refused_and_costs_nothing() {
    let (folder, ids) = filled();
    let dir = folder.path();
    assert_refused(
        dir,
        &[("PICHAT_FILES_DIR", "otra")],
        NEEDS_A_PERSON,
        &["otra", "missing", "[files] dir", "files accept"],
    );
    assert!(!dir.join("otra").exists());
    fs::create_dir(dir.join("otra")).expect("makes");
    assert_refused(dir, &[("PICHAT_FILES_DIR", "otra")], NEEDS_A_PERSON, &["otra", ".pichat-store"]);
    assert_all_there(dir, &ids);
}

#[test]
fn folder_of_another_database_is_refused() {
    let ((mine, ids), (other, others)) = (filled(), filled());
    let theirs = other.path().join("cuarentena").display().to_string();
    let before = content_of(other.path());
    assert_refused(
        mine.path(),
        &[("PICHAT_FILES_DIR", &theirs)],
        NEEDS_A_PERSON,
        &[&theirs, "another database"],
    );
    assert!(content_of(other.path()) == before);
    assert_all_there(mine.path(), &ids);
    assert_all_there(other.path(), &others);
}

#[test]
fn unmounted_disk_is_refused_until_it_is_back() {
    let (folder, ids) = filled();
    let (dir, away) = (folder.path().join("cuarentena"), folder.path().join("disco"));
    fs::rename(&dir, &away).expect("unmounts");
    fs::create_dir(&dir).expect("the mount point");
    assert_refused(folder.path(), &[], NEEDS_A_PERSON, &["cuarentena", "Mount the disk"]);
    fs::remove_dir(&dir).expect("is empty");
    fs::rename(&away, &dir).expect("mounts");
    assert_all_there(folder.path(), &ids);
}

#[test]
fn unmarked_folder_is_adopted() {
    let (folder, ids) = filled();
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    db.execute("DELETE FROM settings WHERE key = 'store_id'", []).expect("works");
    drop(db);
    let mark = folder.path().join("cuarentena/.pichat-store");
    fs::remove_file(&mark).expect("is there");
    let away = folder.path().join("disco");
    fs::rename(folder.path().join("cuarentena"), &away).expect("unmounts");
    assert_refused(folder.path(), &[], NEEDS_A_PERSON, &["missing"]);
    fs::create_dir(folder.path().join("cuarentena")).expect("the mount point");
    assert_refused(folder.path(), &[], NEEDS_A_PERSON, &["not those that the database lists"]);
    fs::remove_dir(folder.path().join("cuarentena")).expect("is empty");
    fs::rename(&away, folder.path().join("cuarentena")).expect("mounts");
    assert_all_there(folder.path(), &ids);
    assert!(mark.exists());
}

#[test]
fn older_database_loses_no_bytes_and_the_newer_finds_them() {
    let (folder, mut ids) = filled();
    let (db, older, newer) =
        (folder.path().join("pichat.db"), folder.path().join("viejo"), folder.path().join("nuevo"));
    fs::copy(&db, &older).expect("a backup");
    let server = start(folder.path());
    ids.push(id_of(&Client::cliente(&server).upload("3.txt", b"texto 3")));
    assert_eq!(Client::admin(&server).delete(&format!("/api/files/{}", ids[0])).status, 204);
    stop(server);
    fs::rename(&db, &newer).expect("moves");
    fs::copy(&older, &db).expect("puts the backup back");

    let server = start(folder.path());
    let line = server.wait_for_line("event=file.orphaned");
    assert!(line.contains("count=1") && line.contains(&ids[3]), "{line}");
    assert!(server.stderr().contains("event=file.lost"));
    let states = states(&server);
    assert_eq!((states.len(), states[&ids[0]].as_str(), states[&ids[1]].as_str()), (3, "lost", "clean"));
    stop(server);
    assert_eq!(
        fs::read(folder.path().join("cuarentena/perdidos").join(&ids[3])).expect("is kept"),
        b"texto 3"
    );
    let listed = text(&command(&["files", "orphans"], folder.path(), &[]).stdout);
    assert!(listed.contains(&ids[3]), "{listed}");

    fs::copy(&newer, &db).expect("the newer one again");
    let server = start(folder.path());
    assert!(server.wait_for_line("event=file.found").contains(&ids[3]));
    let states = self::states(&server);
    assert_eq!(states.values().filter(|state| *state == "clean").count(), 3);
    assert_eq!(Client::usuario(&server).get(&format!("/api/files/{}/content", ids[3])).text(), "texto 3");
    stop(server);
}

#[test]
fn orphan_can_be_adopted() {
    let (folder, ids) = filled();
    let db = Connection::open(folder.path().join("pichat.db")).expect("opens");
    db.execute("DELETE FROM files WHERE id = ?1", [&ids[1]]).expect("works");
    drop(db);
    stop(start(folder.path()));
    let adopt = |id: &str, user: &str| {
        command(&["files", "adopt", id, "--name", "de vuelta.txt", "--user", user], folder.path(), &[])
    };
    assert_eq!(adopt(&ids[1], "nadie").status.code(), Some(67));
    let server = start(folder.path());
    let held = adopt(&ids[1], "usuario");
    assert_eq!(held.status.code(), TRY_AGAIN, "{}", text(&held.stderr));
    assert!(text(&held.stderr).contains("another PiChat process"));
    stop(server);
    let done = adopt(&ids[1], "usuario");
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("event=file.adopted"));
    assert_eq!(adopt(&ids[1], "usuario").status.code(), Some(66), "it is no orphan any more");
    let server = start(folder.path());
    assert_eq!(states(&server)[&ids[1]], "clean");
    let file = Client::usuario(&server).get(&format!("/api/files/{}", ids[1])).json();
    assert_eq!(
        (file["name"].as_str(), file["uploaded_by"].as_str()),
        (Some("de vuelta.txt"), Some("usuario"))
    );
    assert_eq!(Client::usuario(&server).get(&format!("/api/files/{}/content", ids[1])).text(), "texto 1");
    stop(server);
}

#[test]
fn accepted_folder_finds_lost_files_again() {
    let (folder, ids) = filled();
    let (dir, away) = (folder.path().join("cuarentena"), folder.path().join("disco"));
    fs::rename(&dir, &away).expect("unmounts");
    let done = command(&["files", "accept"], folder.path(), &[]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("event=files.accepted"), "{}", text(&done.stderr));
    let server = start(folder.path());
    assert_eq!(states(&server).values().filter(|state| *state == "lost").count(), 3);
    id_of(&Client::cliente(&server).upload("4.txt", b"nuevo"));
    stop(server);
    for id in &ids {
        fs::copy(away.join(id), dir.join(id)).expect("the old disk's files are put back");
    }
    let server = start(folder.path());
    assert_eq!(states(&server).values().filter(|state| *state == "clean").count(), 4);
    stop(server);
}

#[test]
fn moved_data_folder_without_its_files_is_refused() {
    let (folder, ids) = filled();
    let other = tempfile::tempdir().expect("a folder");
    fs::copy(folder.path().join("pichat.db"), other.path().join("pichat.db")).expect("copies");
    assert_refused(other.path(), &[], NEEDS_A_PERSON, &["cuarentena", "missing"]);
    assert!(!other.path().join("cuarentena").exists());
    assert_all_there(folder.path(), &ids);
}

#[test]
fn second_server_is_told_to_try_again() {
    let (folder, _) = filled();
    let server = start(folder.path());
    let (code, sentence) = refused(folder.path(), &[]);
    assert_eq!(code, TRY_AGAIN, "{sentence}");
    assert!(sentence.contains("another PiChat process"), "{sentence}");
    stop(server);
}

#[test]
fn lost_file_is_gone_with_its_object() {
    let (folder, ids) = filled();
    let server = start(folder.path());
    let (admin, owner, other) = (Client::admin(&server), Client::cliente(&server), Client::usuario(&server));
    let path = format!("/api/files/{}/content", ids[0]);
    fs::remove_file(folder.path().join("cuarentena").join(&ids[0])).expect("is there");
    for client in [&other, &owner, &admin] {
        let answer = client.get(&path);
        assert_eq!((answer.status, answer.code().as_str()), (410, "gone"), "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let object = answer.json();
        assert_eq!((object["id"].as_str(), object["state"].as_str()), (Some(ids[0].as_str()), Some("lost")));
    }
    let object = owner.get(&path).json();
    assert_eq!((object["name"].as_str(), object["size"].as_u64()), (Some("0.txt"), Some(7)));
    assert_eq!(other.get(&path).json().get("name"), None, "others learn no name of what they may not see");
    assert_eq!(server.stderr().matches("event=file.lost").count(), 1, "said once");
    assert_eq!(owner.get(&format!("/api/files/{}", ids[0])).json()["state"], "lost");
    assert_eq!(other.get(&format!("/api/files/{}", ids[0])).status, 404);

    // A truncated file counts as lost, for HEAD as well.
    fs::write(folder.path().join("cuarentena").join(&ids[1]), "te").expect("writes");
    let head = owner.send("HEAD", &format!("/api/files/{}/content", ids[1]), &[], b"");
    assert_eq!(head.status, 410);
    assert_eq!(states(&server)[&ids[1]], "lost");
    assert_eq!(admin.delete(&format!("/api/files/{}", ids[0])).status, 204);
    assert_eq!(stored_in(&folder.path().join("cuarentena")).len(), 2);
    stop(server);
}

#[test]
fn failed_unlink_is_reported_and_retried() {
    let (folder, ids) = filled();
    let path = folder.path().join("cuarentena").join(&ids[0]);
    let server = start(folder.path());
    // Root cannot unlink a folder either.
    fs::remove_file(&path).expect("is there");
    fs::create_dir(&path).expect("makes");
    let answer = Client::admin(&server).delete(&format!("/api/files/{}", ids[0]));
    assert_eq!((answer.status, answer.code().as_str()), (500, "delete_incomplete"), "{}", answer.text());
    let line = server.wait_for_line("event=file.delete_failed");
    assert!(
        line.contains("result=failed") && line.contains("user=\"admin\"") && line.contains(&ids[0]),
        "{line}"
    );
    assert_eq!(states(&server).len(), 2, "it is off the list");
    stop(server);
    fs::remove_dir(&path).expect("is empty");
    fs::write(&path, "texto 0").expect("writes");
    let server = start(folder.path());
    assert!(!path.exists(), "it was asked for");
    assert!(!server.stderr().contains("event=file.orphaned"));
    stop(server);
}

#[test]
fn read_only_folder_is_reported_at_the_start() {
    let (folder, ids) = filled();
    let script = "mount --bind \"$1/cuarentena\" \"$1/cuarentena\" && mount -o remount,ro,bind \"$1/cuarentena\" && \
                  exec \"$0\" demo --listen 127.0.0.1:0 --data-dir \"$1\"";
    let output = Command::new("unshare")
        .args(["-m", "bash", "-c", script])
        .arg(env!("CARGO_BIN_EXE_pichat"))
        .arg(folder.path())
        .env("LANG", "en")
        .output();
    match output {
        Ok(output) if output.status.code() == NEEDS_A_PERSON => {
            assert!(text(&output.stderr).contains("cannot be written"), "{}", text(&output.stderr));
        }
        // Namespaces need root and are missing in some containers.
        Ok(output) => assert!(
            text(&output.stderr).contains("unshare") || text(&output.stderr).contains("mount"),
            "{output:?}"
        ),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
    assert_all_there(folder.path(), &ids);
}

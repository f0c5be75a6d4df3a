//! Data folders that a start accepts or refuses, compared byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use super::server::{eventually, pichat_command};
use super::{Client, Options, Response, Server};

/// Bound on a command that should end by itself.
const PATIENCE: Duration = Duration::from_secs(30);
pub const NEEDS_A_PERSON: Option<i32> = Some(74);
pub const TRY_AGAIN: Option<i32> = Some(75);

pub fn start(dir: &Path) -> Server {
    Server::start(Options::default().data_dir(dir))
}

pub fn stop(mut server: Server) {
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// Returns every file below a folder with its content.
pub fn content_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let Ok(entries) = fs::read_dir(dir) else { return all };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(content_of(&path));
            all.insert(path, Vec::new());
        } else {
            let content = fs::read(&path).expect("reads");
            all.insert(path, content);
        }
    }
    all
}

/// Returns the files of a folder that are named by ids, with their content.
pub fn stored_in(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let id = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    content_of(dir)
        .into_iter()
        .map(|(path, content)| (id(&path), content))
        .filter(|(id, _)| id.len() == 32)
        .collect()
}

pub fn command(args: &[&str], dir: &Path, env: &[(&str, &str)]) -> Output {
    let mut command = pichat_command();
    command.args(args).arg("--data-dir").arg(dir).env("PICHAT_AUDIT_SYSLOG", "stderr").env("LANG", "en");
    command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    // A server that wrongly starts must not block the test.
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("waits").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("is ended");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("reads")
}

/// Asserts that a start is refused with an exit code and a message.
pub fn refused(dir: &Path, env: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(&["demo", "--listen", "127.0.0.1:0"], dir, env);
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

pub fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[track_caller]
pub fn assert_refused(dir: &Path, env: &[(&str, &str)], code: Option<i32>, words: &[&str]) {
    let before = content_of(dir);
    let (status, sentence) = refused(dir, env);
    assert_eq!(status, code, "{sentence}");
    for word in words {
        assert!(sentence.contains(word), "{word:?} is missing: {sentence}");
    }
    let after = content_of(dir);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "nothing is made and nothing is removed"
    );
    for (path, content) in &before {
        // SQLite rewrites its index on each opening of a database.
        assert!(
            &after[path] == content || path.to_string_lossy().ends_with("-shm"),
            "{} changed",
            path.display()
        );
    }
}

/// Returns the data folder of a stopped server with three files, and their ids.
pub fn filled() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path());
    let client = Client::cliente(&server);
    let ids =
        (0..3).map(|n| id_of(&client.upload(&format!("{n}.txt"), format!("texto {n}").as_bytes()))).collect();
    stop(server);
    (folder, ids)
}

pub fn id_of(stored: &Response) -> String {
    assert_eq!(stored.status, 201, "{}", stored.text());
    stored.json()["id"].as_str().expect("an id").to_owned()
}

/// Returns the state of each listed file, as an administrator sees it.
pub fn states(server: &Server) -> BTreeMap<String, String> {
    let admin = Client::admin(server);
    let mut states = BTreeMap::new();
    eventually("all were inspected", || {
        let list = admin.get("/api/files").json();
        let text = |row: &serde_json::Value, key: &str| row[key].as_str().expect("text").to_owned();
        states = list
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| (text(row, "id"), text(row, "state")))
            .collect();
        !states.values().any(|state| state == "received" || state == "inspecting")
    });
    states
}

pub fn assert_all_there(dir: &Path, ids: &[String]) {
    let server = start(dir);
    let states = states(&server);
    assert_eq!(states.len(), ids.len());
    let client = Client::usuario(&server);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(states.get(id).map(String::as_str), Some("clean"), "{id}");
        assert_eq!(client.get(&format!("/api/files/{id}/content")).text(), format!("texto {n}"));
    }
    stop(server);
}

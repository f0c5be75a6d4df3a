//! Smoke test: sign-in, chat and files in one run.

mod common;

use common::{Client, Server, here};
use serde_json::json;

#[test]
fn two_users_chat_and_share_a_file() {
    let server = Server::demo();
    let (ana, beto) = (Client::cliente(&server), Client::usuario(&server));
    let (mut a, mut b) = (ana.socket(), beto.socket());
    let joined = a.join("OFICINA", "secreta", "group");
    assert_eq!(
        (&joined["type"], &joined["created"], &joined["members"]),
        (&json!("joined"), &json!(true), &here(&["cliente"]))
    );
    let refused = b.join("OFICINA", "otra cosa", "group");
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("wrong_password")));
    assert!(refused["retry_after"].as_u64().is_some_and(|s| s >= 3));
    assert_eq!(ana.get("/api/rooms").json(), json!([{"room": "OFICINA", "kind": "group", "members": 1}]));
    let sent = a.send_message("OFICINA", "hola");
    assert_eq!((&sent["type"], &sent["seq"]), (&json!("sent"), &json!(1)));

    let stored = ana.upload("acta.txt", b"lo dicho");
    assert_eq!(stored.status, 201, "{}", stored.text());
    let content = beto.get(&format!("{}/content", stored.header("location").expect("a place")));
    assert_eq!((content.status, content.body.as_slice()), (200, b"lo dicho".as_slice()));
}

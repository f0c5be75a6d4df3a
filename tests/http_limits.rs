//! Limits on connections and requests of one address.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod common;

use std::net::Shutdown;

use common::server::eventually;
use common::{Client, Options, Server};

#[test]
fn connections_of_one_address_are_limited() {
    let server = Server::start(Options::config("[limits]\nconnections_per_address = 3\nconnections = 5"));
    let (client, people) = (Client::new(&server), [Client::cliente(&server), Client::usuario(&server)]);
    let open = |client: &Client| {
        let mut stream = client.connect();
        client.get_on(&mut stream, "/api/health").ok().map(|answer| (answer.status, stream))
    };
    let mut held = Vec::new();
    eventually("three are served once those of the sign-ins are gone", || {
        held.extend(open(&client));
        held.len() == 3
    });
    assert!(open(&client).is_none(), "the fourth is closed without an answer");
    server.wait_for_line("event=connection.refused");
    drop(held.pop());
    for person in people.iter().chain([&client]) {
        let mut own = Vec::new();
        eventually("one place is free, and a person gives it back", || {
            own.extend(open(person));
            !own.is_empty()
        });
        held.extend(own);
    }
    assert!(held.iter_mut().all(|(_, stream)| client.get_on(stream, "/api/health").is_ok()), "all go on");

    for (_, stream) in held.drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for _ in 0..4 {
        let mut again = Vec::new();
        eventually("all places are free again", || {
            again.extend(open(&client));
            again.len() == 3
        });
    }
}

#[test]
fn newcomer_evicts_oldest_idle_connection() {
    let server = Server::start(Options::config("[limits]\nconnections = 5"));
    let client = Client::new(&server);
    let open = || {
        let mut stream = client.connect();
        client.get_on(&mut stream, "/api/health").ok().map(|_| stream)
    };
    let mut held: Vec<_> =
        (0..6).map(|n| open().unwrap_or_else(|| panic!("{n} is served though there are five"))).collect();
    assert!(client.get_on(&mut held[0], "/api/health").is_err(), "its place is gone");
    assert!(
        held[1..].iter_mut().all(|stream| client.get_on(stream, "/api/health").is_ok()),
        "the others go on"
    );
}

#[test]
fn request_rate_of_one_address_is_limited() {
    let server = Server::start(Options::config("[limits]\nrequests_per_minute = 1\nrequest_burst = 6"));
    let (person, client) = (Client::cliente(&server), Client::new(&server));
    for _ in 0..5 {
        assert_eq!(client.get("/api/health").status, 200);
    }
    let refused = client.get("/api/health");
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((1..=60).contains(&wait) && refused.json()["retry_after"] == wait, "{wait}");
    let page = client.get("/login");
    assert!(page.status == 429 && page.is_html() && page.header("retry-after").is_some());
    assert_eq!(person.get("/api/health").status, 200, "signed-in users have their own limit");
}

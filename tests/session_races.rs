//! Races of sign-ins with changes of the account: no session survives a lock, a role change, a reset, a new
//! password, a claim or a sign-out, in any order. `PICHAT_RACE_ROUNDS` sets the rounds of each race.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the figures of a long run are read by people")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::server::{add_user, eventually, user_command};
use common::{Client, Options, Server};
use serde_json::json;

const ANA: (&str, &str, &str) = ("ana", "la clave de ana", "administrator");
const BETO: (&str, &str, &str) = ("beto", "la clave de beto", "cliente");
/// Hash parameters slow enough for a race, and limits that are not reached.
const CONFIG: &str =
    "[accounts]\nargon2 = \"m=65536,t=3,p=1\"\n[limits]\nlogins_per_minute = 100000\nlogin_failures = 1000\n";
/// Concurrent sign-ins of each round.
const SIGN_INS: usize = 2;

fn rounds() -> u32 {
    std::env::var("PICHAT_RACE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

fn is_live(client: &Client) -> bool {
    client.get("/api/session").status == 200
}

fn command(dir: &Path, args: &[&str], stdin: &str) {
    let (status, _, stderr) = user_command(args, dir, stdin);
    assert!(status.success(), "{args:?}: {stderr}");
}

/// Outcomes of the rounds of one race.
#[derive(Default)]
struct Tally {
    signed_in: usize,
    refused: usize,
    survivors: usize,
}

impl Tally {
    fn report(&self, race: &str, server: &Server) {
        let late = server.stderr().matches("reason=changed_meanwhile").count();
        let Self { signed_in, refused, survivors } = self;
        println!(
            "{race}: {} rounds, {signed_in} sign-ins answered with a session, {refused} refused, {late} of them with a proof that was \
             outlived; survivors: {survivors}",
            rounds()
        );
        assert_eq!(*survivors, 0, "{race}");
    }
}

/// Measures a sign-in, so that the rounds meet all of its moments.
fn duration_of_a_sign_in(server: &Server, user: (&str, &str, &str)) -> Duration {
    let start = Instant::now();
    Client::signed_in(server, user.0, user.1);
    start.elapsed()
}

/// Runs sign-ins of `user` and, after a delay that differs in each round, `act`.
/// Returns the clients and the result of `act`.
fn beside<T: Send>(
    server: &Server,
    user: (&str, &str),
    delay: Duration,
    act: impl FnOnce() -> T + Send,
) -> (Vec<(u16, Client)>, T) {
    std::thread::scope(|scope| {
        let under_way: Vec<_> = (0..SIGN_INS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(server);
                    (client.sign_in(user.0, user.1).status, client)
                })
            })
            .collect();
        std::thread::sleep(delay);
        let done = act();
        (under_way.into_iter().map(|sign_in| sign_in.join().expect("a sign-in")).collect(), done)
    })
}

/// Runs one command against concurrent sign-ins. `undo` restores the account.
/// `survives` returns true if a live session should have been ended.
fn race_with_a_command(
    race: &str,
    args: &[&str],
    stdin: &str,
    undo: &[(&[&str], &str)],
    survives: impl Fn(&Client) -> bool,
) {
    let server = Server::start(Options { users: vec![ANA, BETO], ..Options::config(CONFIG) });
    let took = duration_of_a_sign_in(&server, BETO);
    let mut tally = Tally::default();
    for round in 0..rounds() {
        for (args, stdin) in undo {
            command(&server.data_dir, args, stdin);
        }
        // The end of its session shows that the server has seen the command.
        let witness = Client::signed_in(&server, BETO.0, BETO.1);
        let delay = took.mul_f64(f64::from(round % 10) / 10.0);
        let (clients, ()) =
            beside(&server, (BETO.0, BETO.1), delay, || command(&server.data_dir, args, stdin));
        eventually("the command holds", || !is_live(&witness));
        for (status, client) in clients {
            tally.signed_in += usize::from(status == 200);
            tally.refused += usize::from(status != 200);
            tally.survivors += usize::from(status == 200 && is_live(&client) && survives(&client));
        }
    }
    tally.report(race, &server);
}

#[test]
fn lock_leaves_no_sign_in_under_way() {
    race_with_a_command("user lock", &["lock", "beto"], "", &[(&["unlock", "beto"], "")], |_| true);
}

#[test]
fn role_leaves_no_sign_in_under_way_with_the_old_one() {
    let old_role = |client: &Client| client.get("/api/session").json()["role"] == "cliente";
    race_with_a_command(
        "user role",
        &["role", "beto", "usuario"],
        "",
        &[(&["role", "beto", "cliente"], "")],
        old_role,
    );
}

#[test]
fn reset_leaves_no_sign_in_under_way() {
    let undo: &[(&[&str], &str)] = &[(&["passwd", "beto"], BETO.1)];
    race_with_a_command("user passwd", &["passwd", "beto"], "otra clave de beto", undo, |_| true);
}

#[test]
fn one_time_password_leaves_no_sign_in_under_way() {
    let undo: &[(&[&str], &str)] = &[(&["passwd", "beto"], BETO.1)];
    race_with_a_command("user passwd --one-time", &["passwd", "beto", "--one-time"], "", undo, |_| true);
}

#[test]
fn new_password_leaves_no_sign_in_under_way() {
    let server = Server::start(Options { users: vec![ANA, BETO], ..Options::config(CONFIG) });
    let took = duration_of_a_sign_in(&server, BETO);
    let (mut tally, mut current) = (Tally::default(), BETO.1.to_owned());
    let mut own = Client::signed_in(&server, BETO.0, BETO.1);
    for round in 0..rounds() {
        let next = format!("clave número {round} de beto");
        let change = || own.post_json("/api/password", &json!({"current": current, "new": next}));
        let (clients, changed) =
            beside(&server, (BETO.0, &current), took.mul_f64(f64::from(round % 10) / 10.0), change);
        assert_eq!(changed.status, 204, "{}", changed.text());
        assert!(!is_live(&own), "the asking token is dead too");
        own.take_cookie(&changed);
        assert!(is_live(&own));
        for (status, client) in clients {
            tally.signed_in += usize::from(status == 200);
            tally.refused += usize::from(status != 200);
            tally.survivors += usize::from(status == 200 && is_live(&client));
        }
        current = next;
    }
    tally.report("POST /api/password", &server);
}

#[test]
fn concurrent_password_changes_have_one_winner() {
    let server = Server::start(Options { users: vec![ANA, BETO], ..Options::config(CONFIG) });
    let mut current = BETO.1.to_owned();
    for round in 0..rounds() {
        let clients = [0, 1].map(|_| Client::signed_in(&server, BETO.0, &current));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let changes: Vec<_> = clients
                .iter()
                .enumerate()
                .map(|(n, client)| {
                    let body = json!({"current": current, "new": format!("clave {n} de la ronda {round}")});
                    scope.spawn(move || client.post_json("/api/password", &body))
                })
                .collect();
            changes.into_iter().map(|change| change.join().expect("a change")).collect()
        });
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 401], "round {round}");
        assert!(clients.iter().all(|client| !is_live(client)), "both old tokens are dead");
        let winner = answers.iter().position(|answer| answer.status == 204).expect("one");
        current = format!("clave {winner} de la ronda {round}");
        let mut own = clients[winner].clone();
        own.take_cookie(&answers[winner]);
        assert!(is_live(&own));
    }
    println!("two changes of one password: {} rounds, one won in each", rounds());
}

#[test]
fn sign_out_leaves_no_change_of_password_under_way() {
    let server = Server::start(Options { users: vec![ANA, BETO], ..Options::config(CONFIG) });
    let took = duration_of_a_sign_in(&server, BETO) * 2;
    let (mut survivors, mut refused, mut current) = (0, 0, BETO.1.to_owned());
    for round in 0..rounds() {
        let next = format!("clave número {round} de beto");
        let own = Client::signed_in(&server, BETO.0, &current);
        let delay = took.mul_f64(f64::from(round % 10) / 10.0);
        let (changed, out) = std::thread::scope(|scope| {
            let change =
                scope.spawn(|| own.post_json("/api/password", &json!({"current": current, "new": next})));
            std::thread::sleep(delay);
            let out = own.delete("/api/session");
            (change.join().expect("a change"), out)
        });
        assert!(!is_live(&own), "round {round}");
        if changed.status == 204 {
            current = next;
        } else {
            assert_eq!((changed.status, changed.code().as_str()), (401, "unauthenticated"));
            refused += 1;
        }
        let mut renewed = own.clone();
        renewed.take_cookie(&changed);
        // If the change came first, the old token signs no session out.
        survivors += u32::from(out.status == 204 && renewed.cookie != own.cookie && is_live(&renewed));
    }
    println!(
        "DELETE /api/session: {} rounds, {refused} changes of password refused; survivors: {survivors}",
        rounds()
    );
    assert_eq!(survivors, 0);
}

#[test]
fn reclaim_leaves_no_sign_in_under_way() {
    let (data, run) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    add_user(data.path(), ANA.0, ANA.1, ANA.2);
    add_user(data.path(), BETO.0, BETO.1, BETO.2);
    let (mut signed_in, mut refused, mut survivors) = (0, 0, 0);
    for round in 0..rounds() {
        std::fs::write(data.path().join("reclaim"), "").expect("writes");
        let options = Options { serve: true, ..Options::config(CONFIG).data_dir(data.path()) };
        let server = Server::start(options.env("RUNTIME_DIRECTORY", run.path().to_str().expect("text")));
        let code = std::fs::read_to_string(run.path().join("claim")).expect("a code").trim().to_owned();
        let witness = Client::signed_in(&server, BETO.0, BETO.1);
        let took = duration_of_a_sign_in(&server, BETO);
        let body = json!({"code": code, "username": "ana", "password": "una clave nueva"});
        let delay = took.mul_f64(f64::from(round % 10) / 10.0);
        let claim = || Client::new(&server).post_json("/api/claim", &body);
        let (clients, claimed) = beside(&server, (BETO.0, BETO.1), delay, claim);
        assert_eq!(claimed.status, 201, "{}", claimed.text());
        assert!(!is_live(&witness), "no session stays");
        for (status, client) in clients {
            signed_in += usize::from(status == 200);
            refused += usize::from(status != 200);
            survivors += usize::from(status == 200 && is_live(&client));
        }
    }
    println!(
        "POST /api/claim: {} rounds, {signed_in} sign-ins answered with a session, {refused} refused; survivors: {survivors}",
        rounds()
    );
    assert_eq!(survivors, 0);
}

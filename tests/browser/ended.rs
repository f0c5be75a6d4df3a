//! End of a session under an open chat: the page asks once who is signed in, and the sign-in page names the
//! reason.

use serde_json::json;

use super::browser::{Browser, Setup};
use super::common::server::user_command;
use super::common::{Client, Options, Server};

const CARLA: (&str, &str, &str) = ("carla", "la clave de carla", "cliente");
const NEW: &str = "otra clave de carla";
/// Notice above the form of the sign-in page.
const NOTICE: &str = "form[action='/login']";

/// Counts the calls that ask who is signed in, past the end of the page.
const COUNT_CALLS: &str = "(() => {
    const real = window.fetch;
    sessionStorage.setItem('asked', '0');
    window.fetch = (url, options) => {
        if (url === '/api/session') sessionStorage.setItem('asked', String(Number(sessionStorage.getItem('asked')) + 1));
        return real(url, options);
    };
    return true;
})()";

fn command(server: &Server, args: &[&str], stdin: &str) {
    let (status, _, stderr) = user_command(args, &server.data_dir, stdin);
    assert!(status.success(), "{args:?}: {stderr}");
}

fn sql(server: &Server, statement: &str) {
    let db = rusqlite::Connection::open(server.data_dir.join("pichat.db")).expect("opens");
    db.execute_batch(&format!("PRAGMA foreign_keys = ON; {statement}")).expect("works");
}

fn change_password(server: &Server) {
    let elsewhere = Client::signed_in(server, CARLA.0, CARLA.1);
    let answer = elsewhere.post_json("/api/password", &json!({"current": CARLA.1, "new": NEW}));
    assert_eq!(answer.status, 204);
}

fn sign_in_elsewhere(server: &Server) {
    (0..2).for_each(|_| drop(Client::signed_in(server, CARLA.0, CARLA.1)));
}

fn give_back(server: &Server) {
    command(server, &["passwd", CARLA.0], CARLA.1);
    command(server, &["role", CARLA.0, CARLA.2], "");
    command(server, &["unlock", CARLA.0], "");
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn sign_in_page_says_why_the_session_ended() {
    type End = fn(&Server);
    let causes: [(&str, End, [&str; 2]); 6] = [
        (
            "role",
            |s| command(s, &["role", CARLA.0, "usuario"], ""),
            ["Cambió lo que tu cuenta puede hacer", "What your account can do"],
        ),
        (
            "locked",
            |s| command(s, &["lock", CARLA.0], ""),
            ["Tu cuenta está bloqueada", "Your account is locked"],
        ),
        (
            "reset",
            |s| command(s, &["passwd", CARLA.0], CARLA.1),
            ["cerró tus sesiones", "ended your sessions"],
        ),
        (
            "password",
            change_password,
            ["Tu contraseña cambió en otro", "Your password was changed on another"],
        ),
        ("evicted", sign_in_elsewhere, ["Había demasiadas sesiones abiertas", "Too many sessions were open"]),
        (
            "deleted",
            |s| sql(s, "DELETE FROM users WHERE name = 'carla'"),
            ["Tu cuenta ya no existe", "Your account no longer exists"],
        ),
    ];
    for (n, languages) in ["es-CO,es", "en-US,en"].into_iter().enumerate() {
        let options = Options::config("[limits]\nsessions_per_user = 2\n");
        let server = Server::start(Options { users: vec![CARLA], ..options });
        let carla = Browser::with(server.addr, Setup { languages, ..Setup::default() }).await;
        for (cause, end, sentence) in &causes {
            give_back(&server);
            carla.sign_in(CARLA.0, CARLA.1).await;
            carla.goto("/chat").await;
            carla.until("document.querySelector('#connection-state')?.dataset.state === 'online'").await;
            carla.js(COUNT_CALLS).await;
            end(&server);
            carla.arrive("/login").await;
            carla.until_says(".alert.note", sentence[n]).await;
            assert_eq!(carla.js("sessionStorage.getItem('asked')").await, "1", "{cause}");
            assert_eq!(carla.js("location.hash").await, format!("#{cause}"));
            for (scheme, width, phone) in
                [("light", 390, true), ("dark", 390, true), ("light", 1440, false), ("dark", 1440, false)]
            {
                carla.set_scene(scheme).await;
                carla.resize(width, 844, phone).await;
                assert_eq!(carla.js("document.documentElement.scrollWidth").await, json!(width));
            }
        }
        // Reloading the page with its reason is harmless, and a failed sign-in shows its own message.
        carla.try_sign_in(CARLA.0, "otra cosa").await;
        carla
            .until(
                "document.querySelectorAll('.alert').length === 1 && !document.querySelector('.alert.note')",
            )
            .await;
        carla.finish_with(&[], &["401 (Unauthorized)", "WebSocket"]).await;
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn who_signs_out_is_told_nothing_in_that_tab() {
    let server = Server::start(Options { users: vec![CARLA], ..Options::default() });
    let carla = Browser::open(server.addr).await;
    carla.sign_in(CARLA.0, CARLA.1).await;
    carla.chat().await;
    carla.click("#sign-out").await;
    carla.arrive("/login").await;
    carla.find(NOTICE).await;
    assert_eq!(carla.js("[location.hash, document.querySelector('.alert')]").await, json!(["", null]));
    // The same from another tab.
    carla.sign_in(CARLA.0, CARLA.1).await;
    carla.chat().await;
    carla.js("void fetch('/api/session', { method: 'DELETE' })").await;
    carla.arrive("/login").await;
    carla.until_says(".alert.note", "Cerraste esta sesión en otra pestaña").await;
    // A call that is refused before the socket closes leaves the reason to the socket.
    carla.sign_in(CARLA.0, CARLA.1).await;
    carla.chat().await;
    carla.until_online().await;
    carla
        .js("void fetch('/api/session', { method: 'DELETE' })
            .then(() => document.dispatchEvent(new Event('visibilitychange')))")
        .await;
    carla.arrive("/login").await;
    carla.until_says(".alert.note", "Cerraste esta sesión en otra pestaña").await;
    // Every page has the chat's socket, and hears of it at once.
    carla.sign_in(CARLA.0, CARLA.1).await;
    carla.goto("/inicio").await;
    carla.until_says("#greeting", "carla").await;
    command(&server, &["lock", CARLA.0], "");
    carla.arrive("/login").await;
    carla.until_says(".alert.note", "Tu cuenta está bloqueada").await;
    carla.finish_with(&[], &["401 (Unauthorized)", "WebSocket", "Not supported for insecure origins"]).await;
}

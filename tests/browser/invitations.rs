//! Invitations to rooms, as two people use them.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::browser::Browser;
use super::common::{Client, Server};
use super::password::{ANA, OWN, given};
use super::tour::{AXE, axe_source};

const LINK: &str = "document.querySelector('#invite-link').value";
const DIALOG_OPEN: &str = "document.querySelector('#invite-dialog').open";
const IN_THE_OFFICE: &str = "!document.querySelector('#panel').hidden
    && document.querySelector('#open-room-code').textContent === 'OFICINA'";

impl Browser {
    /// Fails if axe finds anything in the page as it is.
    async fn has_no_violation(&self) {
        self.js(&format!("(() => {{ {}; return true; }})()", axe_source())).await;
        let found = self.driver().execute_async(AXE, vec![Value::Null]).await.expect("axe runs");
        assert_eq!(found.json(), &json!([]));
    }

    /// Opens a link of this server.
    async fn follow_link(&self, link: &str) {
        let path = link.find("/chat#").map(|at| &link[at..]).expect("a link to the chat");
        self.goto(path).await;
    }

    /// Asserts that the token is neither in the address nor in what led here.
    async fn shows_no_token(&self, link: &str) {
        let token = link.rsplit_once('=').expect("a token").1;
        let all = "location.href + ' ' + document.referrer + ' ' + document.documentElement.outerHTML";
        let shown = self.js(all).await;
        assert!(!shown.as_str().expect("text").contains(token), "{shown}");
    }
}

/// Ana invites one person; Beto opens the link signed out, signs in, and is in the room.
async fn meet(phone: bool) {
    let server = Server::demo();
    let (ana, beto) = tokio::join!(Browser::open(server.addr), Browser::open(server.addr));
    if phone {
        for page in [&ana, &beto] {
            page.resize(390, 844, true).await;
        }
    }
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    if phone {
        ana.tap("#show-members").await;
        ana.tap("#invite").await;
    } else {
        ana.js("document.querySelector('#invite').focus()").await;
        ana.press(Key::Enter + "").await;
    }
    ana.until(DIALOG_OPEN).await;
    ana.until_says("#invite-title", "OFICINA").await;
    ana.has_no_violation().await;
    ana.js("document.querySelector('#invite-uses').value = '1'").await;
    if phone {
        ana.tap("#invite-make").await;
    } else {
        ana.tab_to("#invite-make").await;
        ana.press(Key::Enter + "").await;
    }
    let link = ana.until(LINK).await.as_str().expect("text").to_owned();
    assert!(
        link.starts_with(&format!("http://pichat.local:{}/chat#invitacion=", server.addr.port())),
        "{link}"
    );
    ana.until("document.querySelector('#invite-qr').naturalWidth > 0").await;
    ana.until_says("#invite-until", "Para 1 persona, hasta ").await;
    ana.has_no_violation().await;
    let fits = "(({left, right, top, bottom}) => left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight)(
        document.querySelector('#invite-dialog').getBoundingClientRect())";
    assert_eq!(ana.js(fits).await, true);
    if phone {
        ana.tap("#invite-copy").await;
    } else {
        assert_eq!(ana.js("document.activeElement.id").await, "invite-copy");
        ana.press(Key::Enter + "").await;
    }
    ana.until_says("#invite-status", "Enlace copiado.").await;
    ana.press(Key::Escape + "").await;
    ana.until(&format!("!{DIALOG_OPEN}")).await;
    assert_eq!(ana.js("document.activeElement.id").await, "invite");
    ana.shows_no_token(&link).await;
    let field = ana.find("#message-field").await;
    field.send_keys(Key::Control + "v").await.expect("keys are pressed");
    ana.until(&format!("document.querySelector('#message-field').value === {link:?}")).await;

    beto.follow_link(&link).await;
    beto.arrive("/login").await;
    beto.until_says(".alert", "Tienes una invitación a una sala. Inicia sesión para unirte.").await;
    assert_eq!(beto.js("location.search + location.hash").await, "?volver=/chat");
    beto.shows_no_token(&link).await;
    beto.try_sign_in("usuario", "equivocada").await;
    beto.until_says(".alert", "contraseña").await;
    beto.try_sign_in("usuario", "usuario123").await;
    beto.arrive("/chat").await;
    beto.until(IN_THE_OFFICE).await;
    beto.until_says("#notice", "Te uniste a la sala OFICINA por invitación.").await;
    assert_eq!(beto.js("location.href.split('/chat')[1]").await, "#sala=OFICINA");
    beto.shows_no_token(&link).await;
    beto.until("sessionStorage.getItem('pichat.invitation') === null").await;
    beto.say("hola").await;
    ana.reads(&[("usuario", "hola")]).await;
    // A reload stays in the room, and the same link leads its guest back.
    beto.driver().refresh().await.expect("reloads");
    beto.until(IN_THE_OFFICE).await;
    beto.goto("/inicio").await;
    beto.follow_link(&link).await;
    beto.until(IN_THE_OFFICE).await;
    beto.reads(&[("usuario", "hola")]).await;
    let token = link.rsplit_once('=').expect("a token").1;
    assert!(!server.stderr().contains(token));
    ana.finish(&[]).await;
    beto.finish(&["401 (Unauthorized)"]).await;
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver and axe-core; .ci/run installs them"]
async fn invitation_survives_the_sign_in() {
    meet(false).await;
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver and axe-core; .ci/run installs them"]
async fn invitation_survives_the_sign_in_on_a_phone() {
    meet(true).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn invitation_is_used_in_the_running_chat_or_said_over() {
    let server = Server::demo();
    let ana = Client::cliente(&server);
    let mut socket = ana.socket();
    socket.join("OFICINA", "secreta", "private");
    socket.send_message("OFICINA", "antes");
    let invite = || {
        let made = ana.post_json("/api/rooms/OFICINA/invites", &json!({"hours": 1, "uses": 1}));
        made.json()["invite"].as_str().expect("text").to_owned()
    };
    let beto = Browser::open(server.addr).await;
    beto.sign_in("usuario", "usuario123").await;
    beto.chat().await;
    beto.until_online().await;
    let token = invite();
    let follow = |token: &str| format!("location.hash = 'invitacion={token}'");
    beto.js(&follow(&token)).await;
    beto.until(IN_THE_OFFICE).await;
    beto.until_says("#messages", "No ves lo que se dijo antes de entrar.").await;
    // The one use is used up for others.
    let carla = Browser::open(server.addr).await;
    carla.sign_in("admin", "admin123").await;
    carla.goto(&format!("/chat#invitacion={token}")).await;
    carla.until_says("#notice", "Esa invitación terminó o ya se usó. Pide otra a quien te invitó.").await;
    assert_eq!(carla.js("location.pathname + location.hash").await, "/chat");
    carla.until("sessionStorage.getItem('pichat.invitation') === null").await;
    // A session that ends meanwhile: the invitation waits for the next one.
    let token = invite();
    carla.goto("/inicio").await;
    carla.driver().delete_all_cookies().await.expect("deletes");
    carla.goto(&format!("/chat#invitacion={token}")).await;
    carla.arrive("/login").await;
    carla.try_sign_in("admin", "admin123").await;
    carla.until(IN_THE_OFFICE).await;
    beto.until("document.querySelectorAll('#members li').length === 3").await;
    beto.finish(&[]).await;
    carla.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn invitation_survives_a_temporary_password() {
    let (server, temporary) = given();
    let ana = Client::signed_in(&server, ANA.0, ANA.1);
    ana.socket().join("OFICINA", "secreta", "private");
    let made = ana.post_json("/api/rooms/OFICINA/invites", &json!({"hours": 1, "uses": 1})).json();
    let carla = Browser::open(server.addr).await;
    carla.follow_link(made["url"].as_str().expect("text")).await;
    carla.arrive("/login").await;
    carla.try_sign_in("carla", &temporary).await;
    carla.arrive("/clave").await;
    carla.fill("#current-password", &temporary).await;
    for field in ["#password", "#password-again"] {
        carla.fill(field, OWN).await;
    }
    carla.click("#change-password").await;
    carla.arrive("/chat").await;
    carla.until(IN_THE_OFFICE).await;
    carla.finish(&[]).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn sixteen_invitations_are_said_in_the_dialog() {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    ana.chat().await;
    ana.join("OFICINA", "secreta").await;
    let name = server.cookie_name();
    let cookie = ana.driver().get_named_cookie(&name).await.expect("a session");
    let client = Client { cookie: Some(format!("{name}={}", cookie.value)), ..Client::new(&server) };
    for _ in 0..16 {
        let made = client.post_json("/api/rooms/OFICINA/invites", &json!({"hours": 1, "uses": 1}));
        assert_eq!(made.status, 201, "{}", made.text());
    }
    ana.click("#invite").await;
    ana.click("#invite-make").await;
    ana.until_says("#invite-error", "Esta sala ya tiene 16 invitaciones, el máximo.").await;
    ana.until("document.querySelector('#invite-error').checkVisibility()").await;
    ana.click("#invite-cancel").await;
    ana.until(&format!("!{DIALOG_OPEN}")).await;
    ana.finish(&["409 (Conflict)"]).await;
}

//! Actions of a user on the pages.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::Browser;
use super::common::{Client, Server, Socket};

impl Browser {
    /// Sets an office's local time and the given colours.
    pub(crate) async fn set_scene(&self, scheme: &str) {
        self.cdp("Emulation.setTimezoneOverride", json!({"timezoneId": "America/Bogota"})).await;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Signs in with the form and waits for the start page.
    pub(crate) async fn sign_in(&self, user: &str, password: &str) {
        self.goto("/login").await;
        self.try_sign_in(user, password).await;
        self.arrive("/inicio").await;
    }

    /// Fills in the form and sends it.
    pub(crate) async fn try_sign_in(&self, user: &str, password: &str) {
        self.fill("#username", user).await;
        self.fill("#password", password).await;
        self.click("#sign-in").await;
    }

    /// Opens the chat and waits for the connection.
    pub(crate) async fn chat(&self) {
        self.goto("/chat").await;
        self.until_online().await;
    }

    pub(crate) async fn until_online(&self) {
        self.until("document.querySelector('#connection-state')?.dataset.state === 'online'").await;
        assert_eq!(self.text("#connection-state").await, "Conectado");
    }

    /// Fills in the form that joins a room and sends it.
    pub(crate) async fn try_join(&self, room: &str, password: &str) {
        self.click("#to-join").await;
        self.fill("#room-code", room).await;
        self.fill("#room-password", password).await;
        self.click("#join").await;
    }

    /// Fills in the form that creates a room, a group room, and sends it.
    pub(crate) async fn try_create(&self, room: &str, password: &str) {
        self.click("#to-create").await;
        self.fill("#create-code", room).await;
        self.fill("#create-password", password).await;
        self.click("#kind-group").await;
        self.click("#create").await;
    }

    /// Signs in as `cliente` and joins `OFICINA` together with `usuario`, whose socket is returned.
    pub(crate) async fn in_the_office(&self, server: &Server) -> Socket {
        self.sign_in("cliente", "cliente123").await;
        self.chat().await;
        self.join("OFICINA", "secreta").await;
        let mut beto = Client::usuario(server).socket();
        assert_eq!(beto.join("OFICINA", "secreta", "group")["type"], "joined");
        beto
    }

    /// Joins a room; if there is none, takes the offer and creates a group room.
    pub(crate) async fn join(&self, room: &str, password: &str) {
        self.try_join(room, password).await;
        let open = format!(
            "!document.querySelector('#panel').hidden && document.querySelector('#open-room-code').textContent === {room:?}"
        );
        let state = format!(
            "({open}) ? 'open' : document.querySelector('#join-offer').checkVisibility() ? 'offered' : ''"
        );
        if self.until(&state).await == "offered" {
            self.click("#join-offer-go").await;
            self.click("#kind-group").await;
            self.click("#create").await;
        }
        self.until(&open).await;
    }

    /// Waits for the time in the notice, if the pause was not over before the form was sent.
    pub(crate) async fn wait_as_told(&self) {
        let said = r"document.querySelector('#notice').textContent.match(/en (\d+) segundos?/)?.[1]";
        let wait = self.until(&format!("document.querySelector('#panel').hidden ? {said} : '0'")).await;
        let seconds = wait.as_str().and_then(|n| n.parse().ok()).expect("a number");
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Moves the mouse onto an element.
    pub(crate) async fn hover(&self, css: &str) {
        let element = self.find(css).await;
        self.driver().action_chain().move_to_element_center(&element).perform().await.expect("moves");
    }

    /// Taps in the middle of an element.
    pub(crate) async fn tap(&self, css: &str) {
        // A page that was resized or scrolled just now still moves.
        let at_rest = format!(
            "(() => {{ const one = document.querySelector({css:?}); const box = one.getBoundingClientRect(); const middle = [box.left + box.width / 2, box.top + box.height / 2]; const is = String(middle); const before = window.restsAt; window.restsAt = is; const rests = before === is && one.contains(document.elementFromPoint(...middle)); if (rests) window.restsAt = null; return rests && middle; }})()"
        );
        let at = self.until(&at_rest).await;
        let point = json!([{"x": at[0], "y": at[1]}]);
        self.cdp("Input.dispatchTouchEvent", json!({"type": "touchStart", "touchPoints": point})).await;
        self.cdp("Input.dispatchTouchEvent", json!({"type": "touchEnd", "touchPoints": []})).await;
    }

    pub(crate) async fn say(&self, text: &str) {
        self.fill("#message-field", text).await;
        self.click("#send").await;
    }

    /// Returns author and text of each message, from top to bottom.
    pub(crate) async fn messages(&self) -> Value {
        self.js(MESSAGES).await
    }

    /// Waits until exactly these messages are shown: author, text.
    pub(crate) async fn reads(&self, messages: &[(&str, &str)]) {
        let wanted = json!(messages).to_string();
        self.until(&format!("JSON.stringify({MESSAGES}) === JSON.stringify({wanted})")).await;
    }

    /// Returns the names in the list of members.
    pub(crate) async fn members(&self) -> Value {
        self.js("[...document.querySelectorAll('#members li')].map((one) => one.dataset.name)").await
    }

    /// Returns the names of the listed files.
    pub(crate) async fn files(&self) -> Value {
        self.js("[...document.querySelectorAll('#files .file')].map((one) => one.dataset.name)").await
    }

    /// Moves the focus to an element with Tab and checks that it is visible.
    pub(crate) async fn tab_to(&self, css: &str) {
        let mut passed = Vec::new();
        for _ in 0..60 {
            if self.js(&format!("document.activeElement?.matches({css:?})")).await == true {
                let ring = self.js("getComputedStyle(document.activeElement).outline").await;
                assert!(
                    ring.as_str().is_some_and(|r| r.contains("solid 3px")),
                    "{css} has the focus, and shows {ring}"
                );
                return;
            }
            self.press(thirtyfour::Key::Tab + "").await;
            passed.push(
                self.js("document.activeElement?.id || document.activeElement?.outerHTML.slice(0, 60)").await,
            );
        }
        panic!("Tab never reaches {css}, only {passed:?}");
    }
}

const MESSAGES: &str = "[...document.querySelectorAll('#messages .message:not(.unsent)')]
    .map((one) => [one.querySelector('.author').textContent, one.querySelector('.message-text').textContent])";

//! Pages before the sign-in, of one's own account, and those that say no.

use serde_json::json;

use super::super::common::server::user_command;
use super::super::common::{Client, Options, Server};
use super::{EXPECTED, Office, PASSWORD, Purpose, ROOM_PASSWORD, Tour, other_tab};
use crate::browser::Browser;

const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0";

impl Tour {
    /// A device without accounts, the demo, and pages without scripts.
    pub(super) async fn walk_outside(&self) {
        let unclaimed = Server::start(Options { serve: true, ..Options::default() });
        let browser = self.open(format!("http://pichat.local:{}", unclaimed.addr.port()), None).await;
        browser.open_page("/activar").await;
        self.at(&browser, "setup").await;
        browser.fill("#setup-code", "0000-0000-00000").await;
        browser.fill("#username", "laura").await;
        browser.fill("#password", PASSWORD).await;
        browser.fill("#password-again", PASSWORD).await;
        browser.click("#set-up").await;
        browser
            .until("document.querySelector('.alert') && document.querySelector('.incomplete') === null")
            .await;
        self.at(&browser, "setup-refused").await;
        let demo = Server::start(Options::config("[limits]\nroom_members = 1\n"));
        browser.goto_at(&format!("http://pichat.local:{}/login", demo.addr.port())).await;
        browser.try_sign_in("cliente", "cliente123").await;
        browser.until("location.pathname === '/inicio' && document.querySelector('#rooms .empty')").await;
        self.at(&browser, "demo").await;
        browser.click(".main-nav a[href='/chat']").await;
        browser.until("document.querySelector('#connection-state')?.dataset.state === 'online'").await;
        browser.join("OFICINA", ROOM_PASSWORD).await;
        // A room takes four sockets for each member.
        let mut tabs = Vec::new();
        for _ in 0..4 {
            let mut tab = other_tab(&browser, &demo).await;
            let entered = tab.request(json!({"type": "enter", "room": "OFICINA", "since": 0}));
            assert_eq!(entered["type"], "joined");
            tabs.push(tab);
        }
        browser.until("!document.querySelector('#seat-lost').hidden").await;
        self.at(&browser, "room-superseded").await;
        drop(tabs);
        browser.finish_with(&[], &EXPECTED).await;
        // axe needs scripts.
        if self.purpose == Purpose::Pictures {
            let browser = Browser::with(demo.addr, self.setup(false)).await;
            browser.sign_in("cliente", "cliente123").await;
            for (path, name) in
                [("/inicio", "no-script-home"), ("/chat", "no-script-chat"), ("/listar", "no-script-files")]
            {
                browser.goto(path).await;
                self.at(&browser, name).await;
            }
            browser.finish(&[]).await;
        }
    }

    /// The sign-in, the account, and what is around them.
    pub(super) async fn walk_account(&self, office: &Office) {
        let front = &office.front;
        self.walk_trust(office).await;
        front.open_page("/login").await;
        self.at(front, "sign-in").await;
        front.try_sign_in("recepcion", "otra-clave").await;
        front
            .until("document.querySelector('.alert') && document.querySelector('.incomplete') === null")
            .await;
        self.at(front, "sign-in-refused").await;
        // Another address: a fragment alone would load nothing.
        front.open_page("/login?volver=/chat#idle").await;
        front.until("document.querySelector('.alert.note')").await;
        self.at(front, "sign-in-ended").await;
        let args = ["add", "nuevo", "--role", "usuario", "--one-time"];
        let (status, out, error) = user_command(&args, office.data.path(), "");
        assert!(status.success(), "{out}{error}");
        let temporary =
            out.split_whitespace().find(|word| word.len() == 14 && word.matches('-').count() == 2);
        front.open_page("/login").await;
        front.try_sign_in("nuevo", temporary.expect("a password")).await;
        front.until("location.pathname === '/clave' && document.querySelector('.incomplete') === null").await;
        self.at(front, "password-temporary").await;

        front.change_to("recepcion").await;
        front.until("document.querySelector('#rooms .empty')").await;
        self.at(front, "home").await;
        for agent in [PHONE, FIREFOX] {
            let mut other = Client::new(office.server()).with("User-Agent", agent);
            assert_eq!(other.sign_in("recepcion", PASSWORD).status, 200);
        }
        front.open_page("/cuenta").await;
        self.at(front, "account").await;
        front.click("#end-others").await;
        front.until("document.querySelector('.alert')").await;
        self.at(front, "account-ended").await;

        front.open_page("/clave").await;
        front.fill("#password", "password1").await;
        front.until("document.querySelector('#password-strength').textContent").await;
        self.at(front, "password-weak").await;
        front.fill("#current-password", PASSWORD).await;
        front.fill("#password", "cuatro palabras sin ninguna relación").await;
        self.at(front, "password").await;
        front.fill("#current-password", "no-es-esta").await;
        front.fill("#password-again", "cuatro palabras sin ninguna relación").await;
        front.click("#change-password").await;
        front
            .until("document.querySelector('.alert') && document.querySelector('.incomplete') === null")
            .await;
        self.at(front, "password-refused").await;

        front.open_page("/nada").await;
        self.at(front, "not-found").await;
        front.change_to("compras").await;
        front.open_page("/subir").await;
        self.at(front, "forbidden").await;
        // No page takes a form here.
        front.js("(() => { const form = document.createElement('form'); form.method = 'post'; form.action = '/listar'; document.body.append(form); form.submit(); return true; })()").await;
        front
            .until("location.pathname === '/listar' && document.querySelector('.message-page .alert')")
            .await;
        self.at(front, "error").await;
    }

    async fn walk_trust(&self, office: &Office) {
        let base = format!("http://pichat.local:{}", office.device.plain.port());
        let stranger = self.open(base.clone(), None).await;
        stranger.goto("/confianza").await;
        stranger.until("document.querySelector('#trust').dataset.state === 'no'").await;
        self.at(&stranger, "trust").await;
        let steps = "const steps = document.querySelectorAll('details'); steps[0].open = true; steps[4].open = true; steps[0].scrollIntoView();";
        self.at_after(&stranger, "trust-steps", steps).await;
        stranger.goto("/probar").await;
        stranger.until("document.querySelector('#connection').dataset.state === 'no'").await;
        self.at(&stranger, "check").await;
        stranger.finish_with(&[], &EXPECTED).await;

        let front = &office.front;
        front.goto_at(&format!("{base}/confianza")).await;
        front.until("document.querySelector('#trust').dataset.state === 'yes'").await;
        self.at(front, "trust-yes").await;
        front.goto_at(&format!("{base}/probar")).await;
        front.until("document.querySelector('#connection').dataset.state === 'yes'").await;
        self.at(front, "check-yes").await;
        front.goto_at(&format!("https://pichat.local:{}/login", office.device.server.addr.port())).await;
        front
            .until("document.querySelector('.check') && document.querySelector('.incomplete') === null")
            .await;
        self.at(front, "sign-in-keep").await;
        assert_eq!(front.js("isSecureContext").await, json!(true));
    }
}

//! The page of one's own account. It works without scripts.

use std::fmt::Display;

use http::Response;

use crate::accounts::{EarlierSignIns, EndedOwn, OwnSession};
use crate::clock::Timestamp;
use crate::http::request::auth::SignedIn;
use crate::http::request::form;
use crate::http::response::body::Body;
use crate::http::response::pages::{Blank, Notice, Page, escape};
use crate::http::response::problem::Problem;
use crate::http::router::RoutedRequest;
use crate::types::texts::{Key, key};
use crate::types::{Lang, Role, UserAgent};

use super::form_page::FormFields;
use super::session::clear_session_cookie;
use super::{frame, see_other};

type Result = std::result::Result<Response<Body>, Problem>;

/// Path of the page.
pub(super) const ACCOUNT: &str = "/cuenta";
/// Field of the form: the id of a session to end.
const END: &str = "cerrar";
/// Value of [`END`] for all other sessions.
const OTHERS: &str = "otras";
/// Field of the query: how many sessions the form has just ended.
const ENDED: &str = "cerradas";

pub(super) async fn page(call: RoutedRequest, who: SignedIn) -> Result {
    let RoutedRequest { app, request, lang, .. } = call;
    let session = who.session();
    let earlier = app.accounts.earlier_sign_ins(session).await?;
    let own = app.accounts.own_sessions(session);
    let ended = request.uri().query().and_then(|query| form::field(query.as_bytes(), ENDED));
    let ended: Option<String> = ended.and_then(|count| count.parse().ok()).map(|count: u16| match count {
        1 => key::ACCOUNT_ENDED_ONE.get(lang).to_owned(),
        n => key::ACCOUNT_ENDED.fill(lang, &[("n", &n)]),
    });
    let notices: Vec<_> = ended.iter().map(|text| Notice::Result(text)).collect();
    let [person, facts] = frame::blanks(&app, session);
    let blanks = [
        person,
        facts,
        Blank { mark: "<!--NAME-->", html: escape(session.person.name.as_str()) },
        Blank { mark: "<!--ROLE-->", html: escape(role(session.role).get(lang)) },
        Blank { mark: "<!--EARLIER-->", html: earlier_html(&earlier, lang) },
        Blank { mark: "<!--SESSIONS-->", html: own.iter().map(|own| session_html(own, lang)).collect() },
        Blank { mark: "<!--OTHERS-->", html: others_html(own.len(), lang) },
    ];
    Ok(app.pages.filled(Page::Account, &notices, &blanks, lang))
}

/// Answers the form of the page.
pub(super) async fn form(call: RoutedRequest, who: SignedIn) -> Result {
    let RoutedRequest { app, request, addr, context, .. } = call;
    let id = FormFields::read(request).await?.require(END)?;
    let ended = if id.as_str() == OTHERS {
        app.accounts.end_other_sessions(who.session(), addr).await?
    } else {
        match app.accounts.end_own_session(who.session(), &id, addr).await? {
            Some(EndedOwn::Current) => {
                let mut response = see_other("/login");
                clear_session_cookie(&mut response, context.cookies);
                return Ok(response);
            }
            Some(EndedOwn::Other) => 1,
            // It has ended in the meantime, as was asked.
            None => 0,
        }
    };
    Ok(if ended == 0 { see_other(ACCOUNT) } else { see_other(&format!("{ACCOUNT}?{ENDED}={ended}")) })
}

const fn role(role: Role) -> Key {
    match role {
        Role::Administrator => key::ROLE_ADMINISTRATOR,
        Role::Uploader => key::ROLE_CLIENTE,
        Role::Member => key::ROLE_USUARIO,
    }
}

/// Returns a text with values that are HTML already.
fn fill(text: Key, lang: Lang, values: &[(&str, &dyn Display)]) -> String {
    // The marks of values survive the escaping of the text around them.
    values.iter().fold(escape(text.get(lang)), |text, (name, value)| {
        text.replacen(&format!("{{{name}}}"), &value.to_string(), 1)
    })
}

/// Returns a time in UTC. The page's script puts that of the browser in its place.
fn time_html(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    let minute = rest.get(..5).unwrap_or_default();
    format!(r#"<time datetime="{text}">{day} {minute} UTC</time>"#)
}

fn earlier_html(earlier: &EarlierSignIns, lang: Lang) -> String {
    let previous = match earlier.previous {
        None => escape(key::ACCOUNT_FIRST.get(lang)),
        Some(previous) => match previous.addr {
            None => time_html(previous.at),
            Some(addr) => {
                fill(key::ACCOUNT_TIME_FROM, lang, &[("time", &time_html(previous.at)), ("addr", &addr)])
            }
        },
    };
    let failures =
        if earlier.previous.is_some() { key::ACCOUNT_FAILURES } else { key::ACCOUNT_FAILURES_IN_ALL };
    let hint = if earlier.failures > 0 {
        format!(r#" <span class="wrong">{}</span>"#, escape(key::ACCOUNT_FAILURES_HINT.get(lang)))
    } else {
        String::new()
    };
    format!(
        r#"<dt>{}</dt><dd id="previous">{previous}</dd><dt>{}</dt><dd><span id="failures">{}</span>{hint}</dd>"#,
        escape(key::ACCOUNT_PREVIOUS.get(lang)),
        escape(failures.get(lang)),
        earlier.failures,
    )
}

/// Names a session by its browser.
fn browser_name(agent: &UserAgent, lang: Lang) -> String {
    match (agent.browser(), agent.system()) {
        (Some(browser), Some(system)) => {
            key::ACCOUNT_BROWSER_ON.fill(lang, &[("browser", &browser), ("system", &system)])
        }
        (Some(browser), None) => browser.to_owned(),
        (None, _) => key::ACCOUNT_UNKNOWN_BROWSER.get(lang).to_owned(),
    }
}

fn session_html(own: &OwnSession, lang: Lang) -> String {
    let origin = &own.session.origin;
    let name = escape(&browser_name(&origin.agent, lang));
    let badge = |text: Key| format!(r#" <span class="tag">{}</span>"#, escape(text.get(lang)));
    let mut badges = String::new();
    if own.is_current {
        badges.push_str(&badge(key::ACCOUNT_THIS));
    }
    if origin.remember {
        badges.push_str(&badge(key::ACCOUNT_REMEMBERED));
    }
    let since = fill(key::ACCOUNT_SINCE, lang, &[("time", &time_html(own.created_at))]);
    let since = match origin.addr {
        None => since,
        Some(addr) => format!("{since} · {}", fill(key::ACCOUNT_FROM, lang, &[("addr", &addr)])),
    };
    let used = fill(key::ACCOUNT_USED, lang, &[("time", &time_html(own.used_at))]);
    let (text, spoken) = if own.is_current {
        (key::NAV_SIGN_OUT, None)
    } else {
        (key::ACCOUNT_END, Some(fill(key::ACCOUNT_END_NAMED, lang, &[("name", &name)])))
    };
    let spoken = spoken.map(|text| format!(r#" aria-label="{text}""#)).unwrap_or_default();
    format!(
        r#"<li class="session-row"><div><p><strong title="{}">{name}</strong>{badges}</p><p class="muted small">{since}</p><p class="muted small">{used}</p></div><button name="{END}" value="{}"{spoken}>{}</button></li>"#,
        escape(origin.agent.as_str()),
        own.session.public_id(),
        escape(text.get(lang)),
    )
}

fn others_html(sessions: usize, lang: Lang) -> String {
    if sessions < 2 {
        return String::new();
    }
    let text = escape(key::ACCOUNT_END_OTHERS.get(lang));
    format!(r#"<button id="end-others" name="{END}" value="{OTHERS}">{text}</button>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_values_is_escaped_and_values_are_not() {
        let text = fill(key::ACCOUNT_FROM, Lang::Es, &[("addr", &"<b>")]);
        assert!(text.ends_with("<b>") && !text.contains('{'), "{text}");
        assert_eq!(
            time_html(Timestamp(1_800_000_000_000)),
            r#"<time datetime="2027-01-15T08:00:00.000Z">2027-01-15 08:00 UTC</time>"#
        );
    }
}

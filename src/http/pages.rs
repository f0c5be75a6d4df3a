//! The pages, prepared by `build.rs` and once more at the start.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::types::{Lang, Localized};

use super::assets::PAGES;
use super::body::Body;
use super::headers::response;

const BANNER_MARK: &str = "<!--BANNER-->";
const MESSAGE_MARK: &str = "<!--MESSAGE-->";

const DEMO_BANNER: Localized = Localized::new(
    "Demostración: las contraseñas son públicas y solo se atiende en este computador.",
    "Demonstration: the passwords are public and only this computer is served.",
);

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Page {
    Login,
    Claim,
    Password,
    Home,
    Chat,
    Files,
    Upload,
    Forbidden,
    NotFound,
    Trust,
    TrustCheck,
}

impl Page {
    const ALL: [Self; 11] = [
        Self::Login,
        Self::Claim,
        Self::Password,
        Self::Home,
        Self::Chat,
        Self::Files,
        Self::Upload,
        Self::Forbidden,
        Self::NotFound,
        Self::Trust,
        Self::TrustCheck,
    ];

    const fn file(self) -> &'static str {
        match self {
            Self::Login => "login.html",
            Self::Claim => "claim.html",
            Self::Password => "password.html",
            Self::Home => "home.html",
            Self::Chat => "chat.html",
            Self::Files => "files.html",
            Self::Upload => "upload.html",
            Self::Forbidden => "forbidden.html",
            Self::NotFound => "not-found.html",
            Self::Trust => "trust.html",
            Self::TrustCheck => "trust-check.html",
        }
    }

    fn source(self) -> &'static str {
        PAGES.iter().find(|(name, _)| *name == self.file()).map_or("", |(_, text)| text)
    }
}

/// What a page says beside what always stands on it.
pub(super) enum Notice<'a> {
    /// Something went wrong.
    Problem(&'a str),
    /// Something to know.
    Note(&'a str),
}

/// The pages, ready to send.
pub struct Pages(HashMap<Page, Bytes>);

impl Pages {
    /// Prepares the pages; `demo` puts the banner in that says that the passwords are known.
    pub fn new(demo: bool) -> Self {
        let banner = format!(
            r#"<p class="banner" role="note"><span lang="es">{}</span> <span lang="en">{}</span></p>"#,
            DEMO_BANNER.es, DEMO_BANNER.en
        );
        let prepare = |page: Page| (page, Bytes::from(page.source().replacen(BANNER_MARK, if demo { &banner } else { "" }, 1)));
        Self(Page::ALL.into_iter().map(prepare).collect())
    }

    /// A page as an answer with status 200.
    pub(super) fn get(&self, page: Page) -> Response<Body> {
        html(self.bytes(page))
    }

    /// A page's bytes.
    pub(super) fn bytes(&self, page: Page) -> Bytes {
        self.0.get(&page).cloned().unwrap_or_default()
    }

    /// The bytes of a page that says something to somebody who reads `lang`.
    pub(super) fn with(&self, page: Page, said: &[Notice<'_>], lang: Lang) -> Bytes {
        let text = self.0.get(&page).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        let html = |said: &Notice<'_>| {
            let (class, role, text) = match said {
                Notice::Problem(text) => ("alert", "alert", text),
                Notice::Note(text) => ("alert note", "note", text),
            };
            format!(r#"<p class="{class}" role="{role}" lang="{}">{}</p>"#, lang.tag(), escape(text))
        };
        text.replacen(MESSAGE_MARK, &said.iter().map(html).collect::<String>(), 1).into()
    }

    /// The bytes of a page that says what went wrong to somebody who reads `lang`.
    pub(super) fn with_message(&self, page: Page, message: &str, lang: Lang) -> Bytes {
        self.with(page, &[Notice::Problem(message)], lang)
    }

    /// A page that says something, as an answer with status 200.
    pub(super) fn with_notice(&self, page: Page, said: &[Notice<'_>], lang: Lang) -> Response<Body> {
        html(self.with(page, said, lang))
    }

    /// A page with a form that says `message`, with what was typed still in its fields (by name).
    pub(super) fn render_form(&self, page: Page, message: &str, typed: &[(&str, &str)], lang: Lang) -> Bytes {
        let page = self.with_message(page, message, lang);
        let text = String::from_utf8_lossy(&page).into_owned();
        let fill = |text: String, (field, value): &(&str, &str)| {
            let field = format!("name=\"{field}\"");
            text.replacen(&field, &format!("{field} value=\"{}\"", escape(value)), 1)
        };
        typed.iter().fold(text, fill).into()
    }
}

pub(super) const HTML: &str = "text/html; charset=utf-8";

fn html(bytes: Bytes) -> Response<Body> {
    let mut response = response(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, const { HeaderValue::from_static(HTML) });
    response
}

/// Text as HTML text.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_there_with_its_marks_once() {
        for page in Page::ALL {
            let text = page.source();
            assert_eq!(text.matches(BANNER_MARK).count(), 1, "{}", page.file());
            let messages = usize::from(matches!(page, Page::Login | Page::Claim | Page::Password | Page::Upload));
            assert_eq!(text.matches(MESSAGE_MARK).count(), messages, "{}", page.file());
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in Page::ALL {
            let text = page.source();
            for bad in ["style=\"", "onclick", "onload", "javascript:", "http://", "https://", "<style", "<script>"] {
                assert!(!text.contains(bad), "{}: {bad}", page.file());
            }
        }
    }

    #[test]
    fn a_message_is_escaped() {
        let pages = Pages::new(true);
        let page = pages.with_message(Page::Login, "<b>\"&", Lang::Es);
        assert!(String::from_utf8_lossy(&page).contains("&lt;b&gt;&quot;&amp;"));
        let page = pages.render_form(Page::Login, "no", &[("usuario", "\"><script>")], Lang::Es);
        assert!(String::from_utf8_lossy(&page).contains(r#"name="usuario" value="&quot;&gt;&lt;script&gt;""#));
    }
}

//! The pages in every language, prepared by `build.rs` and once more at the start.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use memchr::memmem;

use crate::types::Lang;
use crate::types::texts::{Key, key};

use crate::http::request::return_path::{self, ReturnPath};
use crate::http::response::assets::PAGES;
use crate::http::response::body::Body;
use crate::http::response::headers::response;

/// Beginning of every mark.
const MARK_BEGIN: &str = "<!--";
const BANNER_MARK: &str = "<!--BANNER-->";
const MESSAGE_MARK: &str = "<!--MESSAGE-->";
/// Stands for the name of the signed-in person.
const PERSON_MARK: &str = "<!--PERSON-->";
/// Stands for what scripts need to know of the session and the limits.
const FACTS_MARK: &str = "<!--FACTS-->";
/// Stands for the field of a form that keeps where it leads back to.
const RETURN_MARK: &str = "<!--RETURN-->";
/// Stands for a button for each other language.
const LANGUAGES_MARK: &str = "<!--LANGUAGES-->";
/// Stands, with an address behind it, for a link to that address in each other language.
const LINKS_MARK: &str = "<!--LANGUAGE LINKS ";
/// Stands for the tag of the page's language.
const TAG_MARK: &str = "LANGUAGE";
/// Request headers that select the language.
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("Accept-Language, Cookie");

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Page {
    Login,
    Claim,
    Password,
    Home,
    Chat,
    Files,
    Upload,
    Account,
    Forbidden,
    NotFound,
    Error,
    Trust,
    TrustCheck,
}

impl Page {
    const ALL: [Self; 13] = [
        Self::Login,
        Self::Claim,
        Self::Password,
        Self::Home,
        Self::Chat,
        Self::Files,
        Self::Upload,
        Self::Account,
        Self::Forbidden,
        Self::NotFound,
        Self::Error,
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
            Self::Account => "account.html",
            Self::Forbidden => "forbidden.html",
            Self::NotFound => "not-found.html",
            Self::Error => "error.html",
            Self::Trust => "trust.html",
            Self::TrustCheck => "trust-check.html",
        }
    }

    fn source(self) -> &'static str {
        PAGES.iter().find(|(name, _)| *name == self.file()).map_or("", |(_, text)| text)
    }
}

/// Part of a page that each request fills.
pub(crate) struct Blank {
    /// Comment that stands for it in the page.
    pub(crate) mark: &'static str,
    /// HTML in its place.
    pub(crate) html: String,
}

impl Blank {
    /// Returns the name of the signed-in person in the navigation.
    pub(crate) fn person(name: &str) -> Self {
        Self { mark: PERSON_MARK, html: escape(name) }
    }

    /// Returns the element from which scripts read JSON.
    pub(crate) fn facts(json: &str) -> Self {
        Self {
            mark: FACTS_MARK,
            html: format!(r#"<data id="facts" value="{}" hidden></data>"#, escape(json)),
        }
    }

    fn message(said: &[Notice<'_>]) -> Self {
        let html = |said: &Notice<'_>| {
            let (class, role, text) = match said {
                Notice::Result(text) => ("alert note", "status", text),
                Notice::Problem(text) => ("alert", "alert", text),
                Notice::Note(text) => ("alert note", "note", text),
            };
            format!(r#"<p class="{class}" role="{role}">{}</p>"#, escape(text))
        };
        Self { mark: MESSAGE_MARK, html: said.iter().map(html).collect() }
    }

    /// Returns the field of a form that keeps where the form leads back to.
    pub(crate) fn return_field(back: &ReturnPath) -> Self {
        let (field, path) = (return_path::FIELD, escape(back.as_str()));
        Self { mark: RETURN_MARK, html: format!(r#"<input type="hidden" name="{field}" value="{path}">"#) }
    }
}

/// Variable message of a page.
pub(crate) enum Notice<'a> {
    /// Something that was done.
    Result(&'a str),
    /// Something went wrong.
    Problem(&'a str),
    /// Something to know.
    Note(&'a str),
}

/// The pages, ready to send: those of one language beside one another.
pub struct Pages(Vec<Bytes>);

impl Pages {
    /// Prepares the pages; `demo` puts the banner in that says that the passwords are known.
    pub fn new(demo: bool) -> Self {
        let pages = |lang: &Lang| {
            let lang = *lang;
            let banner = if demo { banner(lang) } else { String::new() };
            Page::ALL.into_iter().map(move |page| Bytes::from(render(page.source(), &banner, lang)))
        };
        Self(Lang::ALL.iter().flat_map(pages).collect())
    }

    /// A page as an answer with status 200.
    pub(crate) fn get(&self, page: Page, lang: Lang) -> Response<Body> {
        html(self.bytes(page, lang))
    }

    /// A page's bytes.
    pub(crate) fn bytes(&self, page: Page, lang: Lang) -> Bytes {
        self.0.get(Self::place(page, lang)).cloned().unwrap_or_default()
    }

    /// A page's text, checked instead of copied: a lossy copy takes ten instructions a byte.
    fn text(&self, page: Page, lang: Lang) -> &str {
        let bytes = self.0.get(Self::place(page, lang)).map_or(&[][..], |bytes| bytes);
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    const fn place(page: Page, lang: Lang) -> usize {
        lang as usize * Page::ALL.len() + page as usize
    }

    /// Returns a page with notices in `lang`.
    pub(crate) fn with(&self, page: Page, said: &[Notice<'_>], lang: Lang) -> Bytes {
        self.render_form(page, said, &[], &[], lang)
    }

    /// Returns a page with an error message in `lang`.
    pub(crate) fn with_message(&self, page: Page, message: &str, lang: Lang) -> Bytes {
        self.with(page, &[Notice::Problem(message)], lang)
    }

    /// Returns a page with notices and filled blanks, as an answer with status 200.
    pub(crate) fn filled(
        &self,
        page: Page,
        said: &[Notice<'_>],
        blanks: &[Blank],
        lang: Lang,
    ) -> Response<Body> {
        html(self.render_form(page, said, blanks, &[], lang))
    }

    /// Returns a page with notices in `lang`, filled blanks, and with what was typed still in its fields (by
    /// name).
    pub(crate) fn render_form(
        &self,
        page: Page,
        said: &[Notice<'_>],
        blanks: &[Blank],
        typed: &[(&str, &str)],
        lang: Lang,
    ) -> Bytes {
        let message = Blank::message(said);
        let text = fill_blanks(self.text(page, lang), &blanks.iter().chain([&message]));
        let fill = |text: String, (field, value): &(&str, &str)| {
            let field = format!("name=\"{field}\"");
            text.replacen(&field, &format!("{field} value=\"{}\"", escape(value)), 1)
        };
        typed.iter().fold(text, fill).into()
    }
}

/// Puts each blank in place of its mark. What is filled in is not read again.
fn fill_blanks<'a>(page: &str, blanks: &(impl Iterator<Item = &'a Blank> + Clone)) -> String {
    let room = page.len() + blanks.clone().map(|blank| blank.html.len()).sum::<usize>();
    let mut filled = String::with_capacity(room);
    let mut done = 0;
    for at in memmem::find_iter(page.as_bytes(), MARK_BEGIN) {
        let (Some(before), Some(rest)) = (page.get(done..at), page.get(at..)) else { continue };
        if let Some(blank) = blanks.clone().find(|blank| rest.starts_with(blank.mark)) {
            filled.push_str(before);
            filled.push_str(&blank.html);
            done = at + blank.mark.len();
        }
    }
    filled.push_str(page.get(done..).unwrap_or_default());
    filled
}

/// Says in a demonstration that the passwords are known.
fn banner(lang: Lang) -> String {
    format!(r#"<aside class="banner"><p>{}</p></aside>"#, escape(key::DEMO_BANNER.get(lang)))
}

/// A page in one language, with what is known at the start.
fn render(source: &str, banner: &str, lang: Lang) -> String {
    let others = || Lang::ALL.iter().filter(move |other| **other != lang);
    let button = |other: &Lang| {
        let (tag, name) = (other.tag(), escape(other.name()));
        format!(r#"<button class="quiet" name="idioma" value="{tag}" lang="{tag}">{name}</button>"#)
    };
    let link = |other: &Lang, place: &str| {
        let (tag, name) = (other.tag(), escape(other.name()));
        format!(r#"<a lang="{tag}" hreflang="{tag}" href="{place}?{tag}">{name}</a>"#)
    };
    let mut text = source.replacen(BANNER_MARK, banner, 1).replacen(
        LANGUAGES_MARK,
        &others().map(button).collect::<String>(),
        1,
    );
    if let Some((before, after)) = text.split_once(LINKS_MARK)
        && let Some((place, after)) = after.split_once("-->")
    {
        let links: String = others().map(|other| link(other, place)).collect();
        text = format!("{before}{links}{after}");
    }
    fill_texts(&text.replace(TAG_MARK, lang.tag()), lang)
}

/// Puts the texts in place of their `{{key}}`.
fn fill_texts(source: &str, lang: Lang) -> String {
    let mut pieces = source.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for (name, rest) in pieces.filter_map(|piece| piece.split_once("}}")) {
        filled.push_str(&escape(Key::named(name).map_or("", |key| key.get(lang))));
        filled.push_str(rest);
    }
    filled
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";

fn html(bytes: Bytes) -> Response<Body> {
    let mut response = response(Body::from(bytes));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, const { HeaderValue::from_static(HTML) });
    fields.insert(header::VARY, VARY);
    response
}

/// Text as HTML text.
pub(crate) fn escape(text: &str) -> String {
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
            let messages = usize::from(matches!(
                page,
                Page::Login | Page::Claim | Page::Password | Page::Upload | Page::Account | Page::Error
            ));
            assert_eq!(text.matches(MESSAGE_MARK).count(), messages, "{}", page.file());
            let has_return = usize::from(matches!(page, Page::Login | Page::Password));
            assert_eq!(text.matches(RETURN_MARK).count(), has_return, "{}", page.file());
            let has_frame = usize::from(text.contains("class=\"main-nav\""));
            for mark in [PERSON_MARK, FACTS_MARK] {
                assert_eq!(text.matches(mark).count(), has_frame, "{}: {mark}", page.file());
            }
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in Page::ALL {
            let text = page.source();
            for bad in
                ["style=\"", "onclick", "onload", "javascript:", "http://", "https://", "<style", "<script>"]
            {
                assert!(!text.contains(bad), "{}: {bad}", page.file());
            }
        }
    }

    #[test]
    fn a_message_is_escaped() {
        let pages = Pages::new(true);
        let page = pages.with_message(Page::Login, "<b>\"&", Lang::Es);
        assert!(String::from_utf8_lossy(&page).contains("&lt;b&gt;&quot;&amp;"));
        let page = pages.render_form(
            Page::Login,
            &[Notice::Problem("no")],
            &[],
            &[("usuario", "\"><script>")],
            Lang::Es,
        );
        assert!(
            String::from_utf8_lossy(&page).contains(r#"name="usuario" value="&quot;&gt;&lt;script&gt;""#)
        );
    }

    #[test]
    fn blanks_are_filled_once_and_not_read_again() {
        let blank = |mark, html: &str| Blank { mark, html: html.to_owned() };
        let filled = fill_blanks(
            "<!--A--> <!--B--> <!--C-->",
            &[blank("<!--A-->", "<!--B-->"), blank("<!--B-->", "b")].iter(),
        );
        assert_eq!(filled, "<!--B--> b <!--C-->");
        assert!(Blank::person("<ana>").html.contains("&lt;ana&gt;"));
    }

    #[test]
    fn pages_are_complete_in_every_language() {
        let pages = Pages::new(true);
        for (lang, page) in Lang::ALL.iter().flat_map(|lang| Page::ALL.map(|page| (*lang, page))) {
            let text = String::from_utf8_lossy(&pages.bytes(page, lang)).into_owned();
            let what = format!("{} in {}", page.file(), lang.tag());
            assert!(text.starts_with(&format!("<!doctype html>\n<html lang=\"{}\">", lang.tag())), "{what}");
            for left in ["{{", "}}", "LANGUAGE", "BODY", "FRAME", "CONTENT", "data-section", "><<"] {
                assert!(!text.contains(left), "{what}: {left}");
            }
            let names = page.source().split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
            for name in names {
                let key = Key::named(name).unwrap_or_else(|| panic!("{what}: {name}"));
                assert!(text.contains(&escape(key.get(lang))), "{what}: {name}");
            }
            // The switch: one form or one row of links, with every other language by its own name.
            for other in Lang::ALL.iter().filter(|other| **other != lang) {
                assert_eq!(text.matches(&format!(" lang=\"{}\"", other.tag())).count(), 1, "{what}");
                assert!(text.contains(&format!(">{}<", other.name())), "{what}");
            }
        }
    }
}

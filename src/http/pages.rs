//! What is embedded in the binary: pages, which are prepared once at the start, and the files they load.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use rust_embed::RustEmbed;

use crate::accounts::blocklist::COMMON;
use crate::types::crypto::{Sha256, hex};
use crate::types::{Lang, Text};

use super::body::Body;

#[derive(RustEmbed)]
#[folder = "assets/pages"]
struct PageFiles;

#[derive(RustEmbed)]
#[folder = "assets/static"]
struct StaticFiles;

/// Where the list of common passwords is found under `/static/`.
const COMMON_PATH: &str = "passwords.txt";

const BANNER_MARK: &str = "<!--BANNER-->";
const MESSAGE_MARK: &str = "<!--MENSAJE-->";

const DEMO_BANNER: Text = Text::new(
    "Demostración: las contraseñas son públicas y solo se atiende en este computador.",
    "Demonstration: the passwords are public and only this computer is served.",
);

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Page {
    Login,
    Reclamar,
    Clave,
    Inicio,
    Chat,
    Listar,
    Subir,
    Prohibido,
    NoEncontrado,
    Confianza,
    Probar,
}

impl Page {
    const ALL: [Self; 11] = [
        Self::Login,
        Self::Reclamar,
        Self::Clave,
        Self::Inicio,
        Self::Chat,
        Self::Listar,
        Self::Subir,
        Self::Prohibido,
        Self::NoEncontrado,
        Self::Confianza,
        Self::Probar,
    ];

    const fn file(self) -> &'static str {
        match self {
            Self::Login => "login.html",
            Self::Reclamar => "reclamar.html",
            Self::Clave => "clave.html",
            Self::Inicio => "inicio.html",
            Self::Chat => "chat.html",
            Self::Listar => "listar.html",
            Self::Subir => "subir.html",
            Self::Prohibido => "prohibido.html",
            Self::NoEncontrado => "no-encontrado.html",
            Self::Confianza => "confianza.html",
            Self::Probar => "probar.html",
        }
    }
}

/// What a page says beside what always stands on it.
pub(super) enum Said<'a> {
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
        let prepare = |page: Page| {
            let file = PageFiles::get(page.file()).map(|f| f.data.into_owned()).unwrap_or_default();
            let text = String::from_utf8_lossy(&file).replacen(BANNER_MARK, if demo { &banner } else { "" }, 1);
            (page, Bytes::from(text))
        };
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
    pub(super) fn with(&self, page: Page, said: &[Said<'_>], lang: Lang) -> Bytes {
        let text = self.0.get(&page).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        let html = |said: &Said<'_>| {
            let (class, role, text) = match said {
                Said::Problem(text) => ("alert", "alert", text),
                Said::Note(text) => ("alert nota", "note", text),
            };
            format!(r#"<p class="{class}" role="{role}" lang="{}">{}</p>"#, lang.tag(), escape(text))
        };
        text.replacen(MESSAGE_MARK, &said.iter().map(html).collect::<String>(), 1).into()
    }

    /// The bytes of a page that says what went wrong to somebody who reads `lang`.
    pub(super) fn with_message(&self, page: Page, message: &str, lang: Lang) -> Bytes {
        self.with(page, &[Said::Problem(message)], lang)
    }

    /// A page that says something, as an answer with status 200.
    pub(super) fn saying(&self, page: Page, said: &[Said<'_>], lang: Lang) -> Response<Body> {
        html(self.with(page, said, lang))
    }

    /// A page with a form that says `message`, with what was typed still in its fields (by name).
    pub(super) fn form_again(&self, page: Page, message: &str, typed: &[(&str, &str)], lang: Lang) -> Bytes {
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
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    response
}

/// Text as HTML text.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

struct Asset {
    bytes: Bytes,
    media_type: HeaderValue,
    etag: HeaderValue,
}

/// Style sheets, scripts and pictures under `/static/`.
pub struct Assets(HashMap<String, Asset>);

impl Default for Assets {
    fn default() -> Self {
        Self::new()
    }
}

impl Assets {
    /// Reads what is embedded.
    pub fn new() -> Self {
        let load = |path: std::borrow::Cow<'static, str>| {
            let file = StaticFiles::get(&path)?;
            let etag = format!("\"{}\"", &hex(&file.metadata.sha256_hash())[..32]);
            let guess = mime_guess::from_path(&*path).first_or_octet_stream();
            let media_type = if guess.type_() == "text" { format!("{guess}; charset=utf-8") } else { guess.to_string() };
            let bytes = match file.data {
                std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => bytes.into(),
            };
            Some((path.into_owned(), Asset { bytes, media_type: media_type.try_into().ok()?, etag: etag.try_into().ok()? }))
        };
        let mut files: HashMap<_, _> = StaticFiles::iter().filter_map(load).collect();
        // The text that the server checks new passwords against: the page's meter reads it too.
        let (common, etag) = (Bytes::from_static(COMMON.as_bytes()), &hex(&Sha256::of(COMMON.as_bytes()).0)[..32]);
        if let Ok(etag) = format!("\"{etag}\"").try_into() {
            let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
            files.insert(COMMON_PATH.to_owned(), Asset { bytes: common, media_type, etag });
        }
        Self(files)
    }

    /// A file, or 304 when the browser has it.
    pub(super) fn get(&self, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let asset = self.0.get(path)?;
        let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|seen| *seen == asset.etag);
        let mut response = Response::new(if fresh { Body::empty() } else { Body::from(asset.bytes.clone()) });
        if fresh {
            *response.status_mut() = http::StatusCode::NOT_MODIFIED;
        }
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, asset.media_type.clone());
        fields.insert(header::ETAG, asset.etag.clone());
        // Asked for again each time, answered in a few bytes: an update shows at once.
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_there_with_its_marks_once() {
        for page in Page::ALL {
            let file = PageFiles::get(page.file()).unwrap_or_else(|| panic!("{} is missing", page.file()));
            let text = String::from_utf8(file.data.into_owned()).expect("UTF-8");
            assert_eq!(text.matches(BANNER_MARK).count(), 1, "{}", page.file());
            let messages = usize::from(matches!(page, Page::Login | Page::Reclamar | Page::Clave | Page::Subir));
            assert_eq!(text.matches(MESSAGE_MARK).count(), messages, "{}", page.file());
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in Page::ALL {
            let text = String::from_utf8(PageFiles::get(page.file()).expect("page").data.into_owned()).expect("UTF-8");
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
        let page = pages.form_again(Page::Login, "no", &[("usuario", "\"><script>")], Lang::Es);
        assert!(String::from_utf8_lossy(&page).contains(r#"name="usuario" value="&quot;&gt;&lt;script&gt;""#));
    }
}

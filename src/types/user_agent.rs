//! Browser of a client, as its `User-Agent` names it.

use super::text::printable;

/// Longest kept name in characters. Browsers send about 110; 120 of four bytes are 480 bytes.
pub const MAX_AGENT_CHARS: usize = 120;

/// Parts that nearly every browser sends (RFC 9110 section 10.1.5 asks for none of them). A longer text loses
/// them first, so that the browser's own name stays.
const FILLERS: [&str; 3] = ["Mozilla/5.0 ", "AppleWebKit/537.36 ", "(KHTML, like Gecko) "];

/// Browsers by a part of their text. A browser that names others too stands before them.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Systems by a part of a browser's text. Android names Linux too, and iPhones name Mac OS X.
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Text of a `User-Agent` on one line, without control characters and of at most [`MAX_AGENT_CHARS`]
/// characters. It is the client's own claim. Empty for a client that sends none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserAgent(Box<str>);

impl UserAgent {
    /// Cleans the value of the header.
    pub fn clean(sent: &[u8]) -> Self {
        let text = printable(&String::from_utf8_lossy(sent));
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for filler in FILLERS {
            if text.chars().nth(MAX_AGENT_CHARS).is_none() {
                break;
            }
            text = text.replacen(filler, "", 1);
        }
        let kept: String = text.chars().take(MAX_AGENT_CHARS).collect();
        Self(kept.trim_end().into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the browser's name, or the first product of an unknown client.
    pub fn browser(&self) -> Option<&str> {
        let known = BROWSERS.iter().find(|(part, _)| self.0.contains(part)).map(|(_, name)| *name);
        known.or_else(|| self.0.split(['/', ' ', '(']).next().filter(|product| !product.is_empty()))
    }

    /// Returns the name of the system.
    pub fn system(&self) -> Option<&'static str> {
        SYSTEMS.iter().find(|(part, _)| self.0.contains(part)).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn browser_and_system_of_usual_agents_are_named() {
        for (sent, browser, system) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87",
                Some("Edge"),
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                Some("Chrome"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5.1 Mobile/15E148 Safari/604.1",
                Some("Safari"),
                Some("iPhone"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                Some("Firefox"),
                Some("Linux"),
            ),
            ("curl/8.5.0", Some("curl"), None),
            ("", None, None),
        ] {
            let agent = UserAgent::clean(sent.as_bytes());
            assert_eq!((agent.browser(), agent.system()), (browser, system), "{sent}");
        }
    }

    #[test]
    fn short_agent_stays_as_it_was_sent() {
        assert_eq!(UserAgent::clean(b"Mozilla/5.0 prueba/1.0").as_str(), "Mozilla/5.0 prueba/1.0");
        assert_eq!(UserAgent::clean("a\tb\u{202e}c\u{7}".as_bytes()).as_str(), "a b c");
        assert_eq!(UserAgent::clean(b"\xff").as_str(), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn agent_is_one_bounded_line(sent in prop::collection::vec(any::<u8>(), 0..900)) {
            let agent = UserAgent::clean(&sent);
            prop_assert!(agent.as_str().chars().count() <= MAX_AGENT_CHARS);
            prop_assert!(!agent.as_str().chars().any(char::is_control));
        }
    }
}

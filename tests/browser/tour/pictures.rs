//! Pictures of `docs/screens`, and their index.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::browser::Browser;
use super::states::STATES;

/// Legible text, and 520 pictures in a few MB.
const QUALITY: u32 = 25;
/// Scale of a saved picture of a desk, and of a phone.
const SCALES: [f64; 2] = [0.64, 0.85];
/// Pictures of the READMEs, in full size.
const README: [&str; 2] = ["room-1440-light-", "room-390-dark-"];
const README_QUALITY: u32 = 80;

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn folder() -> PathBuf {
    docs().join("screens")
}

/// Deletes the pictures of an earlier run.
pub(super) fn clear() {
    let _ = std::fs::remove_dir_all(folder());
    std::fs::create_dir_all(folder()).expect("a folder");
}

/// Writes the list of all states.
pub(super) fn write_index() {
    let mut text = "# Screens\n\n\
        Every state of every page, from the running program.\n\
        `PICHAT_TEST_BLESS=1 cargo test --test browser screens -- --ignored` makes the pictures and this page.\n\n\
        A file is called STATE-WIDTH-SCHEME-LANGUAGE.webp.\n\
        WIDTH is 1440 (a desk, 900 high) or 390 (a phone, 844 high), SCHEME is `light` or `dark`, \
        LANGUAGE is `es` or `en`.\n\n\
        | state | desk | phone | what it shows |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for (name, what) in STATES {
        text += &format!(
            "| {name} | [es]({name}-1440-light-es.webp) | [en]({name}-390-dark-en.webp) | {what} |\n"
        );
    }
    std::fs::write(folder().join("README.md"), text).expect("writes");
}

impl Browser {
    /// Saves the visible part of the page as WebP.
    pub(super) async fn save_picture(&self, name: &str) {
        // Icons and pictures are drawn, and no caret blinks.
        self.until("document.readyState === 'complete' && [...document.images].every((one) => one.complete)")
            .await;
        self.js(
            "(() => { const sheet = new CSSStyleSheet(); sheet.replaceSync('* { caret-color: transparent !important }');
                document.adoptedStyleSheets = [sheet]; return true; })()",
        )
        .await;
        if README.iter().any(|picture| name.starts_with(picture)) {
            self.capture(README_QUALITY, 1.0, &docs().join("img").join(format!("{name}.webp"))).await;
        }
        let scale = SCALES[usize::from(name.contains("-390-"))];
        self.capture(QUALITY, scale, &folder().join(format!("{name}.webp"))).await;
    }

    async fn capture(&self, quality: u32, scale: f64, file: &Path) {
        let view = self.js("({ x: scrollX, y: scrollY, width: innerWidth, height: innerHeight })").await;
        let mut clip = view;
        clip["scale"] = json!(scale);
        let options =
            json!({"format": "webp", "quality": quality, "captureBeyondViewport": false, "clip": clip});
        let answer = self.cdp("Page.captureScreenshot", options).await;
        let bytes = data_encoding::BASE64.decode(answer["data"].as_str().expect("text").as_bytes());
        std::fs::write(file, bytes.expect("Base64")).expect("writes");
    }
}

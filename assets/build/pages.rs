//! Pages in the layout that they share.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::folder::read_below;
use crate::{PAGES, PARTS, Result};

/// A page as it lies in its file: lines `name: value`, an empty line, and the content.
pub(crate) struct PageSource {
    fields: BTreeMap<String, String>,
    content: String,
}

impl PageSource {
    fn read(text: &str) -> Result<Self> {
        let (head, content) = text.split_once("\n\n").ok_or("has no head")?;
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { fields, content: content.trim_end().to_owned() })
    }

    fn field(&self, name: &str) -> Result<&str> {
        Ok(self.fields.get(name).ok_or_else(|| format!("its head names no {name}"))?)
    }

    /// The name of the file of its script.
    pub(crate) fn script(&self) -> Result<String> {
        Ok(format!("{}.js", self.field("script")?))
    }
}

/// The pages by the name of their file.
pub(crate) fn sources(root: &Path) -> Result<BTreeMap<String, PageSource>> {
    let mut files = BTreeMap::new();
    read_below(&root.join(PAGES), "", &mut files)?;
    let read = |(name, bytes): (String, Vec<u8>)| {
        let page = String::from_utf8(bytes).map_err(Into::into).and_then(|text| PageSource::read(&text));
        Ok((name.clone(), page.map_err(|error| format!("{name}: {error}"))?))
    };
    files.into_iter().map(read).collect()
}

/// Parts that pages share.
pub(crate) struct Parts {
    layout: String,
    /// Navigation, switch of languages and sign-out of the pages for a person who is signed in.
    frame: String,
    /// The switch of languages alone.
    language: String,
}

impl Parts {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let part = |name: &str| {
            fs::read_to_string(root.join(PARTS).join(name)).map(|text| text.trim_end().to_owned())
        };
        Ok(Self {
            layout: part("layout.html")?,
            frame: part("frame.html")?,
            language: part("language.html")?,
        })
    }
}

/// A page in the layout. What is left open is filled in at the start of the server.
pub(crate) fn page(source: &PageSource, has_texts: bool, parts: &Parts) -> Result<String> {
    let PageSource { fields, content } = source;
    let styles: Vec<_> = source
        .field("styles")?
        .split(' ')
        .map(|name| format!("<link rel=\"stylesheet\" href=\"/static/css/{name}.css\">"))
        .collect();
    let mut scripts = String::new();
    if has_texts {
        // In order before every module, so that it has run when they do.
        scripts.push_str("<script defer src=\"/static/js/texts-LANGUAGE.js\"></script>\n");
    }
    write!(scripts, "<script type=\"module\" src=\"/static/js/{}\"></script>", source.script()?)?;
    let (frame, content) = match fields.get("section") {
        Some(section) => {
            let current =
                parts.frame.replace(&format!(" data-section=\"{section}\""), " aria-current=\"page\"");
            let mut pieces = current.split(" data-section=\"");
            let mut frame = pieces.next().unwrap_or_default().to_owned();
            pieces.for_each(|piece| frame.push_str(piece.split_once('"').map_or("", |(_, rest)| rest)));
            (frame, content.clone())
        }
        // Pages that have links to their other languages need no form.
        None if content.contains("<!--LANGUAGE LINKS ") => (String::new(), content.clone()),
        None => (String::new(), format!("{}\n{}", content, parts.language)),
    };
    Ok(parts
        .layout
        .replace("{{TITLE}}", &format!("{{{{{}}}}}", source.field("title")?))
        .replace("STYLES", &styles.join("\n"))
        .replace("SCRIPTS", &scripts)
        .replace("BODY", source.field("body")?)
        .replace("FRAME\n", &if frame.is_empty() { String::new() } else { frame + "\n" })
        .replace("CONTENT", &content))
}

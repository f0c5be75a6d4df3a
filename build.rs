//! Prepares what browsers load and what people read: packs it, gives every address a version, and checks the
//! texts.
//!
//! Static files are embedded as they are and, where that is smaller, as gzip. Pages name them by addresses
//! that carry the version of all of them together, and name every script that they will need, so that a
//! browser asks for all of them at once.
//!
//! Texts are one file a language in `assets/texts`, a JSON object of keys. Pages name a text as `{{key}}`,
//! scripts as `t('key')`, the server by a constant. Scripts get one script a language, `js/texts-es.js`, with
//! the texts that they name.
//!
//! Static releases get the linker script `image/order/text.ld`, which puts the functions that run side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// Texts of one language by key.
type Texts = BTreeMap<String, String>;

const PAGES: &str = "assets/pages";
const PARTS: &str = "assets/parts";
const STATIC: &str = "assets/static";
const TEXTS: &str = "assets/texts";
/// Beginnings of the keys that the program names, beside those in pages.
const FOR_SERVER: [&str; 3] = ["problem.", "role.", "wait."];
/// Beginnings of the keys that the program finds by their name.
const BY_NAME: [&str; 3] = ["cli.help", "cli.arg.", "cli.value."];
/// The language of a browser that asks for none of them.
const DEFAULT_LANGUAGE: &str = "es";
/// The list that the server checks new passwords against: the page's meter reads it too.
const PASSWORDS: (&str, &str) = ("passwords.txt", "assets/passwords/common.txt");
/// Linker script with the order of functions.
const ORDER: &str = "image/order/text.ld";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for input in [PAGES, PARTS, STATIC, TEXTS, PASSWORDS.1] {
        println!("cargo::rerun-if-changed={input}");
    }
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    order_functions(&root)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let languages = languages(&root)?;
    let keys: BTreeSet<&str> =
        languages.iter().flat_map(|(_, texts)| texts.keys().map(String::as_str)).collect();
    let mut files = BTreeMap::new();
    read_below(&root.join(STATIC), "", &mut files)?;
    files.insert(PASSWORDS.0.to_owned(), fs::read(root.join(PASSWORDS.1))?);
    let in_scripts = keys_in_scripts(&files, &keys)?;
    for (tag, texts) in &languages {
        let texts: BTreeMap<_, _> =
            texts.iter().filter(|(key, _)| in_scripts.contains(key.as_str())).collect();
        let code = format!("globalThis.PICHAT_TEXTS = {};\n", serde_json::to_string(&texts)?);
        files.insert(format!("js/texts-{tag}.js"), code.into_bytes());
    }
    let version = version(&files);
    let mut code = embed(&files, &version, &out)?;
    let mut in_pages = BTreeSet::new();
    code.push_str("pub(crate) static PAGES: &[(&str, &str)] = &[\n");
    for (name, text) in pages(&root, &files)? {
        let text = text.replace("\"/static/", &format!("\"/static/{version}/"));
        in_pages.extend(keys_in_page(&text).map(str::to_owned));
        writeln!(code, "({name:?}, {text:?}),")?;
    }
    code.push_str("];\n");
    fs::write(out.join("embedded.rs"), code)?;
    let is_for_server = |key: &str| {
        in_pages.contains(key)
            || !in_scripts.contains(key)
            || FOR_SERVER.iter().any(|prefix| key.starts_with(prefix))
    };
    let is_by_name =
        |key: &str| in_pages.contains(key) || BY_NAME.iter().any(|prefix| key.starts_with(prefix));
    let for_server = keys.iter().copied().filter(|key| is_for_server(key));
    let (by_name, others): (Vec<_>, Vec<_>) = for_server.partition(|key| is_by_name(key));
    fs::write(out.join("texts.rs"), server_texts(&languages, &by_name, &others)?)?;
    Ok(())
}

/// Orders the functions of a static release; a published crate has no folder `image`.
fn order_functions(root: &Path) -> Result<()> {
    let script = root.join(ORDER);
    if !script.exists() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed={ORDER}");
    if std::env::var("CARGO_CFG_TARGET_ENV")? == "musl" && std::env::var("PROFILE")? == "release" {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
    Ok(())
}

/// The texts of every language by its tag, the default language first. Each must have every key.
fn languages(root: &Path) -> Result<Vec<(String, Texts)>> {
    let mut files = BTreeMap::new();
    read_below(&root.join(TEXTS), "", &mut files)?;
    let mut languages = Vec::new();
    for (name, bytes) in files {
        let tag =
            name.strip_suffix(".json").ok_or_else(|| format!("{name}: a file of texts is named TAG.json"))?;
        if tag.len() != 2 || !tag.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(format!("{name}: the tag of a language is two letters, such as fr").into());
        }
        let texts: Texts = serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))?;
        languages.push((tag.to_owned(), texts));
    }
    languages.sort_by_key(|(tag, _)| (tag != DEFAULT_LANGUAGE, tag.clone()));
    let (_, first) = languages.first().ok_or("there is no file of texts")?;
    for (tag, texts) in &languages {
        if let Some(key) = first
            .keys()
            .find(|key| !texts.contains_key(*key))
            .or(texts.keys().find(|key| !first.contains_key(*key)))
        {
            return Err(format!("{TEXTS}: {key} is not in every language ({tag}.json)").into());
        }
    }
    Ok(languages)
}

/// Keys that scripts name, as `'a.key'` or, as far as it is written out, as `` `a.${rest}` ``.
fn keys_in_scripts<'a>(
    files: &BTreeMap<String, Vec<u8>>,
    keys: &BTreeSet<&'a str>,
) -> Result<BTreeSet<&'a str>> {
    let (mut whole, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
    for (_, bytes) in files.iter().filter(|(path, _)| path.ends_with(".js") && !path.contains("/vendor/")) {
        let code = std::str::from_utf8(bytes)?;
        whole.extend(code.lines().flat_map(|line| line.split('\'').skip(1).step_by(2)));
        // Templates stand in templates, so no pairs of marks are counted: only what stands right before a
        // value counts.
        let ends = code.match_indices("${").filter_map(|(at, _)| code[..at].rsplit_once('`'));
        prefixes.extend(ends.map(|(_, prefix)| prefix).filter(|prefix| is_prefix(prefix)));
    }
    let is_named = |key: &str| {
        let key = key.strip_suffix(".one").unwrap_or(key);
        whole.contains(key) || prefixes.iter().any(|prefix| key.starts_with(prefix))
    };
    Ok(keys.iter().copied().filter(|key| is_named(key)).collect())
}

/// Returns true if a key may begin so.
fn is_prefix(text: &str) -> bool {
    text.contains('.')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

/// Keys that a page names.
fn keys_in_page(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0))
}

/// The languages as a type, and the texts that pages and the program name. Only the names of those that are
/// found by name are in the binary.
fn server_texts(languages: &[(String, Texts)], by_name: &[&str], others: &[&str]) -> Result<String> {
    let keys: Vec<_> = by_name.iter().chain(others).collect();
    let variant = |tag: &str| tag[..1].to_ascii_uppercase() + &tag[1..];
    let mut code = "/// A language that has a file of texts.\n#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]\npub enum Lang {\n".to_owned();
    for (at, (tag, texts)) in languages.iter().enumerate() {
        let default = if at == 0 { "#[default] " } else { "" };
        writeln!(
            code,
            "/// {}.\n{default}{},",
            texts.get("lang.name").ok_or("lang.name is missing")?,
            variant(tag)
        )?;
    }
    code.push_str("}\nimpl Lang {\n/// All languages, the default first.\npub const ALL: &[Self] = &[");
    languages.iter().try_for_each(|(tag, _)| write!(code, "Self::{}, ", variant(tag)))?;
    code.push_str("];\n/// Returns the tag for the `lang` attribute.\npub const fn tag(self) -> &'static str { match self {");
    languages.iter().try_for_each(|(tag, _)| write!(code, "Self::{} => {tag:?}, ", variant(tag)))?;
    code.push_str("} }\n}\nstatic NAMES: &[&str] = &[");
    by_name.iter().try_for_each(|key| write!(code, "{key:?}, "))?;
    code.push_str("];\nstatic TEXTS: &[&[&str]] = &[\n");
    for (_, texts) in languages {
        let texts: Vec<_> = keys.iter().filter_map(|key| texts.get(**key)).collect();
        writeln!(code, "&{texts:?},")?;
    }
    code.push_str("];\n/// The keys of the texts that the server names.\npub mod key {\nuse super::Key;\n");
    for (at, key) in keys.iter().enumerate() {
        let name = key.to_ascii_uppercase().replace(['.', '-'], "_");
        writeln!(code, "#[doc = \"The text `{key}`.\"]\npub const {name}: Key = Key({at});")?;
    }
    code.push_str("}\n");
    Ok(code)
}

/// Writes the static files where `embedded.rs`, which this returns, includes them.
fn embed(files: &BTreeMap<String, Vec<u8>>, version: &str, out: &Path) -> Result<String> {
    let mut code =
        format!("pub(super) const VERSION: &str = {version:?};\npub(super) static FILES: &[Embedded] = &[\n");
    for (at, (path, bytes)) in files.iter().enumerate() {
        let media_type = media_type(path)?;
        let tag = &hex(Sha256::digest(bytes).as_slice())[..32];
        // Named by position in the list, so that the code contains no path of the build machine.
        fs::write(out.join(format!("{at}.bin")), bytes)?;
        let plain = if path == PASSWORDS.0 {
            // The binary contains it already.
            "crate::accounts::blocklist::COMMON.as_bytes()".to_owned()
        } else {
            format!("include_bytes!(\"{at}.bin\")")
        };
        let packed = gzip(bytes)?;
        let gzip = if packed.len() < bytes.len() {
            fs::write(out.join(format!("{at}.gz")), packed)?;
            format!("Some(include_bytes!(\"{at}.gz\"))")
        } else {
            "None".to_owned()
        };
        writeln!(
            code,
            "Embedded {{ path: {path:?}, media_type: {media_type:?}, tag: \"\\\"{tag}\\\"\", gzip_tag: \"\\\"{tag}-gzip\\\"\", \
             bytes: {plain}, gzip: {gzip} }},"
        )?;
    }
    code.push_str("];\n");
    Ok(code)
}

/// Reads the files of a folder and those below it, by their path with `/`.
fn read_below(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
        if entry.file_type()?.is_dir() {
            read_below(&entry.path(), &format!("{prefix}{name}/"), into)?;
        } else {
            into.insert(format!("{prefix}{name}"), fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Returns the common version of all files: `v` and 64 bits of a digest over every path and content.
fn version(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut all = Sha256::new();
    for (path, bytes) in files {
        all.update(Sha256::digest(path));
        all.update(Sha256::digest(bytes));
    }
    format!("v{}", &hex(all.finalize().as_slice())[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Compresses. The same bytes give the same file: it contains no name and no time.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

fn media_type(path: &str) -> Result<&'static str> {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("txt") => Ok("text/plain; charset=utf-8"),
        _ => Err(format!("{path}: build.rs knows no media type for it").into()),
    }
}

/// The pages by the name of their file, in the layout that they share. What is left open is filled in at the
/// start of the server.
fn pages(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, String>> {
    let part =
        |name: &str| fs::read_to_string(root.join(PARTS).join(name)).map(|text| text.trim_end().to_owned());
    let parts =
        Parts { layout: part("layout.html")?, frame: part("frame.html")?, language: part("language.html")? };
    let mut sources = BTreeMap::new();
    read_below(&root.join(PAGES), "", &mut sources)?;
    let mut pages = BTreeMap::new();
    for (name, source) in sources {
        let text =
            page(&String::from_utf8(source)?, files, &parts).map_err(|error| format!("{name}: {error}"))?;
        pages.insert(name, text);
    }
    Ok(pages)
}

/// Parts that pages share.
struct Parts {
    layout: String,
    /// Navigation, switch of languages and sign-out of the pages for a person who is signed in.
    frame: String,
    /// The switch of languages alone.
    language: String,
}

/// A page in the layout. Its source begins with lines `name: value` and an empty line.
fn page(source: &str, files: &BTreeMap<String, Vec<u8>>, parts: &Parts) -> Result<String> {
    let (head, content) = source.split_once("\n\n").ok_or("has no head")?;
    let fields: BTreeMap<_, _> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let field = |name: &str| fields.get(name).copied().ok_or_else(|| format!("its head names no {name}"));
    let styles: Vec<_> = field("styles")?
        .split(' ')
        .map(|name| format!("<link rel=\"stylesheet\" href=\"/static/css/{name}.css\">"))
        .collect();
    let script = format!("js/{}.js", field("script")?);
    let mut imported = BTreeSet::new();
    imports(&script, files, &mut imported)?;
    let mut scripts = String::new();
    if imported.contains("js/i18n.js") {
        // In order before every module, so that it has run when they do.
        scripts.push_str("<script defer src=\"/static/js/texts-LANGUAGE.js\"></script>\n");
    }
    for path in imported.iter().filter(|path| **path != script) {
        writeln!(scripts, "<link rel=\"modulepreload\" href=\"/static/{path}\">")?;
    }
    write!(scripts, "<script type=\"module\" src=\"/static/{script}\"></script>")?;
    let (frame, content) = match fields.get("section") {
        Some(section) => {
            let current =
                parts.frame.replace(&format!(" data-section=\"{section}\""), " aria-current=\"page\"");
            let mut pieces = current.split(" data-section=\"");
            let mut frame = pieces.next().unwrap_or_default().to_owned();
            pieces.for_each(|piece| frame.push_str(piece.split_once('"').map_or("", |(_, rest)| rest)));
            (frame, content.trim_end().to_owned())
        }
        // Pages that have links to their other languages need no form.
        None if content.contains("<!--LANGUAGE LINKS ") => (String::new(), content.trim_end().to_owned()),
        None => (String::new(), format!("{}\n{}", content.trim_end(), parts.language)),
    };
    Ok(parts
        .layout
        .replace("{{TITLE}}", &format!("{{{{{}}}}}", field("title")?))
        .replace("STYLES", &styles.join("\n"))
        .replace("SCRIPTS", &scripts)
        .replace("BODY", field("body")?)
        .replace("FRAME\n", &if frame.is_empty() { String::new() } else { frame + "\n" })
        .replace("CONTENT", &content))
}

/// Collects all scripts that a script imports, with itself. Dynamic imports are not among them.
fn imports(script: &str, files: &BTreeMap<String, Vec<u8>>, into: &mut BTreeSet<String>) -> Result<()> {
    if !into.insert(script.to_owned()) {
        return Ok(());
    }
    let code = std::str::from_utf8(files.get(script).ok_or_else(|| format!("{script} is missing"))?)?;
    let folder = script.rsplit_once('/').map_or("", |(folder, _)| folder);
    let names_another =
        |line: &&str| line.starts_with("import ") || (line.starts_with("export ") && line.contains(" from "));
    for line in code.lines().filter(names_another) {
        let name = line.split('\'').nth(1).and_then(|name| name.strip_prefix("./"));
        let name =
            name.ok_or_else(|| format!("{script}: an import is one line and names './a-file.js': {line}"))?;
        imports(&format!("{folder}/{name}"), files, into)?;
    }
    Ok(())
}

//! Prepares what browsers load and what people read: joins and packs it, gives every address a version, and
//! checks the texts. The steps are the files of `assets/build`.
//!
//! Each page has one script, which is joined from the modules in `assets/static/js`. Static files are embedded
//! as they are and, where that is smaller, as gzip. Pages name them by addresses that carry the version of all
//! of them together.
//!
//! Texts are one file a language in `assets/texts`, a JSON object of keys. Pages name a text as `{{key}}`,
//! scripts as `t('key')`, the server by a constant. Scripts get one script a language, `js/texts-es.js`, with
//! the texts that they name.
//!
//! Static releases get the linker script `image/order/text.ld`, which puts the functions that run side by side.

#[path = "assets/build/bundles.rs"]
mod bundles;
#[path = "assets/build/embedding.rs"]
mod embedding;
#[path = "assets/build/folder.rs"]
mod folder;
#[path = "assets/build/pages.rs"]
mod pages;
#[path = "assets/build/texts.rs"]
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bundles::Bundle;
use pages::{PageSource, Parts};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PAGES: &str = "assets/pages";
const PARTS: &str = "assets/parts";
const STATIC: &str = "assets/static";
const TEXTS: &str = "assets/texts";
/// Beginnings of the keys that the program names, beside those in pages.
const FOR_SERVER: [&str; 3] = ["problem.", "role.", "wait."];
/// Beginnings of the keys that the program finds by their name.
const BY_NAME: [&str; 3] = ["cli.help", "cli.arg.", "cli.value."];
/// The list that the server checks new passwords against: the page's meter reads it too.
const PASSWORDS: (&str, &str) = ("passwords.txt", "assets/passwords/common.txt");
/// The module that needs the texts of the page's language.
const TEXTS_MODULE: &str = "i18n.js";
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

    let languages = texts::languages(&root)?;
    let keys: BTreeSet<&str> =
        languages.iter().flat_map(|(_, texts)| texts.keys().map(String::as_str)).collect();
    let mut files = BTreeMap::new();
    folder::read_below(&root.join(STATIC), "", &mut files)?;
    files.insert(PASSWORDS.0.to_owned(), fs::read(root.join(PASSWORDS.1))?);
    let modules = take_modules(&mut files)?;
    let in_scripts = texts::keys_in_scripts(&modules, &keys);
    for (tag, texts) in &languages {
        files.insert(format!("js/texts-{tag}.js"), texts::script(texts, &in_scripts)?);
    }
    let sources = pages::sources(&root)?;
    let bundles = bundles_of(&sources, &modules)?;
    for (name, bundle) in &bundles {
        files.insert(format!("js/{name}"), bundle.code.clone().into_bytes());
    }
    let version = embedding::version(&files);
    let mut code = embedding::embed(&files, &version, &out)?;
    let mut in_pages = BTreeSet::new();
    let parts = Parts::read(&root)?;
    code.push_str("pub(crate) static PAGES: &[(&str, &str)] = &[\n");
    for (name, source) in sources {
        let has_texts = needs(&bundles, &source.script()?, TEXTS_MODULE);
        let text = pages::page(&source, has_texts, &parts).map_err(|error| format!("{name}: {error}"))?;
        let text = text.replace("\"/static/", &format!("\"/static/{version}/"));
        in_pages.extend(texts::keys_in_page(&text).map(str::to_owned));
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
    fs::write(out.join("texts.rs"), texts::server_texts(&languages, &by_name, &others)?)?;
    Ok(())
}

/// Takes the project's own modules out of the static files, by their names.
fn take_modules(files: &mut BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, String>> {
    let mut modules = BTreeMap::new();
    for (path, bytes) in files.extract_if(.., |path, _| module_name(path).is_some()) {
        if let Some(name) = module_name(&path) {
            modules.insert(name.to_owned(), String::from_utf8(bytes)?);
        }
    }
    Ok(modules)
}

/// Returns the name of an own module: a script right in `js`.
fn module_name(path: &str) -> Option<&str> {
    path.strip_prefix("js/").filter(|name| name.ends_with(".js") && !name.contains('/'))
}

/// The script of each page by its name; every module is in one.
fn bundles_of(
    pages: &BTreeMap<String, PageSource>,
    modules: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Bundle>> {
    let scripts = pages.values().map(PageSource::script).collect::<Result<BTreeSet<_>>>()?;
    let join = |name: String| Ok((name.clone(), bundles::bundle(&name, modules)?));
    let bundles: BTreeMap<_, _> = scripts.into_iter().map(join).collect::<Result<_>>()?;
    if let Some(unused) = modules.keys().find(|name| !bundles.keys().any(|page| needs(&bundles, page, name)))
    {
        return Err(format!("{STATIC}/js/{unused}: no page needs it").into());
    }
    Ok(bundles)
}

fn needs(bundles: &BTreeMap<String, Bundle>, script: &str, module: &str) -> bool {
    bundles.get(script).is_some_and(|bundle| bundle.modules.iter().any(|name| name == module))
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

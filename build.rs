//! Prepares the files for browsers: compresses them and versions their addresses.
//!
//! Static files are embedded as they are and, if smaller, as gzip. Pages refer to them by addresses with one
//! common version. Pages list every script they need, so that a browser requests all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PAGES: &str = "assets/pages";
const STATIC: &str = "assets/static";
/// Notice of every page with a script, for browsers that do not get the script.
const INCOMPLETE: &str = "assets/parts/incomplete.html";
/// Blocklist of new passwords: the server and the page's meter read it.
const PASSWORDS: (&str, &str) = ("passwords.txt", "assets/passwords/common.txt");

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for input in ["assets/pages", "assets/parts", "assets/static", PASSWORDS.1] {
        println!("cargo::rerun-if-changed={input}");
    }
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let mut files = BTreeMap::new();
    read_below(&root.join(STATIC), "", &mut files)?;
    files.insert(PASSWORDS.0.to_owned(), fs::read(root.join(PASSWORDS.1))?);
    let version = version(&files);
    let mut code = format!("pub(super) const VERSION: &str = {version:?};\npub(super) static FILES: &[Embedded] = &[\n");
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

    let incomplete = fs::read_to_string(root.join(INCOMPLETE))?;
    let mut pages = BTreeMap::new();
    read_below(&root.join(PAGES), "", &mut pages)?;
    code.push_str("pub(crate) static PAGES: &[(&str, &str)] = &[\n");
    for (name, text) in pages {
        let text = page(&String::from_utf8(text)?, &files, &incomplete).map_err(|error| format!("{name}: {error}"))?;
        let text = text.replace("\"/static/", &format!("\"/static/{version}/"));
        writeln!(code, "({name:?}, {text:?}),")?;
    }
    code.push_str("];\n");
    fs::write(out.join("embedded.rs"), code)?;
    Ok(())
}

/// Reads the files of a folder and those below it, by their path with `/`.
fn read_below(folder: &Path, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
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

/// Builds a page with the addresses of all scripts that its own script imports, and with the notice for
/// browsers that they do not reach.
fn page(text: &str, files: &BTreeMap<String, Vec<u8>>, incomplete: &str) -> Result<String> {
    const BEGIN: &str = "<script type=\"module\" src=\"/static/";
    const BODY: &str = "<!--BANNER-->";
    let (head, rest) = text.split_once(BEGIN).ok_or("has no script")?;
    let (script, rest) = rest.split_once('"').ok_or("its script has no end")?;
    let (before, after) = rest.split_once(BODY).ok_or("has no mark for the banner")?;
    let mut imported = BTreeSet::new();
    imports(script, files, &mut imported)?;
    let preloads = imported.iter().filter(|path| *path != script).fold(String::new(), |mut text, path| {
        let _ = writeln!(text, "<link rel=\"modulepreload\" href=\"/static/{path}\">");
        text
    });
    let no_script = "<noscript><link rel=\"stylesheet\" href=\"/static/css/no-script.css\"></noscript>\n";
    Ok(format!("{head}{no_script}{preloads}{BEGIN}{script}\"{before}{incomplete}{BODY}{after}"))
}

/// Collects all scripts that a script imports, with itself. Dynamic imports are not among them.
fn imports(script: &str, files: &BTreeMap<String, Vec<u8>>, into: &mut BTreeSet<String>) -> Result<()> {
    if !into.insert(script.to_owned()) {
        return Ok(());
    }
    let code = std::str::from_utf8(files.get(script).ok_or_else(|| format!("{script} is missing"))?)?;
    let folder = script.rsplit_once('/').map_or("", |(folder, _)| folder);
    let names_another = |line: &&str| line.starts_with("import ") || (line.starts_with("export ") && line.contains(" from "));
    for line in code.lines().filter(names_another) {
        let name = line.split('\'').nth(1).and_then(|name| name.strip_prefix("./"));
        let name = name.ok_or_else(|| format!("{script}: an import is one line and names './a-file.js': {line}"))?;
        imports(&format!("{folder}/{name}"), files, into)?;
    }
    Ok(())
}

//! Static files as the server embeds them: plain, packed where that is smaller, with the version of all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use crate::{PASSWORDS, Result};

/// Writes the static files where `embedded.rs`, which this returns, includes them.
pub(crate) fn embed(files: &BTreeMap<String, Vec<u8>>, version: &str, out: &Path) -> Result<String> {
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

/// Returns the common version of all files: `v` and 64 bits of a digest over every path and content.
pub(crate) fn version(files: &BTreeMap<String, Vec<u8>>) -> String {
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
        _ => Err(format!("{path}: assets/build/embedding.rs knows no media type for it").into()),
    }
}

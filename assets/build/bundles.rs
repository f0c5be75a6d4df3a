//! Joins a page's script and all modules that it imports into one file, so that a browser asks once.
//!
//! Each module becomes a function that runs at once and returns what the module exports. Modules stand in the
//! order of their imports, each below the name of its file and with the lines that it has there:
//!
//! ```text
//! const MODULES = {};
//!
//! // --- i18n.js
//! MODULES['i18n.js'] = (() => {
//! …
//! return { has, t };
//! })();
//!
//! // --- page.js
//! const { t } = MODULES['i18n.js'];
//! …
//! ```
//!
//! The script of the page is last and no function. All modules are this project's own, so only the forms of
//! import and export that they use are known here; any other is an error of the build.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Name of the object that holds what the modules of a bundle export.
const REGISTRY: &str = "MODULES";
/// Folder of other people's modules, which are loaded by `import()` when they are needed.
const VENDOR: &str = "import('./vendor/";

/// A page's script with all modules that it imports.
pub(crate) struct Bundle {
    pub(crate) code: String,
    /// Names of its modules, each after those that it imports.
    pub(crate) modules: Vec<String>,
}

/// Joins `entry` and the modules that it imports; `sources` has each module by the name of its file.
pub(crate) fn bundle(entry: &str, sources: &BTreeMap<String, String>) -> Result<Bundle> {
    let mut order = Order { sources, path: Vec::new(), done: BTreeMap::new(), modules: Vec::new() };
    order.add(entry)?;
    let Order { mut done, modules, .. } = order;
    let mut code = String::new();
    if modules.len() > 1 {
        writeln!(code, "const {REGISTRY} = {{}};\n")?;
    }
    for name in &modules {
        let module = done.remove(name).ok_or("a module is written twice")?;
        if name == entry {
            if modules.len() > 1 {
                writeln!(code, "// --- {name}")?;
            }
            code.push_str(&module.code);
        } else {
            if let Some(line) = module.code.lines().find(|line| waits_at_top(line)) {
                return Err(
                    format!("{name}: only the script of a page waits outside a function: {line}").into()
                );
            }
            let exports: Vec<_> = module.exports.iter().map(String::as_str).collect();
            writeln!(code, "// --- {name}\n{REGISTRY}['{name}'] = (() => {{\n{}", module.code.trim_end())?;
            writeln!(code, "return {{ {} }};\n}})();\n", exports.join(", "))?;
        }
    }
    Ok(Bundle { code, modules })
}

/// Finds the order in which modules run.
struct Order<'a> {
    sources: &'a BTreeMap<String, String>,
    /// Modules whose imports are being added: each imports the next.
    path: Vec<String>,
    done: BTreeMap<String, Module>,
    modules: Vec<String>,
}

impl Order<'_> {
    fn add(&mut self, name: &str) -> Result<()> {
        if self.done.contains_key(name) {
            return Ok(());
        }
        if self.path.iter().any(|above| above == name) {
            return Err(format!("modules import one another: {} → {name}", self.path.join(" → ")).into());
        }
        let source = self.sources.get(name).ok_or_else(|| format!("{name} is missing"))?;
        let module = Module::read(source).map_err(|error| format!("{name}: {error}"))?;
        self.path.push(name.to_owned());
        for import in &module.imports {
            self.add(&import.from).map_err(|error| format!("{name}: {error}"))?;
            let from = self.done.get(&import.from).ok_or("an import is not there")?;
            if let Some(missing) = import.names.iter().find(|wanted| !from.exports.contains(*wanted)) {
                return Err(format!("{name}: {} exports no {missing}", import.from).into());
            }
        }
        self.path.pop();
        self.done.insert(name.to_owned(), module);
        self.modules.push(name.to_owned());
        Ok(())
    }
}

/// One module, rewritten: line by line the same, without the words of modules.
struct Module {
    code: String,
    imports: Vec<Import>,
    exports: BTreeSet<String>,
}

struct Import {
    from: String,
    /// Names that the other module must export.
    names: Vec<String>,
}

impl Module {
    fn read(source: &str) -> Result<Self> {
        if source.contains(REGISTRY) {
            return Err(format!("{REGISTRY} is the name of the bundle's own object").into());
        }
        if source.matches("import(").count() != source.matches(VENDOR).count() {
            return Err(format!("import() is for other people's modules, as {VENDOR}NAME')").into());
        }
        let mut module = Self { code: String::new(), imports: Vec::new(), exports: BTreeSet::new() };
        for line in source.lines() {
            let unknown = || format!("this form is not known to assets/build/bundles.rs: {line}");
            if line.starts_with("import ") {
                let (import, code) = read_import(line).ok_or_else(unknown)?;
                module.imports.push(import);
                module.code.push_str(&code);
            } else if let Some(declaration) = line.strip_prefix("export ") {
                module.exports.insert(declared_name(declaration).ok_or_else(unknown)?.to_owned());
                module.code.push_str(declaration);
            } else {
                module.code.push_str(line);
            }
            module.code.push('\n');
        }
        Ok(module)
    }
}

/// Reads an import on one line; returns it with the line that replaces it.
fn read_import(line: &str) -> Option<(Import, String)> {
    let (what, from) = match line.strip_prefix("import '") {
        Some(from) => (None, from),
        None => line.strip_prefix("import ")?.split_once(" from '").map(|(what, from)| (Some(what), from))?,
    };
    let from = from.strip_prefix("./")?.strip_suffix("';")?.to_owned();
    let Some(what) = what else {
        let note = format!("// Runs after {from}.");
        return Some((Import { from, names: Vec::new() }, note));
    };
    if let Some(name) = what.strip_prefix("* as ") {
        let code = format!("const {name} = {REGISTRY}['{from}'];");
        return is_name(name).then_some((Import { from, names: Vec::new() }, code));
    }
    let list = what.strip_prefix("{ ")?.strip_suffix(" }")?;
    let pairs: Vec<_> = list.split(", ").map(|one| one.split_once(" as ").unwrap_or((one, one))).collect();
    if !pairs.iter().all(|(name, local)| is_name(name) && is_name(local)) {
        return None;
    }
    let names = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
    let written = |(name, local): &(&str, &str)| {
        if name == local { (*name).to_owned() } else { format!("{name}: {local}") }
    };
    let written: Vec<_> = pairs.iter().map(written).collect();
    let code = format!("const {{ {} }} = {REGISTRY}['{from}'];", written.join(", "));
    Some((Import { from, names }, code))
}

/// Returns the name that a declaration gives. One that is assigned again is not known: importers have a copy.
fn declared_name(declaration: &str) -> Option<&str> {
    let begins = ["const ", "class ", "function ", "async function "];
    let rest = begins.iter().find_map(|begin| declaration.strip_prefix(begin))?;
    let name = rest.split(|c: char| !is_name_char(c)).next()?;
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// Returns true if a line outside all functions waits, which a function that runs at once cannot.
fn waits_at_top(line: &str) -> bool {
    let is_outside = !line.starts_with([' ', '/', '}']);
    is_outside && !line.contains("async ") && (line.starts_with("await ") || line.contains(" await "))
}

//! Bundles of scripts, as `build.rs` makes them: in order, and with an error for each form that is not known.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

#[path = "../assets/build/bundles.rs"]
mod bundles;

use std::collections::BTreeMap;

use bundles::bundle;

fn sources(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect()
}

/// Returns the error of a bundle of `a.js` with this text, beside a module `b.js` that exports `b`.
fn error(code: &str) -> String {
    let files = sources(&[("a.js", code), ("b.js", "export const b = 1;\n")]);
    bundle("a.js", &files).err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn bundle_has_each_module_once_after_its_imports() {
    let files = sources(&[
        (
            "page.js",
            "// The page.\nimport { one, two as other } from './both.js';\nimport * as all from './low.js';\nimport './both.js';\none(other, all.low);\n",
        ),
        (
            "both.js",
            "import { low } from './low.js';\nexport function one() {}\nexport const two = low;\nlet own = 0;\n",
        ),
        ("low.js", "export async function low() {}\nexport class Low {}\n"),
        ("unused.js", "export const unused = 0;\n"),
    ]);
    let joined = bundle("page.js", &files).expect("is known");
    assert_eq!(joined.modules, ["low.js", "both.js", "page.js"]);
    let expected = "const MODULES = {};

// --- low.js
MODULES['low.js'] = (() => {
async function low() {}
class Low {}
return { Low, low };
})();

// --- both.js
MODULES['both.js'] = (() => {
const { low } = MODULES['low.js'];
function one() {}
const two = low;
let own = 0;
return { one, two };
})();

// --- page.js
// The page.
const { one, two: other } = MODULES['both.js'];
const all = MODULES['low.js'];
// Runs after both.js.
one(other, all.low);
";
    assert_eq!(joined.code, expected);
}

#[test]
fn script_without_imports_stays_as_it_is() {
    let code = "// Alone.\nconst good = await fetch('/x');\n";
    assert_eq!(bundle("a.js", &sources(&[("a.js", code)])).expect("is known").code, code);
}

#[test]
fn other_peoples_modules_are_loaded_later() {
    let code = "const later = () => import('./vendor/big.js');\n";
    assert_eq!(bundle("a.js", &sources(&[("a.js", code)])).expect("is known").code, code);
    assert!(
        error("const now = () => import('./b.js');\n").contains("import() is for other people's modules")
    );
}

#[test]
fn unknown_forms_are_errors_with_file_and_line() {
    for line in [
        "import {",
        "import b from './b.js';",
        "import { b } from \"./b.js\";",
        "import { b } from 'b.js';",
        "import {b} from './b.js';",
        "import { b } from './b.js'",
        "export default b;",
        "export let c = 1;",
        "export var c = 1;",
        "export const { c } = b;",
        "export { b };",
        "export * from './b.js';",
        "export function* c() {}",
    ] {
        let found = error(&format!("{line}\n"));
        assert!(
            found.starts_with("a.js: this form is not known") && found.ends_with(line),
            "{line}: {found}"
        );
    }
    assert!(error("const MODULES = 1;\n").contains("the bundle's own object"));
}

#[test]
fn missing_modules_and_exports_are_errors() {
    assert_eq!(error("import { b } from './c.js';\n"), "a.js: c.js is missing");
    assert_eq!(error("import { c } from './b.js';\n"), "a.js: b.js exports no c");
    assert_eq!(error("import { b } from './b.js';\n"), "");
}

#[test]
fn circles_are_errors() {
    let files = sources(&[
        ("a.js", "import { b } from './b.js';\nexport const a = b;\n"),
        ("b.js", "import { a } from './a.js';\nexport const b = a;\n"),
    ]);
    let error = bundle("a.js", &files).err().expect("a circle").to_string();
    assert!(error.contains("modules import one another: a.js → b.js → a.js"), "{error}");
}

#[test]
fn modules_that_wait_are_errors() {
    let wait = |code: &str| bundle("a.js", &sources(&[("a.js", "import './b.js';\n"), ("b.js", code)]));
    for code in ["await fetch('/x');\n", "const x = await fetch('/x');\n", "export const x = await y;\n"] {
        let error = wait(code).err().map_or_else(String::new, |error| error.to_string());
        assert!(error.starts_with("b.js: only the script of a page waits"), "{code}: {error}");
    }
    for code in [
        "// We await it.\n",
        "const x = async () => { await y; };\n",
        "async function x() {\n  await y;\n}\n",
    ] {
        assert!(wait(code).is_ok(), "{code}");
    }
}

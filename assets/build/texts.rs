//! Texts: one file a language, checked against one another, and shared out among scripts, pages and the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::folder::read_below;
use crate::{Result, TEXTS};

/// Texts of one language by key.
type Texts = BTreeMap<String, String>;

/// The language of a browser that asks for none of them.
const DEFAULT_LANGUAGE: &str = "es";

/// The texts of every language by its tag, the default language first. Each must have every key.
pub(crate) fn languages(root: &Path) -> Result<Vec<(String, Texts)>> {
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
pub(crate) fn keys_in_scripts<'a>(
    modules: &BTreeMap<String, String>,
    keys: &BTreeSet<&'a str>,
) -> BTreeSet<&'a str> {
    let (mut whole, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
    for code in modules.values() {
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
    keys.iter().copied().filter(|key| is_named(key)).collect()
}

/// The script with the texts of a language that scripts name.
pub(crate) fn script(texts: &Texts, in_scripts: &BTreeSet<&str>) -> Result<Vec<u8>> {
    let texts: BTreeMap<_, _> = texts.iter().filter(|(key, _)| in_scripts.contains(key.as_str())).collect();
    Ok(format!("globalThis.PICHAT_TEXTS = {};\n", serde_json::to_string(&texts)?).into_bytes())
}

/// Returns true if a key may begin so.
fn is_prefix(text: &str) -> bool {
    text.contains('.')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

/// Keys that a page names.
pub(crate) fn keys_in_page(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0))
}

/// The languages as a type, and the texts that pages and the program name. Only the names of those that are
/// found by name are in the binary.
pub(crate) fn server_texts(
    languages: &[(String, Texts)],
    by_name: &[&str],
    others: &[&str],
) -> Result<String> {
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

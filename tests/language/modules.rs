//! The modules of a crate with the names that each defines, imports and uses, as far as their paths tell.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{Token, lex};

/// Longest chain of imports that lead to one another.
const MAX_IMPORTS: usize = 16;
const ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

/// `use` of one name.
struct Import {
    path: Vec<String>,
    /// Name in this module; `*` imports all.
    name: String,
    /// Re-exports what another module defines, which alone is no use of it.
    is_public: bool,
    line: usize,
}

/// Module of a file, or one that is written inside its parent's file.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths in code, with their lines.
    paths: Vec<(Vec<String>, usize)>,
}

/// One file uses an item of another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(crate) struct Use {
    pub(crate) from: String,
    pub(crate) line: usize,
    pub(crate) to: String,
}

#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    /// Item that is defined in this module.
    ItemOf(usize),
}

pub(crate) struct Crate<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    modules: Vec<Module>,
}

impl<'a> Crate<'a> {
    /// Reads the crate whose root is `lib.rs`. Code for tests alone is left out.
    pub(crate) fn load(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let mut this = Self { read, modules: Vec::new() };
        this.file("lib.rs", "", None);
        this
    }

    fn file(&mut self, file: &str, folder: &str, parent: Option<usize>) -> usize {
        let text = (self.read)(file).unwrap_or_else(|| panic!("{file} is missing"));
        let module = self.add(file, parent);
        self.scan(module, folder, &lex(&text).tokens);
        module
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.modules.len() - 1
    }

    /// Reads the items of one module; `folder` holds the files of its children.
    fn scan(&mut self, module: usize, folder: &str, tokens: &[Token<'_>]) {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let (mut at, mut depth, mut path_attribute) = (0, 0_usize, None);
        while at < tokens.len() {
            match text(at) {
                "#" => {
                    let open = at + 1 + usize::from(text(at + 1) == "!");
                    let end = closing(tokens, open);
                    let inside: Vec<_> = (open..end).map(text).collect();
                    at = end;
                    if inside.get(1) == Some(&"path") {
                        path_attribute = inside
                            .iter()
                            .find_map(|text| text.strip_prefix('"')?.strip_suffix('"'))
                            .map(str::to_owned);
                    }
                    let for_tests =
                        inside.contains(&"cfg") && inside.contains(&"test") && !inside.contains(&"not");
                    if for_tests {
                        at = after_item(tokens, at);
                    }
                    continue;
                }
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "mod" if text(at + 2) == ";" => {
                    let name = text(at + 1);
                    let (file, inner) = self.child_file(folder, name, path_attribute.take());
                    let child = self.file(&file, &inner, Some(module));
                    self.modules[module].children.insert(name.to_owned(), child);
                    at += 3;
                    continue;
                }
                "mod" if text(at + 2) == "{" => {
                    let (name, end) = (text(at + 1), closing(tokens, at + 2));
                    let file = self.modules[module].file.clone();
                    let child = self.add(&file, Some(module));
                    self.modules[module].children.insert(name.to_owned(), child);
                    self.scan(child, &format!("{folder}{name}/"), &tokens[at + 3..end - 1]);
                    at = end;
                    continue;
                }
                "use" if text(at + 1) != "<" => {
                    let end = (at..tokens.len()).find(|at| text(*at) == ";").unwrap_or(tokens.len());
                    let is_public = text(at.wrapping_sub(1)) == "pub" || text(at.wrapping_sub(1)) == ")";
                    let line = tokens[at].line;
                    let mut imports = Vec::new();
                    tree(&tokens[at + 1..end], &[], &mut imports);
                    let imports =
                        imports.into_iter().map(|(path, name)| Import { path, name, is_public, line });
                    self.modules[module].imports.extend(imports);
                    at = end;
                    continue;
                }
                "macro_rules" => {
                    self.modules[module].items.insert(text(at + 2).to_owned());
                }
                word if depth == 0 && ITEMS.contains(&word) => {
                    self.modules[module].items.insert(text(at + 1).to_owned());
                }
                _ => {}
            }
            at += self.path(module, tokens, at);
        }
    }

    /// Notes the path that begins at a token, unless it is a field or a method; returns how many tokens it
    /// has.
    fn path(&mut self, module: usize, tokens: &[Token<'_>], at: usize) -> usize {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let before = text(at.wrapping_sub(1));
        if !tokens[at].is_word() || before == "." || ITEMS.contains(&before) {
            return 1;
        }
        let mut path = vec![text(at).to_owned()];
        let mut length = 1;
        while text(at + length) == ":"
            && text(at + length + 1) == ":"
            && tokens.get(at + length + 2).is_some_and(Token::is_word)
        {
            path.push(text(at + length + 2).to_owned());
            length += 3;
        }
        // A single name in lower case may be a variable, unless it is called.
        let is_type = path[0].starts_with(char::is_uppercase);
        if length > 1 || is_type || ["(", "!"].contains(&text(at + 1)) {
            self.modules[module].paths.push((path, tokens[at].line));
        }
        length
    }

    /// Returns the file of a child, and the folder of that child's children.
    fn child_file(&self, folder: &str, name: &str, path: Option<String>) -> (String, String) {
        if let Some(path) = path {
            let file = format!("{folder}{path}");
            return (
                file.clone(),
                file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/")),
            );
        }
        let (beside, inside) = (format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs"));
        let file = if (self.read)(&beside).is_some() { beside } else { inside };
        (file, format!("{folder}{name}/"))
    }

    /// Returns every use of another file's item, in order.
    ///
    /// Counted are imports and paths from `crate`, `super`, `self` or an imported module. A module may call
    /// what its own children define (`child::run()`) and re-export it without depending on them.
    pub(crate) fn uses(&self) -> BTreeSet<Use> {
        let mut found = BTreeSet::new();
        for (at, module) in self.modules.iter().enumerate() {
            let imported =
                |name: &str| module.imports.iter().any(|import| !import.is_public && import.name == name);
            let is_counted = |head: &str| ["crate", "super", "self"].contains(&head) || imported(head);
            let imports = module
                .imports
                .iter()
                .filter(|import| !import.is_public)
                .map(|import| (&import.path, import.line));
            let paths = module
                .paths
                .iter()
                .filter(|(path, _)| is_counted(&path[0]))
                .map(|(path, line)| (path, *line));
            for (path, line) in imports.chain(paths) {
                // A module that is imported is a place to look in, and no use of what is there.
                let Some(Target::ItemOf(target)) = self.resolve(at, path, 0) else { continue };
                let to = self.modules[target].file.clone();
                if to != module.file {
                    found.insert(Use { from: module.file.clone(), line, to });
                }
            }
        }
        found
    }

    /// Follows a path from a module to where its item is defined; none for other crates and for names that
    /// are no items.
    fn resolve(&self, from: usize, path: &[String], imports: usize) -> Option<Target> {
        let (head, mut rest) = path.split_first()?;
        let mut target = match head.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => self.named(from, name, imports)?,
        };
        while let (Target::Module(module), Some((name, further))) = (target, rest.split_first()) {
            target = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                "self" => target,
                "*" => Target::ItemOf(module),
                // An item that a macro defines is not seen; the module has it.
                name => self.named(module, name, imports).unwrap_or(Target::ItemOf(module)),
            };
            rest = further;
        }
        Some(target)
    }

    /// Finds a name in a module: its own, or one that it imports.
    fn named(&self, module: usize, name: &str, imports: usize) -> Option<Target> {
        let this = &self.modules[module];
        if let Some(child) = this.children.get(name) {
            return Some(Target::Module(*child));
        }
        if this.items.contains(name) {
            return Some(Target::ItemOf(module));
        }
        if imports >= MAX_IMPORTS {
            return None;
        }
        let imported = |import: &&Import| import.name == name && import.path.as_slice() != [name];
        if let Some(import) = this.imports.iter().find(imported) {
            return self.resolve(module, &import.path, imports + 1);
        }
        this.imports.iter().filter(|import| import.name == "*").find_map(|import| {
            let path = import.path.split_last().map_or(&[][..], |(_, path)| path);
            let Some(Target::Module(source)) = self.resolve(module, path, imports + 1) else { return None };
            if source == module { None } else { self.named(source, name, imports + 1) }
        })
    }
}

/// Returns the place after the bracket that closes the one at `open`.
fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Returns the place after the item, field, variant or statement at `at`.
fn after_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let is_item = tokens.get(at).is_some_and(|token| {
        ITEMS.contains(&token.text)
            || ["pub", "mod", "use", "impl", "async", "unsafe", "macro_rules", "#"].contains(&token.text)
    });
    let is_use = tokens[at..].iter().take(6).any(|token| token.text == "use");
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            ")" | "]" | "}" => return at,
            "{" if !is_use => return closing(tokens, at),
            "(" | "[" | "{" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

/// Takes a tree of imports apart into paths with the names that they get.
fn tree(tokens: &[Token<'_>], prefix: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    let mut at = 0;
    let mut finish = |path: &mut Vec<String>, name: &mut Option<String>| {
        if path.len() > prefix.len() {
            if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let last = path.last().cloned().unwrap_or_default();
            found.push((std::mem::replace(path, prefix.to_vec()), name.take().unwrap_or(last)));
        }
        *path = prefix.to_vec();
    };
    let mut branches = Vec::new();
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => {
                let end = closing(tokens, at);
                branches.push((at + 1..end - 1, path.clone()));
                path = prefix.to_vec();
                at = end;
                continue;
            }
            "," => finish(&mut path, &mut name),
            "as" => {
                name = tokens.get(at + 1).map(|token| token.text.to_owned());
                at += 1;
            }
            ":" => {}
            text => path.push(text.to_owned()),
        }
        at += 1;
    }
    finish(&mut path, &mut name);
    for (range, path) in branches {
        tree(&tokens[range], &path, found);
    }
}

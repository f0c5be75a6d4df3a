//! Position of a value, for error texts.

use std::path::{Path, PathBuf};

use crate::types::Lang;
use crate::types::texts::key;

/// Position of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// In a file.
    File {
        /// Path of the file, as it was given.
        path: PathBuf,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// In an environment variable of this name.
    Variable(String),
}

impl Span {
    /// Returns the position of a byte `offset` in a file's `text`.
    pub(super) fn in_text(path: &Path, text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self::File { path: path.to_owned(), line: number(line), column: number(column) }
    }

    /// Returns `file:line:column` or the variable's name, for a person.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::File { path, line, column } => format!("{}:{line}:{column}", path.display()),
            Self::Variable(name) => key::CONFIG_VARIABLE.fill(lang, &[("name", name)]),
        }
    }
}

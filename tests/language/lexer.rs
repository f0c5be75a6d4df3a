//! Splits Rust source into tokens and comments, so that a lint takes no string or comment for code.

/// Identifier, literal, lifetime or one character of punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// Line comment or block comment, with its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// Tokens and comments of one file, in order.
#[derive(Default)]
pub(crate) struct Source<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Comment<'a>>,
}

impl Token<'_> {
    /// Returns true for an identifier or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !self.text.ends_with('"')
            && !self.text.ends_with('#')
    }
}

pub(crate) fn lex(text: &str) -> Source<'_> {
    let mut source = Source::default();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let is_comment = rest.starts_with("//") || rest.starts_with("/*");
        let length =
            if is_comment { comment(rest) } else { literal(rest).unwrap_or_else(|| word(rest, first)) };
        let piece = &rest[..length];
        if is_comment {
            source.comments.push(Comment { text: piece, line });
        } else if !first.is_whitespace() {
            source.tokens.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count();
        at += length;
    }
    source
}

/// Returns the length of the comment that `rest` begins with; block comments nest.
fn comment(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let mark = rest.as_bytes().get(at..at + 2);
        match mark {
            Some(b"/*") => depth += 1,
            Some(b"*/") => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// Returns the length of the string, character or lifetime that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| {
            after.starts_with('"')
                || (prefix.ends_with('r') && after.trim_start_matches('#').starts_with('"'))
        })
    });
    if let Some(prefix) = prefix {
        let after = &rest[prefix.len()..];
        if !prefix.ends_with('r') {
            return Some(prefix.len() + quoted(after, '"'));
        }
        let hashes = after.len() - after.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = &after[hashes + 1..];
        let length = inside.find(&end).map_or(inside.len(), |found| found + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    let prefix = usize::from(rest.starts_with("b'"));
    let after = rest[prefix..].strip_prefix('\'')?;
    let mut chars = after.chars();
    let (first, second) = (chars.next()?, chars.next());
    if first == '\\' || second == Some('\'') {
        return Some(prefix + quoted(&rest[prefix..], '\''));
    }
    Some(prefix + 1 + word(after, first))
}

/// Returns the length of a literal between two `mark`s, of which a backslash may hide one.
fn quoted(rest: &str, mark: char) -> usize {
    let mut hidden = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            c if c == mark => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Returns the length of an identifier or a number, or of one character.
fn word(rest: &str, first: char) -> usize {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    if !in_word(first) {
        return first.len_utf8();
    }
    rest.find(|c| !in_word(c)).unwrap_or(rest.len())
}

#[test]
fn strings_and_comments_are_no_code() {
    let text = "let s = r#\"// \"no\" comment\"#; // one \"two\"\nlet c = '\"'; /* a /* b */ c */ fn f<'a>(x: &'a str) -> char { '\\'' }";
    let source = lex(text);
    assert_eq!(
        source.comments.iter().map(|c| (c.text, c.line)).collect::<Vec<_>>(),
        [("// one \"two\"", 1), ("/* a /* b */ c */", 2)]
    );
    let words: Vec<_> =
        source.tokens.iter().filter(|token| token.is_word()).map(|token| token.text).collect();
    assert_eq!(words, ["let", "s", "let", "c", "fn", "f", "x", "str", "char"]);
    assert!(source.tokens.iter().any(|token| token.text == "'\\''" && token.line == 2));
}

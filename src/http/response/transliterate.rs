//! A name in ASCII for programs that read no other.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Letters without a decomposition into an ASCII letter and marks.
const LETTERS: [(char, &str); 24] = [
    ('ß', "ss"),
    ('ẞ', "SS"),
    ('æ', "ae"),
    ('Æ', "AE"),
    ('œ', "oe"),
    ('Œ', "OE"),
    ('ø', "o"),
    ('Ø', "O"),
    ('ł', "l"),
    ('Ł', "L"),
    ('đ', "d"),
    ('Đ', "D"),
    ('ð', "d"),
    ('Ð', "D"),
    ('þ', "th"),
    ('Þ', "Th"),
    ('ħ', "h"),
    ('ı', "i"),
    ('‘', "'"),
    ('’', "'"),
    ('–', "-"),
    ('—', "-"),
    ('\u{2010}', "-"),
    ('\u{2011}', "-"),
];

/// The name in ASCII, safe within quotes: `año ñandú.txt` is `ano nandu.txt`. What has no ASCII form is `_`.
pub(crate) fn ascii(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !is_combining_mark(*c)) {
        let start = out.len();
        let whole = std::iter::once(c).nfkd().filter(|part| !is_combining_mark(*part)).all(|part| {
            let known = LETTERS.iter().find(|(letter, _)| *letter == part);
            match known {
                Some((_, ascii)) => out.push_str(ascii),
                None if is_safe(part) => out.push(part),
                None => return false,
            }
            true
        });
        if !whole {
            out.truncate(start);
            out.push('_');
        }
    }
    out
}

/// Characters that no client reads as an escape, a quote or a path.
fn is_safe(c: char) -> bool {
    (c.is_ascii_graphic() || c == ' ')
        && !matches!(c, '"' | '\\' | '%' | '/' | ':' | '*' | '?' | '<' | '>' | '|')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_keep_their_shape() {
        for (name, want) in [
            ("año ñandú.txt", "ano nandu.txt"),
            ("Ån\u{303}o Straße œuvre.pdf", "Ano Strasse oeuvre.pdf"),
            ("Łódź đak þór.odt", "Lodz dak thor.odt"),
            ("1ª hoja… – ‘x’.txt", "1a hoja... - 'x'.txt"),
            ("ﬁn ＡＢ.txt", "fin AB.txt"),
            ("名 한.txt", "_ _.txt"),
            ("100% \"x\".txt", "100_ _x_.txt"),
            ("a＂b／c＼d％.txt", "a_b_c_d_.txt"),
            ("👩\u{200D}🔧.png", "___.png"),
        ] {
            assert_eq!(ascii(name), want);
        }
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_quotable_one(name in "\\PC{0,30}") {
            let ascii = ascii(&name);
            prop_assert!(ascii.chars().all(is_safe), "{ascii:?}");
        }
    }
}

//! Entity tags (RFC 9110 section 8.8.3).

/// One tag of a list, or the wildcard `*`.
pub(crate) struct Tag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl Tag<'_> {
    /// Compares with a strong tag, given with its quotes (section 8.8.3.2). The wildcard matches what exists.
    pub(crate) fn matches_strongly(&self, etag: &str) -> bool {
        !self.weak && (self.opaque == etag || self.opaque == "*")
    }

    /// Compares with a tag that is given without `W/`. The wildcard matches what exists.
    pub(crate) fn matches_weakly(&self, etag: &str) -> bool {
        self.opaque == etag || (self.opaque == "*" && !self.weak)
    }
}

/// The tags of a list; a tag may hold commas between its quotes.
pub(crate) fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let text = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |quoted| (true, quoted));
        if quoted.is_empty() {
            return None;
        }
        let end = match quoted.strip_prefix('"') {
            Some(inside) => inside.find('"').map_or(quoted.len(), |end| end + 2),
            None => quoted.find(',').unwrap_or(quoted.len()),
        };
        rest = &quoted[end..];
        Some(Tag { weak, opaque: quoted[..end].trim_end_matches([' ', '\t']) })
    })
}

/// Returns true if an `If-None-Match` names `etag`, which is given without `W/`: the comparison there is the
/// weak one.
pub(crate) fn matches_any(list: &str, etag: &str) -> bool {
    tags(list).any(|tag| tag.matches_weakly(etag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_of_tags_is_compared_weakly() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", W/\"a\"", "*", " \"x\" ,\"a\" "] {
            assert!(matches_any(list, "\"a\""), "{list}");
        }
        for list in ["", "a", "\"b\"", "\"ab\"", "\"a", "\"x,\"a\"\"", "W/*", "\"*\""] {
            assert!(!matches_any(list, "\"a\""), "{list}");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_parsed(list in "(\"|W/|\\*|,|abc| |\\PC){0,20}") {
            prop_assert!(tags(&list).count() <= list.len());
        }
    }
}

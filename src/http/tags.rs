//! Entity tags (RFC 9110 section 8.8.3).

/// Returns true if an `If-None-Match` names `etag`, which is given without `W/`: the comparison there is the weak one.
pub(super) fn matches_any(list: &str, etag: &str) -> bool {
    list.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_compared_weakly() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", W/\"a\"", "*", " \"x\" ,\"a\" "] {
            assert!(matches_any(list, "\"a\""), "{list}");
        }
        for list in ["", "a", "\"b\"", "\"ab\"", "\"a"] {
            assert!(!matches_any(list, "\"a\""), "{list}");
        }
    }
}

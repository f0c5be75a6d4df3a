//! Suggestions for unknown names.

/// Maximum edits of a typing error (`romms`, `conections`); three edits make another word (`port` is not
/// `hosts`).
const SLIP: usize = 2;

/// Returns the candidate with the fewest edits from `name`, if they are at most [`SLIP`]. A candidate that
/// ends in the last part of `name` (a key in the wrong table) counts as one edit.
pub(super) fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    candidates
        .map(|candidate| {
            let misplaced = last(&candidate) == last(name);
            (if misplaced { 1 } else { edits(name, &candidate) }, candidate)
        })
        .filter(|(edits, _)| *edits <= SLIP)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the Levenshtein distance in bytes; names over 64 bytes match nothing.
fn edits(a: &str, b: &str) -> usize {
    if a.len().max(b.len()) > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let known = || ["limits.rooms", "limits.room_ring", "http.listen"].map(str::to_owned).into_iter();
        assert_eq!(nearest("limits.romms", known()).as_deref(), Some("limits.rooms"));
        assert_eq!(nearest("rooms", known()).as_deref(), Some("limits.rooms"), "in the wrong table");
        assert_eq!(nearest("http.port", known()), None);
        assert_eq!(nearest(&"x".repeat(100), known()), None);
        assert_eq!((edits("kitten", "sitting"), edits("", "abc"), edits("ab", "")), (3, 3, 2));
    }
}

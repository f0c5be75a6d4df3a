//! Suggestions for unknown names.

/// Maximum edits of a typing error (`romms`, `conections`); three edits make another word (`port` is not
/// `hosts`).
const SLIP: usize = 2;
/// Names over this many bytes match nothing: the distance takes the product of both lengths.
const LONGEST: usize = 64;

/// Returns the candidate with the fewest edits from `name`, if they are at most [`SLIP`]. A candidate that
/// ends in the last part of `name` (a key in the wrong table) counts as one edit.
pub(super) fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    candidates
        .filter(|candidate| name.len().max(candidate.len()) <= LONGEST)
        .map(|candidate| {
            let misplaced = last(&candidate) == last(name);
            (if misplaced { 1 } else { strsim::osa_distance(name, &candidate) }, candidate)
        })
        .filter(|(edits, _)| *edits <= SLIP)
        .min()
        .map(|(_, candidate)| candidate)
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
        assert_eq!(nearest("htpt.lsiten", known()).as_deref(), Some("http.listen"), "two swaps");
        assert_eq!(nearest(&"x".repeat(100), known()), None);
    }
}

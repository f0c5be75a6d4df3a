//! Paginated file lists, limited to what the viewer may see.

use std::sync::atomic::AtomicU64;

use tokio::sync::Semaphore;

use super::record::FileState;
use crate::store::FileFilter;
use crate::types::UserId;

/// List queries that run at once: two of the eight blocking threads, so that uploads and sign-ins never wait
/// for readers.
const READS_AT_ONCE: usize = 2;

/// States that a list includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedStates {
    /// All that the viewer may see.
    Any,
    /// Suspicious, unscannable and infected files that were not released.
    Held,
    /// One state.
    One(FileState),
}

impl ListedStates {
    /// Parses the query value: `held` or the name of a state.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "held" { Some(Self::Held) } else { word.parse().ok().map(Self::One) }
    }

    fn hold(self, state: FileState) -> bool {
        match self {
            Self::Any => true,
            Self::Held => {
                matches!(state, FileState::Suspicious | FileState::Unscannable | FileState::Infected)
            }
            Self::One(wanted) => state == wanted,
        }
    }
}

/// Returns the filter for the files that `viewer` may list: those available to all and the viewer's own.
/// Without a viewer, for administrators, all files.
pub fn visible(viewer: Option<UserId>, states: ListedStates) -> FileFilter {
    let wanted = |is_open: bool| {
        let all = FileState::ALL.into_iter().filter(|state| states.hold(*state));
        all.filter(|state| (viewer.is_none() || state.available_to_all()) == is_open)
            .map(FileState::as_str)
            .collect()
    };
    FileFilter { open: wanted(true), owner: viewer, own: wanted(false) }
}

/// State shared by all lists.
pub(super) struct Lists {
    pub(super) reads: Semaphore,
    pub(super) answered: AtomicU64,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self { reads: Semaphore::new(READS_AT_ONCE), answered: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewer_sees_available_and_own_files() {
        let ana = Some(UserId(1));
        let all = visible(None, ListedStates::Any);
        assert_eq!((all.open.len(), all.owner, all.own.len()), (FileState::ALL.len(), None, 0));
        let hers = visible(ana, ListedStates::Any);
        assert_eq!((hers.open.as_slice(), hers.owner), (["clean", "released"].as_slice(), ana));
        assert_eq!(hers.open.len() + hers.own.len(), FileState::ALL.len());
        let held = visible(ana, ListedStates::Held);
        assert_eq!(
            (held.open.len(), held.own.as_slice()),
            (0, ["suspicious", "unscannable", "infected"].as_slice())
        );
        assert_eq!(visible(None, ListedStates::Held).open, held.own);
        assert_eq!(visible(ana, ListedStates::One(FileState::Clean)).own.len(), 0);
    }

    #[test]
    fn listed_states_parse_from_query_values() {
        assert_eq!(ListedStates::from_word("held"), Some(ListedStates::Held));
        assert_eq!(ListedStates::from_word("clean"), Some(ListedStates::One(FileState::Clean)));
        for word in ["", "Held", "HELD", "any", "clean,released"] {
            assert_eq!(ListedStates::from_word(word), None, "{word}");
        }
    }
}

//! Cached numbers of files by state.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::types::UserId;

/// Maximum number of people whose own files are counted in memory: the maximum of sessions. 200 bytes each:
/// 3.2 MiB at most.
const COUNTED_PEOPLE: usize = 16_384;

/// Version of the database: another one after any write of any process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DatabaseVersion {
    /// Rows that this connection has changed.
    pub(super) own_changes: u64,
    /// SQLite's data version, which writes of other connections change.
    pub(super) data_version: i64,
}

/// Number of files in one state.
pub(super) struct StateCount {
    pub(super) state: String,
    pub(super) files: u64,
}

/// Number of files by state, of all and of single people. Valid for one version of the database.
#[derive(Default)]
pub(super) struct FileCounts {
    version: DatabaseVersion,
    by_owner: HashMap<Option<UserId>, Vec<StateCount>>,
}

impl FileCounts {
    /// Returns the counts of one person, or of all. Calls `count` if they are not known for this version.
    pub(super) fn of<E>(
        &mut self,
        owner: Option<UserId>,
        version: DatabaseVersion,
        count: impl FnOnce() -> Result<Vec<StateCount>, E>,
    ) -> Result<&[StateCount], E> {
        if self.version != version || self.by_owner.len() > COUNTED_PEOPLE {
            *self = Self { version, by_owner: HashMap::new() };
        }
        Ok(match self.by_owner.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(count()?),
        })
    }
}

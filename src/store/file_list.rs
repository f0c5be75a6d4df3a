//! Pages and counts of the file list, as one person may see it.

use std::collections::HashMap;

use rusqlite::OptionalExtension as _;

use super::files::{COLUMNS, file};
use super::{Db, FileRow, StoreError};
use crate::types::UserId;

/// Maximum number of people whose own files are counted in memory: the maximum of sessions. 200 bytes each:
/// 3.2 MiB at most.
const COUNTED_PEOPLE: usize = 16_384;

/// Filter of a file list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFilter {
    /// States whose files are listed for all.
    pub open: Vec<&'static str>,
    /// Person whose files in further states are listed.
    pub owner: Option<UserId>,
    /// Those further states; disjoint from the open ones.
    pub own: Vec<&'static str>,
}

impl FileFilter {
    /// Returns true if the list contains this file.
    pub fn holds(&self, row: &FileRow) -> bool {
        let state = row.state.as_str();
        self.open.contains(&state) || (self.owner.is_some() && row.user_id == self.owner && self.own.contains(&state))
    }
}

/// Page of the list: positions in the order of arrival, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePage {
    /// Position of each file.
    pub arrivals: Vec<i64>,
    /// True if older files follow.
    pub more: bool,
    /// Files of the whole list.
    pub total: u64,
}

/// Number of files by state, of all and of single people. Valid for one version of the database.
#[derive(Default)]
pub(super) struct FileCounts {
    version: (u64, i64),
    by_owner: HashMap<Option<UserId>, Vec<(String, u64)>>,
}

impl Db {
    /// Returns the newest `limit` files of the list that arrived before the position `before`. Reads indexes
    /// only, up to the end of the page.
    pub fn file_page(&mut self, filter: &FileFilter, before: Option<i64>, limit: usize) -> Result<FilePage, StoreError> {
        let total = self.count_listed(filter)?;
        let before = before.unwrap_or(i64::MAX);
        // One more than wanted shows that older files follow.
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut arrivals: Vec<i64> = Vec::new();
        for state in &filter.open {
            let text = "SELECT arrival FROM files WHERE state = ?1 AND arrival < ?2 ORDER BY arrival DESC LIMIT ?3";
            let mut query = self.conn.prepare_cached(text)?;
            let found = query.query_map((state, before, wanted), |row| row.get::<_, i64>(0))?;
            arrivals.extend(found.collect::<Result<Vec<i64>, _>>()?);
        }
        if let Some(owner) = filter.owner.filter(|_| !filter.own.is_empty()) {
            // The index has no states: a person's quota bounds how far this scans.
            let text = "SELECT arrival, state FROM files WHERE user_id = ?1 AND arrival < ?2 ORDER BY arrival DESC";
            let mut query = self.conn.prepare_cached(text)?;
            let mut rows = query.query((owner.0, before))?;
            let mut found = 0;
            while let Some(row) = rows.next()?.filter(|_| found < wanted) {
                if filter.own.contains(&row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?) {
                    arrivals.push(row.get(0)?);
                    found += 1;
                }
            }
        }
        arrivals.sort_unstable_by_key(|arrival| std::cmp::Reverse(*arrival));
        let more = arrivals.len() > limit;
        arrivals.truncate(limit);
        Ok(FilePage { arrivals, more, total })
    }

    /// Returns those of the files at these positions that are still in the list, in the given order.
    pub fn listed_files(&self, filter: &FileFilter, arrivals: &[i64]) -> Result<Vec<FileRow>, StoreError> {
        let mut query = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM files WHERE arrival = ?1"))?;
        let mut rows = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            rows.extend(query.query_row([arrival], file).optional()?.filter(|row| filter.holds(row)));
        }
        Ok(rows)
    }

    fn count_listed(&mut self, filter: &FileFilter) -> Result<u64, StoreError> {
        let of = |counts: &[(String, u64)], states: &[&str]| -> u64 {
            counts.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, count)| count).sum()
        };
        let open = of(self.counts_of(None)?, &filter.open);
        let own = match filter.owner.filter(|_| !filter.own.is_empty()) {
            Some(owner) => of(self.counts_of(Some(owner))?, &filter.own),
            None => 0,
        };
        Ok(open + own)
    }

    /// Returns the files of one person, or of all, by state. Counts again after any change of the database by
    /// any process.
    fn counts_of(&mut self, owner: Option<UserId>) -> Result<&[(String, u64)], StoreError> {
        let version = (self.conn.total_changes(), self.version_elsewhere()?);
        if self.file_counts.version != version || self.file_counts.by_owner.len() > COUNTED_PEOPLE {
            self.file_counts = FileCounts { version, by_owner: HashMap::new() };
        }
        let counts = match self.file_counts.by_owner.entry(owner) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                unknown.insert(match owner {
                    None => {
                        let mut query = self.conn.prepare_cached("SELECT state, count(*) FROM files GROUP BY state")?;
                        query.query_map([], pair)?.collect::<Result<_, _>>()?
                    }
                    Some(owner) => {
                        let text = "SELECT state, count(*) FROM files WHERE user_id = ?1 GROUP BY state";
                        self.conn.prepare_cached(text)?.query_map([owner.0], pair)?.collect::<Result<_, _>>()?
                    }
                })
            }
        };
        Ok(counts)
    }
}

#[cfg(test)]
#[path = "file_list_tests.rs"]
mod tests;

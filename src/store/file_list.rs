//! Pages and counts of the file list, as one person may see it.

use rusqlite::OptionalExtension as _;

use super::connection::Db;
use super::error::StoreError;
use super::file_counts::{DatabaseVersion, StateCount};
use super::files::{COLUMNS, FileRow, file};
use crate::types::UserId;

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
        self.open.contains(&state)
            || (self.owner.is_some() && row.user_id == self.owner && self.own.contains(&state))
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

impl Db {
    /// Returns the newest `limit` files of the list that arrived before the position `before`. Reads indexes
    /// only, up to the end of the page.
    pub fn file_page(
        &mut self,
        filter: &FileFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<FilePage, StoreError> {
        let total = self.count_listed(filter)?;
        let before = before.unwrap_or(i64::MAX);
        // One more than wanted shows that older files follow.
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut arrivals: Vec<i64> = Vec::new();
        for state in &filter.open {
            let text =
                "SELECT arrival FROM files WHERE state = ?1 AND arrival < ?2 ORDER BY arrival DESC LIMIT ?3";
            let mut query = self.conn.prepare_cached(text)?;
            let found = query.query_map((state, before, wanted), |row| row.get::<_, i64>(0))?;
            arrivals.extend(found.collect::<Result<Vec<i64>, _>>()?);
        }
        if let Some(owner) = filter.owner.filter(|_| !filter.own.is_empty()) {
            // The index has no states: a person's quota bounds how far this scans.
            let text =
                "SELECT arrival, state FROM files WHERE user_id = ?1 AND arrival < ?2 ORDER BY arrival DESC";
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
        let mut query =
            self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM files WHERE arrival = ?1"))?;
        let mut rows = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            rows.extend(query.query_row([arrival], file).optional()?.filter(|row| filter.holds(row)));
        }
        Ok(rows)
    }

    fn count_listed(&mut self, filter: &FileFilter) -> Result<u64, StoreError> {
        let of = |counts: &[StateCount], states: &[&str]| -> u64 {
            counts
                .iter()
                .filter(|count| states.contains(&count.state.as_str()))
                .map(|count| count.files)
                .sum()
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
    fn counts_of(&mut self, owner: Option<UserId>) -> Result<&[StateCount], StoreError> {
        let version = DatabaseVersion {
            own_changes: self.conn.total_changes(),
            data_version: self.version_elsewhere()?,
        };
        let conn = &self.conn;
        self.file_counts.of(owner, version, || {
            let count = |row: &rusqlite::Row<'_>| Ok(StateCount { state: row.get(0)?, files: row.get(1)? });
            let counts = match owner {
                None => {
                    let mut query =
                        conn.prepare_cached("SELECT state, count(*) FROM files GROUP BY state")?;
                    query.query_map([], count)?.collect::<Result<_, _>>()?
                }
                Some(owner) => {
                    let text = "SELECT state, count(*) FROM files WHERE user_id = ?1 GROUP BY state";
                    conn.prepare_cached(text)?.query_map([owner.0], count)?.collect::<Result<_, _>>()?
                }
            };
            Ok(counts)
        })
    }
}

#[cfg(test)]
#[path = "file_list_tests.rs"]
mod tests;

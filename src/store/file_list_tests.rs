use super::*;
use crate::clock::Timestamp;
use crate::store::Store;
use crate::types::crypto::Sha256;

const OPEN: [&str; 2] = ["clean", "released"];
const OWN: [&str; 3] = ["received", "suspicious", "infected"];

fn row(id: u32, state: &str, user: i64) -> FileRow {
    FileRow {
        arrival: 0,
        id: id.to_string(),
        name: format!("{id}.txt"),
        size: 1,
        sha256: Sha256::of(&id.to_le_bytes()),
        media_type: "text/plain".into(),
        state: state.into(),
        reasons: String::new(),
        uploaded_by: "ana".into(),
        user_id: Some(UserId(user)),
        uploaded_at: Timestamp(1),
    }
}

fn seen_by(user: i64) -> FileFilter {
    FileFilter { open: OPEN.into(), owner: Some(UserId(user)), own: OWN.into() }
}

/// Files 1 to 60 with three states and two people in turn.
fn store() -> Store {
    let store = Store::in_memory().expect("opens");
    let filled = store.with(|db| {
        for id in 1..=60 {
            db.add_file(
                row(id, ["clean", "suspicious", "received"][id as usize % 3], i64::from(id % 2)),
                |n| n.to_string(),
            )?;
        }
        Ok(())
    });
    filled.expect("fills");
    store
}

/// Returns all positions of a list, page by page.
fn walk(db: &mut Db, filter: &FileFilter, limit: usize) -> Result<Vec<i64>, StoreError> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = db.file_page(filter, before, limit)?;
        assert!(page.arrivals.len() <= limit);
        all.extend(&page.arrivals);
        assert_eq!(db.listed_files(filter, &page.arrivals)?.len(), page.arrivals.len());
        if !page.more {
            assert_eq!(page.total, all.len() as u64);
            return Ok(all);
        }
        before = page.arrivals.last().copied();
    }
}

#[test]
fn pages_list_each_visible_file_once_newest_first() {
    let walked = store().with(|db| {
        let expected: Vec<i64> = (1..=60).rev().filter(|id| id % 3 == 0 || id % 2 == 1).collect();
        for limit in [1, 2, 7, 39, 40, 41, 500] {
            assert_eq!(walk(db, &seen_by(1), limit)?, expected, "pages of {limit}");
        }
        let held = FileFilter { open: vec![], owner: Some(UserId(1)), own: vec!["suspicious"] };
        assert_eq!(walk(db, &held, 4)?, (1..=60).rev().filter(|id| id % 6 == 1).collect::<Vec<_>>());
        let all = FileFilter { open: [&OPEN[..], &OWN[..]].concat(), owner: None, own: vec![] };
        assert_eq!(walk(db, &all, 7)?, (1..=60).rev().collect::<Vec<_>>());
        Ok(())
    });
    walked.expect("works");
}

#[test]
fn position_of_a_deleted_file_stays_valid() {
    let walked = store().with(|db| {
        let first = db.file_page(&seen_by(1), None, 5)?;
        let last = *first.arrivals.last().expect("a page");
        assert!(db.remove_file(&last.to_string(), Timestamp(9))?.is_some());
        db.add_file(row(99, "clean", 0), |n| n.to_string())?;
        let second = db.file_page(&seen_by(1), Some(last), 5)?;
        assert!(second.arrivals.iter().all(|arrival| *arrival < last) && second.arrivals.len() == 5);
        assert_eq!(second.total, 40);
        Ok(())
    });
    walked.expect("works");
}

#[test]
fn counts_follow_changes_of_visible_files() {
    let counted = store().with(|db| {
        let total = |db: &mut Db, user| Ok::<_, StoreError>(db.file_page(&seen_by(user), None, 1)?.total);
        assert_eq!((total(db, 1)?, total(db, 2)?), (40, 20));
        db.add_file(row(61, "suspicious", 5), |n| n.to_string())?;
        assert_eq!((total(db, 1)?, total(db, 2)?, total(db, 5)?), (40, 20, 21));
        assert!(db.move_file("61", "suspicious", "clean", "")?);
        assert_eq!((total(db, 1)?, total(db, 2)?, total(db, 5)?), (41, 21, 21));
        assert!(db.remove_file("61", Timestamp(9))?.is_some());
        assert_eq!((total(db, 1)?, total(db, 2)?, total(db, 5)?), (40, 20, 20));
        Ok(())
    });
    counted.expect("works");
}

#[test]
fn counts_follow_writes_of_another_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let [ours, theirs] = [(); 2].map(|()| Store::open(folder.path()).expect("opens"));
    let total = || ours.with(|db| Ok(db.file_page(&seen_by(1), None, 1)?.total)).expect("counts");
    assert_eq!(total(), 0);
    theirs.with(|db| db.add_file(row(1, "clean", 3), |n| n.to_string())).expect("adds");
    assert_eq!(total(), 1);
}

#[test]
fn file_held_between_pages_is_left_out() {
    let listed = store().with(|db| {
        let page = db.file_page(&seen_by(7), None, 3)?;
        assert!(db.move_file(&page.arrivals[1].to_string(), "clean", "suspicious", "x")?);
        let rows = db.listed_files(&seen_by(7), &page.arrivals)?;
        Ok((page.arrivals, rows.into_iter().map(|row| row.arrival).collect::<Vec<_>>()))
    });
    let (asked, got) = listed.expect("works");
    assert_eq!(got, [asked[0], asked[2]]);
}

/// Returns the texts of statements in a source file.
fn statements(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let literals = source.split('"').skip(1).step_by(2);
    let is_statement = |text: &&str| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb));
    literals.filter(is_statement).map(|text| text.replace("{COLUMNS}", COLUMNS)).collect()
}

#[test]
fn no_statement_scans_the_files_table() {
    // The start reads all; counts by state read one index once per change.
    let whole = ["FROM files ORDER BY arrival DESC", "SELECT state, count(*) FROM files GROUP BY state"];
    let store = Store::in_memory().expect("opens");
    let mut seen = 0;
    for text in [include_str!("files.rs"), include_str!("file_list.rs"), include_str!("removals.rs")]
        .into_iter()
        .flat_map(statements)
    {
        let plan = store.with(|db| {
            let mut query = db.conn.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
            let values = vec![rusqlite::types::Null; query.parameter_count()];
            let steps = query.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3))?;
            Ok(steps.collect::<Result<Vec<_>, _>>()?.join("; "))
        });
        let plan = plan.unwrap_or_else(|error| panic!("{text}: {error}"));
        let scans = plan.contains("SCAN files") || plan.contains("TEMP B-TREE FOR ORDER BY");
        assert_eq!(scans, whole.iter().any(|end| text.ends_with(end)) && !plan.is_empty(), "{text}: {plan}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen} statements");
}

//! Finds the first free number of a taken name without trying all numbers before it.

use std::collections::{BTreeSet, HashMap};

/// Maximum number of cached names: more than are numbered between two deletes. 500 bytes each: 32 KiB.
const NAMES: usize = 64;
/// Maximum freed numbers of one name; beyond it the name is forgotten and looked up from the start.
const FREED: usize = 256;

/// Cache of the numbers of names. A number that is not in it is taken; one that is may be taken too.
#[derive(Default)]
pub(super) struct NameNumbers {
    /// Data version; changes with each write of another process.
    version: i64,
    names: HashMap<String, Numbers>,
}

struct Numbers {
    /// Numbers below `next` that may be free.
    freed: BTreeSet<u32>,
    /// All numbers from here on may be free.
    next: u32,
}

impl NameNumbers {
    /// Returns the first number from 2 on for which `taken` is false.
    pub(super) fn first_free<E>(
        &mut self,
        name: &str,
        mut taken: impl FnMut(u32) -> Result<bool, E>,
    ) -> Result<u32, E> {
        if !self.names.contains_key(name) && self.names.len() >= NAMES {
            self.names.clear();
        }
        let numbers =
            self.names.entry(name.to_owned()).or_insert(Numbers { freed: BTreeSet::new(), next: 2 });
        // A free number stays in the cache: it is taken only if the caller commits, which the next call finds
        // out.
        while let Some(n) = numbers.freed.first().copied() {
            if !taken(n)? {
                return Ok(n);
            }
            numbers.freed.remove(&n);
        }
        while taken(numbers.next)? {
            numbers.next += 1;
        }
        Ok(numbers.next)
    }

    /// Records that a name is free again.
    pub(super) fn freed(&mut self, name: &str) {
        let Some((stem, n)) = numbered(name) else { return };
        // A numbered name begins with a prefix of its base name, because long names are cut.
        self.names.retain(|base, numbers| {
            if base.starts_with(stem) && n < numbers.next {
                numbers.freed.insert(n);
            }
            numbers.freed.len() <= FREED
        });
    }

    /// Clears the cache if another process has written since `version` changed: it may have freed names.
    pub(super) fn of_version(&mut self, version: i64) {
        if std::mem::replace(&mut self.version, version) != version {
            self.names.clear();
        }
    }
}

/// Splits `stem (n)` with or without an extension into the part before the number and the number.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (stem, rest) = name.rsplit_once(" (")?;
    let (digits, _) = rest.split_once(')')?;
    Some((stem, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Shelf {
        names: BTreeSet<String>,
        numbers: NameNumbers,
        looks: Cell<usize>,
    }

    impl Shelf {
        /// Adds a name as the store does; `kept` is false for a transaction that fails in the end.
        fn add(&mut self, base: &str, kept: bool) -> String {
            let mut name = base.to_owned();
            if self.names.contains(base) {
                let taken = |n: u32| {
                    self.looks.set(self.looks.get() + 1);
                    Ok::<_, Infallible>(self.names.contains(&format!("{base} ({n})")))
                };
                let Ok(n) = self.numbers.first_free(base, taken);
                name = format!("{base} ({n})");
            }
            if kept {
                self.names.insert(name.clone());
            }
            name
        }

        fn remove(&mut self, name: &str) {
            if self.names.remove(name) {
                self.numbers.freed(name);
            }
        }
    }

    #[test]
    fn free_number_takes_two_lookups_for_10000_files() {
        let mut shelf = Shelf::default();
        for _ in 0..10_000 {
            shelf.add("foto", true);
        }
        assert!(shelf.names.contains("foto (10000)"));
        shelf.looks.set(0);
        shelf.remove("foto (77)");
        assert_eq!([shelf.add("foto", true), shelf.add("foto", true)], ["foto (77)", "foto (10001)"]);
        assert!(shelf.looks.get() <= 6, "{}", shelf.looks.get());
    }

    #[test]
    fn number_is_parsed_from_the_end_of_the_stem() {
        for (name, want) in [
            ("a (2).txt", Some(("a", 2))),
            ("a (2) (13).tar.gz", Some(("a (2)", 13))),
            ("a (2)", Some(("a", 2))),
            ("a.txt", None),
            ("a (x).txt", None),
            ("a (99999999999).txt", None),
        ] {
            assert_eq!(numbered(name), want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn number_is_always_the_first_free_one(
            steps in proptest::collection::vec((0..3_usize, any::<bool>(), 0..6_usize, 0..9_u32), 1..120),
        ) {
            let mut shelf = Shelf::default();
            let bases = ["a", "a (2)", "b"];
            for (base, kept, what, n) in steps {
                let base = bases[base];
                match what {
                    0 => shelf.remove(&format!("{base} ({n})")),
                    1 => shelf.remove(base),
                    2 if n == 0 => shelf.numbers.of_version(shelf.numbers.version + 1),
                    _ => {
                        let first = (1..).map(|n| if n == 1 { base.to_owned() } else { format!("{base} ({n})") });
                        let want = first.into_iter().find(|name| !shelf.names.contains(name));
                        prop_assert_eq!(Some(shelf.add(base, kept)), want);
                    }
                }
            }
        }
    }
}

//! Dummy hashes for unknown names, which cost as much to check as those of accounts.

use std::sync::{Arc, Mutex};

use crate::locks::lock;
use crate::types::crypto::{Sha256, random};

/// Base64 digits of a 16-byte salt.
const SALT_DIGITS: usize = 22;
/// Base64 digits of a 32-byte hash.
const HASH_DIGITS: usize = 43;

/// Parameters of the stored hashes, with their frequencies. After a change of `accounts.argon2` some accounts
/// have old parameters and some new ones. An unknown name gets either, in the same proportion and always the
/// same.
pub(super) struct Decoys {
    /// Random for each run, so that clients cannot predict a name's parameters.
    salt: [u8; 16],
    prefixes: Mutex<Vec<String>>,
    /// Hash for a device without accounts.
    fallback: String,
}

/// Returns a PHC string up to its salt; `None` for other texts.
fn prefix(phc: &str) -> Option<&str> {
    let parameters_end = phc.match_indices('$').nth(3)?.0;
    Some(&phc[..=parameters_end]).filter(|prefix| prefix.starts_with("$argon2"))
}

fn dummy_hash(prefix: &str) -> String {
    format!("{prefix}{:A<SALT_DIGITS$}${:A<HASH_DIGITS$}", "", "")
}

impl Decoys {
    pub(super) fn new(fallback: String, hashes: &[String]) -> Self {
        let decoys = Self { salt: random(), prefixes: Mutex::default(), fallback };
        decoys.set(hashes);
        decoys
    }

    /// Updates the parameters from the stored hashes.
    pub(super) fn set(&self, hashes: &[String]) {
        let mut prefixes: Vec<_> = hashes.iter().filter_map(|phc| prefix(phc)).map(str::to_owned).collect();
        prefixes.sort_unstable();
        *lock(&self.prefixes) = prefixes;
    }

    /// Returns a hash that matches no password and costs as much to check as an account's.
    pub(super) fn of(&self, name: &str) -> Arc<str> {
        let prefixes = lock(&self.prefixes);
        match prefixes.len() {
            0 => self.fallback.as_str().into(),
            len => dummy_hash(&prefixes[self.pick(name, len)]).into(),
        }
    }

    /// Returns an index below `len`, always the same for a name.
    fn pick(&self, name: &str, len: usize) -> usize {
        let digest = Sha256::of(&[&self.salt, name.as_bytes()].concat());
        let number = digest.0.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number % len.max(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const OLD: &str = "$argon2id$v=19$m=64,t=1,p=1$";
    const NEW: &str = "$argon2id$v=19$m=128,t=2,p=1$";

    fn stored(prefix: &str) -> String {
        format!("{prefix}c29tZXNhbHQ$aGFzaA")
    }

    #[test]
    fn dummy_hash_costs_what_stored_hashes_cost() {
        let decoys = Decoys::new("fallback".to_owned(), &[]);
        assert_eq!(&*decoys.of("nadie"), "fallback");
        decoys.set(&[stored(OLD), "no hash".to_owned()]);
        assert_eq!(&*decoys.of("nadie"), dummy_hash(OLD), "whatever new hashes are made with");
        assert_eq!(
            argon2::verify_encoded(&decoys.of("nadie"), b""),
            Ok(false),
            "it can be checked, and nothing fits"
        );
    }

    #[test]
    fn dummy_hashes_are_distributed_like_stored_ones() {
        let decoys = Decoys::new(String::new(), &[stored(OLD), stored(NEW), stored(NEW), stored(NEW)]);
        let mut seen: HashMap<Arc<str>, u32> = HashMap::new();
        for n in 0..2000 {
            let name = format!("nadie{n}");
            *seen.entry(decoys.of(&name)).or_default() += 1;
            assert_eq!(decoys.of(&name), decoys.of(&name), "always the same for a name");
        }
        // A quarter of 2,000, plus or minus ten standard deviations of 19.
        let old = seen[&*dummy_hash(OLD)];
        assert!((310..690).contains(&old), "{old}");
        assert_eq!(seen.len(), 2);
    }
}

//! Hashes that unknown names are checked against, so that they cost what known ones cost.

use std::sync::{Arc, Mutex, PoisonError};

use crate::types::crypto::{Sha256, random};

/// Base64 digits of a salt of 16 zero bytes, and of a hash of 32.
const ZEROS: [usize; 2] = [22, 43];

/// Parameters of the stored hashes, each as often as it is stored. After a change of `accounts.argon2` some accounts have the old
/// ones and some the new ones; an unknown name gets either as a known one would, and always the same.
pub(super) struct Decoys {
    /// Random for each run, so that no client can tell which parameters a name gets.
    salt: [u8; 16],
    prefixes: Mutex<Vec<String>>,
    /// For a device without accounts.
    fallback: String,
}

/// Beginning of a PHC string up to its salt; none where the text is no such string.
fn prefix(phc: &str) -> Option<&str> {
    let parameters_end = phc.match_indices('$').nth(3)?.0;
    Some(&phc[..=parameters_end]).filter(|prefix| prefix.starts_with("$argon2"))
}

fn decoy(prefix: &str) -> String {
    let [salt, hash] = ZEROS;
    format!("{prefix}{:A<salt$}${:A<hash$}", "", "")
}

impl Decoys {
    pub(super) fn new(fallback: String, hashes: &[String]) -> Self {
        let decoys = Self { salt: random(), prefixes: Mutex::default(), fallback };
        decoys.set(hashes);
        decoys
    }

    /// Takes the parameters of what is stored now.
    pub(super) fn set(&self, hashes: &[String]) {
        let mut prefixes: Vec<_> = hashes.iter().filter_map(|phc| prefix(phc)).map(str::to_owned).collect();
        prefixes.sort_unstable();
        *self.prefixes.lock().unwrap_or_else(PoisonError::into_inner) = prefixes;
    }

    /// A hash that no password fits, as costly to check as that of an account.
    pub(super) fn of(&self, name: &str) -> Arc<str> {
        let prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        match prefixes.len() {
            0 => self.fallback.as_str().into(),
            len => decoy(&prefixes[self.pick(name, len)]).into(),
        }
    }

    /// An index below `len`, the same for the same name.
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
    fn decoys_cost_what_stored_hashes_cost() {
        let decoys = Decoys::new("fallback".to_owned(), &[]);
        assert_eq!(&*decoys.of("nadie"), "fallback");
        decoys.set(&[stored(OLD), "no hash".to_owned()]);
        assert_eq!(&*decoys.of("nadie"), decoy(OLD), "whatever new hashes are made with");
        assert_eq!(argon2::verify_encoded(&decoys.of("nadie"), b""), Ok(false), "it can be checked, and nothing fits");
    }

    #[test]
    fn decoys_are_spread_as_stored_hashes_are() {
        let decoys = Decoys::new(String::new(), &[stored(OLD), stored(NEW), stored(NEW), stored(NEW)]);
        let mut seen: HashMap<Arc<str>, u32> = HashMap::new();
        for n in 0..2000 {
            let name = format!("nadie{n}");
            *seen.entry(decoys.of(&name)).or_default() += 1;
            assert_eq!(decoys.of(&name), decoys.of(&name), "always the same for a name");
        }
        // A quarter of 2,000 and its standard deviation, 19: ten of these.
        let old = seen[&*decoy(OLD)];
        assert!((310..690).contains(&old), "{old}");
        assert_eq!(seen.len(), 2);
    }
}

//! Blocklist: passwords that are long enough but easy to guess.

use super::weak_password::WeakPassword;

/// The 3000 most common passwords of 8 characters or more, one a line, lower case, the most common first.
/// `assets/passwords/README.md` names their source. The page's meter uses the same list.
pub const COMMON: &str = include_str!("../../assets/passwords/common.txt");

/// Characters around a word that do not make it safe: the length of `24/11/2026`.
const MAX_AFFIX_CHARS: usize = 10;

/// Name of the program, which the page shows to everyone.
const PROGRAM: &str = "pichat";

/// Common passwords, and words known to everyone on this network.
pub struct Blocklist {
    /// Normalized words, none empty.
    words: Vec<String>,
}

impl Blocklist {
    /// Builds the blocklist of a device with that host name, with or without its domain.
    pub fn of_host(host_name: &str) -> Self {
        let label = host_name.split('.').next().unwrap_or_default();
        let mut words: Vec<_> =
            [PROGRAM, host_name, label].into_iter().map(normalize).filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        Self { words }
    }

    /// Rejects passwords, in NFC, that are easy to guess for an account called `user`, ignoring case:
    ///
    /// 1. a password that is on the list as a whole;
    /// 2. one that normalizes to `pichat`, the user's name, the device's name or a sequence of these, with at
    ///    most 10 further characters around or between its letters: `pichat123`, `Ana.2024`, `p-i-c-h-a-t`,
    ///    `PichatAna!`.
    pub(super) fn check(&self, password: &str, user: &str) -> Result<(), WeakPassword> {
        let lower = password.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err(WeakPassword::Common);
        }
        let core = normalize(&lower);
        let trimmings = lower.chars().count() - core.chars().count();
        let user = normalize(user);
        let words: Vec<_> = self.words.iter().chain([&user]).map(String::as_str).collect();
        if trimmings <= MAX_AFFIX_CHARS && is_made_of(&core, &words) {
            Err(WeakPassword::KnownWord)
        } else {
            Ok(())
        }
    }
}

/// Returns the letters of a text in lower case; its digits if it has no letters.
fn normalize(text: &str) -> String {
    let only = |kept: fn(char) -> bool| text.to_lowercase().chars().filter(|c| kept(*c)).collect::<String>();
    let letters = only(char::is_alphabetic);
    if letters.is_empty() { only(char::is_numeric) } else { letters }
}

/// Returns true if `text` is a sequence of one or more of `words`.
fn is_made_of(text: &str, words: &[&str]) -> bool {
    // True for each byte that a sequence of words reaches. A password has at most 128 characters and there
    // are at most four words.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for at in 0..text.len() {
        if reached[at] {
            for word in words.iter().filter(|word| !word.is_empty() && text[at..].starts_with(**word)) {
                reached[at + word.len()] = true;
            }
        }
    }
    !text.is_empty() && reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(password: &str) -> Result<(), WeakPassword> {
        Blocklist::of_host("caja-3.oficina.lan").check(password, "Ana.María")
    }

    #[test]
    fn common_list_has_3000_passwords_of_8_characters() {
        let all: std::collections::HashSet<_> = COMMON.lines().collect();
        assert_eq!((COMMON.lines().count(), all.len()), (3000, 3000));
        assert!(
            COMMON
                .lines()
                .all(|line| line.chars().count() >= 8 && line == line.to_lowercase() && line.trim() == line)
        );
        assert_eq!(COMMON.lines().next(), Some("123456789"), "the commonest comes first");
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord1", "123456789", "MARIPOSA", "qwertyuiop"] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
        for other in ["password de la caja", "mariposa y cafe", "xpassword"] {
            assert_eq!(check(other), Ok(()), "{other}");
        }
    }

    #[test]
    fn known_words_with_few_affixes_are_refused() {
        for known in [
            "pichat123",
            "PiChat-2024!",
            "p-i-c-h-a-t",
            "pichat 24/11/26",
            "pichatpichat",
            "ana.maría",
            "ANAMARÍA99",
            "_ana maría_1",
            "caja-3-1",
            "Caja3caja3",
            "cajaoficinalan",
            "caja-3.oficina.lan",
            "pichatCaja",
            "AnaMaríaPichat",
        ] {
            assert_eq!(check(known), Err(WeakPassword::KnownWord), "{known}");
        }
        for other in [
            "pichat24/11/2026x",
            "pichat-1234567890",
            "ana maría toma tinto",
            "pichata1",
            "la caja tres",
            "anamaria y pichat",
        ] {
            assert_eq!(check(other), Ok(()), "{other}");
        }
    }

    #[test]
    fn names_without_letters_are_compared_by_digits() {
        let blocklist = Blocklist::of_host("");
        assert_eq!(blocklist.check("48214821", "4821"), Err(WeakPassword::KnownWord));
        assert_eq!(blocklist.check("83920174", "---"), Ok(()), "no word is empty");
        assert_eq!(blocklist.check("8392-0174-5561-9", "a"), Ok(()), "no letter at all");
    }

    proptest! {
        /// The shortest possible names collide most often.
        #[test]
        fn random_password_of_15_characters_passes(password in "[ -~]{15}", user in "[a-z0-9]{1,3}", host in "[a-z]{1,3}") {
            prop_assert_eq!(Blocklist::of_host(&host).check(&password, &user), Ok(()));
        }

        #[test]
        fn check_never_panics(password in any::<String>(), user in any::<String>(), host in any::<String>()) {
            let _ = Blocklist::of_host(&host).check(&password, &user);
        }

        #[test]
        fn name_with_few_digits_is_refused(user in "[а-я]{3,16}|[a-z]{3,16}", digits in "[0-9]{0,8}", before: bool) {
            let password = if before { format!("{digits}{user}") } else { format!("{user}{digits}") };
            prop_assert!(Blocklist::of_host("caja").check(&password, &user).is_err());
        }
    }
}

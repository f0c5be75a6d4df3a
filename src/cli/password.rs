//! Passwords for commands: generated, from the terminal without echo, or one line of standard input. Never
//! from an argument, which every user of the machine could read.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use zeroize::Zeroizing;

use crate::accounts::blocklist::Blocklist;
use crate::accounts::password::Password;
use crate::app;
use crate::types::texts::{Key, key};
use crate::types::{Lang, OneTimePassword, UserName};

use super::exit::Failure;

/// Maximum bytes of standard input: far more than the longest password.
const MAX_LINE: u64 = 4096;

/// Options for the source of a new password.
#[derive(Args, Clone, Copy, Default)]
pub(super) struct Choice {
    #[arg(long, conflicts_with = "one_time")]
    password_stdin: bool,
    #[arg(long)]
    one_time: bool,
    #[arg(long)]
    must_change: bool,
}

/// Resolved source of the password.
#[derive(Debug, PartialEq, Eq)]
enum PasswordOrigin {
    Made,
    Asked,
    Line,
}

/// New password.
pub(super) struct New {
    pub(super) password: Password,
    /// Generated password, to be shown once.
    pub(super) shown: Option<OneTimePassword>,
    pub(super) must_change: bool,
}

impl Choice {
    /// Without options, a terminal gets a generated password; piped input is read as the password.
    fn origin(self, terminal: bool) -> PasswordOrigin {
        match (self.one_time || terminal && !self.password_stdin, terminal) {
            (true, _) => PasswordOrigin::Made,
            (false, true) => PasswordOrigin::Asked,
            (false, false) => PasswordOrigin::Line,
        }
    }

    /// Returns a new, acceptable password for `user`.
    pub(super) fn password(self, user: &UserName, lang: Lang) -> Result<New, Failure> {
        let text = match self.origin(io::stdin().is_terminal()) {
            PasswordOrigin::Made => {
                let made = OneTimePassword::random();
                let password = Password::typed(&made.to_string());
                return Ok(New { password, shown: Some(made), must_change: true });
            }
            PasswordOrigin::Asked => prompt(lang)?,
            PasswordOrigin::Line => line()?,
        };
        let password = Password::typed(&text);
        password.check_new(user.as_str(), &Blocklist::of_host(&app::host_name()))?;
        let password = if self.must_change { password.as_one_time() } else { password };
        Ok(New { password, shown: None, must_change: self.must_change })
    }
}

fn prompt(lang: Lang) -> Result<Zeroizing<String>, Failure> {
    let ask = |text: Key| rpassword::prompt_password(format!("{} ", text.get(lang))).map(Zeroizing::new);
    let first = ask(key::CLI_PASSWORD_NEW)?;
    let second = ask(key::CLI_PASSWORD_AGAIN)?;
    if *first == *second { Ok(first) } else { Err(Failure::Differ) }
}

fn line() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    io::stdin().lock().take(MAX_LINE).read_line(&mut text)?;
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.is_empty() {
        return Err(Failure::NoPassword(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_origin_depends_on_flags_and_terminal() {
        let origin = |password_stdin, one_time, terminal| {
            Choice { password_stdin, one_time, must_change: false }.origin(terminal)
        };
        assert_eq!(origin(false, false, false), PasswordOrigin::Line);
        assert_eq!(origin(true, false, false), PasswordOrigin::Line);
        assert_eq!(origin(false, true, false), PasswordOrigin::Made);
        assert_eq!(origin(false, false, true), PasswordOrigin::Made);
        assert_eq!(origin(true, false, true), PasswordOrigin::Asked);
        assert_eq!(origin(false, true, true), PasswordOrigin::Made);
    }
}

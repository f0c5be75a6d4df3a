//! Passwords for commands: made by the program, from the terminal without echo, or one line of standard input; never from an
//! argument, where every user of the machine could read it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use clap::Args;
use zeroize::Zeroizing;

use crate::accounts::blocklist::Blocklist;
use crate::accounts::password::Password;
use crate::app;
use crate::types::{Lang, OneTimePassword, Text, UserName};

use super::exit::Failure;

/// Bytes read from standard input: far more than the longest password.
const MAX_LINE: u64 = 4096;

/// Where a new password comes from.
#[derive(Args, Clone, Copy, Default)]
pub(super) struct Choice {
    /// Lee la contraseña de la entrada estándar; en una terminal la pregunta dos veces · Reads the password from standard input; on a terminal asks for it twice
    #[arg(long, conflicts_with = "one_time")]
    password_stdin: bool,
    /// Hace una contraseña de un solo uso, también fuera de una terminal · Makes a one-time password, also away from a terminal
    #[arg(long)]
    one_time: bool,
    /// La persona debe cambiar la contraseña al entrar · The person must change the password at the first sign-in
    #[arg(long)]
    must_change: bool,
}

/// Where it comes from, when that is decided.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Made,
    Asked,
    Line,
}

/// A new password.
pub(super) struct New {
    pub(super) password: Password,
    /// To be shown once, when the program has made it.
    pub(super) shown: Option<OneTimePassword>,
    pub(super) must_change: bool,
}

impl Choice {
    /// A person at a terminal who says nothing makes an account for somebody else; what is piped in is a password, as ever.
    fn origin(self, terminal: bool) -> Origin {
        match (self.one_time || terminal && !self.password_stdin, terminal) {
            (true, _) => Origin::Made,
            (false, true) => Origin::Asked,
            (false, false) => Origin::Line,
        }
    }

    /// A new password for `user`, which may become one.
    pub(super) fn password(self, user: &UserName, lang: Lang) -> Result<New, Failure> {
        let text = match self.origin(io::stdin().is_terminal()) {
            Origin::Made => {
                let made = OneTimePassword::random();
                let password = Password::typed(&made.to_string());
                return Ok(New { password, shown: Some(made), must_change: true });
            }
            Origin::Asked => prompt(lang)?,
            Origin::Line => line()?,
        };
        let password = Password::typed(&text);
        password.check_new(user.as_str(), &Blocklist::of_host(&app::host_name()))?;
        let password = if self.must_change { password.as_one_time() } else { password };
        Ok(New { password, shown: None, must_change: self.must_change })
    }
}

fn prompt(lang: Lang) -> Result<Zeroizing<String>, Failure> {
    let ask = |text: Text| rpassword::prompt_password(text.pick(lang)).map(Zeroizing::new);
    let first = ask(Text::new("Contraseña nueva: ", "New password: "))?;
    let second = ask(Text::new("Otra vez: ", "Again: "))?;
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
    fn a_pipe_brings_a_password_and_a_terminal_gets_one() {
        let origin =
            |password_stdin, one_time, terminal| Choice { password_stdin, one_time, must_change: false }.origin(terminal);
        assert_eq!(origin(false, false, false), Origin::Line);
        assert_eq!(origin(true, false, false), Origin::Line);
        assert_eq!(origin(false, true, false), Origin::Made);
        assert_eq!(origin(false, false, true), Origin::Made);
        assert_eq!(origin(true, false, true), Origin::Asked);
        assert_eq!(origin(false, true, true), Origin::Made);
    }
}

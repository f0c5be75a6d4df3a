//! Passwords for commands: from the terminal without echo, or one line of standard input; never from an argument, where every
//! user of the machine could read it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::types::{Lang, Text, UserName};

use super::exit::Failure;

/// Bytes read from standard input: far more than the longest password.
const MAX_LINE: u64 = 4096;

/// Asks for a new password and checks that it may become one.
pub(super) fn new_password(user: &UserName, lang: Lang) -> Result<Password, Failure> {
    let text = if io::stdin().is_terminal() { prompt(lang)? } else { line()? };
    let password = Password::typed(&text);
    password.check_new(user.as_str())?;
    Ok(password)
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

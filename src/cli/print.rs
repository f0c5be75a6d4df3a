//! Output of commands.

use crate::types::printable_lines;

/// Prints to standard output, without control characters for a terminal.
#[allow(clippy::print_stdout, reason = "this is what the command is for")]
pub(super) fn say(text: impl std::fmt::Display) {
    println!("{}", printable_lines(&text.to_string()));
}

/// Prints a notice to standard error.
#[allow(clippy::print_stderr, reason = "warnings of a command belong there")]
pub(super) fn warn(text: impl std::fmt::Display) {
    eprintln!("pichat: {}", printable_lines(&text.to_string()));
}

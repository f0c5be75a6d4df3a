//! Reports of failures that do not stop the server.

/// Prints an error to standard error.
#[allow(clippy::print_stderr, reason = "systemd takes standard error to the journal")]
pub(super) fn report<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        eprintln!("pichat: {error}");
    }
}

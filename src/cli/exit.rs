//! Failures of commands: a text with the next step, and an exit code of sysexits(3) for scripts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::accounts::WeakPassword;
use crate::app::AppError;
use crate::config::ConfigError;
use crate::net::{ListenError, TlsError};
use crate::private_file::Untrusted;
use crate::quarantine::{FileId, QuarantineError};
use crate::store::{DatabaseFault, StoreError};
use crate::types::texts::key;
use crate::types::{Lang, UserName, printable_lines};

use super::causes;
use super::prove_ephemeral::EphemeralVerdict;

/// Failure of a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings are wrong, and there is a copy of the last good ones.
    #[error("{error}")]
    BrokenWithLastGood {
        /// The fault.
        error: Box<ConfigError>,
        /// The copy.
        kept: PathBuf,
    },
    /// The server did not start.
    #[error(transparent)]
    App(#[from] AppError),
    /// `demo` was told to listen on another address than loopback.
    #[error("demo listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// There is no account of that name.
    #[error("there is no account {0}")]
    NoSuchUser(UserName),
    /// No file of that id is in `perdidos/`.
    #[error("there is no file {0} without a record")]
    NoSuchOrphan(FileId),
    /// The name is taken.
    #[error("there is an account {0} already")]
    UserExists(UserName),
    /// The password is not acceptable.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The two passwords differ.
    #[error("the two passwords differ")]
    Differ,
    /// Standard input held no password.
    #[error("no password on standard input")]
    NoPassword(#[from] std::io::Error),
    /// No authority was made yet.
    #[error(
        "there is no certificate authority yet; the server makes it at its first start with [tls] mode = \"local-ca\""
    )]
    NoAuthority,
    /// Writing to the screen failed.
    #[error("the screen: {0}")]
    Screen(std::io::Error),
    /// The self-test could not run.
    #[error("the self-test: {0}")]
    SelfTest(std::io::Error),
    /// `prove-ephemeral` could not run.
    #[error("the proof: {0}")]
    Proof(std::io::Error),
    /// `prove-ephemeral` found something, or could not search.
    #[error("not proved: {0:?}")]
    NotProved(EphemeralVerdict),
    /// Error of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The root is not a PiChat card.
    #[error("{}: no PiChat card", .0.display())]
    NoCard(PathBuf),
    /// A file of the card could not be read or written; the other steps were done.
    #[error("{}: {cause}", path.display())]
    Appliance {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::App(
                AppError::Untrusted(refused) | AppError::Listen(ListenError::Tls(TlsError::KeyFile(refused))),
            ) => match refused {
                Untrusted::ForeignOwner { .. } => 77,
                Untrusted::Unreadable { .. } => 74,
                Untrusted::OpenToOthers { .. }
                | Untrusted::Writable { .. }
                | Untrusted::NotRegular { .. } => 78,
            },
            Self::Config(_)
            | Self::BrokenWithLastGood { .. }
            | Self::NoCard(_)
            | Self::App(AppError::SecretKey(_)) => 78,
            Self::NotLoopback(_) => 64,
            Self::NoSuchUser(_) => 67,
            Self::UserExists(_) | Self::Weak(_) | Self::Differ | Self::App(AppError::AdminPass(_)) => 65,
            Self::NoPassword(_) | Self::NoAuthority | Self::NoSuchOrphan(_) => 66,
            Self::App(AppError::Listen(ListenError::Tls(TlsError::Authority { .. }))) => 74,
            Self::App(AppError::Listen(_)) => 69,
            Self::App(AppError::DataDir { .. }) => 73,
            Self::App(AppError::Thread(_)) => 71,
            Self::App(AppError::Store(error) | AppError::Quarantine(QuarantineError::Store(error)))
            | Self::Store(error) => store_code(error),
            Self::App(AppError::Quarantine(QuarantineError::Folder(fault))) if !fault.is_temporary() => 74,
            // Disk or memory was not available. systemd tries again after 75, and never after 74.
            Self::App(_) => 75,
            Self::Screen(_) | Self::SelfTest(_) | Self::Proof(_) | Self::Appliance { .. } => 74,
            Self::NotProved(verdict) => match verdict {
                EphemeralVerdict::Remains => 1,
                EphemeralVerdict::Unsearched => 3,
                EphemeralVerdict::Blind | EphemeralVerdict::Proved => 70,
            },
        }
    }

    fn text(&self, lang: Lang) -> String {
        match self {
            Self::Config(error) => error.text(lang),
            Self::BrokenWithLastGood { error, kept } => {
                let text = key::CLI_ERROR_LAST_GOOD;
                format!("{}\n{} {}", error.text(lang), text.get(lang), kept.display())
            }
            Self::App(error) => causes::app(error, lang),
            Self::Store(error) => causes::store(error, lang),
            Self::NoCard(root) => {
                let text = key::CLI_ERROR_NO_CARD;
                format!("{}: {}", root.display(), text.get(lang))
            }
            Self::NotLoopback(addr) => {
                let text = key::CLI_ERROR_NOT_LOOPBACK;
                format!("{addr}: {}", text.get(lang))
            }
            Self::NoSuchUser(name) => key::CLI_ERROR_NO_SUCH_USER.fill(lang, &[("name", name)]),
            Self::NoSuchOrphan(id) => key::CLI_ERROR_NO_SUCH_ORPHAN.fill(lang, &[("id", id)]),
            Self::UserExists(name) => key::CLI_ERROR_USER_EXISTS.fill(lang, &[("name", name)]),
            Self::Weak(weak) => causes::weak_password(*weak, lang),
            Self::Differ => key::CLI_ERROR_PASSWORDS_DIFFER.get(lang).to_owned(),
            Self::NoPassword(_) => key::CLI_ERROR_NO_PASSWORD.get(lang).to_owned(),
            Self::NoAuthority => key::CLI_ERROR_NO_AUTHORITY.get(lang).to_owned(),
            Self::SelfTest(cause) => {
                let text = key::CLI_ERROR_SELFTEST;
                format!("{}: {}", text.get(lang), causes::system(cause, lang))
            }
            Self::Proof(cause) => {
                let text = key::CLI_ERROR_PROOF;
                format!("{}: {}", text.get(lang), causes::system(cause, lang))
            }
            Self::NotProved(verdict) => verdict.text().get(lang).to_owned(),
            Self::Appliance { path, cause } => {
                let text = key::CLI_ERROR_APPLIANCE;
                format!("{}: {}: {}", text.get(lang), path.display(), causes::system(cause, lang))
            }
            Self::Screen(cause) => {
                let text = key::CLI_ERROR_SCREEN;
                format!("{}: {}", text.get(lang), causes::system(cause, lang))
            }
        }
    }

    /// Prints the text and returns the code.
    #[allow(clippy::print_stderr, reason = "errors of a command belong there")]
    pub(super) fn report(&self, lang: Lang) -> ExitCode {
        eprintln!("pichat: {}", printable_lines(&self.text(lang)));
        ExitCode::from(self.code())
    }
}

/// Returns 74 if a person must act, 66 if there is no database, else 75: another try can succeed.
fn store_code(error: &StoreError) -> u8 {
    match error {
        StoreError::Fault(DatabaseFault::Absent { .. } | DatabaseFault::NoSnapshot { .. }) => 66,
        StoreError::Fault(fault) if !fault.is_temporary() => 74,
        StoreError::Unknown(_) => 74,
        _ => 75,
    }
}

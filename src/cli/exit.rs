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
use crate::types::{Lang, Localized, UserName, printable_lines};

use super::causes;

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
            Self::Screen(_) | Self::SelfTest(_) | Self::Appliance { .. } => 74,
        }
    }

    fn text(&self, lang: Lang) -> String {
        match self {
            Self::Config(error) => error.text(lang),
            Self::BrokenWithLastGood { error, kept } => {
                let text = Localized::new("La última configuración buena está en", "The last good settings are in");
                format!("{}\n{} {}", error.text(lang), text.get(lang), kept.display())
            }
            Self::App(error) => causes::app(error, lang),
            Self::Store(error) => causes::store(error, lang),
            Self::NoCard(root) => {
                let text = Localized::new(
                    "esto no es una tarjeta de PiChat (falta usr/lib/pichat/appliance); «pichat appliance» no cambió nada",
                    "this is not a PiChat card (usr/lib/pichat/appliance is missing); “pichat appliance” changed nothing",
                );
                format!("{}: {}", root.display(), text.get(lang))
            }
            Self::NotLoopback(addr) => {
                let text = Localized::new(
                    "las contraseñas de la demostración son públicas y no deben salir de este computador: demo solo escucha en \
                     127.0.0.1 o [::1]. Para atender a otros usa «pichat serve».",
                    "the passwords of the demonstration are public and must not leave this computer: demo listens on 127.0.0.1 or \
                     [::1] only. To serve others use “pichat serve”.",
                );
                format!("{addr}: {}", text.get(lang))
            }
            Self::NoSuchUser(name) => match lang {
                Lang::Es => format!("no existe la cuenta «{name}»; mira la lista con «pichat user list»"),
                Lang::En => format!("there is no account “{name}”; see the list with “pichat user list”"),
            },
            Self::NoSuchOrphan(id) => match lang {
                Lang::Es => format!("{id}: no hay un archivo sin registro con ese identificador; mira «pichat files orphans»"),
                Lang::En => format!("{id}: there is no file without a record with that id; see “pichat files orphans”"),
            },
            Self::UserExists(name) => match lang {
                Lang::Es => format!("ya existe la cuenta «{name}»; para cambiar su contraseña usa «pichat user passwd {name}»"),
                Lang::En => {
                    format!("the account “{name}” already exists; to change its password use “pichat user passwd {name}”")
                }
            },
            Self::Weak(weak) => causes::weak_password(*weak, lang),
            Self::Differ => Localized::new("las dos contraseñas no son iguales", "the two passwords differ").get(lang).to_owned(),
            Self::NoPassword(_) => Localized::new(
                "no llegó ninguna contraseña por la entrada estándar; con --one-time el programa genera una temporal",
                "no password came on standard input; with --one-time the program generates a temporary one",
            )
            .get(lang)
            .to_owned(),
            Self::NoAuthority => Localized::new(
                "todavía no hay autoridad de certificados; el servidor la hace en su primer arranque con [tls] mode = \"local-ca\"",
                "there is no certificate authority yet; the server makes it at its first start with [tls] mode = \"local-ca\"",
            )
            .get(lang)
            .to_owned(),
            Self::SelfTest(cause) => {
                let text = Localized::new("la prueba no se pudo hacer", "the self-test could not run");
                format!("{}: {}", text.get(lang), causes::system(cause, lang))
            }
            Self::Appliance { path, cause } => {
                let text = Localized::new("no se hizo todo", "not everything was done");
                format!("{}: {}: {}", text.get(lang), path.display(), causes::system(cause, lang))
            }
            Self::Screen(cause) => {
                let text = Localized::new("no se puede escribir en la pantalla", "cannot write to the screen");
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

//! Texts of errors of the modules below.

use std::io;

use crate::accounts::SignInError;
use crate::accounts::WeakPassword;
use crate::app::AppError;
use crate::net::{ListenError, TlsError};
use crate::quarantine::QuarantineError;
use crate::store::StoreError;
use crate::types::Lang;
use crate::types::texts::key;

/// Returns the text of an error of the server's start.
pub(super) fn app(error: &AppError, lang: Lang) -> String {
    match error {
        AppError::DataDir { folder, cause } => {
            key::CLI_ERROR_DATA_DIR.fill(lang, &[("folder", folder), ("cause", &system(cause, lang))])
        }
        AppError::SecretKey(path) => {
            let text = key::CLI_ERROR_SECRET_KEY;
            format!("{path}: {}", text.get(lang))
        }
        AppError::Untrusted(refused) => refused.text(lang),
        AppError::Listen(error) => listen(error, lang),
        AppError::Store(error) => store(error, lang),
        AppError::Quarantine(error) => quarantine(error, lang),
        AppError::AdminPass(weak) => weak_password(*weak, lang),
        AppError::Accounts(error) => {
            let text = key::CLI_ERROR_FIRST_ACCOUNTS;
            format!("{}: {}", text.get(lang), sign_in(error, lang))
        }
        AppError::Thread(cause) => {
            let text = key::CLI_ERROR_THREAD;
            format!("{}: {}", text.get(lang), system(cause, lang))
        }
    }
}

/// Returns the text of a rejected password.
pub(super) fn weak_password(weak: WeakPassword, lang: Lang) -> String {
    let text = key::CLI_ERROR_WEAK_PASSWORD;
    format!("{}: {}", text.get(lang), weak.text().get(lang))
}

/// Returns the text of an error of the database.
pub(super) fn store(error: &StoreError, lang: Lang) -> String {
    let failed = key::CLI_ERROR_DATABASE.get(lang);
    match error {
        StoreError::Fault(fault) => fault.text(lang),
        busy if busy.is_busy() => key::CLI_ERROR_DATABASE_BUSY.get(lang).to_owned(),
        full if full.is_full() => {
            let text = key::CLI_ERROR_DATABASE_FULL;
            format!("{}: {full}", text.get(lang))
        }
        StoreError::Sqlite(cause) => format!("{failed}: {cause}"),
        StoreError::File(cause) => format!("{failed}: {}", system(cause, lang)),
        StoreError::Migration(cause) => {
            let text = key::CLI_ERROR_DATABASE_UPGRADE;
            format!("{}: {cause}", text.get(lang))
        }
        StoreError::Unknown(value) => {
            let text = key::CLI_ERROR_DATABASE_VALUE;
            format!("{}: {value}", text.get(lang))
        }
        StoreError::Interrupted => key::CLI_ERROR_DATABASE_INTERRUPTED.get(lang).to_owned(),
    }
}

fn quarantine(error: &QuarantineError, lang: Lang) -> String {
    match error {
        QuarantineError::Store(error) => store(error, lang),
        QuarantineError::Folder(fault) => fault.text(lang),
        QuarantineError::Disk(cause) => {
            let text = key::CLI_ERROR_FILES_FOLDER;
            format!("{}: {}", text.get(lang), system(cause, lang))
        }
        QuarantineError::NotAllowed => key::CLI_ERROR_NOT_ALLOWED.get(lang).to_owned(),
    }
}

fn sign_in(error: &SignInError, lang: Lang) -> String {
    match error {
        SignInError::Internal(error) => store(error, lang),
        SignInError::BadHash => key::CLI_ERROR_BAD_HASH.get(lang).to_owned(),
        SignInError::Invalid
        | SignInError::AccountLocked
        | SignInError::LockedOut(_)
        | SignInError::RateLimited(_)
        | SignInError::Busy => key::CLI_ERROR_SIGN_IN.get(lang).to_owned(),
    }
}

fn listen(error: &ListenError, lang: Lang) -> String {
    let (addr, cause) = match error {
        ListenError::Bind { addr, cause } => (addr, cause),
        ListenError::Tls(error) => return tls(error, lang),
    };
    let text = match cause.kind() {
        io::ErrorKind::AddrInUse => key::CLI_ERROR_ADDRESS_IN_USE,
        io::ErrorKind::PermissionDenied => key::CLI_ERROR_PORT_FORBIDDEN,
        _ => key::CLI_ERROR_LISTEN,
    };
    text.fill(lang, &[("addr", addr), ("cause", &system(cause, lang))])
}

fn tls(error: &TlsError, lang: Lang) -> String {
    match error {
        TlsError::Authority { file, cause } => format!("{}: {}", file.display(), system(cause, lang)),
        TlsError::Pem { file, cause } => {
            if let Some(cause) = error.system_cause() {
                return format!("{}: {}", file.display(), system(cause, lang));
            }
            let text = key::CLI_ERROR_PEM;
            format!("{}: {}: {cause}", file.display(), text.get(lang))
        }
        TlsError::Empty(file) => {
            let text = key::CLI_ERROR_PEM_EMPTY;
            format!("{}: {}", file.display(), text.get(lang))
        }
        TlsError::Unusable(cause) => {
            let text = key::CLI_ERROR_CERTIFICATE;
            format!("{}: {cause}", text.get(lang))
        }
        TlsError::KeyFile(refused) => refused.text(lang),
        TlsError::Making(cause) => {
            let text = key::CLI_ERROR_CERTIFICATE_MAKING;
            format!("{}: {cause}", text.get(lang))
        }
    }
}

/// Returns the text of a system error. Rare errors keep the system's English.
pub(super) fn system(cause: &io::Error, lang: Lang) -> String {
    // A message beside the system's, such as the path, is kept.
    if cause.raw_os_error().is_none() {
        return cause.to_string();
    }
    let text = match cause.kind() {
        io::ErrorKind::NotFound => key::SYSTEM_NOT_FOUND,
        io::ErrorKind::PermissionDenied => key::SYSTEM_PERMISSION_DENIED,
        io::ErrorKind::AlreadyExists => key::SYSTEM_ALREADY_EXISTS,
        io::ErrorKind::NotADirectory => key::SYSTEM_NOT_A_FOLDER,
        io::ErrorKind::IsADirectory => key::SYSTEM_IS_A_FOLDER,
        io::ErrorKind::StorageFull => key::SYSTEM_STORAGE_FULL,
        io::ErrorKind::ReadOnlyFilesystem => key::SYSTEM_READ_ONLY,
        io::ErrorKind::AddrNotAvailable => key::SYSTEM_ADDRESS_NOT_AVAILABLE,
        _ => key::SYSTEM_OTHER,
    };
    text.fill(lang, &[("cause", cause)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_errors_have_spanish_texts() {
        let missing = || io::Error::from_raw_os_error(2);
        let errors = [
            AppError::DataDir { folder: "/x".to_owned(), cause: missing() },
            AppError::SecretKey("/x/secret.key".to_owned()),
            AppError::Listen(ListenError::Bind {
                addr: ([192, 0, 2, 1], 80).into(),
                cause: io::Error::from_raw_os_error(99),
            }),
            AppError::Listen(TlsError::Empty("/x".into()).into()),
            AppError::Listen(TlsError::Authority { file: "/x".into(), cause: missing() }.into()),
            AppError::Store(StoreError::File(missing())),
            AppError::Store(StoreError::Unknown("x".to_owned())),
            AppError::Store(StoreError::Interrupted),
            AppError::Quarantine(QuarantineError::Disk(missing())),
            AppError::Quarantine(QuarantineError::NotAllowed),
            AppError::AdminPass(WeakPassword::TooShort),
            AppError::Accounts(SignInError::BadHash),
            AppError::Thread(missing()),
        ];
        for error in errors {
            let (es, en) = (app(&error, Lang::Es), app(&error, Lang::En));
            assert_ne!(es, en);
            let words = ["the ", "cannot", "could", "No such", "has ", "not "];
            assert!(words.iter().all(|word| !es.contains(word)), "{es}");
        }
    }

    #[test]
    fn missing_data_folder_names_the_flag() {
        let error =
            AppError::DataDir { folder: "/proc/nope".to_owned(), cause: io::Error::from_raw_os_error(2) };
        let es = "no se puede usar la carpeta de datos (/proc/nope: no existe); revísala o elige otra con --data-dir";
        assert_eq!(app(&error, Lang::Es), es);
    }
}

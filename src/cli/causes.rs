//! Texts of errors of the modules below, in both languages.

use std::io;

use crate::accounts::SignInError;
use crate::accounts::WeakPassword;
use crate::app::AppError;
use crate::net::{ListenError, TlsError};
use crate::quarantine::QuarantineError;
use crate::store::StoreError;
use crate::types::{Lang, Localized};

/// Returns the text of an error of the server's start.
pub(super) fn app(error: &AppError, lang: Lang) -> String {
    match error {
        AppError::DataDir { folder, cause } => {
            let cause = system(cause, lang);
            match lang {
                Lang::Es => {
                    format!(
                        "no se puede usar la carpeta de datos ({folder}: {cause}); revísala o elige otra con --data-dir"
                    )
                }
                Lang::En => {
                    format!(
                        "cannot use the data folder ({folder}: {cause}); check it or choose another with --data-dir"
                    )
                }
            }
        }
        AppError::SecretKey(path) => {
            let text = Localized::new(
                "no contiene una llave de al menos 32 bytes; restáurala o borra el archivo (entonces todos deben unirse de nuevo a sus salas)",
                "has no key of at least 32 bytes; restore it or delete the file (then everyone must join their rooms again)",
            );
            format!("{path}: {}", text.get(lang))
        }
        AppError::Untrusted(refused) => refused.text(lang),
        AppError::Listen(error) => listen(error, lang),
        AppError::Store(error) => store(error, lang),
        AppError::Quarantine(error) => quarantine(error, lang),
        AppError::AdminPass(weak) => weak_password(*weak, lang),
        AppError::Accounts(error) => {
            let text = Localized::new(
                "no se pudieron crear las primeras cuentas",
                "the first accounts could not be created",
            );
            format!("{}: {}", text.get(lang), sign_in(error, lang))
        }
        AppError::Thread(cause) => {
            let text = Localized::new("no se pudo iniciar un hilo", "a thread could not be started");
            format!("{}: {}", text.get(lang), system(cause, lang))
        }
    }
}

/// Returns the text of a rejected password.
pub(super) fn weak_password(weak: WeakPassword, lang: Lang) -> String {
    let text = Localized::new("esa contraseña no es válida", "that password is not valid");
    format!("{}: {}", text.get(lang), weak.text().get(lang))
}

/// Returns the text of an error of the database.
pub(super) fn store(error: &StoreError, lang: Lang) -> String {
    let failed = Localized::new("la base de datos falló", "the database failed").get(lang);
    match error {
        StoreError::Fault(fault) => fault.text(lang),
        busy if busy.is_busy() => Localized::new(
            "otro programa tiene ocupada la base de datos; termínalo o inténtalo de nuevo en un momento",
            "another program keeps the database busy; end it or try again in a moment",
        )
        .get(lang)
        .to_owned(),
        full if full.is_full() => {
            let text = Localized::new(
                "no se pudo escribir la base de datos; mira si el disco está lleno",
                "the database could not be written; check whether the disk is full",
            );
            format!("{}: {full}", text.get(lang))
        }
        StoreError::Sqlite(cause) => format!("{failed}: {cause}"),
        StoreError::File(cause) => format!("{failed}: {}", system(cause, lang)),
        StoreError::Migration(cause) => {
            let text = Localized::new(
                "no se pudo actualizar la base de datos",
                "the database could not be upgraded",
            );
            format!("{}: {cause}", text.get(lang))
        }
        StoreError::Unknown(value) => {
            let text = Localized::new(
                "la base de datos tiene un valor que esta versión no conoce",
                "the database has a value that this version does not know",
            );
            format!("{}: {value}", text.get(lang))
        }
        StoreError::Interrupted => {
            Localized::new("la base de datos no terminó su trabajo", "the database thread ended early")
                .get(lang)
                .to_owned()
        }
    }
}

fn quarantine(error: &QuarantineError, lang: Lang) -> String {
    match error {
        QuarantineError::Store(error) => store(error, lang),
        QuarantineError::Folder(fault) => fault.text(lang),
        QuarantineError::Disk(cause) => {
            let text =
                Localized::new("no se puede usar la carpeta de archivos", "cannot use the files folder");
            format!("{}: {}", text.get(lang), system(cause, lang))
        }
        QuarantineError::NotAllowed => {
            Localized::new("la operación ya no está permitida", "the operation is no longer permitted")
                .get(lang)
                .to_owned()
        }
    }
}

fn sign_in(error: &SignInError, lang: Lang) -> String {
    match error {
        SignInError::Internal(error) => store(error, lang),
        SignInError::BadHash => Localized::new(
            "no se puede comprobar un hash guardado",
            "a stored password hash cannot be checked",
        )
        .get(lang)
        .to_owned(),
        SignInError::Invalid
        | SignInError::AccountLocked
        | SignInError::LockedOut(_)
        | SignInError::RateLimited(_)
        | SignInError::Busy => {
            Localized::new("el inicio de sesión falló", "the sign-in failed").get(lang).to_owned()
        }
    }
}

fn listen(error: &ListenError, lang: Lang) -> String {
    let (addr, cause) = match error {
        ListenError::Bind { addr, cause } => (addr, cause),
        ListenError::Tls(error) => return tls(error, lang),
    };
    match (cause.kind(), lang) {
        (io::ErrorKind::AddrInUse, Lang::Es) => {
            format!("{addr}: otro programa ya escucha ahí; termínalo o elige otro puerto con --listen")
        }
        (io::ErrorKind::AddrInUse, Lang::En) => {
            format!(
                "{addr}: another program already listens there; end it or choose another port with --listen"
            )
        }
        (io::ErrorKind::PermissionDenied, Lang::Es) => {
            format!(
                "{addr}: los puertos por debajo de 1024 necesitan CAP_NET_BIND_SERVICE; elige otro con --listen"
            )
        }
        (io::ErrorKind::PermissionDenied, Lang::En) => {
            format!("{addr}: ports below 1024 need CAP_NET_BIND_SERVICE; choose another with --listen")
        }
        (_, Lang::Es) => format!("no se puede escuchar en {addr}: {}", system(cause, lang)),
        (_, Lang::En) => format!("cannot listen on {addr}: {}", system(cause, lang)),
    }
}

fn tls(error: &TlsError, lang: Lang) -> String {
    match error {
        TlsError::Authority { file, cause } => format!("{}: {}", file.display(), system(cause, lang)),
        TlsError::Pem { file, cause } => {
            if let Some(cause) = error.system_cause() {
                return format!("{}: {}", file.display(), system(cause, lang));
            }
            let text = Localized::new("no es un archivo PEM válido", "not a valid PEM file");
            format!("{}: {}: {cause}", file.display(), text.get(lang))
        }
        TlsError::Empty(file) => {
            let text =
                Localized::new("el archivo no tiene ningún certificado", "the file has no certificate");
            format!("{}: {}", file.display(), text.get(lang))
        }
        TlsError::Unusable(cause) => {
            let text = Localized::new("no se puede usar el certificado", "the certificate cannot be used");
            format!("{}: {cause}", text.get(lang))
        }
        TlsError::KeyFile(refused) => refused.text(lang),
        TlsError::Making(cause) => {
            let text = Localized::new("no se pudo hacer un certificado", "no certificate could be made");
            format!("{}: {cause}", text.get(lang))
        }
    }
}

/// Returns the text of a system error. Rare errors keep the system's English.
pub(super) fn system(cause: &io::Error, lang: Lang) -> String {
    let text = match cause.kind() {
        _ if lang == Lang::En => return cause.to_string(),
        // A message beside the system's, such as the path, is kept.
        _ if cause.raw_os_error().is_none() => return cause.to_string(),
        io::ErrorKind::NotFound => "no existe",
        io::ErrorKind::PermissionDenied => "sin permiso",
        io::ErrorKind::AlreadyExists => "ya existe",
        io::ErrorKind::NotADirectory => "no es una carpeta",
        io::ErrorKind::IsADirectory => "es una carpeta",
        io::ErrorKind::StorageFull => "el disco está lleno",
        io::ErrorKind::ReadOnlyFilesystem => "el disco es de solo lectura",
        io::ErrorKind::AddrNotAvailable => "este equipo no tiene esa dirección",
        _ => return cause.to_string(),
    };
    text.to_owned()
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

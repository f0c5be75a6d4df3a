//! Runtime, signals and messages that `serve` and `demo` share.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use futures_util::StreamExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::app::{self, AppError, Listeners, Mode, ServerNotice, ServerOptions};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::types::{ClaimCode, Lang, Localized};

use super::config_source::{ConfigSource, Flags, LoadedConfig};
use super::exit::Failure;
use super::last_good;
use super::print::{say, warn};

/// Threads for disk and database work; hashes have their own. tokio starts them on demand and ends idle ones.
const DISK_THREADS: usize = 8;

/// Raises the limit of open files to the maximum the system allows: a connection takes one.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it is refused, the old limit stays, and the accept loop waits for free descriptors.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Runs the server until SIGTERM or SIGINT. SIGHUP reads `source` again. `text` is the content of the
/// settings file: once the server listens it is kept as the last good one, and so is each later text that
/// parses.
pub(super) fn run(
    config: Config,
    text: Option<Zeroizing<String>>,
    source: ConfigSource,
    flags: Flags,
    mode: Mode,
    lang: Lang,
) -> Result<(), Failure> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(app::cores())
        .max_blocking_threads(DISK_THREADS)
        .thread_name("pichat")
        .build()
        .map_err(AppError::Thread)?;
    let demo = matches!(mode, Mode::Demo(_));
    let data_dir = config.data_dir.clone();
    let keep = move |text: Option<&Zeroizing<String>>| {
        text.into_iter().for_each(|text| last_good::keep(&data_dir, text));
    };
    let keep_later = keep.clone();
    let notice = Box::new(move |notice| {
        match &notice {
            ServerNotice::AuthorityDamaged(_) | ServerNotice::AuthoritySignsLabel => {
                return warn(told(&notice, demo, lang));
            }
            ServerNotice::Listening(_) => keep(text.as_ref()),
            ServerNotice::Claimable(_) => {}
        }
        say(told(&notice, demo, lang));
    });
    let reread = Arc::new(move || {
        let LoadedConfig { config, text } = source.load_text(flags)?;
        keep_later(text.as_ref().filter(|_| !demo));
        Ok(config)
    });
    let start = ServerOptions { config, reread, mode, clock: Arc::new(SystemClock), notice };
    runtime.block_on(async {
        let (reload, reloads) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(AppError::Thread)?;
        let on_signal = {
            let stop = stop.clone();
            tokio::spawn(async move {
                while let Some(signal) = signals.next().await {
                    if signal == SIGHUP {
                        // A reload that is already pending will read the newest file too.
                        let _ = reload.try_send(());
                    } else {
                        stop.cancel();
                    }
                }
            })
        };
        let result = app::run(start, reloads, stop).await;
        on_signal.abort();
        result.map_err(Failure::from)
    })
}

/// Returns the message about the setup. Only a terminal gets the code: other outputs may be logs, and logs
/// hold no secrets.
fn claimable(code: &ClaimCode, lang: Lang) -> String {
    if io::stdout().is_terminal() {
        return match lang {
            Lang::Es => {
                format!(
                    "PiChat está listo y falta activarlo. Abre /activar en su dirección y escribe el código {code}"
                )
            }
            Lang::En => {
                format!("PiChat is ready to be set up. Open /activar at its address and type the code {code}")
            }
        };
    }
    Localized::new(
        "PiChat está listo y falta activarlo: «pichat status» muestra el código para /activar, o crea la cuenta con\n  \
         pichat user add NOMBRE --role administrator   (con los mismos --config y --data-dir)\n\
         o arranca una vez con la variable ADMIN_PASS, que crea la cuenta «admin».",
        "PiChat is ready to be set up: “pichat status” shows the code for /activar, or create the account with\n  \
         pichat user add NAME --role administrator   (with the same --config and --data-dir)\n\
         or start once with the variable ADMIN_PASS, which creates the account “admin”.",
    )
    .get(lang)
    .to_owned()
}

fn told(notice: &ServerNotice, demo: bool, lang: Lang) -> String {
    match notice {
        ServerNotice::Listening(doors) => listening(doors, demo, lang),
        ServerNotice::Claimable(code) => claimable(code, lang),
        ServerNotice::AuthorityDamaged(aside) => match lang {
            Lang::Es => format!(
                "la autoridad de certificados no se podía usar y quedó como {}. Hay una nueva: cada celular y cada computador debe instalarla. \
                 Si tienes una copia de la anterior, detén PiChat y ponla en su lugar",
                aside.display()
            ),
            Lang::En => format!(
                "the certificate authority could not be used and was kept as {}. There is a new one: each phone and each computer must \
                 install it. If you have a copy of the old one, stop PiChat and put it in its place",
                aside.display()
            ),
        },
        ServerNotice::AuthoritySignsLabel => Localized::new(
            "la autoridad de certificados es de una versión anterior y puede firmar para más nombres de los necesarios. Sigue en uso. \
             Con «pichat ca renew» se hace una más limitada; después cada celular y cada computador debe instalarla",
            "the certificate authority comes from an earlier version and may sign for more names than it needs. It stays in use. \
             “pichat ca renew” makes a more limited one; then each phone and each computer must install it",
        )
        .get(lang)
        .to_owned(),
    }
}

fn listening(doors: &Listeners, demo: bool, lang: Lang) -> String {
    let url = format!("{}://{}", doors.scheme(), doors.address);
    let first = doors.plain.map(|plain| match lang {
        Lang::Es => format!(" (la primera vez: http://{plain})"),
        Lang::En => format!(" (the first time: http://{plain})"),
    });
    let url = format!("{url}{}", first.unwrap_or_default());
    let fingerprint = doors.fingerprint.map(|fingerprint| {
        let word = Localized::new(
            "Huella del certificado de este equipo",
            "Fingerprint of this device's certificate",
        )
        .get(lang);
        format!("{word}: {}\n", fingerprint.groups().join(" "))
    });
    let fingerprint = fingerprint.unwrap_or_default();
    match (demo, lang) {
        (false, Lang::Es) => format!("{fingerprint}PiChat atiende en {url}"),
        (false, Lang::En) => format!("{fingerprint}PiChat answers at {url}"),
        (true, Lang::Es) => format!(
            "{fingerprint}PiChat, demostración: {url}\n  admin / admin123      (administrador)\n  cliente / cliente123  (cliente)\n  \
             usuario / usuario123  (usuario)\nSolo este computador puede entrar. Termina con Ctrl+C."
        ),
        (true, Lang::En) => format!(
            "{fingerprint}PiChat, demonstration: {url}\n  admin / admin123      (administrator)\n  cliente / cliente123  (client)\n  \
             usuario / usuario123  (user)\nOnly this computer can get in. End it with Ctrl+C."
        ),
    }
}

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
use crate::types::texts::key;
use crate::types::{ClaimCode, Lang};

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

/// Forbids core files: they would hold messages and passwords.
fn forbid_core_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // A limit can always be lowered.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
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
    forbid_core_files();
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
            ServerNotice::Claimable { .. } => {}
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
fn claimable(code: &ClaimCode, url: &str, lang: Lang) -> String {
    if io::stdout().is_terminal() {
        return key::CLI_SERVE_CLAIMABLE_TERMINAL.fill(lang, &[("url", &url), ("code", code)]);
    }
    key::CLI_SERVE_CLAIMABLE.get(lang).to_owned()
}

fn told(notice: &ServerNotice, demo: bool, lang: Lang) -> String {
    match notice {
        ServerNotice::Listening(doors) => listening(doors, demo, lang),
        ServerNotice::Claimable { code, url } => claimable(code, url, lang),
        ServerNotice::AuthorityDamaged(aside) => {
            key::CLI_SERVE_AUTHORITY_DAMAGED.fill(lang, &[("path", &aside.display())])
        }
        ServerNotice::AuthoritySignsLabel => key::CLI_SERVE_AUTHORITY_LABEL.get(lang).to_owned(),
    }
}

fn listening(doors: &Listeners, demo: bool, lang: Lang) -> String {
    let mut url = format!("{}://{}", doors.scheme(), doors.address);
    if let Some(plain) = doors.plain {
        url = key::CLI_SERVE_FIRST_TIME.fill(lang, &[("url", &url), ("plain", &plain)]);
    }
    let text = if demo { key::CLI_DEMO_LISTENING } else { key::CLI_SERVE_LISTENING };
    let text = text.fill(lang, &[("url", &url)]);
    match doors.fingerprint {
        Some(fingerprint) => {
            format!("{}: {}\n{text}", key::CLI_SERVE_FINGERPRINT.get(lang), fingerprint.groups().join(" "))
        }
        None => text,
    }
}

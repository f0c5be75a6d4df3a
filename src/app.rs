//! Wiring: builds the services from the settings and runs them until stopped. Settings, clock, reloads and
//! the stop signal are parameters.

mod data_folder;
mod error;
mod first_start;
mod gauges;
mod housekeeping;
mod https;
mod listeners;
mod machine;
mod report;
mod reserve;
mod running;
mod runtime_state;
mod start;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::accounts::blocklist::Blocklist;
use crate::accounts::hash_pool::{self, HashPool};
use crate::accounts::{Accounts, Devices, PasswordRules, SignInGuard};
use crate::announcements::Announcements;
use crate::audit::{Audit, AuditTarget, Event, Threshold, Writer};
use crate::chat::Hub;
use crate::clock::Clock;
use crate::config::{Config, Level, SharedConfig, SyslogTarget};
use crate::detached;
use crate::http::{AppState, HttpsInfo, OwnNames, Pages, Router};
use crate::limits::{ConnectionCaps, Counters, LocalPrefixes, Rates, RoomPause, SignInLimits};
use crate::net::{Server, Tls, local_prefixes};
use crate::private_file;
use crate::quarantine::{FilesFolder, Inspector, Quarantine};
use crate::store::{Store, Upgrade};
use crate::types::PositionKey;
use crate::types::crypto::{MacKey, hex, random};
use crate::ws;

pub use data_folder::{expect_database, open_data_dir, open_existing_store, open_or_make_store};
pub use error::AppError;
pub use first_start::argon2_params;
use first_start::{first_accounts, open_claim, secret_key};
use gauges::{chat_limits, rate_settings, retired, session_limits, sign_in_settings};
use housekeeping::{close_sockets, end_memberships};
pub use listeners::Listeners;
pub use machine::{cores, host_name};
use report::report;
use reserve::Reserve;
use running::RunningServer;
use runtime_state::RuntimeState;
pub use runtime_state::{CLAIM_FILE, ClaimStatus, STATUS_FILE, Status};
pub use start::{DemoAccount, Mode, ServerNotice, ServerOptions};

/// Time limit for the last audit lines.
const FLUSH: Duration = Duration::from_secs(1);

/// Starts the audit log as the settings say.
pub fn start_audit(config: &Config, clock: Arc<dyn Clock>) -> Result<(Audit, Writer), AppError> {
    let target = match &config.audit.syslog {
        SyslogTarget::Socket(path) => AuditTarget::Socket(path.clone()),
        SyslogTarget::Stderr => AuditTarget::Stderr,
    };
    let threshold = match config.audit.level {
        Level::Debug => Threshold::Debug,
        Level::Info => Threshold::Info,
        Level::Warning => Threshold::Warning,
    };
    Audit::start(target, threshold, clock).map_err(AppError::Thread)
}

/// Runs the server until `stop` is cancelled; a message on `reload` makes it reload its settings.
pub async fn run(
    start: ServerOptions,
    mut reload: mpsc::Receiver<()>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let ServerOptions { config, reread, mode, clock, notice } = start;
    expect_database(&config)?;
    open_data_dir(&config.data_dir)?;
    if matches!(mode, Mode::Serve) {
        private_file::check_data_folder(&config.data_dir)?;
    }
    let reserve = Arc::new(Reserve::of(&config.data_dir));
    // The start does not depend on it.
    report(reserve.at_start());
    let store = open_or_make_store(&config)?;
    // Before anything else is made: a folder of another database stops the start.
    let files = FilesFolder::open(&config.files.dir, &store)?;
    let key = Arc::new(secret_key(&config)?);
    let host_name = host_name();
    let open = https::open(&config, &host_name, clock.now())?;
    let (audit, writer) = start_audit(&config, Arc::clone(&clock))?;
    let mut made = first_accounts(&config, &mode, &store, &*clock)?;
    made.extend(open_claim(&config, &mode, &store, clock.now())?);
    made.extend(open.made());
    made.extend(retired(&config));
    open.notices().into_iter().for_each(&notice);
    let side = open.https_info(&host_name);
    let https::BoundListeners { doors, listeners, tls } = open;
    made.extend(store.upgrade().map(upgraded));
    let url = doors.url(&host_name);
    let facts =
        BuildInputs { host_name, secure: doors.secure(), port: doors.address.port(), side, tls, files };
    let running = build(config, &mode, &store, key, &audit, clock, facts)?;

    let mode_word = if matches!(mode, Mode::Demo(_)) { "demo" } else { "serve" };
    let (version, listen) = (env!("CARGO_PKG_VERSION").to_owned(), doors.address.to_string());
    audit.record(Event::ServerStarted { version, listen, mode: mode_word.to_owned() }).await;
    for event in made {
        audit.record(event).await;
    }
    // Some may have become too old while the server was off.
    report(running.app.sockets.announcements.sweep().await);
    if let Some(claim) = running.app.accounts.open_claim() {
        notice(ServerNotice::Claimable { code: claim.code, url });
    }
    let state = RuntimeState::from_env(&doors);
    if let Some(state) = &state {
        state.write(&running.app);
    }
    notice(ServerNotice::Listening(doors));
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let keeping = Arc::clone(&reserve);
    let keep = detached::blocking(move || keeping.create());

    // The task is not awaited.
    drop(detached::task(async move { report(keep.await.unwrap_or(Ok(()))) }));
    let inspecting = detached::task(Inspector::new(Arc::clone(&running.app.quarantine)).run());
    let server = Server::new(Arc::clone(&running.app), running.caps.clone());
    let serving = detached::task(server.run(listeners, stop.clone()));
    tokio::select! {
        () = stop.cancelled() => {}
        () = running.housekeeping(state.as_ref(), &reserve) => {}
        () = async { while reload.recv().await.is_some() { running.reload(&reread).await; } stop.cancelled().await } => {}
    }
    stop.cancel();
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    audit.record(Event::ServerStopping {}).await;
    let _ = serving.await;
    running.app.quarantine.stop_inspecting();
    let _ = tokio::time::timeout(FLUSH, inspecting).await;
    report(running.app.accounts.sweep().await);
    report(running.app.sockets.announcements.sweep().await);
    audit.record(Event::ServerStopped {}).await;
    if let Some(state) = state {
        state.remove();
    }
    let _ = detached::blocking(move || writer.finish(FLUSH)).await;
    Ok(())
}

/// State that was determined while the listeners were opened.
struct BuildInputs {
    host_name: String,
    secure: bool,
    port: u16,
    side: Option<HttpsInfo>,
    tls: Option<Arc<Tls>>,
    files: FilesFolder,
}

fn upgraded(upgrade: &Upgrade) -> Event {
    let schema = |number: i64| u64::try_from(number).unwrap_or(0);
    let snapshot = upgrade.snapshot.display().to_string();
    Event::DatabaseUpgraded { from: schema(upgrade.from), to: schema(upgrade.to), snapshot }
}

fn build(
    config: Config,
    mode: &Mode,
    store: &Store,
    key: Arc<MacKey>,
    audit: &Audit,
    clock: Arc<dyn Clock>,
    facts: BuildInputs,
) -> Result<RunningServer, AppError> {
    let BuildInputs { host_name, secure, port, side, tls, files } = facts;
    let params = argon2_params(&config, store)?;
    let local = LocalPrefixes::default();
    local.set(local_prefixes());
    let sign_in = Arc::new(SignInLimits::new(sign_in_settings(&config), local.clone()));
    let caps =
        ConnectionCaps::new(config.limits.connections, config.limits.connections_per_address, local.clone());
    let rates = Arc::new(Rates::new(&rate_settings(&config), local.clone(), Arc::clone(&clock)));
    let refusals = Counters::default();
    let positions = PositionKey::derived(&key);
    let hub = Hub::new(chat_limits(&config), audit.clone());
    let accounts = Arc::new(Accounts::open(
        store.clone(),
        HashPool::new(params, cores()).map_err(AppError::Thread)?,
        PasswordRules {
            blocklist: Blocklist::of_host(&host_name),
            demonstration: matches!(mode, Mode::Demo(_)),
        },
        session_limits(&config),
        SignInGuard { limits: Arc::clone(&sign_in), devices: Devices::new(key) },
        audit.clone(),
        Arc::clone(&clock),
    )?);
    let config = Arc::new(SharedConfig::new(config));
    let quarantine =
        Quarantine::open(files, store.clone(), Arc::clone(&config), audit.clone(), Arc::clone(&clock))?;
    let announcements = Arc::new(Announcements::open(store.clone(), audit.clone(), Arc::clone(&clock))?);
    let audience: Arc<ws::Audience> = Arc::default();
    let receivers = Arc::clone(&audience);
    announcements.on_change(Box::new(move |change| receivers.announce(change)));
    let sockets = Arc::new(ws::Services {
        hub,
        hasher: HashPool::new(hash_pool::ROOM_PARAMS, 1).map_err(AppError::Thread)?,
        rates: Arc::clone(&rates),
        pauses: Arc::new(RoomPause::new()),
        boot: hex(&random::<8>()),
        registry: Arc::default(),
        audience,
        announcements,
        refusals: refusals.clone(),
        config: Arc::clone(&config),
        audit: audit.clone(),
        clock: Arc::clone(&clock),
    });
    let (services, end_audit) = (Arc::clone(&sockets), audit.clone());
    accounts.sessions.on_end(Box::new(move |session, reason| {
        end_memberships(&services, session, reason);
        close_sockets(&services.registry, session.digest, reason);
        end_audit.try_record(Event::SessionEnded {
            user: session.person.name.clone(),
            session: session.short_id(),
            reason,
        });
    }));
    let app = AppState {
        accounts,
        quarantine,
        sockets,
        rates,
        connections: caps.clone(),
        refusals,
        started: clock.now(),
        config,
        audit: audit.clone(),
        clock,
        pages: Pages::new(matches!(mode, Mode::Demo(_))),
        positions,
        router: Router::pichat(),
        secure,
        port,
        https: side,
        own_names: OwnNames::new(&host_name),
    };
    Ok(RunningServer { app: Arc::new(app), caps, sign_in, local, tls })
}

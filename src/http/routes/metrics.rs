//! Metrics of the server: counts and sizes, without users or rooms.

use http::{HeaderValue, Response, header};

use crate::accounts::hash_pool::MAX_WAITING;
use crate::audit::QUEUE_EVENTS;
use crate::detached;
use crate::http::AppState;
use crate::http::request::auth::MetricsReader;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::response::metrics::{Exposition, MEDIA_TYPE, Process};
use crate::http::response::problem::Problem;
use crate::http::router::RoutedRequest;
use crate::limits::RefusalKind;
use crate::quarantine::FileTotals;

pub(super) async fn show(call: RoutedRequest, _: MetricsReader) -> Result<Response<Body>, Problem> {
    let mut text = Exposition::default();
    process(&mut text, &call.app).await;
    chat(&mut text, &call.app).await;
    refusals(&mut text, &call.app);
    queues(&mut text, &call.app);
    files(&mut text, &call.app).await;
    let mut response = response(Body::from(text.finish().into_bytes()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Ok(response)
}

async fn process(text: &mut Exposition, app: &AppState) {
    let build = format!("version=\"{}\",arch=\"{}\"", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    text.family("info", "pichat_build", "El programa · The program").sample(&build, 1);
    let started = u64::try_from(app.started.0 / 1000).unwrap_or_default();
    text.gauge(
        "process_start_time_seconds",
        "Inicio del proceso, hora Unix · Start of the process, Unix time",
        started,
    );
    if let Ok(Some(process)) = detached::blocking(Process::look).await {
        text.gauge(
            "process_resident_memory_bytes",
            "Memoria residente · Resident memory",
            process.resident_bytes,
        );
        text.gauge("process_open_fds", "Descriptores abiertos · Open file descriptors", process.open_fds);
    }
}

async fn chat(text: &mut Exposition, app: &AppState) {
    text.gauge(
        "pichat_connections",
        "Conexiones abiertas · Open connections",
        app.connections.count() as u64,
    );
    text.gauge("pichat_sessions", "Sesiones · Sessions", app.accounts.sessions.len() as u64);
    let hub = app.sockets.hub.stats();
    text.family(
        "gauge",
        "pichat_rooms",
        "Salas, con conexiones o sin ellas · Rooms, with sockets or without",
    )
    .sample("state=\"occupied\"", hub.occupied as u64)
    .sample("state=\"quiet\"", hub.quiet as u64);
    text.gauge(
        "pichat_members",
        "Sesiones que son miembros de salas · Sessions that are members of rooms",
        hub.members as u64,
    );
    text.gauge("pichat_seats", "Conexiones en salas · Sockets in rooms", hub.seats as u64);
    text.gauge(
        "pichat_chat_memory_bytes",
        "Memoria de los mensajes guardados · Memory of kept messages",
        hub.memory as u64,
    );
    text.counter("pichat_messages", "Mensajes publicados · Messages published", hub.messages);
    text.counter("pichat_deliveries", "Entregas de mensajes · Deliveries of messages", hub.deliveries);
    let backlog = app.sockets.registry.send_queue_stats().await;
    text.gauge("pichat_sockets", "Conexiones de chat · Chat sockets", backlog.sockets as u64);
    text.gauge("pichat_outbound_frames", "Tramas en espera · Frames that wait", backlog.frames as u64);
    text.gauge("pichat_outbound_bytes", "Bytes en espera · Bytes that wait", backlog.bytes as u64);
    text.gauge(
        "pichat_outbound_deepest",
        "Tramas de la cola más larga · Frames of the deepest queue",
        backlog.deepest as u64,
    );
    text.family("counter", "pichat_frames_dropped", "Tramas descartadas · Frames dropped")
        .sample("urgency=\"typing\"", backlog.dropped.typing)
        .sample("urgency=\"presence\"", backlog.dropped.presence);
    text.counter(
        "pichat_sockets_too_slow",
        "Conexiones cerradas por lentas · Sockets closed as too slow",
        backlog.too_slow,
    );
}

fn refusals(text: &mut Exposition, app: &AppState) {
    text.family("counter", "pichat_refusals", "Rechazos, por lugar y motivo · Refusals, by place and reason");
    for tally in [&app.refusals, app.rates.refused(), app.accounts.refused_sign_ins()] {
        for (RefusalKind { at, reason }, count) in tally.read() {
            text.sample(&format!("at=\"{at}\",reason=\"{reason}\""), count);
        }
    }
}

fn queues(text: &mut Exposition, app: &AppState) {
    let pools =
        [("pool=\"accounts\"", app.accounts.hashing()), ("pool=\"rooms\"", app.sockets.hasher.hashing())];
    let mut of_pools = |kind, name, help, value: fn(crate::accounts::Hashing) -> u64| {
        text.family(kind, name, help);
        for (pool, hashing) in pools {
            text.sample(pool, value(hashing));
        }
    };
    of_pools("gauge", "pichat_hash_running", "Contraseñas en cálculo · Passwords being hashed", |h| {
        h.running as u64
    });
    of_pools("gauge", "pichat_hash_running_limit", "Cuántas a la vez · How many at once", |h| {
        h.threads as u64
    });
    of_pools("gauge", "pichat_hash_waiting", "Contraseñas en cola · Passwords in the queue", |h| {
        h.waiting as u64
    });
    of_pools("gauge", "pichat_hash_waiting_limit", "Tope de la cola · Limit of the queue", |_| {
        MAX_WAITING as u64
    });
    of_pools(
        "counter",
        "pichat_hash_refused",
        "Rechazos por cola llena · Refused, the queue being full",
        |h| h.refused,
    );
    text.gauge(
        "pichat_audit_waiting",
        "Eventos por escribir · Events to be written",
        app.audit.queued() as u64,
    );
    text.gauge("pichat_audit_waiting_limit", "Tope de esa cola · Limit of that queue", QUEUE_EVENTS as u64);
    text.counter("pichat_audit_dropped", "Eventos perdidos · Events lost", app.audit.dropped());
}

async fn files(text: &mut Exposition, app: &AppState) {
    let FileTotals { files, bytes } = app.quarantine.totals();
    text.gauge(
        "pichat_files",
        "Archivos, también los que están llegando · Files, those on their way in too",
        files,
    );
    text.counter(
        "pichat_files_listed",
        "Listas de archivos entregadas · Lists of files answered",
        app.quarantine.lists_answered(),
    );
    text.gauge("pichat_files_bytes", "Bytes de los archivos · Bytes of the files", bytes);
    if let Ok(waiting) = app.quarantine.waiting().await {
        text.gauge("pichat_files_waiting", "Archivos sin inspeccionar · Files not yet inspected", waiting);
    }
}

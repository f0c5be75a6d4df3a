//! Steps of every request before and after its handler.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Incoming;

use crate::audit::Event;
use crate::types::crypto::Token;
use crate::types::texts::key;
use crate::types::{Lang, WebOrigin, base_url};

use crate::http::request::arrival::Arrival;
use crate::http::request::auth::{Bearer, MetricsReader, PartialSession, SignedIn};
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieScope;
use crate::http::request::language;
use crate::http::request::origin::{is_own, is_safe, is_same, origin};
use crate::http::request::return_path::ReturnPath;
use crate::http::response::body::Body;
use crate::http::response::headers::{apply_security_headers, response};
use crate::http::response::pages::{HTML, Page, VARY};
use crate::http::response::problem::{Problem, ProblemCode};
use crate::http::router::{ErrorFormat, Handler, Match, RoutedRequest};
use crate::http::{AppState, routes};

/// Time until the accounts may be readable again.
const SUSPENDED_RETRY: Duration = Duration::from_secs(5);

/// Answers a request. Never fails: what goes wrong is an answer too.
pub(super) async fn answer(
    app: Arc<AppState>,
    context: RequestContext,
    arrival: Arrival,
    request: Request<Incoming>,
) -> Response<Body> {
    let config = app.config.get();
    let lang = language::of_request(request.headers(), context.cookies);
    let format = if is_api(request.uri().path()) { ErrorFormat::Api } else { ErrorFormat::Page };
    let cors = cors(request.headers(), &config.http.allowed_origins);
    let (secure, cookies) = (context.secure, context.cookies);
    let outdated = arrival.session.as_ref().and_then(|_| outdated_token(&app, request.headers(), cookies));
    let uri = request.uri().clone();
    let mut response = match dispatch(&app, context, arrival, lang, request).await {
        Ok(response) => response,
        Err(Denied { problem, format: own }) => show(&app, &problem, own.unwrap_or(format), lang, &uri),
    };
    if let Some(code) = response.extensions().get::<ProblemCode>() {
        app.refusals.count("http", code.code());
    }
    let fields = response.headers_mut();
    if let Some(token) = outdated {
        if !cookies.is_set_in(fields) {
            // Sessions of that time were not remembered.
            fields.append(header::SET_COOKIE, cookies.set(&token, None));
        }
        fields.append(header::SET_COOKIE, cookies.clear_legacy());
    }
    if !config.http.allowed_origins.is_empty() {
        // Also where this origin is none of them: what is cached for one must not be shown to another.
        fields.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = cors {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        fields.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    apply_security_headers(response.headers_mut(), secure);
    response
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/") || path == "/api" || path == routes::SOCKET || path == routes::SOCKET_CHECK
}

/// The origin to name, when the settings let it read answers.
fn cors(headers: &HeaderMap, allowed: &[WebOrigin]) -> Option<HeaderValue> {
    let sent = headers.get(header::ORIGIN).filter(|_| !allowed.is_empty())?;
    allowed.contains(&origin(sent)?).then(|| sent.clone())
}

/// A request that was not answered by its handler.
struct Denied {
    problem: Problem,
    format: Option<ErrorFormat>,
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self { problem, format: None }
    }
}

async fn dispatch(
    app: &Arc<AppState>,
    context: RequestContext,
    arrival: Arrival,
    lang: Lang,
    request: Request<Incoming>,
) -> Result<Response<Body>, Denied> {
    let addr = context.addr;
    arrival.admit(app, addr).await?;
    check_host(app, &context, request.version()).await?;
    let config = app.config.get();
    let path = request.uri().path();
    if request.method() == Method::OPTIONS {
        return preflight(app, &request, path).map_err(Into::into);
    }
    let (route, param) = match app.router.find(request.method(), path) {
        Match::Route { route, param } => (route, param),
        Match::OtherMethods { format, methods } => {
            let allow = HeaderValue::from_str(&methods.join(", ")).unwrap_or(HeaderValue::from_static("GET"));
            let problem = Problem::new(ProblemCode::MethodNotAllowed).header(header::ALLOW, allow);
            return Err(Denied { problem, format: Some(format) });
        }
        Match::Nothing => return Err(Problem::new(ProblemCode::NotFound).into()),
    };
    let guarded = !is_safe(request.method()) || path == routes::SOCKET;
    if guarded
        && !is_same(
            request.headers(),
            context.authority.as_ref(),
            context.secure,
            &config.http.allowed_origins,
        )
    {
        let origin =
            request.headers().get(header::ORIGIN).map_or("-", |v| v.to_str().unwrap_or("?")).to_owned();
        let host = context.authority.as_ref().map_or_else(String::new, ToString::to_string);
        let path = path.to_owned();
        app.audit.record(Event::RequestCrossOrigin { addr, origin, host, path }).await;
        return Err(Problem::new(ProblemCode::CrossOrigin).into());
    }
    let format = route.format;
    // A socket's own task looks again, and closes it with the reason: a page learns nothing from a refused
    // upgrade.
    let hands_out = is_safe(request.method()) && path != routes::SOCKET;
    let call =
        RoutedRequest { app: Arc::clone(app), request, addr, context, session: arrival.session, lang, param };
    // Its session is looked at again before anything is handed out: the handler may have waited for the store
    // or a queue.
    let mut seen = None;
    let result = match route.handler {
        Handler::Anyone(handler) => handler(call).await,
        Handler::PartialSession(handler) => {
            let who = any_session(&call, format)?;
            handler(call, who).await
        }
        Handler::SignedIn(handler) => {
            let who = signed_in(&call, format)?;
            seen = Some(Arc::clone(who.session()));
            handler(call, who).await
        }
        Handler::Uploader(handler) => match signed_in(&call, format)?.uploader() {
            Some(who) => handler(call, who).await,
            None => Err(denied(&call).await),
        },
        Handler::Metrics(handler) => {
            let who = metrics_reader(&call, format).await?;
            handler(call, who).await
        }
        Handler::Admin(handler) => match signed_in(&call, format)?.admin() {
            Some(who) => {
                seen = Some(Arc::clone(who.session()));
                handler(call, who).await
            }
            None => Err(denied(&call).await),
        },
    };
    let result = match (result, seen.filter(|_| hands_out)) {
        (Ok(_), Some(session)) if !session.is_live() => Err(Problem::new(ProblemCode::Unauthenticated)),
        (Ok(mut response), Some(session)) if response.body().is_streamed() => {
            // The connection is cut when the session ends before the last byte.
            response.extensions_mut().insert(session);
            Ok(response)
        }
        (result, _) => result,
    };
    result.map_err(|problem| Denied { problem, format: Some(format) })
}

/// Before anything is looked up: the version, the host name.
pub(super) async fn check_host(
    app: &AppState,
    context: &RequestContext,
    version: Version,
) -> Result<(), Problem> {
    let addr = context.addr;
    if let Some(header) = context.fault {
        return Err(Problem::new(ProblemCode::BadRequest).about(header));
    }
    match &context.authority {
        None if version == Version::HTTP_11 => Err(Problem::new(ProblemCode::BadRequest).about("Host")),
        None => Ok(()),
        Some(host) if is_own(host, &app.own_names, &app.config.get().http.hosts) => Ok(()),
        Some(host) => {
            app.audit.record(Event::RequestMisdirected { addr, host: host.to_string() }).await;
            let url = vec![("url", own_url(app))];
            Err(Problem::new(ProblemCode::Misdirected).saying(key::PROBLEM_MISDIRECTED_URL, url))
        }
    }
}

/// Returns the address of PiChat by the device's own name.
fn own_url(app: &AppState) -> String {
    let scheme = if app.secure { "https" } else { "http" };
    base_url(scheme, app.own_names.published(), app.port)
}

/// Tells a browser of an allowed origin what it may send.
fn preflight(app: &AppState, request: &Request<Incoming>, path: &str) -> Result<Response<Body>, Problem> {
    let methods = match app.router.find(&Method::OPTIONS, path) {
        Match::OtherMethods { methods, .. } => methods.join(", "),
        Match::Route { .. } | Match::Nothing => return Err(Problem::new(ProblemCode::NotFound)),
    };
    let mut response = response(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allow = HeaderValue::from_str(&methods).unwrap_or(HeaderValue::from_static("GET"));
    let fields = response.headers_mut();
    if cors(request.headers(), &app.config.get().http.allowed_origins).is_some() {
        fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
        fields.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Content-Type, Range, If-Range, If-Match, If-None-Match"),
        );
        fields.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    fields.insert(header::ALLOW, allow);
    Ok(response)
}

/// The token of a live session whose cookie has no port in its name yet.
fn outdated_token(app: &AppState, headers: &HeaderMap, cookies: CookieScope) -> Option<Token> {
    let is_live = |token: &Token| app.accounts.session(token).is_some();
    let token = cookies.legacy_tokens(headers).find(is_live)?;
    (!cookies.tokens(headers).any(|token| is_live(&token))).then_some(token)
}

fn any_session(call: &RoutedRequest, format: ErrorFormat) -> Result<PartialSession, Denied> {
    if call.app.accounts.sessions.is_suspended() {
        return Err(Denied {
            problem: Problem::new(ProblemCode::Busy).retry(SUSPENDED_RETRY),
            format: Some(format),
        });
    }
    let session = call
        .session
        .as_ref()
        .filter(|session| session.is_live())
        .map(|session| PartialSession::new(Arc::clone(session)));
    session.ok_or_else(|| Denied { problem: unauthenticated(call, format), format: Some(format) })
}

/// A page leads on to the sign-in, which is no refusal; a call of the API is told in the log.
fn unauthenticated(call: &RoutedRequest, format: ErrorFormat) -> Problem {
    if format == ErrorFormat::Api {
        let (method, path) = (call.request.method().to_string(), call.request.uri().path().to_owned());
        call.app.audit.try_record(Event::RequestUnauthenticated { addr: call.addr, method, path });
    }
    Problem::new(ProblemCode::Unauthenticated)
}

fn signed_in(call: &RoutedRequest, format: ErrorFormat) -> Result<SignedIn, Denied> {
    let problem =
        || Denied { problem: Problem::new(ProblemCode::PasswordChangeRequired), format: Some(format) };
    any_session(call, format)?.signed_in().ok_or_else(problem)
}

/// A bearer token is looked at alone: a wrong one is not made good by a cookie.
async fn metrics_reader(call: &RoutedRequest, format: ErrorFormat) -> Result<MetricsReader, Denied> {
    let challenge =
        |problem: Problem| problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    if let Some(bearer) = Bearer::read(call.request.headers()) {
        let reader = MetricsReader::by_token(&call.app, &bearer).await?;
        return reader.ok_or_else(|| challenge(unauthenticated(call, format)).into());
    }
    match signed_in(call, format) {
        Ok(who) => match who.admin() {
            Some(admin) => Ok(admin.into()),
            None => Err(denied(call).await.into()),
        },
        Err(Denied { problem, format }) if problem.code == ProblemCode::Unauthenticated => {
            Err(Denied { problem: challenge(problem), format })
        }
        Err(refused) => Err(refused),
    }
}

async fn denied(call: &RoutedRequest) -> Problem {
    let user = call.session.as_ref().map(|session| session.person.name.clone());
    let (method, path) = (call.request.method().to_string(), call.request.uri().path().to_owned());
    call.app.audit.record(Event::AccessDenied { user, addr: call.addr, method, path }).await;
    Problem::new(ProblemCode::Forbidden)
}

/// Returns the page that a sign-in leads back to, where the browser asked for one.
fn asked_page(app: &AppState, uri: &Uri) -> Option<ReturnPath> {
    // A form's address without a page, such as that of the sign-out, is none.
    match app.router.find(&Method::GET, uri.path()) {
        Match::Route { .. } => ReturnPath::asked(uri),
        Match::OtherMethods { .. } | Match::Nothing => None,
    }
}

/// An error as the browser shows it or as a program reads it. `uri` is what it asked for.
fn show(app: &AppState, problem: &Problem, format: ErrorFormat, lang: Lang, uri: &Uri) -> Response<Body> {
    if format == ErrorFormat::Api {
        return problem.json(lang);
    }
    match problem.code {
        ProblemCode::Unauthenticated => match (routes::landing_path(app), asked_page(app, uri)) {
            (routes::SIGN_IN, Some(back)) => routes::see_other(&back.behind(routes::SIGN_IN)),
            (landing, _) => routes::see_other(landing),
        },
        ProblemCode::PasswordChangeRequired => {
            let back = asked_page(app, uri).map(|back| back.behind(routes::CHANGE));
            routes::see_other(back.as_deref().unwrap_or(routes::CHANGE))
        }
        // Without any account every page redirects to the claim.
        ProblemCode::NotFound if routes::landing_path(app) != routes::SIGN_IN => {
            routes::see_other(routes::landing_path(app))
        }
        ProblemCode::Forbidden => with_status(app.pages.get(Page::Forbidden, lang), StatusCode::FORBIDDEN),
        ProblemCode::NotFound => with_status(app.pages.get(Page::NotFound, lang), StatusCode::NOT_FOUND),
        _ => {
            let mut response =
                problem.response(HTML, app.pages.with_message(Page::Error, &problem.detail(lang), lang));
            response.headers_mut().insert(header::VARY, VARY);
            response
        }
    }
}

fn with_status(mut response: Response<Body>, status: StatusCode) -> Response<Body> {
    *response.status_mut() = status;
    response
}

//! The table of routes. What a route demands stands beside it, and its handler cannot be written to get by
//! with less.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::accounts::Session;
use crate::types::Lang;

use super::AppState;
use crate::http::request::auth::{Admin, MetricsReader, PartialSession, SignedIn, Uploader};
use crate::http::request::context::RequestContext;
use crate::http::response::body::Body;
use crate::http::response::problem::Problem;

/// One request on its way to a handler.
pub(super) struct RoutedRequest {
    pub(super) app: Arc<AppState>,
    pub(super) request: Request<Incoming>,
    /// The client's address.
    pub(super) addr: IpAddr,
    /// Address, scheme and authority.
    pub(super) context: RequestContext,
    /// The session that the request came with, live when it arrived.
    pub(super) session: Option<Arc<Session>>,
    /// Language of the user.
    pub(super) lang: Lang,
    /// The `{…}` of the route's path, as it stands in the URL.
    pub(super) param: String,
}

pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send>>;

/// Handler of a route with the right it needs.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    Anyone(fn(RoutedRequest) -> HandlerFuture),
    /// Also while the password must be changed.
    PartialSession(fn(RoutedRequest, PartialSession) -> HandlerFuture),
    SignedIn(fn(RoutedRequest, SignedIn) -> HandlerFuture),
    Uploader(fn(RoutedRequest, Uploader) -> HandlerFuture),
    /// An administrator, or a program with the metrics token.
    Metrics(fn(RoutedRequest, MetricsReader) -> HandlerFuture),
    Admin(fn(RoutedRequest, Admin) -> HandlerFuture),
}

/// Right that a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// None: any client.
    Anyone,
    /// Session, also one that must change an assigned password first.
    PartialSession,
    /// Session.
    SignedIn,
    /// Session with the right to upload.
    Uploader,
    /// A session of an administrator, or the metrics token.
    Metrics,
    /// A session of an administrator.
    Administrator,
}

impl Handler {
    /// Returns the right that the route needs.
    pub(super) const fn access(&self) -> Access {
        match self {
            Self::Anyone(_) => Access::Anyone,
            Self::PartialSession(_) => Access::PartialSession,
            Self::SignedIn(_) => Access::SignedIn,
            Self::Uploader(_) => Access::Uploader,
            Self::Metrics(_) => Access::Metrics,
            Self::Admin(_) => Access::Administrator,
        }
    }
}

/// Row of the table of routes for readers such as tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// `GET` also answers `HEAD`.
    pub method: String,
    /// With its `{…}`.
    pub path: &'static str,
    /// Right that the route needs.
    pub access: Access,
    /// True if errors are pages; otherwise they are problem+json.
    pub is_page: bool,
}

/// Format of errors: a page for a browser, or problem+json for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorFormat {
    Page,
    Api,
}

/// One row of the table.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) format: ErrorFormat,
    pub(super) handler: Handler,
}

/// The table, ready for look-ups.
pub struct Router(matchit::Router<Vec<Route>>);

/// The outcome of a look-up.
pub(super) enum Match<'a> {
    Route {
        route: &'a Route,
        param: String,
    },
    /// The path is there; these methods are.
    OtherMethods {
        format: ErrorFormat,
        methods: Vec<&'static str>,
    },
    Nothing,
}

impl Router {
    /// The router over `routes`.
    ///
    /// # Panics
    /// When two paths of the table conflict, which a test would have shown.
    #[allow(
        clippy::expect_used,
        reason = "the table is a constant; every test that starts a server would fail"
    )]
    pub(super) fn over(routes: &[Route]) -> Self {
        let mut router = matchit::Router::new();
        let mut paths: Vec<&'static str> = routes.iter().map(|r| r.path).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let of_path = routes.iter().filter(|r| r.path == path).cloned().collect();
            router.insert(path, of_path).expect("paths of the route table do not conflict");
        }
        Self(router)
    }

    /// Finds the route; HEAD is answered where GET is.
    pub(super) fn find(&self, method: &Method, path: &str) -> Match<'_> {
        let Ok(matched) = self.0.at(path) else { return Match::Nothing };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        if let Some(route) = matched.value.iter().find(|r| r.method == *wanted) {
            let param = matched.params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
            return Match::Route { route, param };
        }
        let mut methods = Vec::new();
        for route in matched.value {
            match route.method {
                Method::GET => methods.extend(["GET", "HEAD"]),
                Method::POST => methods.push("POST"),
                _ => methods.push("DELETE"),
            }
        }
        let format = matched.value.first().map_or(ErrorFormat::Api, |r| r.format);
        Match::OtherMethods { format, methods }
    }
}

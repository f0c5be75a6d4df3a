//! The table of all routes, and one thin file a resource.

mod account;
mod announcements;
mod claim;
mod file_list;
mod files;
mod form_page;
mod frame;
mod language;
mod limits;
mod metrics;
mod own_sessions;
mod pages;
mod password;
mod room_invitations;
mod rooms;
mod session;
mod session_dto;
mod socket;
mod trusted;
mod upload;

use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use crate::http::request::language::SWITCH;
use crate::http::response::body::Body;
use crate::http::response::headers::response;
use crate::http::router::{ErrorFormat, Handler, Route, RouteSpec, Router};

pub(super) use pages::landing_path;

/// Page of the sign-in.
pub(super) const SIGN_IN: &str = "/login";

/// Page on which an assigned password must be changed.
pub(super) const CHANGE: &str = "/clave";

/// First page of a signed-in person.
pub(super) const HOME: &str = "/inicio";

/// Page that creates the first administrator's account. `/reclamar` leads there too: it is written on cards.
pub(super) const CLAIM: &str = "/activar";

/// Path of sockets.
pub(super) const SOCKET: &str = "/ws";
/// Path of the probe socket.
pub(super) const SOCKET_CHECK: &str = "/ws/check";

impl Router {
    /// The router over all routes of PiChat.
    pub fn pichat() -> Self {
        Self::over(&table())
    }

    /// The table of routes.
    pub fn rows() -> Vec<RouteSpec> {
        let row = |r: Route| RouteSpec {
            method: r.method.to_string(),
            path: r.path,
            access: r.handler.access(),
            is_page: r.format == ErrorFormat::Page,
        };
        table().into_iter().map(row).collect()
    }
}

fn route(method: Method, path: &'static str, format: ErrorFormat, handler: Handler) -> Route {
    Route { method, path, format, handler }
}

fn table() -> Vec<Route> {
    use ErrorFormat::{Api, Page};
    use Handler::{Admin, Anyone, Metrics, PartialSession, SignedIn, Uploader};
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    vec![
        route(get.clone(), "/", Page, Anyone(|c| Box::pin(pages::root(c)))),
        route(get.clone(), "/login", Page, Anyone(|c| Box::pin(session::login(c)))),
        route(post.clone(), SIGN_IN, Page, Anyone(|c| Box::pin(session::form_sign_in(c)))),
        route(get.clone(), CLAIM, Page, Anyone(|c| Box::pin(claim::page(c)))),
        route(post.clone(), CLAIM, Page, Anyone(|c| Box::pin(claim::form(c)))),
        route(get.clone(), "/reclamar", Page, Anyone(|c| Box::pin(claim::page(c)))),
        route(post.clone(), "/reclamar", Page, Anyone(|c| Box::pin(claim::form(c)))),
        route(post.clone(), SWITCH, Page, Anyone(|c| Box::pin(language::choose(c)))),
        route(get.clone(), CHANGE, Page, PartialSession(|c, who| Box::pin(password::page(c, who)))),
        route(post.clone(), CHANGE, Page, PartialSession(|c, who| Box::pin(password::form(c, who)))),
        route(
            post.clone(),
            "/logout",
            Page,
            PartialSession(|c, who| Box::pin(session::form_sign_out(c, who))),
        ),
        route(get.clone(), HOME, Page, SignedIn(|c, who| Box::pin(pages::home(c, who)))),
        route(get.clone(), "/chat", Page, SignedIn(|c, who| Box::pin(pages::chat(c, who)))),
        route(get.clone(), "/listar", Page, SignedIn(|c, who| Box::pin(pages::files_page(c, who)))),
        route(get.clone(), "/subir", Page, Uploader(|c, who| Box::pin(pages::upload_page(c, who)))),
        route(post.clone(), "/subir", Page, Uploader(|c, who| Box::pin(upload::form(c, who)))),
        route(get.clone(), account::ACCOUNT, Page, SignedIn(|c, who| Box::pin(account::page(c, who)))),
        route(post.clone(), account::ACCOUNT, Page, SignedIn(|c, who| Box::pin(account::form(c, who)))),
        route(get.clone(), "/static/{*path}", Page, Anyone(|c| Box::pin(pages::asset(c)))),
        route(get.clone(), "/favicon.ico", Page, Anyone(|c| Box::pin(pages::favicon(c)))),
        route(get.clone(), "/probar", Page, Anyone(|c| Box::pin(trusted::page(c)))),
        route(get.clone(), "/api/trusted", Api, Anyone(|c| Box::pin(trusted::show(c)))),
        route(get.clone(), SOCKET_CHECK, Api, Anyone(|c| Box::pin(trusted::socket(c)))),
        route(get.clone(), "/api/health", Api, Anyone(|c| Box::pin(pages::health(c)))),
        route(get.clone(), "/api/metrics", Api, Metrics(|c, who| Box::pin(metrics::show(c, who)))),
        route(post.clone(), "/api/session", Api, Anyone(|c| Box::pin(session::sign_in(c)))),
        route(get.clone(), "/api/sessions", Api, SignedIn(|c, who| Box::pin(own_sessions::list(c, who)))),
        route(
            delete.clone(),
            "/api/sessions/{id}",
            Api,
            SignedIn(|c, who| Box::pin(own_sessions::end(c, who))),
        ),
        route(post.clone(), "/api/claim", Api, Anyone(|c| Box::pin(claim::api(c)))),
        route(get.clone(), "/api/session", Api, PartialSession(|c, who| Box::pin(session::show(c, who)))),
        route(
            delete.clone(),
            "/api/session",
            Api,
            PartialSession(|c, who| Box::pin(session::sign_out(c, who))),
        ),
        route(post.clone(), "/api/password", Api, PartialSession(|c, who| Box::pin(password::api(c, who)))),
        route(get.clone(), "/api/limits", Api, SignedIn(|c, who| Box::pin(limits::show(c, who)))),
        route(get.clone(), "/api/rooms", Api, SignedIn(|c, who| Box::pin(rooms::list(c, who)))),
        route(
            post.clone(),
            "/api/rooms/{room}/invites",
            Api,
            SignedIn(|c, who| Box::pin(room_invitations::make(c, who))),
        ),
        route(post.clone(), "/api/announcement", Api, Admin(|c, who| Box::pin(announcements::make(c, who)))),
        route(get.clone(), "/api/announcements", Api, Admin(|c, who| Box::pin(announcements::list(c, who)))),
        route(
            get.clone(),
            "/api/announcements/{id}.csv",
            Api,
            Admin(|c, who| Box::pin(announcements::export(c, who))),
        ),
        route(
            delete.clone(),
            "/api/announcements/{id}",
            Api,
            Admin(|c, who| Box::pin(announcements::end(c, who))),
        ),
        route(get.clone(), "/api/files", Api, SignedIn(|c, who| Box::pin(file_list::show(c, who)))),
        route(post, "/api/files", Api, Uploader(|c, who| Box::pin(upload::api(c, who)))),
        route(get.clone(), "/api/files/{id}", Api, SignedIn(|c, who| Box::pin(files::show(c, who)))),
        route(delete, "/api/files/{id}", Api, Admin(|c, who| Box::pin(files::delete(c, who)))),
        route(
            get.clone(),
            "/api/files/{id}/content",
            Api,
            SignedIn(|c, who| Box::pin(files::content(c, who))),
        ),
        route(get, SOCKET, Api, SignedIn(|c, who| Box::pin(socket::open(c, who)))),
    ]
}

/// Sends a browser on to another page.
pub(super) fn see_other(to: &str) -> Response<Body> {
    let mut response = response(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let to = HeaderValue::from_str(to).unwrap_or(const { HeaderValue::from_static("/") });
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// A value as JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // What is sent here are plain structs: encoding them does not fail.
    let mut response = response(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
    response
}

fn no_content() -> Response<Body> {
    let mut response = response(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::router::Access;

    #[test]
    fn only_these_routes_are_open_to_anyone_and_a_new_one_must_be_named_here() {
        let open: Vec<_> = Router::rows()
            .into_iter()
            .filter(|r| r.access == Access::Anyone)
            .map(|r| format!("{} {}", r.method, r.path))
            .collect();
        let want = [
            "GET /",
            "GET /login",
            "POST /login",
            "GET /activar",
            "POST /activar",
            "GET /reclamar",
            "POST /reclamar",
            "POST /idioma",
            "GET /static/{*path}",
            "GET /favicon.ico",
            "GET /probar",
            "GET /api/trusted",
            "GET /ws/check",
            "GET /api/health",
            "POST /api/session",
            "POST /api/claim",
        ];
        assert_eq!(open, want);
    }

    #[test]
    fn only_these_routes_are_open_to_somebody_who_must_change_the_password_first() {
        let open = Router::rows().into_iter().filter(|r| r.access == Access::PartialSession);
        let open: Vec<_> = open.map(|r| format!("{} {}", r.method, r.path)).collect();
        let want = [
            "GET /clave",
            "POST /clave",
            "POST /logout",
            "GET /api/session",
            "DELETE /api/session",
            "POST /api/password",
        ];
        assert_eq!(open, want);
    }

    #[test]
    fn who_may_do_what_is_the_table_of_the_design() {
        let of = |method: Method, path: &str| {
            Router::rows()
                .into_iter()
                .find(|r| r.method == method.as_str() && r.path == path)
                .map(|r| r.access)
        };
        assert_eq!(of(Method::POST, "/api/files"), Some(Access::Uploader));
        assert_eq!(of(Method::POST, "/subir"), Some(Access::Uploader));
        assert_eq!(of(Method::DELETE, "/api/files/{id}"), Some(Access::Administrator));
        assert_eq!(of(Method::GET, "/api/metrics"), Some(Access::Metrics));
        assert_eq!(of(Method::GET, "/api/files/{id}/content"), Some(Access::SignedIn));
        assert_eq!(of(Method::GET, "/logout"), None, "GET changes nothing");
    }
}

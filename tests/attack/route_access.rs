//! Access rule of each route. A route without a line here fails the tests, and so does a line without a
//! route.

use pichat::http::Access;

/// Rule of one route.
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// Method and path as in the table of routes.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    /// Status of a permitted request without a body; `{id}` is a file that every user may download.
    pub(crate) answers: u16,
}

const fn rule(method: &'static str, path: &'static str, access: Access, answers: u16) -> Rule {
    Rule { method, path, access, answers }
}

#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    rule("GET",    "/",                       Access::Anyone,        303),
    rule("GET",    "/login",                  Access::Anyone,        200),
    rule("POST",   "/login",                  Access::Anyone,        415),
    rule("GET",    "/activar",                Access::Anyone,        303),
    rule("POST",   "/activar",                Access::Anyone,        415),
    rule("POST",   "/idioma",                 Access::Anyone,        415),
    rule("GET",    "/reclamar",               Access::Anyone,        303),
    rule("POST",   "/reclamar",               Access::Anyone,        415),
    rule("GET",    "/clave",                  Access::PartialSession,    200),
    rule("POST",   "/clave",                  Access::PartialSession,    415),
    rule("POST",   "/logout",                 Access::PartialSession,    303),
    rule("GET",    "/inicio",                 Access::SignedIn,      200),
    rule("GET",    "/chat",                   Access::SignedIn,      200),
    rule("GET",    "/listar",                 Access::SignedIn,      200),
    rule("GET",    "/subir",                  Access::Uploader,      200),
    rule("POST",   "/subir",                  Access::Uploader,      415),
    rule("GET",    "/cuenta",                 Access::SignedIn,      200),
    rule("POST",   "/cuenta",                 Access::SignedIn,      415),
    rule("GET",    "/static/{*path}",         Access::Anyone,        200),
    rule("GET",    "/favicon.ico",            Access::Anyone,        200),
    // There is something to trust over TLS only.
    rule("GET",    "/probar",                 Access::Anyone,        404),
    rule("GET",    "/api/trusted",            Access::Anyone,        404),
    rule("GET",    "/ws/check",               Access::Anyone,        404),
    rule("GET",    "/api/health",             Access::Anyone,        200),
    rule("GET",    "/api/metrics",            Access::Metrics,       200),
    rule("POST",   "/api/session",            Access::Anyone,        415),
    rule("POST",   "/api/claim",              Access::Anyone,        415),
    rule("GET",    "/api/session",            Access::PartialSession,    200),
    rule("DELETE", "/api/session",            Access::PartialSession,    204),
    rule("GET",    "/api/sessions",           Access::SignedIn,      200),
    // The id is a file's; no session of the caller has it.
    rule("DELETE", "/api/sessions/{id}",      Access::SignedIn,      404),
    rule("POST",   "/api/password",           Access::PartialSession,    415),
    rule("GET",    "/api/limits",             Access::SignedIn,      200),
    rule("GET",    "/api/rooms",              Access::SignedIn,      200),
    rule("POST",   "/api/rooms/{room}/invites", Access::SignedIn,    415),
    rule("POST",   "/api/announcement",       Access::Administrator, 415),
    rule("GET",    "/api/announcements",      Access::Administrator, 200),
    // The id is a file's; no announcement has it.
    rule("GET",    "/api/announcements/{id}.csv", Access::Administrator, 404),
    rule("DELETE", "/api/announcements/{id}", Access::Administrator, 404),
    rule("GET",    "/api/files",              Access::SignedIn,      200),
    rule("POST",   "/api/files",              Access::Uploader,      415),
    rule("GET",    "/api/files/{id}",         Access::SignedIn,      200),
    rule("DELETE", "/api/files/{id}",         Access::Administrator, 204),
    rule("GET",    "/api/files/{id}/content", Access::SignedIn,      200),
    rule("GET",    "/ws",                     Access::SignedIn,      426),
];

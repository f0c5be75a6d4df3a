//! Facts of a request: client, session, language, rights, preconditions and body.

pub(super) mod arrival;
pub(super) mod auth;
pub(super) mod context;
pub(super) mod cookies;
pub(super) mod device_cookie;
pub(super) mod form;
pub(super) mod forwarded;
pub(super) mod language;
pub(super) mod multipart;
pub(super) mod origin;
pub(super) mod own_names;
pub(super) mod precondition;
pub(super) mod request_body;
pub(super) mod return_path;
pub(super) mod tags;

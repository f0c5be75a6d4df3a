//! Trust in this device: pages over plain HTTP, and downloads of its certificate.

pub(super) mod plain_http;
pub(super) mod trust;
pub(super) mod trust_page;

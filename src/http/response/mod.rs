//! Answers: their headers, bodies, pages, files and problems.

pub(super) mod assets;
pub(super) mod body;
pub(super) mod csv;
pub(super) mod download;
pub(super) mod file_stream;
pub(super) mod headers;
pub(super) mod metrics;
pub(super) mod pages;
pub(super) mod problem;
pub(super) mod qr_svg;
pub(super) mod transliterate;

//! Sources of values: text and environment, and the way from an error back to its source.

pub(super) mod document;
pub(super) mod edit;
pub(super) mod environment;
pub(super) mod setting_source;
pub(super) mod suggest;

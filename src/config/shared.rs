//! Current settings, shared by all services.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::values::Config;

/// Settings that a reload replaces as a whole. A reader keeps its `Arc` for one action only.
#[derive(Debug)]
pub struct SharedConfig(RwLock<Arc<Config>>);

impl SharedConfig {
    /// Shares the settings of the start.
    pub fn new(config: Config) -> Self {
        Self(RwLock::new(Arc::new(config)))
    }

    /// Returns the current settings.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the current settings.
    pub fn replace(&self, config: Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

//! Current settings, shared by all services.

use std::sync::{Arc, RwLock};

use crate::config::values::Config;
use crate::locks;

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
        Arc::clone(&locks::read(&self.0))
    }

    /// Replaces the current settings.
    pub fn replace(&self, config: Config) {
        *locks::write(&self.0) = Arc::new(config);
    }
}

//! The settings in force, shared by everything that runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::Config;

/// Settings that a reload replaces as a whole. Readers hold what they got for one action, not longer.
#[derive(Debug)]
pub struct Live(RwLock<Arc<Config>>);

impl Live {
    /// The settings of the start.
    pub fn new(config: Config) -> Self {
        Self(RwLock::new(Arc::new(config)))
    }

    /// The settings in force now.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force.
    pub fn replace(&self, config: Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

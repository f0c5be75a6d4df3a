//! Signals between uploads, the inspector and callers that wait for verdicts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};

/// Signals of new files, verdicts and the stop.
pub(super) struct InspectionSignals {
    new_file: Notify,
    /// Counter of verdicts.
    verdicts: watch::Sender<u64>,
    stopped: Arc<AtomicBool>,
}

impl Default for InspectionSignals {
    fn default() -> Self {
        Self { new_file: Notify::new(), verdicts: watch::Sender::new(0), stopped: Arc::default() }
    }
}

impl InspectionSignals {
    /// Signals a recorded file.
    pub(super) fn notify_new_file(&self) {
        self.new_file.notify_one();
    }

    /// Completes with the next new file or the stop.
    pub(super) fn new_file(&self) -> Notified<'_> {
        self.new_file.notified()
    }

    /// Signals a verdict.
    pub(super) fn notify_verdict(&self) {
        self.verdicts.send_modify(|verdicts| *verdicts += 1);
    }

    /// Returns a receiver that changes with each verdict.
    pub(super) fn verdicts(&self) -> watch::Receiver<u64> {
        self.verdicts.subscribe()
    }

    /// Stops the inspector.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.new_file.notify_one();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Returns the flag that an inspection in progress checks.
    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopped)
    }
}

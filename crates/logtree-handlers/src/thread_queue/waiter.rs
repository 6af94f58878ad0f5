//! Waiting for the listening thread, without the token of `std::thread::park`: that of a host's thread is the host's.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Somebody who waits for the listener to get on. Neither lock nor condition ever outlives a `fork` in use: a child
/// forgets whoever waited in its parent.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    is_told: Mutex<bool>,
    condition: Condvar,
}

impl Waiter {
    /// The longest wait without a look of one's own.
    const TURN: Duration = Duration::from_millis(100);

    /// Waits until told, or until the deadline.
    pub(crate) fn wait_until(&self, deadline: Instant) {
        let patience = deadline.saturating_duration_since(Instant::now()).min(Self::TURN);
        let is_told = self.is_told.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.condition.wait_timeout_while(is_told, patience, |is_told| !*is_told);
        *outcome.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    pub(crate) fn tell(&self) {
        *self.is_told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condition.notify_all();
    }
}

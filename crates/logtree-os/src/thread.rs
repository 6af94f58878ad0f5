//! Threads of logtree's own in a host's process.

use std::io;
use std::thread::{Builder, Thread};

use crate::helper::{block_signals, restore_signals};

/// Starts a thread that receives no signal of the host's.
///
/// All signals are blocked by `pthread_sigmask` before the thread begins, and so never reach it. Not by the raw system
/// call: the C library keeps two signals for itself, and a thread that does not answer to them would stop the host's
/// `setuid` for ever.
///
/// # Errors
///
/// What keeps the system from starting a thread.
pub fn spawn_masked(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    let before = block_signals()?;
    let spawned = Builder::new().name(name.to_owned()).spawn(run);
    restore_signals(&before);
    spawned.map(|handle| handle.thread().clone())
}

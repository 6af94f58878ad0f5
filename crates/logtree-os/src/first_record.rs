//! What a child of `fork` has to do anew.

use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fork::ForkGeneration;

static RUN: OnceLock<fn()> = OnceLock::new();

/// The generation in which it was not to be called, or was called last.
static DONE_IN: AtomicU32 = AtomicU32::new(0);

/// Has `run` called by the first record of each process that is forked from this one, directly or not: what needs a thread
/// has none there, and a child that does not log, or is about to `exec`, is to have none. The first caller wins. A panic ends
/// in it.
pub fn at_first_record_of_child(run: fn()) {
    if RUN.set(run).is_ok() {
        DONE_IN.store(ForkGeneration::current().to_bits(), Ordering::Release);
    }
}

/// A thread makes its first record in this process.
pub fn first_record() {
    let Some(run) = RUN.get() else { return };
    let here = ForkGeneration::current().to_bits();
    let done = DONE_IN.load(Ordering::Acquire);
    let is_new = done != 0 && done != here && !is_helper();
    if is_new && DONE_IN.compare_exchange(done, here, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        // Nobody is there to tell; and dropped, what it panics with may panic in its turn.
        _ = catch_unwind(run).map_err(std::mem::forget);
    }
}

/// A listener's process, which is not the program's.
fn is_helper() -> bool {
    #[cfg(all(target_os = "linux", feature = "queue"))]
    return crate::helper::is_helper();
    #[cfg(not(all(target_os = "linux", feature = "queue")))]
    return false;
}

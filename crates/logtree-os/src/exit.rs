//! What is to be done when the process ends.

use std::panic::catch_unwind;
use std::sync::OnceLock;

/// Has `run` called when the process ends by exit(3): by `std::process::exit`, by the end of `main`, or by its host's
/// `exit`; not by a signal or `abort`. Children of `fork` have it called at their ends too. The first caller wins.
///
/// It is called when the thread that ends the process has destroyed its thread-locals, while other threads go on. A panic
/// ends in it.
pub fn at_exit(run: fn()) {
    static RUN: OnceLock<fn()> = OnceLock::new();

    extern "C" fn hook() {
        if let Some(run) = RUN.get() {
            // Nobody is left to tell; and dropped, what it panics with may panic in its turn.
            _ = catch_unwind(run).map_err(std::mem::forget);
        }
    }

    if RUN.set(run).is_ok() {
        // SAFETY: the hook is a function that lasts as long as the program's code does, and does not unwind. Where there is
        // no room to note it, it is not called.
        let _ = unsafe { libc::atexit(hook) };
    }
}

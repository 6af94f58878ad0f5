//! The same names under the model checker. It has no asymmetric barrier, so both halves are full fences; and
//! no clock, so a timed sleep that nobody ends is a deadlock, which is what a lost wake-up should be.

use std::time::Duration;

use loom::sync::{Condvar, Mutex};

pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

/// Many of a kind. On the heap: the checker's threads have small stacks and its atomics are large.
pub(crate) type Table<T, const N: usize> = Box<[T]>;

loom::lazy_static! {
    static ref FUTEX: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
}

pub(crate) fn light_barrier() {
    fence(Ordering::SeqCst);
}

pub(crate) fn heavy_barrier() -> bool {
    fence(Ordering::SeqCst);
    true
}

pub(crate) fn register_barrier() -> bool {
    true
}

pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, _timeout: Duration) {
    let Ok(guard) = FUTEX.0.lock() else { return };
    if word.load(Ordering::Relaxed) == expected {
        let _woken = FUTEX.1.wait(guard);
    }
}

pub(crate) fn futex_wake(_word: &AtomicU32) {
    let _guard = FUTEX.0.lock();
    FUTEX.1.notify_all();
}

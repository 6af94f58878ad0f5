//! Atomics, barriers and futexes of the machine.

use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags, Timespec};
use rustix::thread::{MembarrierCommand, membarrier};

pub(crate) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, compiler_fence, fence};

/// Where bytes of a unit are about to be read; the atomics' looks are their own.
#[inline]
pub(crate) fn before_look<T>(_place: *const T, _bytes: usize) {}

/// Many of a kind, in place.
pub(crate) type Table<T, const N: usize> = [T; N];

/// The producer's half of an asymmetric barrier: it keeps the compiler, not the processor, from moving
/// the look at the listener's state before the publication. [`heavy_barrier`] pays for the other half.
#[inline]
pub(crate) fn light_barrier() {
    compiler_fence(Ordering::SeqCst);
}

/// The listener's half: every registered process passes a full barrier before this returns. `false` if the
/// kernel does not offer it, membarrier(2).
pub(crate) fn heavy_barrier() -> bool {
    membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

/// Takes part in the [`heavy_barrier`] of other processes. Registration survives `fork`, not `exec`.
pub(crate) fn register_barrier() -> bool {
    membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
}

/// Sleeps while `word` holds `expected`, at most `timeout`; may return early.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let timeout = Timespec {
        // Far beyond any timeout in use, and far from the kernel's own limit.
        tv_sec: timeout.as_secs().min(1 << 31) as i64,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // Without the private flag: the word is shared between processes. Every outcome (woken, value changed,
    // timed out, interrupted) sends the caller back to look for itself.
    let outcome = futex::wait(word, Flags::empty(), expected, Some(&timeout));
    debug_assert!(!matches!(outcome, Err(Errno::INVAL | Errno::FAULT)));
}

/// Wakes all who sleep on `word`.
pub(crate) fn futex_wake(word: &AtomicU32) {
    // It fails only on an address that is not mapped, and a reference is.
    let _woken = futex::wake(word, Flags::empty(), i32::MAX as u32);
}

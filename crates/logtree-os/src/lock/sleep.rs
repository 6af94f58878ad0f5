//! Sleeping on the word of a lock.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

pub(super) use system::wait;

/// Wakes one who sleeps on the word.
pub(super) fn wake_one(word: &AtomicU32) {
    system::wake(word, 1);
}

/// Wakes all who sleep on the word.
pub(super) fn wake_all(word: &AtomicU32) {
    system::wake(word, i32::MAX.unsigned_abs());
}

/// By futex(2).
#[cfg(target_os = "linux")]
mod system {
    use std::ptr;

    use libc::{FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE, SYS_futex, c_long};

    use super::{AtomicU32, Duration};

    /// The kernel's `struct __kernel_old_timespec`, which the call takes on all architectures.
    #[repr(C)]
    struct Timespec {
        tv_sec: c_long,
        tv_nsec: c_long,
    }

    /// Returns when woken, after `patience`, or for no reason: the caller looks again.
    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, patience: Option<Duration>) {
        let timeout = patience.and_then(|patience| {
            Some(Timespec { tv_sec: patience.as_secs().try_into().ok()?, tv_nsec: patience.subsec_nanos() as c_long })
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // Every outcome means the same: look again.
        // SAFETY: the kernel reads the word, which is borrowed, and the time, which is this function's or null.
        unsafe { libc::syscall(SYS_futex, word.as_ptr(), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected, timeout) };
    }

    pub(super) fn wake(word: &AtomicU32, most: u32) {
        // It fails only for an address that is none.
        // SAFETY: the word is borrowed, and the call touches no memory.
        unsafe { libc::syscall(SYS_futex, word.as_ptr(), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most) };
    }
}

/// Where there is no futex: in short naps.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{AtomicU32, Duration};

    const NAP: Duration = Duration::from_micros(50);

    pub(in super::super) fn wait(_: &AtomicU32, _expected: u32, patience: Option<Duration>) {
        std::thread::sleep(patience.map_or(NAP, |patience| patience.min(NAP)));
    }

    pub(super) fn wake(_: &AtomicU32, _most: u32) {}
}

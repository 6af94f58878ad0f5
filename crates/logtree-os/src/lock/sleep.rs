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

/// By futex.
#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::futex::{Flags, Timespec, wait as futex_wait, wake as futex_wake};

    use super::{AtomicU32, Duration};

    /// Returns when woken, after `patience`, or for no reason: the caller looks again.
    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, patience: Option<Duration>) {
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        // Every outcome means the same: look again.
        let _ = futex_wait(word, Flags::PRIVATE, expected, timeout.as_ref());
    }

    pub(super) fn wake(word: &AtomicU32, most: u32) {
        // It fails only for an address that is none.
        let _ = futex_wake(word, Flags::PRIVATE, most);
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

//! The limit of a file's size (setrlimit(2), `RLIMIT_FSIZE`), at which a write kills.

use rustix::io;

#[cfg(target_os = "linux")]
use crate::limits::{Limited, limit_of};

/// Whether there is a limit to the size of the files that this process writes.
#[must_use]
pub fn limits_file_size() -> bool {
    #[cfg(target_os = "linux")]
    return limit_of(Limited::FileSize).is_some();
    #[cfg(not(target_os = "linux"))]
    false
}

/// Writes to a file that may have reached the limit: then that is an error (`EFBIG`), and not the end of the program.
///
/// The kernel sends SIGXFSZ with it, to the thread that writes, and by default that ends the process with a core dump. CPython
/// ignores the signal in all of its programs; Rust's do not, and a library is not to decide that for its host. So it is
/// blocked for the one call, and taken if it came.
///
/// # Errors
/// Those of `write`.
#[cfg(target_os = "linux")]
#[cold]
pub fn without_sigxfsz<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    use std::mem::MaybeUninit;
    use std::ptr;

    let mut signal = crate::thread::signal_set(false);
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is this function's, and the number that of a signal.
    unsafe { libc::sigaddset(&raw mut signal, libc::SIGXFSZ) };
    // SAFETY: both pointers are to sets of this function, one filled, one to be filled.
    if unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signal, before.as_mut_ptr()) } != 0 {
        return write();
    }
    let outcome = write();
    if matches!(outcome, Err(io::Errno::FBIG)) {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: set and time are this function's; what is known of the signal is not asked for.
        unsafe { libc::sigtimedwait(&raw const signal, ptr::null_mut(), &raw const at_once) };
    }
    // SAFETY: filled by the successful call above; the old set is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    outcome
}

/// Writes to a file that may have reached the limit. Elsewhere than on Linux that may end the program.
///
/// # Errors
/// Those of `write`.
#[cfg(not(target_os = "linux"))]
pub fn without_sigxfsz<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    write()
}

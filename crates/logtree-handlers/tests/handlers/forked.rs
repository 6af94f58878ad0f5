//! Children of a process that may have threads.

use rustix::process::Pid;

/// Forks a child that does `work`, and ends with 0 if that answers `true`.
pub(crate) fn in_child(work: impl FnOnce() -> bool) -> Pid {
    // SAFETY: the child takes no lock that another thread may hold, but those under test; glibc keeps its allocator usable.
    // Whoever waits for a child that hangs all the same kills it.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            // SAFETY: `_exit` runs nothing.
            unsafe { libc::_exit(i32::from(!is_well)) }
        }
        child => Pid::from_raw(child).unwrap(),
    }
}

//! What a process is limited to (setrlimit(2)).

use std::ptr;

/// What setrlimit(2) limits.
#[derive(Clone, Copy)]
pub(crate) enum Limited {
    /// The size of a file that is written.
    FileSize = libc::RLIMIT_FSIZE as isize,
    /// The numbers of descriptors.
    #[cfg_attr(not(feature = "queue"), allow(dead_code, reason = "helpers ask"))]
    Descriptors = libc::RLIMIT_NOFILE as isize,
}

/// The limit that holds now, if there is one. A filter of system calls may forbid to ask, which rustix takes for impossible and
/// panics: then there is none.
pub(crate) fn limit_of(limited: Limited) -> Option<u64> {
    const UNLIMITED: u64 = u64::MAX;
    // Its own, and that which it can have.
    let mut limits = [UNLIMITED; 2];
    // SAFETY: the limits are two words of 64 bits on all architectures, which the call fills if it can.
    unsafe { libc::syscall(libc::SYS_prlimit64, 0, limited as libc::c_long, ptr::null::<u64>(), limits.as_mut_ptr()) };
    Some(limits[0]).filter(|limit| *limit != UNLIMITED)
}

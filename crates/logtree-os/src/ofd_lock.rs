//! Open file description locks on the bytes of a file, fcntl(2): they belong to an open file, not to a process.

use std::io;

use rustix::fd::RawFd;

/// What is asked for, or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Others may lock the byte so too.
    Shared,
    /// Nobody else may.
    Exclusive,
    /// Nothing any more.
    Free,
}

/// Locks a byte of a file or frees it. The descriptor is the caller's to trust: a number that is none is refused.
///
/// # Errors
/// fcntl(2)'s; `EAGAIN` if another open file has it locked.
pub(crate) fn lock(file: RawFd, byte: u64, kind: Kind) -> io::Result<()> {
    call(file, libc::F_OFD_SETLK, &mut request(byte, 1, kind))
}

/// Whether another open file has the byte locked.
///
/// # Errors
/// fcntl(2)'s.
pub(crate) fn is_locked(file: RawFd, byte: u64) -> io::Result<bool> {
    is_in_the_way(file, request(byte, 1, Kind::Exclusive))
}

/// Whether another open file has any byte locked.
///
/// # Errors
/// fcntl(2)'s.
pub(crate) fn is_locked_anywhere(file: RawFd) -> io::Result<bool> {
    // No length is all that follows.
    is_in_the_way(file, request(0, 0, Kind::Exclusive))
}

fn request(start: u64, length: u64, kind: Kind) -> libc::flock64 {
    // SAFETY: all fields are integers, for which zero is valid.
    let mut request: libc::flock64 = unsafe { std::mem::zeroed() };
    request.l_type = match kind {
        Kind::Shared => libc::F_RDLCK,
        Kind::Exclusive => libc::F_WRLCK,
        Kind::Free => libc::F_UNLCK,
    } as libc::c_short;
    request.l_whence = libc::SEEK_SET as libc::c_short;
    // Offsets are signed, and the end of the byte must be one too.
    request.l_start = start as libc::off64_t & (libc::off64_t::MAX >> 1);
    request.l_len = length as libc::off64_t;
    request
}

fn is_in_the_way(file: RawFd, mut request: libc::flock64) -> io::Result<bool> {
    call(file, libc::F_OFD_GETLK, &mut request)?;
    Ok(libc::c_int::from(request.l_type) != libc::F_UNLCK)
}

fn call(file: RawFd, command: libc::c_int, request: &mut libc::flock64) -> io::Result<()> {
    let request = &raw mut *request;
    // SAFETY: the pointer is to a whole structure, which the call reads and may fill; a number that is no descriptor is refused.
    #[cfg(target_pointer_width = "64")]
    let outcome = unsafe { libc::fcntl(file, command, request) };
    // SAFETY: as above. The C library's own call takes a structure of 32-bit offsets there.
    #[cfg(not(target_pointer_width = "64"))]
    let outcome = unsafe { libc::syscall(libc::SYS_fcntl64, file, command, request) };
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

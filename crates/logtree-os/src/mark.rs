//! Marks on a file that say who has it open.

use std::ffi::c_int;
use std::io;

use rustix::fd::BorrowedFd;

/// Marks an open file as one that is written to, until it is closed for the last time, in whatever process that has it from this
/// one. Each needs a byte `at` of its own, which need not be there.
///
/// It is a lock of the open file description (fcntl(2), `F_OFD_SETLK`), which nobody waits for. `file` must be open for writing.
///
/// # Errors
///
/// `WouldBlock` if the byte is another's; those of fcntl(2) where the file system has no such locks.
pub fn mark(file: BorrowedFd<'_>, at: i64) -> io::Result<()> {
    lock(file, Command::Set, at, 1).map(drop)
}

/// Whether anybody's mark but those of `file` itself is on the file.
///
/// # Errors
///
/// Those of fcntl(2) where the file system has no such locks.
pub fn is_marked(file: BorrowedFd<'_>) -> io::Result<bool> {
    lock(file, Command::Ask, 0, 0)
}

#[derive(Clone, Copy)]
enum Command {
    Set,
    Ask,
}

/// Whether another one's lock is in the way.
#[cfg(target_os = "linux")]
#[allow(clippy::unnecessary_cast, reason = "elsewhere they have 32 bits")]
fn lock(file: BorrowedFd<'_>, command: Command, start: i64, length: i64) -> io::Result<bool> {
    use rustix::fd::AsRawFd as _;

    // SAFETY: it is a struct of integers, for which all zeros are a value.
    let mut lock: libc::flock64 = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    (lock.l_start, lock.l_len) = (start as libc::off64_t, length as libc::off64_t);
    let command: c_int = match command {
        Command::Set => libc::F_OFD_SETLK,
        Command::Ask => libc::F_OFD_GETLK,
    };
    // SAFETY: the kernel reads and writes one `struct flock64`, which `lock` is and stays for the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(c_int::from(lock.l_type) != libc::F_UNLCK as c_int)
}

#[cfg(not(target_os = "linux"))]
fn lock(_: BorrowedFd<'_>, _: Command, _: i64, _: i64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_mark_is_seen_until_the_last_one_closes_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let open = || File::options().append(true).create(true).open(&path).unwrap();
        let (one, other) = (open(), open());
        let asking = File::open(&path).unwrap();
        assert!(!is_marked(asking.as_fd()).unwrap());
        mark(one.as_fd(), 1 << 61).unwrap();
        mark(other.as_fd(), 1 << 40).unwrap();
        assert_eq!(mark(other.as_fd(), 1 << 61).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // As a child of fork has it.
        let inherited = one.try_clone().unwrap();
        drop((one, other));
        assert!(is_marked(asking.as_fd()).unwrap() && is_marked(open().as_fd()).unwrap());
        assert!(!is_marked(inherited.as_fd()).unwrap());
        drop(inherited);
        assert!(!is_marked(asking.as_fd()).unwrap());
    }
}
